"""How long a constraint that was slack stays violated: four constraints, before and after.

    python benchmarks/slack.py [--steps 900] [--then 700] [--quick]

RE, CLA, FRE and pNCC on Micro-MNIST, settled together. Then each in turn is set to half of the
error that it has, so that c = 1, and the steps are counted from there until the 20-step mean of
its c is below .1. Before: lambda moves by nu c alone, as far as its floor. After: below .1 nats it
moves up to ten times as fast, and edits are followed. About three minutes of one core.
"""

from __future__ import annotations

import argparse
from typing import cast

import numpy as np
import torch

import geco_viz as gv
from geco_viz.live.choosing import proposed

NAMES, WINDOW, MET = ("re", "cla", "fre", "pncc"), 20, 0.1


def c_of(run: gv.Run, name: str, start: int) -> np.ndarray:
    """The constraint's 20-step means of c from a step on, at its present kappa."""
    constraint = {c.name: c for c in run.constraints}[name]
    errors = run.history[f"err/{name}"][start:].astype(float)
    c = np.asarray(constraint.tolerance(errors)) / constraint.tolerance(constraint.kappa) - 1  # type: ignore[arg-type]
    return np.convolve(c, np.ones(WINDOW) / WINDOW, "valid")


def violated(run: gv.Run, name: str, old: bool, steps: int) -> tuple[float, str, float]:
    """Lambda at the edit, steps until c < .1 (or how many were not enough), and c at the end."""
    fork = run.fork()
    geco = cast(gv.GECO, fork.objective)
    if not old:  # the run that is forked settled by the old rule, which its fork has too
        fresh = gv.GECO(gv.RE(kappa=0.1))
        geco.faint = fresh.faint
        geco.edits.follow, geco.edits.damping = fresh.edits.follow, fresh.edits.damping
    constraint = {c.name: c for c in fork.constraints}[name]
    before = fork.loop.step
    error = float(np.mean(constraint.tolerance(fork.history[f"err/{name}"][-100:].astype(float))))  # type: ignore[arg-type]
    fork.edit(f"kappa/{name}", float(constraint.as_kappa(error / 2)))
    fork.step()
    for _ in range(steps - 1):
        fork.loop.advance()
    c, price = c_of(fork, name, before), float(fork.history[f"multiplier/{name}"][before])
    met = np.flatnonzero(c < MET)
    fork.close()
    return price, str(met[0] + WINDOW) if len(met) else f"> {steps}", float(c[-100:].mean())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--then", type=int, default=700)
    parser.add_argument("--root", help="folder with MNIST's files, else GECO_VIZ_DATA")
    parser.add_argument("--quick", action="store_true", help="a few steps")
    given = parser.parse_args()
    steps, then = (40, 40) if given.quick else (given.steps, given.then)
    torch.set_num_threads(1)
    data = gv.data.load("micro-mnist", root=given.root)
    run = gv.Run(data, "vae-nvp", [proposed(name, data) for name in NAMES], device="cpu")
    cast(gv.GECO, run.objective).plain()
    for _ in range(steps):
        run.loop.advance()
    print("constraint  c before  lambda   steps to c < .1: before      after   c at the end")
    for name in NAMES:
        present = c_of(run, name, steps - 2 * WINDOW)[-1]
        price, before, old = violated(run, name, True, then)
        _, after, new = violated(run, name, False, then)
        print(
            f"{name:10}  {present:8.2f}  {price:.1e}  {before:>22} {after:>10}"
            f"   {old:5.2f} {new:5.2f}",
            flush=True,
        )
    run.close()


if __name__ == "__main__":
    main()
