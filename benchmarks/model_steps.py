"""CPU ms per step of each model in a `Run` against a plain torch loop, and memory over many steps.

The plain loop trains the same model on the same batches' shapes with Adam, gradient clipping, an
average of the weights and GECO's multiplier, written out by hand with torch's own mse_loss. Blocks
of steps alternate and the median ratio of neighbours is printed, so that other work on the machine
cancels. Memory is the process's resident set, after the first 100 steps and at the end (bar: 20 MB
more over 10,000 steps of the fastest model and 500 of the others).

    python benchmarks/model_steps.py [--models NAME ...] [--seconds 10] [--quick]
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

import geco_viz as gv
from geco_viz.training.recipe import settings_for

BAR = 20.0  # MB
FASTEST = "vae"
# Micro-MNIST's own model on Micro-MNIST, the others on digits and, if conditional, on MNIST-rotate
DATA = {"vae-nvp": "micro-mnist"}


def loaded(name: str) -> gv.data.Dataset:
    default = "mnist-rotate" if gv.models.is_conditional(name) else "mnist"
    data = DATA.get(name, default)
    return gv.data.load(data) if data == "micro-mnist" else gv.data.load(data, split="test")


def by_hand(name: str, data: gv.data.Dataset, settings: Any) -> Callable[[int], None]:
    """The loop that a person would write."""
    kappa, nu, cap = 0.15, 0.1, data.x[0].numel() / 2
    torch.manual_seed(0)
    told = {} if data.context is None else {"context_shape": list(data.context.shape[1:])}
    model = gv.models.build(name, data.shape, **told)
    parameters = list(model.parameters())
    average = [p.detach().clone() for p in parameters]
    adam = torch.optim.Adam(parameters, lr=settings.lr, betas=settings.betas, fused=True)
    random = torch.Generator().manual_seed(0)
    log_multiplier, error_average = torch.zeros(()), None

    def train(steps: int) -> None:
        nonlocal log_multiplier, error_average
        for _ in range(steps):
            x, context = data.x, data.context
            if settings.batch < len(x):
                rows = torch.randint(len(x), (settings.batch,), generator=random)
                x, context = x[rows], None if context is None else context[rows]
            out = model(x, context, samples=settings.samples, generator=random)
            error = nn.functional.mse_loss(out.x_hat, x.expand_as(out.x_hat))
            multiplier = log_multiplier.exp()
            loss = (out.kl.mean() + multiplier * (error / kappa**2 - 1)) / (1 + multiplier)
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, settings.clip)
            adam.step()
            with torch.no_grad():
                torch._foreach_lerp_(average, [p.data for p in parameters], 0.01)
                error = error.detach()
                old = error if error_average is None else error_average
                error_average = 0.9 * old + 0.1 * error
                step = nu * (error_average / kappa**2 - 1).clamp(max=1.0)
                log_multiplier = (log_multiplier + step).clamp(math.log(1e-4), math.log(cap))

    return train


def resident() -> float:
    """The process's memory in MB; NaN where the system does not tell it so."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return math.nan


def measure(name: str, seconds: float, blocks: int, steps: int) -> tuple[float, float, float]:
    """ms per step in a run, its ratio to the loop by hand, and MB of growth over the steps."""
    data = loaded(name)
    objective = gv.GECO(gv.RE(kappa=0.15), nu=0.1)
    run = gv.Run(data, name, objective, device="cpu")
    ways = {
        "hand": by_hand(name, data, run.settings),
        "run": lambda count: run.train(count, progress=False),
    }

    def spent(way: str, count: int) -> float:
        before = time.process_time()
        ways[way](count)
        return (time.process_time() - before) / count

    for way in ways:
        spent(way, 2)
    count = max(2, round(seconds / blocks / 2 / spent("hand", 3)))
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for block in range(blocks):
        for way in list(ways) if block % 2 else list(ways)[::-1]:
            taken[way].append(spent(way, count))
    ratio = statistics.median(r / h for r, h in zip(taken["run"], taken["hand"], strict=True))
    run.train(max(1, 100 - run.loop.step), progress=False)
    before = resident()
    run.train(steps, progress=False)
    return 1e3 * statistics.median(taken["run"]), ratio, resident() - before


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--models", nargs="+", default=list(gv.models.names()))
    arguments.add_argument("--seconds", type=float, default=10.0, help="of timing, for each model")
    arguments.add_argument("--blocks", type=int, default=10)
    arguments.add_argument("--fastest", type=int, default=10_000, help="steps for its memory")
    arguments.add_argument("--others", type=int, default=500)
    arguments.add_argument("--quick", action="store_true", help="some seconds, without a verdict")
    if "--quick" in sys.argv:
        arguments.set_defaults(
            models=["vae", "vae-nvp"], seconds=0.5, blocks=2, fastest=100, others=50
        )
    options = arguments.parse_args()
    torch.set_num_threads(1)
    met = True
    print("model                  batch  ms/step  over plain torch  memory over steps")
    for name in options.models:
        steps = options.fastest if name == FASTEST else options.others
        ms, ratio, growth = measure(name, options.seconds, options.blocks, steps)
        batch = settings_for(len(loaded(name)), name)
        met = met and not growth > BAR
        print(
            f"{name:22s} {batch.batch:3d}x{batch.samples:<2d} {ms:7.1f}  {ratio:16.3f}  "
            f"{growth:+6.1f} MB / {steps}",
            flush=True,
        )
    print("met" if met else f"missed: memory must grow by at most {BAR:g} MB")
    return 0 if met or options.quick else 1


if __name__ == "__main__":
    raise SystemExit(main())
