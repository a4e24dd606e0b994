"""The explorer of fixed points: figures 2 and 7 of the paper as things one can move."""

from __future__ import annotations

import dataclasses
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor

from geco_viz._checks import number
from geco_viz.live.bends import Curve
from geco_viz.live.column import WIDE, Words, heading
from geco_viz.live.explorer import Explorer, choice_of
from geco_viz.live.grid import GridSlider, log_grid
from geco_viz.theory import (
    EXAMPLES,
    example,
    fixed_points,
    lipschitz_fixed_points,
    lipschitz_step,
)

__all__ = ["FixedPoints"]

SIDE = 24  # tiles a side: appendix A has 32, at twice the cost
TIED_SIDE = 12  # with a Lipschitz constraint, whose sweeps cost the sixth power of it
SWEEPS = 8  # of a picture that a moving slider asks for
MOST_SWEEPS = 800  # of one at rest: about a second where many tiles stay apart
PATIENCE = 0.15  # seconds of rest after which the slider counts as let go
OWN = "your own points"
MOST = 200  # points that a person may draw
PANELS = ("fixed-points", "fixed-tree", "fixed-error", "fixed-bend", "status")


@dataclasses.dataclass(frozen=True)
class _Request:
    points: tuple[tuple[float, float], ...]
    beta: float
    masses: str
    tied: str
    radius: float
    bound: float


