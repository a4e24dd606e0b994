"""Do samples of a conditional ConvDRAW follow their context? (bars: .15 above chance, each)

Trains tiny conditional ConvDRAW on MNIST-rotate under GECO+RE for so many CPU seconds, draws one
sample from the prior for each of 1000 contexts of the test split, and asks two classifiers, trained
on the real targets, for the sample's digit and for its rotation (ten classes of 30 degrees). Each
answer is compared with the context's own labels and with those of shuffled contexts, the mean of
100 shuffles; the difference must be .15 or more. What the classifiers reach on real test targets is
printed beside it: it bounds the agreement, a 6 at 180 degrees being a 9 at 0.

    python benchmarks/conditional_samples.py --seconds 600 --picture samples.png [--quick]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import geco_viz as gv
from geco_viz.models import classifier

BAR = 0.15


def trained(data: gv.data.Dataset, seconds: float, kappa: float, seed: int) -> Any:
    """A run that has trained for about so many CPU seconds."""
    objective = gv.RE(kappa=kappa)
    probe = gv.Run(data, "convdraw-conditional", objective, seed=seed, device="cpu")
    probe.train(5, progress=False)
    before = time.process_time()
    probe.train(25, progress=False)
    steps = round(0.97 * seconds / ((time.process_time() - before) / 25))
    objective = gv.RE(kappa=kappa)
    run = gv.Run(data, "convdraw-conditional", objective, seed=seed, device="cpu")
    before = time.process_time()
    run.train(steps, progress=False)
    spent = time.process_time() - before
    print(f"{steps} steps in {spent:.0f} CPU seconds, {1e3 * spent / steps:.0f} ms a step")
    return run


def judges(data: gv.data.Dataset) -> dict[str, tuple[nn.Module, Tensor]]:
    """For digit and rotation: a classifier of the real targets."""
    labels = data.factors["digits"]
    return {
        "digit": classifier.train(data.x, labels[:, 2].contiguous()),
        "rotation": classifier.train(data.x, labels[:, 1].contiguous()),
    }


@torch.no_grad()
def agreement(answers: Tensor, labels: Tensor, shuffles: int = 100) -> tuple[float, float, float]:
    """Agreement with the own labels, with shuffled ones, and the difference's standard error."""
    random = torch.Generator().manual_seed(0)
    own = (answers == labels).double()
    orders = [torch.randperm(len(labels), generator=random) for _ in range(shuffles)]
    others = torch.stack([(answers == labels[order]).double() for order in orders]).mean(0)
    error = float((own - others).std()) / len(labels) ** 0.5
    return float(own.mean()), float(others.mean()), error


@torch.no_grad()
def sampled(model: nn.Module, context: Tensor) -> Tensor:
    """One image from the prior of each context."""
    random = torch.Generator().manual_seed(1)
    return torch.cat([model.sample(len(c), c, random) for c in context.split(250)])


def picture(path: Path, model: nn.Module, test: gv.data.Dataset, samples: Tensor) -> None:
    """Contexts, true target, its reconstruction, and samples, one column a datum."""
    from PIL import Image

    with torch.no_grad():
        rows = [*test.context[:16].split(1, 1), test.x[:16]]
        rows += [model(test.x[:16], test.context[:16]).x_hat, samples[:16]]
        rows += [model.sample(16, test.context[:16]) for _ in range(2)]
    grid = torch.cat([torch.cat(list(row[:, 0]), 1) for row in rows])
    image = Image.fromarray((255 * grid).byte().numpy())
    image.resize((3 * image.width, 3 * image.height), Image.Resampling.NEAREST).save(path)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=600.0, help="CPU seconds of training")
    arguments.add_argument("--kappa", type=float, default=0.15, help="RMS pixel")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--picture", type=Path, help="a PNG to write")
    arguments.add_argument("--quick", action="store_true", help="some seconds, without a verdict")
    if "--quick" in sys.argv:
        arguments.set_defaults(seconds=2.0)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    count = 300 if options.quick else None
    train, test = (
        gv.data.load("mnist-rotate", split=split, count=count) for split in ("train", "test")
    )
    run = trained(train, options.seconds, options.kappa, options.seed)
    shots = {"training": run.evaluate(), "held-out": held_out(run, test)}
    for name, found in shots.items():
        value, error = found["kappa_hat/re"]
        print(f"{name} kappa_hat {value:.4f} +- {error:.4f}, KL {found['kl'][0]:.2f} nats")
    met = report(run.average, train, test, options.picture)
    return 0 if met or options.quick else 1


def held_out(run: Any, test: gv.data.Dataset) -> dict[str, tuple[float, float]]:
    return gv.evaluation.evaluate(
        run.average, test.x[:2000], [gv.RE(kappa=1.0)], samples=1, context=test.context[:2000]
    )


def report(
    model: nn.Module, train: gv.data.Dataset, test: gv.data.Dataset, path: Path | None = None
) -> bool:
    """Print the table; whether both bars are met."""
    samples = sampled(model, test.context[:1000])
    if path is not None:
        picture(path, model, test, samples)
    met = True
    print("            own    shuffled   difference   real targets")
    for (name, judge), column in zip(judges(train).items(), (2, 1), strict=True):
        labels = test.factors["digits"][:, column]
        with torch.no_grad():
            answers = judge(samples).argmax(1)
            real = (judge(test.x).argmax(1) == labels).float().mean()
        own, chance, error = agreement(answers, labels[:1000])
        met = met and own - chance >= BAR
        difference = f"{own - chance:+.3f} +- {error:.3f}"
        print(f"{name:10s}  {own:.3f}    {chance:.3f}   {difference}   {real:.3f}")
    print("met" if met else f"missed: each difference must be {BAR} or more")
    return met


if __name__ == "__main__":
    raise SystemExit(main())
