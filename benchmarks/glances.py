"""What an evaluation of a playing run is worth: the spread of κ̂ and tile masses, and its cost.

`explore()`'s model at κ = 0.05 is evaluated again and again, the weights at rest, with as many
samples a digit as a glance began with, and as `next_samples` then asks for.

    python benchmarks/glances.py [--steps 1500] [--repeats 12] [--quick]
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import torch

import geco_viz as gv
from geco_viz.training.evaluator import GLANCE, next_samples

EVERY = 2.0  # seconds, `play`'s


def spread(run: gv.Run, samples: int, repeats: int) -> float:
    """Print a row of the table; return the processor seconds of an evaluation."""
    start = time.process_time()
    found = [run.evaluate(samples) for _ in range(repeats)]
    took = (time.process_time() - start) / repeats
    error, mass = (np.array([f[name] for f in found]) for name in ("kappa_hat/re", "tile_mass"))
    print(
        f"{samples:6d} {took:7.3f} s   κ̂ {error[:, 0].mean():.4f}, spread "
        f"{100 * error[:, 0].std() / error[:, 0].mean():.1f} %, told "
        f"{100 * error[:, 1].mean() / error[:, 0].mean():.1f} %   tile mass off by "
        f"{mass[:, 0].mean():.3f} ± {mass[:, 0].std():.3f}",
        flush=True,
    )
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--quick", action="store_true", help="some seconds")
    if "--quick" in sys.argv:
        parser.set_defaults(steps=50, repeats=2)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    run = gv.Run("micro-mnist", "vae-nvp", gv.GECO(gv.RE(kappa=0.05)), seed=0)
    run.train(asked.steps, progress=False)
    print("samples, processor time of an evaluation")
    samples = GLANCE
    for _ in range(4):
        took = spread(run, samples, asked.repeats)
        samples = next_samples(samples, run.evaluate(samples), took, EVERY)
    spread(run, 16 * GLANCE * 4, max(2, asked.repeats // 4))


if __name__ == "__main__":
    main()
