"""The dashboard: controls and live panels around one stage; `explore` opens it in one line."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from geco_viz import data as datasets
from geco_viz import models
from geco_viz._checks import choice, integer
from geco_viz.live.choosing import proposed
from geco_viz.live.controls import Controls, aside, buttons
from geco_viz.live.fallback import with_fallback
from geco_viz.live.presets import PRESETS, Preset
from geco_viz.live.stage import Stage
from geco_viz.live.view import View
from geco_viz.training import Run, registry
from geco_viz.training.recipe import as_data, constraint_of

__all__ = ["Dashboard", "explore"]

DRAWS = 5
GRACE = 5.0  # seconds without a view before an explored run rests; a re-rendered output takes one


class Dashboard(widgets.VBox):
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

    _closed = True  # until it is whole: a widget that failed half-way is closed by its finaliser

    def __init__(self, run: Any, pause_unseen: bool = False):
        self.stage = Stage(run)
        self._seen = False
        self._pause_unseen = pause_unseen
        self._building = threading.Lock()
        self._loading = 0  # choices under way: the menus show them, not yet the run's
        self.presets = widgets.Dropdown(
            options=[("presets …", ""), *((preset.name, preset) for preset in PRESETS)],
            layout=widgets.Layout(width="220px", margin="2px 12px"),
        )
        self.data = _dropdown("data", _data_options())
        self.model = _dropdown("model", [(_model_label(name), name) for name in models.names()])
        self.seed = widgets.BoundedIntText(
            description="seed", min=0, max=10**6, value=getattr(run, "seed", 0)
        )
        self.seed.layout.width = "100%"
        for widget in (self.data, self.model, self.seed):
            widget.style.description_width = "44px"
        rebuilds = isinstance(run, Run)
        extra = (self.data, self.model, self.seed) if rebuilds else ()
        self.controls = Controls(self.stage, extra)
        self.view = View(self.stage)
        self._title = widgets.HTML()
        more: tuple[tuple[str, str, Callable[[], None]], ...] = ()
        if rebuilds:
            more = (
                ("↺ reset", "Begin again with this seed; keeps this trajectory", self.reset),
                ("fork", "Go on with a copy; keeps this trajectory", self.fork),
            )
        bar = [self._title, *([self.presets] if rebuilds else [])]
        if run.can_play:
            bar.append(buttons(self.stage, *more))
        self._header = header = widgets.HBox(bar)
        header.add_class("geco-viz-header")
        # The panels take the width that is left; min-width 0 lets them shrink with the page.
        self.view.layout = widgets.Layout(flex="1 1 0", min_width="0", width="auto")
        self._body = body = widgets.HBox([self.controls, self.view])
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
        """Go on with a copy of the run; the trajectory so far stays as a ghost."""
        self._bring(self.run.fork)

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
        _close_tree(self._header)
        self._body.close()
        for widget in (self.presets, self.data, self.model, self.seed):
            widget.close()
        super().close()

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

    def _bring(self, make: Callable[[], Run], words: str = "") -> None:
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
            self.stage.show(run)
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
        if change["new"] == (_data_key(run) if data else _model_key(run)):
            return

        (name, draw), named = self.data.value, self.model.value

        def make() -> Run:
            self.stage.say(f"Loading {DATA.get(name, name)} …")
            # What is there of CIFAR-10 is enough to look at; its note says that it is a part.
            options = {"draw": draw} if draw is not None else {"partial": True}
            chosen = datasets.load(
                name, **(options if draw is not None or name == "cifar10" else {})
            )
            same_size = (len(chosen) > 64) == (len(run.data) > 64)
            objective = run.objective.spec if same_size else None
            model = named or run.spec["model"]
            if data:
                model = _fitting(model, chosen.context is not None)
            return Run(chosen, model, objective, seed=self.seed.value, device=run.device)

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
        self._title.value = f"<b>{run.title}</b>"
        if isinstance(run, Run) and not self._loading:
            _select(self.data, _data_key(run), run.data.name)
            _select(self.model, _model_key(run), _model_label(_model_key(run)))

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return with_fallback(super()._repr_mimebundle_(**options), self.stage)

    def __repr__(self) -> str:
        return f"Dashboard({self.run.title})"


def explore(
    data: Any = None,
    *,
    model: Any = "vae-nvp",
    constraint: Any = "re",
    kappa: float | None = None,
    objective: Any = None,
    seed: int = 0,
    device: Any = "auto",
    out: Any = None,
    play: bool = True,
    **settings: Any,
) -> Dashboard:
    """Open a dashboard on a new run that trains at once.

    It rests when the view closes, and ends with `dash.close()` or when its cell is run again.

    Args:
        data: as for `Run`; None is Micro-MNIST, or where that cannot be had seven digits of
            scikit-learn, labelled as such.
        model: as for `Run`.
        constraint: "re", "fre", "cla", "pncc", or a `Constraint`.
        kappa: the constraint's bound; None for one that suits the data: RE 0.05 on a small set and
            0.1 on a large one, CLA 0.9, FRE and pNCC at 40 % of what the mean image gets, as
            `suggest_kappa` counts it.
        objective: instead of a constraint.
        seed, device, out, **settings: as for `Run`.
        play: whether to train at once.

    Raises:
        TypeError, ValueError: an argument is not allowed; a running session is left as it is.

    Example:
        >>> dash = explore("digits", kappa=0.1, play=False)
        >>> dash.run.kappa
        0.1
        >>> dash.close()
    """
    integer("seed", seed, low=0)
    if objective is not None and kappa is not None:
        raise ValueError("kappa must be None where objective= is given: it has its own")
    chosen = as_data(datasets.micro_or_digits() if data is None else data)
    if objective is None and isinstance(constraint, str):
        if kappa is None:
            objective = proposed(constraint, chosen)
        else:
            objective = constraint_of(constraint, kappa, len(chosen))
    elif objective is None:
        if kappa is not None:
            constraint.kappa = kappa
        objective = constraint
    run = Run(chosen, model, objective, seed=seed, device=device, out=out, **settings)
    dash = Dashboard(run, pause_unseen=True)
    registry.register(dash, None)
    if play:
        run.play()
    return dash


def _close_tree(widget: widgets.Widget) -> None:
    for child in getattr(widget, "children", ()):
        _close_tree(child)
    widget.close()


def _dropdown(label: str, options: list[tuple[str, Any]]) -> widgets.Dropdown:
    return widgets.Dropdown(description=label, options=options, layout=widgets.Layout(width="100%"))


def _select(dropdown: widgets.Dropdown, key: Any, label: str) -> None:
    """Show a choice, adding it to the list where it is one of the user's own."""
    if key not in [value for _, value in dropdown.options]:
        dropdown.options = [*dropdown.options, (label, key)]
    if dropdown.value != key:
        dropdown.value = key


