"""What `run.train` costs over a loop written by hand, in processor time per step (bar: 1.05).

Both train the same model on the same data with fused Adam, gradient clipping, an exponential
average of the weights and GECO's multiplier; the loop by hand takes torch's own mse_loss, and
`run.train` also draws its progress bar, keeps the history, follows its schedule and stays ready for
edits. Blocks of steps alternate, and the median of the ratios of neighbouring blocks is printed, so
that other work on the machine cancels.

    python benchmarks/loop_overhead.py [--steps 50] [--blocks 60] [--quick]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import nn

import geco_viz as gv

BAR = 1.05


def by_hand(x: torch.Tensor, kappa: float = 0.05, nu: float = 0.05) -> Callable[[int], None]:
    """The loop that a person would write: Algorithm 1 in its normalised form, no abstractions."""
    torch.manual_seed(0)
    model = gv.models.build("vae-nvp", tuple(x.shape[1:]))
    parameters = list(model.parameters())
    average = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=6e-3, betas=(0.9, 0.99), fused=True)
    generator = torch.Generator().manual_seed(0)
    log_multiplier, error_average, started = torch.zeros(()), torch.zeros(()), False

    def train(steps: int) -> None:
        nonlocal log_multiplier, error_average, started
        for _ in range(steps):
            out = model(x, samples=32, generator=generator)
            error = nn.functional.mse_loss(out.x_hat, x.expand_as(out.x_hat))
            multiplier = log_multiplier.exp()
            loss = (out.kl.mean() + multiplier * (error / kappa**2 - 1)) / (1 + multiplier)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 10.0)
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(average, [p.data for p in parameters], 0.01)
                error = error.detach()
                error_average = 0.9 * error_average + 0.1 * error if started else error
                started = True
                step = nu * (error_average / kappa**2 - 1).clamp(max=1.0)
                log_multiplier = (log_multiplier + step).clamp(math.log(1e-4), math.log(392.0))

    return train


def by_run(x: torch.Tensor) -> Callable[[int], None]:
    run = gv.Run(x, "vae-nvp", gv.GECO(gv.RE(kappa=0.05)), device="cpu")

    def train(steps: int) -> None:
        with contextlib.redirect_stderr(io.StringIO()):  # the bar is drawn, and not looked at
            run.train(steps)

    return train


def seconds(train: Callable[[int], None], steps: int) -> float:
    before = time.process_time()
    train(steps)
    return (time.process_time() - before) / steps


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--steps", type=int, default=50, help="steps in a block")
    arguments.add_argument("--blocks", type=int, default=60, help="pairs of blocks")
    arguments.add_argument("--quick", action="store_true", help="some seconds, without a verdict")
    if "--quick" in sys.argv:
        arguments.set_defaults(steps=5, blocks=3)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    data = gv.data.micro_or_digits()
    loops = {"by hand": by_hand(data.x), "run.train": by_run(data.x)}
    for train in loops.values():
        train(options.steps)  # warm: caches, allocators, Adam's state
    taken: dict[str, list[float]] = {name: [] for name in loops}
    for block in range(options.blocks):
        order = list(loops) if block % 2 else list(loops)[::-1]
        for name in order:
            taken[name].append(seconds(loops[name], options.steps))
    ratios = [b / a for a, b in zip(taken["by hand"], taken["run.train"], strict=True)]
    print(f"{data.name}, vae-nvp, {options.blocks} pairs of blocks of {options.steps} steps")
    for name, values in taken.items():
        print(f"{name:10} {1e3 * statistics.median(values):7.3f} ms of processor time per step")
    low, _, high = statistics.quantiles(ratios, n=4)
    ratio = statistics.median(ratios)
    print(f"ratio      {ratio:7.3f} (quartiles {low:.3f} to {high:.3f}; bar {BAR})")
    return int(ratio > BAR and not options.quick)


if __name__ == "__main__":
    raise SystemExit(main())
