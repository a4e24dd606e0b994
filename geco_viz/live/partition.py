"""The explorer of tilings: theory's partition of the latent space beside a trained run's."""

from __future__ import annotations

import copy
import threading
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor

from geco_viz.evaluation import aggregate, responsibilities
from geco_viz.live.column import WIDE, Words, heading
from geco_viz.live.explorer import Explorer
from geco_viz.live.grid import GridSlider, log_grid
from geco_viz.theory import best_support, rate_distortion

__all__ = ["Tilings"]

SIDE = 96  # places a side of the latent map
REACH = 3.2  # standard deviations of the prior that the map shows
SAMPLES = 256  # of each posterior
HOLE = 0.1
LARGEST = 64  # data
AGAIN = 3.0  # seconds between looks at a run that moves
PANELS = ("part-theory", "part-trained", "part-masses", "part-shares", "status")


class Tilings(Explorer):
    """Theory's partition at the run's kappa against the posterior that the run has learned.

    Theory says how many tiles there are, what each decodes to, its prior mass and which data use
    it (Prop. 2 and 5), but not where it lies: any arrangement is as good. The trained map gives
    each place z to the reconstruction point of theory that g(z) is nearest to.

    Args:
        run: a `Run` with a two-dimensional latent space, squared error and at most 64 data.

    Raises:
        ValueError: the run has another latent space, is conditional, or has too many data.

    Example:
        >>> import geco_viz as gv
        >>> run = gv.Run("digits").train(3, progress=False)
        >>> explorer = Tilings(run)
        >>> explorer.wait(60), round(sum(explorer.figures["theory"]), 6)
        (True, 1.0)
        >>> explorer.close()
    """

    def __init__(self, run: Any):
        if run.model.latent_dim != 2 or run.data.context is not None or len(run.data) > LARGEST:
            raise ValueError(
                "run must have 2 latent dimensions, no context and at most 64 data, got "
                f"{run.model.latent_dim}, {'a' if run.data.context is not None else 'no'} context, "
                f"{len(run.data)} data"
            )
        self.run = run
        self.figures: dict[str, Any] = {}
        self._best: tuple[float, Any] | None = None
        self._seen = -1
        self.follow = widgets.Checkbox(value=True, description="κ follows the run", indent=False)
        self.kappa = GridSlider("κ", log_grid(0.05, -1.0, 0.7), _kappa(run), "RMS pixel, of theory")
        self.look = widgets.Button(description="look again", layout=WIDE)
        self.look.on_click(lambda _: self._ask("look"))
        self.kappa.observe(self._moved, "value")
        self.follow.observe(lambda _: self._ask("look"), "value")
        self._setting = False
        self._over = threading.Event()
        text = "A run that trains is looked at again every three seconds."
        super().__init__(
            f"Tilings · {run.title}",
            PANELS,
            [
                *(heading("Theory"), self.follow, self.kappa),
                *(heading("Run"), self.look, Words(text)),
            ],
        )
        self._ask("look")
        threading.Thread(target=self._watch, name="geco-viz tilings", daemon=True).start()

    def close(self) -> None:
        """End the threads and remove every widget; the run goes on."""
        if not self._closed:
            self._over.set()
        super().close()

    def figure(self, theme: str = "light") -> Any:
        from geco_viz.plots import tiling

        pictures = self.run.pictures()
        return tiling(pictures.z, pictures.labels, pictures.tile_mass, pictures.holes, theme=theme)

    def _watch(self) -> None:
        while not self._over.wait(AGAIN):
            if len(self.run.history) != self._seen:
                self._ask("look")

    def _moved(self, _: Any) -> None:
        if not self._setting and not self._closed:
            if self.follow.value:
                self.follow.value = False  # asks
            else:
                self._ask("look")

    def _work(self, request: Any) -> None:
        run = self.run
        self._seen = len(run.history)
        if self.follow.value:
            self._setting = True
            try:
                self.kappa.put(_kappa(run))
            finally:
                self._setting = False
        kappa = _kappa(run) if self.follow.value else float(self.kappa.value)
        x = run.data.x.cpu()
        best = self._theory(x, kappa)
        if self._latest.stale():
            return
        model = run.between_steps(lambda: copy.deepcopy(run.average)).cpu()
        with torch.no_grad():
            self._trained(model, x, best)
        labels = [""] * len(x) if run.data.y is None else [str(int(y)) for y in run.data.y]
        self.feed.put("legend", {"labels": labels})
        self.feed.put_images("atoms", best.psi)
        self._words(kappa)

    def _theory(self, x: Tensor, kappa: float) -> Any:
        if self._best is None or self._best[0] != kappa:
            beta = float(rate_distortion(x, kappa).beta[0])
            if not np.isfinite(beta):  # kappa is beyond the spread of the data: one tile for all
                beta = float(x.double().flatten(1).var(0).sum()) * 10
            self._best = (kappa, best_support(x, beta))
        return self._best[1]

    def _trained(self, model: Any, x: Tensor, best: Any) -> None:
        line = torch.linspace(-REACH, REACH, SIDE)
        z = torch.cartesian_prod(line, line)
        prior = torch.exp(-0.5 * z.square().sum(1)).double()
        prior = prior / prior.sum()
        flat = best.psi.float().flatten(1)
        images = model.decode(z)
        region = torch.cdist(images.flatten(1), flat).argmin(1)
        m = len(flat)
        posterior = aggregate(model, x)
        _, log_ratio = responsibilities(posterior, z)
        hole = log_ratio.exp() < HOLE
        kept = prior * ~hole
        masses = torch.zeros(m).double().index_add(0, region, kept)
        mean = torch.zeros(m, flat.shape[1]).double()
        mean.index_add_(0, region, images.flatten(1).double() * kept[:, None])
        mean /= masses.clamp_min(1e-12)[:, None]
        generator = torch.Generator().manual_seed(0)
        samples, _ = posterior.sample(SAMPLES, generator)
        near = torch.cdist(model.decode(samples).flatten(2), flat.expand(SAMPLES, -1, -1)).argmin(2)
        share = torch.nn.functional.one_hot(near, m).double().mean(0)
        gap = (images.flatten(1) - flat[region]).square().mean(1).double()
        self.figures = {
            "theory": best.masses.tolist(),
            "trained": masses.tolist(),
            "holes": float((prior * hole).sum()),
            "kappa": best.kappa,
            "rate": best.rate,
            "beta": best.beta,
            "blur": float((gap * kept).sum() / kept.sum().clamp_min(1e-12)) ** 0.5,
        }
        self.feed.put("masses", self.figures)
        self.feed.put("shares", {"n": len(x), "m": m}, torch.cat([best.posterior.float(), share]))
        cells = torch.where(hole, 255, region).to(torch.uint8).numpy()
        self.feed.put("map", {"side": SIDE, "reach": REACH}, cells)
        self.feed.put_images("means", mean.reshape(m, *x.shape[1:]))

    def _words(self, kappa: float) -> None:
        f = self.figures
        worst = max(abs(a - b) for a, b in zip(f["theory"], f["trained"], strict=True))
        words = (
            f"At κ = {kappa:.3g} theory has {len(f['theory'])} tiles, R = {f['rate']:.3g} nats. "
            f"Trained masses differ by {worst:.2g} at most; holes {100 * f['holes']:.2g} %."
        )
        hint = f"g(z) is {f['blur']:.2g} RMS pixel from its tile's best point, on average."
        self.say(self.run.status().phase, words, hint)


def _kappa(run: Any) -> float:
    """The run's kappa, or the error it has now where RE is not its constraint."""
    if "re" in {constraint.name for constraint in run.constraints}:
        return float(run.kappa_of("re"))
    recent = run.history["err/re"][-50:] if len(run.history) else np.empty(0)
    return float(np.nanmean(recent)) if len(recent) and np.isfinite(recent).any() else 0.05
