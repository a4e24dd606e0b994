"""Does the flow throw a few samples far out? P(|z| > 20) and the KL they carry, by quadrature.

Trains VAE+NVP on Micro-MNIST at kappa = .08 with the learning rate held, as play does, with and
without the bound on what enters a coupling. The posterior's noise has two coordinates, so that
what is too rare for samples is summed over a lattice of it, every 500 steps from the 1000th on.

    python benchmarks/flow_tails.py [--steps 2500] [--draws 8] [--samples 8] [--quick]
"""

from __future__ import annotations

import argparse
import math
import sys
from typing import Any

import torch
from torch import Tensor

import geco_viz as gv

FAR = 20.0  # standard deviations of the prior
REACH = 5.5  # of the lattice: 3e-7 of the noise is beyond
SIDE = 300
HEAD = "draw  bound  steps  largest P(|z| > 20)  largest |z|  at the end KL (nats)  of it |z| > 6"


@torch.no_grad()
def tail(model: Any, x: Tensor) -> tuple[float, float, float, float]:
    """P(|z| > 20), the largest |z|, the KL, and what of it |z| > 6 carries; means over the data."""
    line = ((torch.arange(SIDE) + 0.5) / SIDE * 2 - 1) * REACH
    noise = torch.cartesian_prod(line, line)
    square = noise.double().square().sum(-1)
    weight = torch.exp(-square / 2) * (2 * REACH / SIDE) ** 2 / (2 * math.pi)
    far, most, kl, carried = 0.0, 0.0, 0.0, 0.0
    for image in x.split(1):
        z, log_det = model.encode(image).transform(noise[:, None])
        size = z[:, 0].double().norm(dim=-1)
        ratio = (size.square() - square) / 2 - log_det[:, 0].double()
        far += float((weight * (size > FAR)).sum()) / len(x)
        kl += float((weight * ratio).sum()) / len(x)
        carried += float((weight * ratio * (size > 6)).sum()) / len(x)
        most = max(most, float(size.max()))
    return far, most, kl, carried


def line(draw: int, bound: float | None, steps: int, samples: int) -> str:
    """One run's row."""
    data = gv.data.load("micro-mnist", draw=draw)
    model = {"name": "vae-nvp", "coupling_bound": bound}
    run = gv.Run(data, model, gv.RE(kappa=0.08), samples=samples, device="cpu", name="flow-tails")
    seen = []
    while run.loop.step < steps:
        run.loop.advance()
        if run.loop.step == steps or (run.loop.step % 500 == 0 and run.loop.step >= 1000):
            seen.append(tail(run.average, run.data.x))
    far, most = (max(row[i] for row in seen) for i in (0, 1))
    _, _, kl, carried = seen[-1]
    return f"{draw:4d} {bound!s:>6s} {steps:6d} {far:20.2g} {most:12.4g} {kl:21.3f} {carried:15.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="some seconds")
    if "--quick" in sys.argv:
        parser.set_defaults(steps=1000, draws=1)
    asked = parser.parse_args()
    print(HEAD)
    for draw in range(asked.draws):
        for bound in (None, 4.0):
            print(line(draw, bound, asked.steps, asked.samples), flush=True)


if __name__ == "__main__":
    main()
