"""A sweep in a process of its own, for tests that kill it: OUT STEPS, and "pool" or "alone"."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

import geco_viz as gv
from geco_viz.training.worker import end_with_parent

SPEC = {
    "data": "digits",
    "model": {"name": "vae", "latent_dim": 2, "hidden": [8]},
    "samples": 2,
}
OVER = {"seed": [0, 1]}


def main(out: str, steps: str, how: str) -> None:
    """Run the sweep here, or by a worker process."""
    torch.set_num_threads(1)
    pool: Any = nullcontext()
    if how == "pool":
        spawn = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(1, spawn, initializer=end_with_parent)
    with pool as executor:
        found = gv.Sweep({**SPEC, "steps": int(steps)}, OVER, out=Path(out))
        found.run(executor, progress=False, save_every=0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
