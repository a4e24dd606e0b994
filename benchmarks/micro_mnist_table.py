"""Micro-MNIST under GECO against its rate-distortion limit: draws x seeds, and the bars to meet.

    python benchmarks/micro_mnist_table.py [--steps 2000] [--draws 3] [--seeds 3] [--quick]

Trains with the settings that `gv.explore()` uses and evaluates the averaged weights. Beside GECO
stands the ELBO with a learned sigma, the contrast of figure 8. Ends with exit code 1 if a bar is
missed. Takes about half a minute of one core a run.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from dataclasses import dataclass
from typing import cast

import torch

import geco_viz as gv

KAPPA = 0.05
SECONDS = 60  # of one core a run
KAPPA_OFF, RATIO, MEDIAN, HOLES = 0.02, 1.08, 1.07, 0.005


@dataclass(frozen=True)
class Row:
    """What one run reached; `limit` is R(kappa_hat) of its draw, `seconds` its CPU time."""

    objective: str
    draw: int
    seed: int
    kl: float
    kl_se: float
    kappa_hat: float
    kappa_se: float
    limit: float
    holes: float
    tiles: float
    marginal_kl: float
    seconds: float

    @property
    def ratio(self) -> float:
        return self.kl / self.limit if self.limit else math.inf  # no rate is needed there

    @property
    def off(self) -> float:
        return self.kappa_hat / KAPPA - 1

    def __str__(self) -> str:
        geco = self.objective == "GECO"
        over = f"{self.ratio:6.3f}" if geco else "     -"
        se = 100 * self.kappa_se / KAPPA
        off = f"{100 * self.off:+6.2f} ±{se:.2f}" if geco else "     -      "
        return (
            f"{self.objective:5} {self.draw:4d} {self.seed:4d}  {self.kl:6.3f} ±{self.kl_se:.3f}  "
            f"{self.kappa_hat:8.5f}  {off}  {self.limit:6.3f}  {over}  {self.marginal_kl:6.3f}  "
            f"{100 * self.holes:6.2f}  {self.tiles:5.2f}  {self.seconds:5.1f}"
        )


HEAD = (
    "loss  draw seed  KL nats         kappa^   off %         limit    KL/R   marg.  holes%  tiles"
    "  CPU s"
)


def measure(
    dataset: gv.data.Dataset, draw: int, seed: int, objective: str, steps: int, samples: int
) -> Row:
    """Train one run and evaluate its averaged weights."""
    chosen = gv.ELBO() if objective == "ELBO" else None
    run = gv.Run(
        dataset, "vae-nvp", chosen, seed=seed, device="cpu", name=f"{objective}{draw}{seed}"
    )
    before = time.process_time()
    run.train(steps=steps, progress=False)
    seconds = time.process_time() - before
    found = gv.evaluation.evaluate(
        cast(gv.models.Model, run.average),
        dataset.x,
        [gv.RE(kappa=KAPPA)],
        samples=samples,
        generator=torch.Generator().manual_seed(1),
    )
    kappa_hat, kappa_se = found["kappa_hat/re"]
    run.close()
    return Row(
        objective,
        draw,
        seed,
        *found["kl"],
        kappa_hat,
        kappa_se,
        float(gv.theory.rate_distortion(dataset.x, kappa=kappa_hat).rate[0]),
        found["holes"][0],
        found["tile_mass"][0],
        found["marginal_kl"][0],
        seconds,
    )


def verdicts(rows: list[Row]) -> list[tuple[bool, str]]:
    """Each bar: whether it is met, and the figures behind it."""
    n = len(rows)
    close = sum(abs(row.off) <= KAPPA_OFF for row in rows)
    low = sum(row.ratio <= RATIO for row in rows)
    middle = statistics.median(row.ratio for row in rows)
    worst = max(abs(row.off) for row in rows)
    holes = max(row.holes for row in rows)
    slowest = max(row.seconds for row in rows)
    return [
        (close == n, f"kappa_hat within 2 % of kappa: {close} of {n}, worst {100 * worst:.2f} %"),
        (n - low <= n // 9, f"KL <= {RATIO} R(kappa_hat): {low} of {n}"),
        (middle <= MEDIAN, f"median KL / R(kappa_hat) <= {MEDIAN}: {middle:.3f}"),
        (holes < HOLES, f"hole mass < .5 %: at most {100 * holes:.2f} %"),
        (slowest <= SECONDS, f"CPU time <= {SECONDS} s: at most {slowest:.1f} s"),
    ]


def main() -> int:
    """Print the table; 0 if every bar is met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    # Near the limit the error is that of the few samples that land in another digit's tile: with
    # 1e4 samples a digit kappa_hat is known to 1 % only, half of what is to be shown.
    parser.add_argument("--samples", type=int, default=100_000, help="posterior samples a digit")
    parser.add_argument("--root", help="folder with MNIST's files, else GECO_VIZ_DATA")
    parser.add_argument("--quick", action="store_true", help="some seconds, without a verdict")
    if "--quick" in sys.argv:
        parser.set_defaults(steps=20, draws=1, seeds=1, samples=1000)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    print(f"Micro-MNIST, kappa = {KAPPA}, {given.steps} steps, {given.samples} samples a digit")
    print(HEAD, flush=True)
    for draw in range(given.draws):
        dataset = gv.data.load("micro-mnist", root=given.root, draw=draw)
        for objective, seed in [("ELBO", 0), *(("GECO", seed) for seed in range(given.seeds))]:
            rows.append(measure(dataset, draw, seed, objective, given.steps, given.samples))
            print(rows[-1], flush=True)
    found = verdicts([row for row in rows if row.objective == "GECO"])
    for met, words in found:
        print(f"{'met   ' if met else 'MISSED'}  {words}")
    return 0 if given.quick or all(met for met, _ in found) else 1


if __name__ == "__main__":
    sys.exit(main())
