"""Figure 1: blurred reconstructions where posteriors overlap, holes where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from geco_viz import data as datasets
from geco_viz.reproduce.experiment import Experiment, Verdict
from geco_viz.theory import overlap_decoder

__all__ = ["FIG1"]

# Boxes in the unit square under a uniform prior: the first two overlap, and much is left free.
TILES = [[0.06, 0.3, 0.46, 0.92], [0.34, 0.2, 0.74, 0.66], [0.66, 0.72, 0.96, 0.96]]
SIDE = 9


def _measure(sweep: Any, preset: str) -> dict[str, Any]:
    x = datasets.micro_or_digits().x[: len(TILES)].double()
    masses, inside = _places()
    g, hole = overlap_decoder(x, masses, inside)
    # The same decoder without Prop. 3: at each place what minimises the error that the ELBO sees,
    # sum_i q(z|x_i) |x_i - g|^2 / n, found by following its gradient.
    density = inside / masses  # q(z|x_i) over the prior
    best = torch.zeros(len(inside), *x.shape[1:], dtype=x.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS([best], max_iter=200, tolerance_grad=1e-12, history_size=20)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        distance = (x - best[:, None]).square().flatten(2).sum(-1)
        loss = (density * distance).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    closure()
    assert best.grad is not None
    both = inside.sum(1) > 1
    return {
        "difference": float((best.detach() - g)[~hole].abs().max()),
        "hole_gradient": float(best.grad[hole].abs().max()),
        "hole_share": float(hole.double().mean()),
        "blur": float((g[both][:, None] - x).square().flatten(2).mean(-1).amin().sqrt()),
    }


def _places() -> tuple[torch.Tensor, torch.Tensor]:
    tiles = torch.tensor(TILES, dtype=torch.float64)
    line = (torch.arange(SIDE, dtype=torch.float64) + 0.5) / SIDE
    z = torch.cartesian_prod(line, line)[:, None]
    inside = ((z >= tiles[:, :2]) & (z < tiles[:, 2:])).all(-1)
    return (tiles[:, 2:] - tiles[:, :2]).prod(1), inside


def _judge(numbers: dict[str, Any]) -> dict[str, Verdict]:
    blurred = numbers["difference"] < 1e-5 and numbers["blur"] > 0.02
    return {
        "blur": Verdict(
            blurred,
            f"the decoder that minimises the ELBO's error differs from the average of Prop. 3 by "
            f"{numbers['difference']:.1e} at most; where two tiles overlap it is "
            f"{numbers['blur']:.2f} RMS pixel from the nearest datum",
        ),
        "holes": Verdict(
            numbers["hole_gradient"] == 0,
            f"on the {100 * numbers['hole_share']:.0f} % of the prior that no tile covers the "
            f"gradient of the ELBO with respect to g(z) is {numbers['hole_gradient']:g}",
        ),
    }


def _draw(numbers: dict[str, Any], theme: str) -> dict[str, Any]:
    from geco_viz.plots import blur_figure

    x = datasets.micro_or_digits().x[: len(TILES)].double()
    g, _ = overlap_decoder(x, *_places())
    return {"": blur_figure(np.array(TILES), g.unflatten(0, (SIDE, SIDE)), theme=theme)}


FIG1 = Experiment(
    name="fig1",
    title="Figure 1: blur and holes",
    claims={
        "blur": "Where the posteriors of two data overlap, the optimal reconstruction is a "
        "weighted average of the data: a blurred sample (Prop. 3).",
        "holes": "In a region of low density under the marginal posterior, a hole, the optimal "
        "reconstruction is unconstrained by the ELBO.",
    },
    measure=_measure,
    judge=_judge,
    draw=_draw,
)
