"""Is the ELBO's learned sigma learned? beta = sigma^2 over the mean squared error, which is 1 then.

Trains tiny ConvDRAW on MNIST and VAE+NVP on Micro-MNIST under the ELBO with sigma in closed form
and with log sigma in Adam, and evaluates the averaged weights. Below its floor sigma does not
fall, so there the ratio is of beta to the floor's square.

    python benchmarks/learned_sigma.py [--steps 600] [--seeds 1] [--only micro-mnist] [--quick]
"""

from __future__ import annotations

import argparse
import sys

import torch

import geco_viz as gv
from geco_viz.training.status import phase_of

HEAD = "data         model     sigma  seed  steps   RMS pixel   KL (nats)   beta / MSE  phase"
ROWS = 10_000
MODELS = {"mnist": "convdraw", "micro-mnist": "vae-nvp"}


def line(data: str, kind: str, steps: int, seed: int) -> str:
    """One run's row."""
    objective = gv.ELBO(kind=kind)
    run = gv.Run(data, MODELS[data], objective, seed=seed, device="cpu", name="learned-sigma")
    run.train(steps, progress=False)
    found = gv.evaluation.evaluate(
        run.average,
        run.data.x[:ROWS],
        [gv.RE(kappa=1.0)],
        samples=1 if len(run.data) > ROWS else 1000,
        generator=torch.Generator().manual_seed(1),
    )
    error, kl = found["kappa_hat/re"][0], found["kl"][0]
    beta = float(run.history["beta"][-50:].astype(float).mean())
    ratio = beta / max(error, objective.floor) ** 2
    return (
        f"{data:12s} {MODELS[data]:9s} {kind:5s} {seed:5d} {steps:6d} {error:11.4f} {kl:11.2f} "
        f"{ratio:12.3f}  {phase_of(objective, run.history, 0)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", choices=MODELS, default=None)
    parser.add_argument("--quick", action="store_true", help="some seconds")
    if "--quick" in sys.argv:
        parser.set_defaults(steps=20, only="micro-mnist")
    asked = parser.parse_args()
    print(HEAD)
    for data in [asked.only] if asked.only else MODELS:
        for kind in ("mse", "adam"):
            for seed in range(asked.seeds):
                print(line(data, kind, asked.steps, seed), flush=True)


if __name__ == "__main__":
    main()