DATA = {
    "mnist": "MNIST",
    "color-mnist": "Color-MNIST",
    "mnist-triplets": "MNIST triplets",
    "mnist-sum": "MNIST-sum, conditional",
    "mnist-sum-hard": "MNIST-sum-hard, conditional",
    "mnist-rotate": "MNIST-rotate, conditional",
    "cifar10": "CIFAR-10",
    "celeba": "CelebA",
    "digits": "digits (no network)",
}
MODELS = {
    "vae": "VAE, Gaussian posterior",
    "vae-nvp": "VAE+NVP posterior",
    "conv-vae-nvp": "VAE+NVP, convolutional",
    "cvae": "conditional VAE",
    "convdraw": "ConvDRAW",
    "convdraw-conditional": "ConvDRAW, conditional",
}


def _data_options() -> list[tuple[str, Any]]:
    drawn = [(f"Micro-MNIST, draw {draw}", ("micro-mnist", draw)) for draw in range(DRAWS)]
    others = [name for name in datasets.names() if name != "micro-mnist"]
    return [*drawn, *((DATA.get(n, n), (n, 0 if n == "digits" else None)) for n in others)]


def _fitting(model: Any, conditional: bool) -> Any:
    """The model, or where data with a context want the other kind, the simplest of that kind."""
    name = model["name"] if isinstance(model, dict) else model
    if name in models.names() and models.is_conditional(name) != conditional:
        return "cvae" if conditional else "vae"
    return model


def _data_key(run: Any) -> tuple[str, int | None]:
    info = run.data.info
    return info.get("name", run.data.name), info.get("draw")


def _model_key(run: Any) -> str | None:
    config = run.spec["model"]
    return config["name"] if config else None


def _model_label(name: str | None) -> str:
    return "own" if name is None else MODELS.get(name, name)
