"""Controls: the ipywidgets that steer a run, alone or beside a view in a layout of one's own."""

from __future__ import annotations

import threading
from typing import Any

import ipywidgets as widgets

from geco_viz.geco import GECO
from geco_viz.live.buttons import aside
from geco_viz.live.choosing import ConstraintButtons, at_present, proposed
from geco_viz.live.column import WIDE, Words, column_layout, heading, style
from geco_viz.live.grid import ExactBox, GridSlider, kappa_grid, log_grid
from geco_viz.live.stage import Stage
from geco_viz.live.tree import Owner, close_tree, heed
from geco_viz.training.price import price

__all__ = ["Controls"]

ALPHAS = (0, 0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995)
SPEEDS = [("1 step/s", 1.0), ("5", 5.0), ("10", 10.0), ("25", 25.0), ("50", 50.0), ("max", 0.0)]
OBJECTIVES = (
    ("ELBO", "elbo"),
    ("β", "beta"),
    ("anneal", "annealed"),
    ("GECO", "geco"),
    ("rate", "rate-limit"),
)


class Controls(Owner, widgets.VBox):
    """Objective, a kappa slider for each active constraint, nu, alpha and speed of a run.

    The rate as the constraint is an objective of its own and no button beside Table 1's: there the
    error is what falls, so the two cannot hold together.

    Sliders follow when the run is steered from elsewhere; what the program sets is never taken
    for an edit. Callbacks only ask the run for an edit, so they cost the training loop nothing.

    Args:
        source: a `Run`, a `Watch`, or the `Stage` of a dashboard.
        extra: widgets of the caller's, under the heading "Training"; closed with the others.

    Raises:
        TypeError: `source` is none of these.

    Example:
        >>> import geco_viz as gv
        >>> controls = Controls(gv.Run("digits"))
        >>> controls
        Controls(re)
        >>> controls.close()
    """

    _closed = True  # until it is whole

    def __init__(self, source: Any, extra: tuple[widgets.Widget, ...] = ()):
        self.stage = source if isinstance(source, Stage) else Stage(source)
        self._constraints: tuple[str, ...] | None = None
        self._refreshing = threading.RLock()  # a listener may be called while one is running
        self._setter: int | None = None  # the thread whose changes are the program's, not edits
        self._extra = extra
        self.kappas: dict[str, GridSlider] = {}
        self.typed: dict[str, ExactBox] = {}
        self._notes: dict[str, Words] = {}
        self._rows: list[widgets.Widget] = []  # of the constraints: made anew with them
        self._last_geco: Any = None
        self.objective = widgets.ToggleButtons(
            options=OBJECTIVES,
            tooltips=[
                "Negative ELBO with a learned σ",
                "β-VAE: KL + SSE/(2β)",
                "Hand-annealed σ, 2.0 to 0.7",
                "GECO: KL under the constraints below",
                "The roles exchanged: the error under KL ≤ C, the KL of now at first",
            ],
            layout=WIDE,
        )
        self.objective.style.button_width = "auto"
        tip = "variance of the equivalent Gaussian decoder, pixel²"
        self.beta = GridSlider("β", log_grid(0.5, -2.5, 2), 0.5, tip)
        self.constraints = ConstraintButtons(self._on_constraints)
        self.nu = GridSlider("ν", log_grid(0.05, -1.7, 1.3), 0.05, "learning rate of log λ")
        self.alpha = GridSlider("α", ALPHAS, 0.9, "memory of the moving average of the error")
        self.speed = widgets.SelectionSlider(
            description="speed",
            options=SPEEDS,
            value=0.0,
            layout=WIDE,
            style={"description_width": "44px"},
            tooltip="steps per second at most",
        )
        self._headings = [
            heading(text) for text in ("Objective", "Constraints", "Multiplier update", "Training")
        ]
        self.price = Words()
        self._style = style()
        super().__init__(layout=column_layout())
        self.add_class("geco-viz-controls")
        self.refresh()
        self.objective.observe(self._on_objective, "value")
        self.beta.observe(self._on_beta, "value")
        self.nu.observe(lambda _: self._edit("nu", self.nu), "value")
        self.alpha.observe(lambda _: self._edit("alpha", self.alpha), "value")
        self.speed.observe(self._on_speed, "value")
        self.stage.listeners.append(self.refresh)
        self._closed = False

    @property
    def run(self) -> Any:
        """What is steered."""
        return self.stage.run

    def refresh(self) -> None:
        """Bring every control to the run's state; from any thread."""
        with self._refreshing:
            before, self._setter = self._setter, threading.get_ident()
            try:
                self._show()
            finally:
                self._setter = before

    def _show(self) -> None:
        run = self.run
        names = tuple(constraint.name for constraint in run.constraints)
        objective = run.objective
        if (names, objective.name) != self._constraints:
            self._constraints = (names, objective.name)  # type: ignore[assignment]
            self._compose(names, objective.name)
        if objective.name in dict(OBJECTIVES).values():
            self.objective.value = objective.name
        self.constraints.show(names)
        for constraint in run.constraints:
            kappa = run.kappa_of(constraint.name)
            self.kappas[constraint.name].put(kappa)
            self.typed[constraint.name].put(kappa)
            x = run.data.x if run.data else None
            self._notes[constraint.name].say(constraint.describe(kappa, x))
        if isinstance(objective, GECO):
            self.nu.put(run.nu)
            self.alpha.put(run.alpha)
        if objective.name == "beta":
            self.beta.put(objective.beta)
        self.price.say(price(run))

    def _compose(self, names: tuple[str, ...], objective: str) -> None:
        """Lay out what this objective needs: a slider for each constraint, or beta."""
        run = self.run
        replaced, self._rows = self._rows, []
        self.kappas, self.typed, self._notes = {}, {}, {}
        rows: list[widgets.Widget] = []
        if run.can_switch:
            rows += [self._headings[0], self.objective]
        if names:
            rows.append(self._headings[1])
            if run.can_switch and objective == "geco":
                rows.append(self.constraints)
        for constraint in run.constraints:
            name = constraint.name
            label, tip = f"κ {constraint.label}", f"κ of {name}: {constraint.unit}"
            if name == "rate":
                label, tip = "C", "KL ≤ C, nats: the rate is held, and the error is what falls"
            kappa = run.kappa_of(name)
            slider = GridSlider(label, kappa_grid(constraint), kappa, tip, readout=False)
            box = ExactBox(kappa, tip)
            for widget in (slider, box):
                widget.observe(
                    lambda change, what=f"kappa/{name}": self._edit(what, change["owner"]), "value"
                )
            self.kappas[name], self.typed[name], self._notes[name] = slider, box, Words()
            self._rows += [widgets.HBox([slider, box]), self._notes[name]]
        rows += self._rows
        if objective in ("geco", "rate-limit"):
            rows += [self._headings[2], self.nu, self.alpha]
        if objective == "beta":
            rows += [self.beta]
        rows += [self._headings[3], *self._extra]
        if run.can_play:
            rows.append(self.speed)
        rows += [self.price, self._style]
        self.children = tuple(rows)
        heed(self)
        close_tree(*replaced)

    def _edit(self, what: str, slider: GridSlider | ExactBox) -> None:
        """Ask the run for what a slider or a box says, unless it was the program that moved it."""
        if self._setter == threading.get_ident():
            return
        run = self.run
        if what.startswith("kappa/"):
            name = what.removeprefix("kappa/")
            if name not in {c.name for c in run.constraints}:
                return
            now = run.kappa_of(name)
        else:
            now = getattr(run, what)
        if slider.holds(now):
            return
        try:
            run.edit(what, slider.value)
        except (TypeError, ValueError, KeyError) as error:
            self.stage.say(str(error))
            self.refresh()

    def _on_objective(self, change: dict[str, Any]) -> None:
        name = change["new"]
        if self._setter == threading.get_ident() or name == self.run.objective.name:
            return
        if name is None:  # no button at all, which no page of ours says
            self.refresh()
            return
        if self.run.objective.name == "geco":
            self._last_geco = self._present_geco()
        value: Any = name
        if name == "geco" and self._last_geco:
            value = self._last_geco
        elif name == "rate-limit":
            value = at_present(self.run)
        self.run.edit("objective", value)

    def _on_constraints(self, names: tuple[str, ...]) -> None:
        """Another set of constraints: those that stay keep their kappa, new ones get one."""
        run = self.run
        spec = self._present_geco()
        if spec is None:
            self.constraints.show([c.name for c in run.constraints])
            self.stage.say("This run's constraints are of your own: change them in code.")
            return

        def change() -> None:
            kept = {part["name"]: part for part in spec["constraints"]}
            try:
                if "cla" in names and "cla" not in kept:
                    self.stage.say("CLA: its classifier is trained on this data, once …")
                spec["constraints"] = [kept.get(n) or proposed(n, run.data).spec for n in names]
                run.edit("objective", spec)
                self.stage.say("")
            finally:
                self.refresh()

        aside(self.stage, change)

    def _present_geco(self) -> dict[str, Any] | None:
        """The specification of the GECO that is left, with what was asked of it meanwhile."""
        run = self.run
        spec: dict[str, Any] | None = run.objective.spec
        if spec is not None:
            spec |= {"nu": run.nu, "alpha": run.alpha}
            spec["constraints"] = [
                part | {"kappa": run.kappa_of(part["name"])} for part in spec["constraints"]
            ]
        return spec

    def _on_beta(self, change: dict[str, Any]) -> None:
        if self._setter != threading.get_ident() and self.run.objective.name == "beta":
            self.run.edit("objective", {"name": "beta", "beta": change["new"]})

    def _on_speed(self, change: dict[str, Any]) -> None:
        self.run.speed = change["new"] or None

    def close(self) -> None:
        """Remove the widgets; the run goes on."""
        if self._closed:
            return
        self._closed = True
        if self.refresh in self.stage.listeners:
            self.stage.listeners.remove(self.refresh)
        hidden = (self.objective, self.constraints, self.beta, self.nu, self.alpha, self.speed)
        close_tree(self, *hidden, *self._headings, *self._extra)

    def __repr__(self) -> str:
        return f"Controls({', '.join(self.kappas) or 'no constraint'})"
