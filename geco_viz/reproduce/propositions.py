"""Propositions 1 to 6: one residual each."""

from __future__ import annotations

import math
from typing import Any

import torch

from geco_viz.reproduce.experiment import Experiment, Verdict
from geco_viz.theory import (
    equipartition_residual,
    example,
    fixed_points,
    lipschitz_fixed_points,
    overlap_decoder,
    partition_kl,
)

__all__ = ["PROPOSITIONS"]

BETA = 0.01


def _measure(sweep: Any, preset: str) -> dict[str, Any]:
    x = example("clusters", 49)
    n = len(x)
    uniform = fixed_points(x, BETA, side=16)
    best = fixed_points(x, BETA, side=16, masses="optimal")
    # Prop. 1: a gradient of the Lagrangian that autograd takes, at the fixed point.
    psi = uniform.psi[0].clone().requires_grad_(True)
    distance = (x[:, None] - psi).square().sum(-1)
    free = -torch.logsumexp(uniform.masses[0].log() - distance / (2 * BETA), 1).mean()
    (gradient,) = torch.autograd.grad(free, psi)
    # Prop. 2: any other partition into n tiles pays more than ln n.
    random = torch.rand(200, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    others = [float(partition_kl(row / row.sum())) for row in random]
    # Prop. 3 against least squares.
    masses, inside = torch.tensor([0.2, 0.5]), torch.tensor([[True, True]])
    blurred, _ = overlap_decoder(x[:2], masses, inside)
    root = (1 / masses.double()).sqrt()
    solved = torch.linalg.lstsq(root[:, None], root[:, None] * x[:2]).solution
    equal = equipartition_residual(x, best.psi[0], best.masses[0], BETA)
    tied = lipschitz_fixed_points(x, BETA, bound=1.0, radius=0.2, side=10)
    return {
        "1": float(gradient.abs().max()),
        "2": float(partition_kl([1 / n] * n)) - math.log(n),
        "2 others": min(others) - math.log(n),
        "3": float((blurred - solved).abs().max()),
        "4": float(uniform.residual[0]),
        "5": float(equal[best.masses[0] > 1e-6].abs().max()),
        "6": float(tied.violation),
    }


def _judge(numbers: dict[str, Any]) -> dict[str, Verdict]:
    least = numbers["2 others"]
    return {
        "1": Verdict(numbers["1"] < 1e-8, f"largest gradient {numbers['1']:.1e}"),
        "2": Verdict(
            abs(numbers["2"]) < 1e-9 and least > 0,
            f"KL − ln n = {numbers['2']:.1e} for equal tiles, at least {least:.2g} nats for 200 "
            "random partitions",
        ),
        "3": Verdict(numbers["3"] < 1e-5, f"differs from least squares by {numbers['3']:.1e}"),
        "4": Verdict(numbers["4"] < 1e-8, f"residual of eq. (20) {numbers['4']:.1e}"),
        "5": Verdict(
            numbers["5"] < 1e-5, f"largest |Gₐ − 1| on tiles with mass {numbers['5']:.1e}"
        ),
        "6": Verdict(
            numbers["6"] <= 0.011,
            f"largest excess over eq. (8)'s bounds {100 * numbers['6']:.2g} %",
        ),
    }


def _draw(numbers: dict[str, Any], theme: str) -> dict[str, Any]:
    return {}


PROPOSITIONS = Experiment(
    name="propositions",
    title="Propositions 1 to 6",
    claims={
        "1": "The extrema of the Lagrangian are the fixed points of eqs. (3-6).",
        "2": "The highest ELBO has tiles that are equiprobable under the prior; the KL is ln n.",
        "3": "Where supports overlap the best reconstruction is the average weighted by the "
        "inverse prior probabilities.",
        "4": "In a basis of tiles the fixed-point equations converge to those of kernel PCA.",
        "5": "The mass of each tile solves the equipartition equation.",
        "6": "A Lipschitz constraint is a projection of the fixed-point iteration.",
    },
    measure=_measure,
    judge=_judge,
    draw=_draw,
    note=f"49 points of seven clusters, β = {BETA}; Prop. 5 with H = |x − ψ|²/2β counted once, "
    "Prop. 6 with eq. (25) put right.",
)
