"""The dashboard: controls and live panels around one stage, where one run after another plays."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from geco_viz._checks import choice
from geco_viz.live import menus
from geco_viz.live.buttons import aside, buttons
from geco_viz.live.column import heading
from geco_viz.live.controls import Controls
from geco_viz.live.fallback import with_fallback
from geco_viz.live.presets import PRESETS, Preset
from geco_viz.live.stage import Stage
from geco_viz.live.tree import Owner, close_tree
from geco_viz.live.view import View
from geco_viz.training import Run

__all__ = ["Dashboard"]

GRACE = 5.0  # seconds without a view before an explored run rests; a re-rendered output takes one


class Dashboard(Owner, widgets.VBox):
    """Controls, panels and status line of a run, with presets and a choice of data and model.

    Changing data, model or preset brings a new run on; the one before leaves its trajectory in the
    information plane. `dash.run` is the present run.

    Args:
        run: a `Run` or a `Watch`.
        pause_unseen: let the run rest when the last page that shows it has gone.

    Example:
        >>> import geco_viz as gv
        >>> dash = Dashboard(gv.Run("digits"))
        >>> dash.run.title
        'digits · VAE+NVP · GECO+RE'
        >>> dash.close()
    """

    _closed = True  # until it is whole

    def __init__(self, run: Any, pause_unseen: bool = False):
        self.stage = Stage(run)
        self._seen = False
        self._pause_unseen = pause_unseen
        self._building = threading.Lock()
        self._loading = 0  # choices under way: the menus show them, not yet the run's
        self.presets = menus.presets_menu()
        self.data = menus.data_menu()
        self.model = menus.model_menu()
        self.seed = menus.seed_box(getattr(run, "seed", 0))
        rebuilds = isinstance(run, Run)
        extra = (self.data, self.model, self.seed) if rebuilds else ()
        self.controls = Controls(self.stage, extra)
        # The panels take the width that is left; min-width 0 lets them shrink with the page.
        self.view = View(self.stage, layout={"flex": "1 1 0", "min_width": "0", "width": "auto"})
        self._title = heading("")
        more: tuple[tuple[str, str, Callable[[], None]], ...] = ()
        if rebuilds:
            more = (
                ("↺ reset", "Begin again with this seed; keeps this trajectory", self.reset),
                ("fork", "Go on with a copy; keeps this trajectory", self.fork),
            )
        bar = [self._title, *([self.presets] if rebuilds else [])]
        if run.can_play:
            bar.append(buttons(self.stage, *more))
        header = widgets.HBox(bar)
        header.add_class("geco-viz-header")
        body = widgets.HBox([self.controls, self.view])
        body.add_class("geco-viz-body")
        super().__init__([header, body])
        self.add_class("geco-viz-dashboard")
        self._refresh()
        self.stage.listeners.append(self._refresh)
        self.presets.observe(self._on_preset, "value")
        self.data.observe(lambda change: self._rebuild_from(change, data=True), "value")
        self.model.observe(lambda change: self._rebuild_from(change, data=False), "value")
        self.view.observe(self._on_pages, "pages")
        if hasattr(run, "closers"):
            run.closers.append(self.close)
        self._closed = False

    @property
    def run(self) -> Any:
        """The run that is shown."""
        return self.stage.run

    def reset(self) -> None:
        """Begin again: same data, model and objective, the seed of the seed box."""
        run = self.run
        self._bring(
            lambda: Run(
                run.data,
                run.spec["model"] or run.model,
                run.objective.spec or run.objective,
                seed=self.seed.value,
                device=run.device,
                **run.spec["settings"],
            )
        )

    def fork(self) -> None:
        """Go on with a copy of the run; the trajectory up to there stays as a ghost."""
        self._bring(self.run.fork, fork=True)

    def preset(self, name: str) -> None:
        """Bring one of `presets.PRESETS` on, by its name."""
        choice("preset", name, [preset.name for preset in PRESETS])
        self._load(next(preset for preset in PRESETS if preset.name == name))

    def close(self) -> None:
        """Stop the run and its threads and remove every widget; history and weights stay."""
        if self._closed:
            return
        self._closed = True
        self.run.stop()
        if self.close in getattr(self.run, "closers", ()):
            self.run.closers.remove(self.close)
        self.stage.leave()
        self.view.close()
        self.controls.close()
        close_tree(self, self.presets, self.data, self.model, self.seed)

    def _load(self, preset: Preset) -> None:
        run = self.run
        self._bring(
            lambda: Run(
                run.data,
                preset.model,
                preset.objective(),
                seed=self.seed.value,
                device=run.device,
                **dict(preset.settings),
            ),
            preset.look,
        )

    def _bring(self, make: Callable[[], Run], words: str = "", fork: bool = False) -> None:
        """Make a run and show it; if that fails, the present one is left as it is."""
        with self._building:
            playing = self.run.playing
            try:
                run = make()
            except Exception as error:
                self.stage.say(str(error))
                raise
            if hasattr(self.run, "closers") and self.close in self.run.closers:
                self.run.closers.remove(self.close)
            run.closers.append(self.close)
            run.speed = self.run.speed
            self.stage.show(run, run.loop.step if fork else math.inf)
            if words:
                self.stage.say(words)
            if playing:
                run.play()
            self.stage.changed()

    def _on_preset(self, change: dict[str, Any]) -> None:
        preset = change["new"]
        if preset:
            aside(self.stage, lambda: self._load(preset))

    def _rebuild_from(self, change: dict[str, Any], data: bool) -> None:
        run = self.run
        if change["new"] == (menus.data_of(run) if data else menus.model_of(run)):
            return
        if change["new"] is None:  # no entry, or a model of one's own, which no menu can make
            self._refresh()
            return
        chosen, model = self.data.value, self.model.value

        def make() -> Run:
            self.stage.say(f"Loading {menus.data_label(chosen[0])} …")
            return menus.rebuilt(run, chosen, model, self.seed.value, fit=data)

        def load() -> None:
            try:
                self._bring(make)
            finally:
                self._loading -= 1
                self.stage.changed()

        self._loading += 1
        aside(self.stage, load)

    def _on_pages(self, change: dict[str, Any]) -> None:
        """Rest when the last page has gone for a while: nobody watches, nobody needs the heat."""
        if change["new"]:
            self._seen = True
        elif self._seen and self._pause_unseen and not self._closed:
            timer = threading.Timer(GRACE, self._rest_unseen)
            timer.daemon = True
            timer.start()

    def _rest_unseen(self) -> None:
        if not self._closed and self.view.pages == 0:
            self.run.stop()

    def _refresh(self) -> None:
        run = self.run
        self._title.say(run.title)
        if isinstance(run, Run) and not self._loading:
            menus.follow(run, self.data, self.model)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return with_fallback(super()._repr_mimebundle_(**options), self.stage)

    def __repr__(self) -> str:
        return f"Dashboard({self.run.title})"