class FixedPoints(Explorer):
    """Where a beta-VAE's reconstructions go as beta is moved, and where they merge (Fig. 2, 7).

    Every one of 24 x 24 tiles of a latent square follows eq. (20). While the slider moves the
    tiles start from the nearest beta solved before and are swept a few times, marked as not
    converged; at rest they are solved to 1e-10, or for a second at most, the residual stated.

    Args:
        points: (n, 2) data in [-1/2, 1/2]^2, or the name of an example; drawing on the panel
            makes points of one's own.
        beta: where the slider stands, data units squared.

    Raises:
        TypeError, ValueError: an unknown name; points of another shape or out of the square; beta
            not a number > 0.

    Example:
        >>> explorer = FixedPoints("clusters", beta=0.02)
        >>> explorer.wait(60)
        True
        >>> explorer.state["converged"]
        True
        >>> explorer.close()
    """

    def __init__(self, points: Any = "clusters", beta: float = 0.01):
        number("beta", beta, low=0, open_low=True)
        own = None if isinstance(points, str) else _own(points)
        self._own: tuple[tuple[float, float], ...] = own if own is not None else ()
        name = points if own is None else OWN
        if own is None:
            example(name, 2)  # refuses an unknown name
        self.data = choice_of("data", [*EXAMPLES, OWN], self._asked)
        self.data.value = name
        self.beta = GridSlider("β", log_grid(0.01, -1.7, 1.3), beta, "temperature, data units²")
        self.play = widgets.Play(
            min=0, max=len(self.beta.options) - 1, step=2, interval=150, description="through β"
        )
        self.play.value = self.beta.index  # the link copies it to the slider at first
        self._link = widgets.jslink((self.play, "value"), (self.beta, "index"))
        self.masses = choice_of(
            "masses", [("uniform", "uniform"), ("optimal (Prop. 5)", "optimal")], self._asked
        )
        self.tied = choice_of(
            "Lipschitz", [("none", "none"), ("local", "local"), ("global", "global")], self._asked
        )
        self.radius = GridSlider("r", [0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8], 0.2, "reach of the tie")
        self.bound = GridSlider("L", log_grid(1.0, -0.7, 0.5)[::5], 1.0, "largest slope")
        self.clear = widgets.Button(description="clear the points", layout=WIDE)
        for slider in (self.beta, self.radius, self.bound):
            slider.observe(lambda _: self._asked(), "value")
        self.clear.on_click(lambda _: self._draw(()))
        self._points: tuple[tuple[float, float], ...] = ()
        self._curves: dict[str, Curve] = {}  # by the masses
        self._last_tied: Any = None
        self.state: dict[str, Any] = {}
        super().__init__(
            "Fixed points of a high-capacity β-VAE",
            PANELS,
            [
                *(heading("Data"), self.data, self.clear, heading("Temperature"), self.beta),
                *(Words("play through β"), self.play, heading("Theory")),
                *(self.masses, self.tied, self.radius, self.bound),
            ],
        )
        self._asked()

    def close(self) -> None:
        """End the worker and remove every widget."""
        self._link.close()
        super().close()

    @property
    def points(self) -> Tensor:
        """The data shown, (n, 2)."""
        return _tensor(self._chosen())

    def figure(self, theme: str = "light") -> Any:
        from geco_viz.plots import fixed_panels_figure

        feed, status = self.feed, self.feed.get("status")
        paths, state = feed.get("paths"), feed.get("state")
        late = "" if state.get("converged") else " (not converged)"
        return fixed_panels_figure(
            *(self.points, feed.array("state").reshape(-1, 2)),
            feed.get("curve") or {"beta": [], "error": [], "bend": [], "bends": []},
            feed.array("tree"),
            paths=feed.array("paths").reshape(paths["steps"], -1, 2)
            if paths.get("steps")
            else None,
            heading=status["words"].split(",")[0] + late,
            theme=theme,
        )

    def _chosen(self) -> tuple[tuple[float, float], ...]:
        if self.data.value == OWN:
            return self._own
        return tuple(map(tuple, example(self.data.value).tolist()))

    def _asked(self) -> None:
        if self._closed:
            return
        tied = self.tied.value
        self.radius.layout.display = "" if tied == "local" else "none"
        self.bound.layout.display = "none" if tied == "none" else ""
        self.masses.disabled = tied != "none"
        request = _Request(
            *(self._chosen(), self.beta.value, self.masses.value, tied),
            *(self.radius.value, self.bound.value),
        )
        self._ask(request)

    def _told(self, message: dict[str, Any]) -> None:
        if message.get("type") == "draw":
            self._draw(_own(message["points"]))

    def _draw(self, points: tuple[tuple[float, float], ...]) -> None:
        self._own = points
        if self.data.value != OWN:
            self.data.value = OWN  # asks
        else:
            self._asked()

    # In the worker's thread

    def _work(self, request: Any) -> None:
        if request.points != self._points:
            self._points = request.points
            self._curves = {}
            self._last_tied = None
            head = {"n": len(request.points), "own": self.data.value == OWN}
            self.feed.put("points", head, _tensor(request.points).numpy())
            self._put_curve(self._curve_of(request))
        if len(set(request.points)) < 2:
            self._blank()
            return
        x = _tensor(request.points)
        if request.tied == "none":
            self._free(x, request)
        else:
            self._bound(x, request)

    def _free(self, x: Tensor, request: _Request) -> None:
        start = self._curve_of(request).nearest(request.beta)
        quick = fixed_points(
            *(x, request.beta), start=start, masses=request.masses, steps=SWEEPS, side=SIDE
        )
        self._show(request, quick, converged=False)
        if self._latest.stale(PATIENCE):
            return
        found = fixed_points(
            *(x, request.beta), masses=request.masses, side=SIDE, trajectory=12, steps=MOST_SWEEPS
        )
        # Finer than the eye, and stated: points on a circle glide along it for thousands of sweeps.
        self._show(request, found, converged=float(found.residual[0]) < 1e-4 * request.beta**0.5)
        self._curve(request)

    def _curve_of(self, request: _Request) -> Curve:
        if request.masses not in self._curves:
            x = _tensor(request.points)
            self._curves[request.masses] = Curve(x, request.masses, SIDE, MOST_SWEEPS)
        return self._curves[request.masses]

    def _curve(self, request: _Request) -> None:
        """u(beta), a value at a time, until the next request: a slider waits for one at most."""
        curve = self._curve_of(request)
        self._put_curve(curve)
        while not curve.done and not self._latest.stale():
            curve.advance()
            self._put_curve(curve)

    def _put_curve(self, curve: Curve) -> None:
        self.feed.put("curve", curve.head())
        tree = curve.tree()
        self.feed.put("tree", {"n": len(tree)}, tree)

    def _bound(self, x: Tensor, request: _Request) -> None:
        radius = request.radius if request.tied == "local" else None
        last = self._last_tied
        if last is not None and last[0] == (request.tied, radius, request.bound):
            # The multipliers of the last solution, for a few sweeps of Prop. 6 as they are.
            psi, weights = last[1], last[2]
            for _ in range(6):
                log_q = torch.log_softmax(-torch.cdist(x, psi).square() / (2 * request.beta), 1)
                psi = lipschitz_step(log_q, x, weights, request.beta)
            self._show_tied(request, psi, None)
        else:
            self.say("unconverged", "Solving the Lipschitz constraint.")
        if self._latest.stale(PATIENCE):
            return
        found = lipschitz_fixed_points(
            *(x, request.beta),
            bound=request.bound,
            radius=radius,
            side=TIED_SIDE,
            steps=120,
            noise=0.02,
        )
        self._last_tied = ((request.tied, radius, request.bound), found.psi, found.multipliers)
        self._show_tied(request, found.psi, found)
        self._curve(request)

    def _show(self, request: _Request, found: Any, converged: bool) -> None:
        count, error = int(found.count[0]), float(found.error[0])
        residual = float(found.residual[0])
        self._put(request, found.psi[0], converged, error=error, count=count, residual=residual)
        steps = found.trajectory.shape[1]
        paths = found.trajectory[0].numpy() if converged else np.zeros((0, 1, 2))
        self.feed.put("paths", {"steps": steps if converged else 0, "m": found.psi.shape[1]}, paths)
        self._words(request, converged, f"{count} fixed points, u = {error:.3g}", residual)

    def _show_tied(self, request: _Request, psi: Tensor, found: Any) -> None:
        converged = found is not None
        error = found.error if converged else float("nan")
        self._put(request, psi, converged, error=error, count=0, residual=float("nan"), tied=True)
        self.feed.put("paths", {"steps": 0, "m": len(psi)}, np.zeros((0, 1, 2)))
        words = f"{request.tied} Lipschitz constraint, L = {request.bound:.3g}"
        if converged:
            words += f": largest slope {found.slope:.3g}, u = {found.error:.3g}"
        moved = found.moved if converged else float("nan")
        self._words(request, converged, words, moved)

    def _put(self, request: _Request, psi: Tensor, converged: bool, **figures: Any) -> None:
        known = {name: v if v == v else None for name, v in figures.items()}
        self.state = {"beta": request.beta, "converged": converged, "m": len(psi), **known}
        self.feed.put("state", self.state, psi.numpy())
        self.sheet.push()  # not at the pump's next beat: somebody drags a slider

    def _words(self, request: _Request, converged: bool, words: str, residual: float) -> None:
        sure = f" Residual {residual:.1g}." if residual == residual else ""
        words = f"β = {request.beta:.3g}: {words}.{sure}"
        hint = "Raise β and neighbours merge; u(β) bends near there."
        self.say("converged" if converged else "unconverged", words, hint)

    def _blank(self) -> None:
        self.state = {"beta": self.beta.value, "converged": True, "m": 0}
        self.feed.put("state", self.state, np.zeros((0, 2)))
        self.feed.put("paths", {"steps": 0, "m": 0}, np.zeros((0, 1, 2)))
        self.say(
            "drawing", "Draw at least two points on the first panel.", "Click, or drag a stroke."
        )


def _own(points: Any) -> tuple[tuple[float, float], ...]:
    allowed = "points must be (n, 2) numbers within [-1/2, 1/2]^2"
    try:
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{allowed}, got {points!r}") from error
    if array.size == 0:
        array = np.zeros((0, 2))
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{allowed}, got shape {array.shape}")
    if not np.isfinite(array).all() or (np.abs(array) > 0.5).any():
        raise ValueError(f"{allowed}, got some outside or NaN")
    return tuple((round(a, 5), round(b, 5)) for a, b in array[:MOST].tolist())


def _tensor(points: tuple[tuple[float, float], ...]) -> Tensor:
    return torch.tensor(points, dtype=torch.float64).reshape(-1, 2)
