"""Figure 3: GECO's trajectory in the information plane, beta and the error, by iteration."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from geco_viz.reproduce.cells import CAP
from geco_viz.reproduce.experiment import Experiment, Grids, Verdict
from geco_viz.reproduce.sizes import convdraw, geco
from geco_viz.training import Sweep

__all__ = ["FIG3"]

KAPPA = 0.1  # the caption does not say which; the middle one of figure 4
KEPT = 300  # rows of the history
GROWS = 1.5  # times its least value, at the end: more than lambda's noise of some per cent
WINDOW = 20  # steps whose mean error counts as having met kappa


def _grids(preset: str) -> Grids:
    # At the usual cap, d_x / 2, beta is kappa^2 whatever the model does: nothing but lambda's own
    # way is to say how small beta becomes.
    uncapped = {"objective": {"name": "geco", "lambda_max": CAP}}
    shared = {**convdraw(preset, conditional=True), **(geco(preset) or uncapped)}
    return [{"data": "mnist-rotate", **shared, "kappa": KAPPA, "seed": 0}]


def _measure(sweep: Sweep | None, preset: str) -> dict[str, Any]:
    assert sweep is not None
    run = sweep.load(sweep.points[0], device="cpu")
    objective: Any = run.objective
    history, kappa = run.history, float(run.history["kappa/re"][-1])
    error, beta = (history[name].astype(np.float64) for name in ("err/re", "beta"))
    window = min(WINDOW, len(error))
    smooth = np.convolve(error, np.full(window, 1 / window), "valid")
    below = np.flatnonzero(smooth <= kappa)
    met = int(below[0]) + window // 2 if len(below) else None
    kept = history.decimate(KEPT)
    names = ("step", "loss", "kl", "err/re", "kappa/re", "multiplier/re", "beta")
    return {
        "kappa": kappa,
        "steps": len(history),
        "at_cap": bool(history["multiplier/re"].max() >= 0.99 * objective.lambda_max),
        "met": met,
        "beta": {
            "start": float(beta[0]),
            "met": None if met is None else float(beta[met]),
            "least": float(beta.min()),
            "least_at": int(beta.argmin()),
            "end": float(beta[-50:].mean()),
        },
        "kl": {"most": float(history["kl"].max()), "end": float(history["kl"][-50:].mean())},
        "error_end": float(np.sqrt(np.mean(error[-50:] ** 2))),
        "history": {name: [float(v) for v in history[name][kept]] for name in names},
    }


def _judge(numbers: dict[str, Any]) -> dict[str, Verdict]:
    beta, met, kappa = numbers["beta"], numbers["met"], numbers["kappa"]
    end = numbers["error_end"]
    if met is None:
        why = f"κ = {kappa:g} was not met within {numbers['steps']} steps (error {end:.3g})"
        return {"first": Verdict(None, why), "then": Verdict(None, why)}
    if numbers["at_cap"]:
        why = "λ reached its cap, which and not the run says how small β becomes"
        return {"first": Verdict(None, why), "then": Verdict(None, why)}
    return {
        "first": Verdict(
            beta["start"] > beta["met"],
            f"κ = {kappa:g} met at step {met} of {numbers['steps']}; until then β fell from "
            f"{beta['start']:.3g} to {beta['met']:.3g} data units² (λ grew by "
            f"{beta['start'] / beta['met']:.3g}), which amplifies the likelihood",
        ),
        "then": Verdict(
            # Not before kappa is met, but for the window's width.
            beta["least_at"] >= met - WINDOW
            and beta["end"] > GROWS * beta["least"]
            and abs(end / kappa - 1) < 0.1,
            f"β is least, {beta['least']:.3g}, at step {beta['least_at']} and {beta['end']:.3g} "
            f"at the end, where the error is {end:.3g} and the KL {numbers['kl']['end']:.3g} nats "
            f"(at most {numbers['kl']['most']:.3g})",
        ),
    }


def _draw(numbers: dict[str, Any], theme: str) -> dict[str, Any]:
    from geco_viz.plots import run_figure

    source = SimpleNamespace(
        history={name: np.array(values) for name, values in numbers["history"].items()},
        title=f"Conditional ConvDRAW on MNIST-rotate, GECO with κ = {numbers['kappa']:g}",
    )
    figure = run_figure(source, theme)
    # The whole way: the plane of a live run shows where it settles.
    for axis, name in (("xaxis", "err/re"), ("yaxis", "kl")):
        figure.layout[axis].range = [0, 1.08 * max(numbers["history"][name])]
    return {"": figure}


FIG3 = Experiment(
    name="fig3",
    title="Figure 3: the trajectory that GECO induces",
    claims={
        "first": "At the beginning the reconstruction constraint dominates: β < 1 implicitly "
        "amplifies the likelihood.",
        "then": "Once the constraint is met β flexes and starts growing: the KL is then "
        "minimised while the solution stays valid.",
    },
    grids=_grids,
    measure=_measure,
    judge=_judge,
    draw=_draw,
    note=f"The caption does not give κ: {KAPPA}, the middle one of figure 4. β here is "
    "the variance of the equivalent Gaussian decoder, so it is compared with itself, not with 1. λ "
    "has no cap within reach here.",
)
