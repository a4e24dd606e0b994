"""Do the models of images meet kappa on MNIST in three minutes? (bar: kappa_hat <= 1.03 kappa)

Trains the convolutional VAE+NVP and tiny ConvDRAW on MNIST under GECO+RE at kappa = .15 RMS pixel,
for so many CPU seconds of one core each, and evaluates the averaged weights on 10,000 images of the
training set; what the test set gets stands beside it. The steps that fit are found by timing the
first few. Ends with exit code 1 if a bar is missed.

    python benchmarks/image_models.py [--only NAME ...] [--seeds 1] [--seconds 180] [--quick]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import torch

import geco_viz as gv

MODELS = ("conv-vae-nvp", "convdraw")
OVER = 1.03
ROWS = 10_000

HEAD = "model          seed  steps  CPU s   kappa_hat and KL in training   test set"


def trained(
    data: gv.data.Dataset, model: str, seconds: float, kappa: float, seed: int
) -> tuple[gv.Run, float]:
    """A run that has trained for about so many CPU seconds, and how many they were."""

    def made() -> gv.Run:
        objective = gv.RE(kappa=kappa)
        return gv.Run(data, model, objective, seed=seed, device="cpu", name="image-models")

    probe = made().train(5, progress=False)
    before = time.process_time()
    probe.train(25, progress=False)
    steps = round(0.97 * seconds / ((time.process_time() - before) / 25))
    run = made()
    before = time.process_time()
    run.train(steps, progress=False)
    return run, time.process_time() - before


def measured(run: gv.Run, data: gv.data.Dataset, rows: int = ROWS) -> tuple[float, str]:
    """kappa_hat, and it and the KL in words."""
    found = gv.evaluation.evaluate(
        run.average,
        data.x[:rows],
        [gv.RE(kappa=1.0)],
        samples=1,
        generator=torch.Generator().manual_seed(1),
    )
    (value, error), (kl, _) = found["kappa_hat/re"], found["kl"]
    return value, f"{value:.4f} +- {error:.4f}, {kl:5.2f} nats"


def picture(path: Path, runs: list[gv.Run], test: gv.data.Dataset) -> None:
    """Sixteen test images, and of each run their reconstructions and two rows of samples."""
    from PIL import Image

    random = torch.Generator().manual_seed(0)
    rows = [test.x[:16]]
    with torch.no_grad():
        for run in runs:
            model: Any = run.average
            rows += [model(test.x[:16], generator=random).x_hat]
            rows += [model.sample(16, generator=random) for _ in range(2)]
    grid = torch.cat([torch.cat(list(row[:, 0]), 1) for row in rows])
    image = Image.fromarray((255 * grid.clamp(0, 1)).byte().numpy())
    image.resize((3 * image.width, 3 * image.height), Image.Resampling.NEAREST).save(path)


def main() -> int:
    """Print a row for each run; 0 if every bar is met."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", nargs="+", choices=MODELS, default=list(MODELS))
    arguments.add_argument("--seeds", type=int, default=1)
    arguments.add_argument("--seconds", type=float, default=180.0, help="CPU seconds of training")
    arguments.add_argument("--kappa", type=float, default=0.15, help="RMS pixel")
    arguments.add_argument("--root", help="folder with MNIST's files, else GECO_VIZ_DATA")
    arguments.add_argument("--picture", type=Path, help="a PNG to write")
    arguments.add_argument("--quick", action="store_true", help="some seconds, without a verdict")
    if "--quick" in sys.argv:
        arguments.set_defaults(seconds=2.0)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    train, test = (
        gv.data.load("mnist", split=split, root=options.root) for split in ("train", "test")
    )
    rows = 500 if options.quick else ROWS
    print(HEAD, flush=True)
    runs, met = [], True
    for model in options.only:
        for seed in range(options.seeds):
            run, spent = trained(train, model, options.seconds, options.kappa, seed)
            value, words = measured(run, train, rows)
            met = met and value <= OVER * options.kappa
            print(
                f"{model:14} {seed:4d} {run.loop.step:6d} {spent:6.0f}   {words:28}   "
                f"{measured(run, test, rows)[1]}",
                flush=True,
            )
            runs.append(run)
    if options.picture is not None:
        picture(options.picture, runs, test)
    print("met" if met else f"missed: kappa_hat must be at most {OVER} kappa in training")
    return 0 if met or options.quick else 1


if __name__ == "__main__":
    raise SystemExit(main())
