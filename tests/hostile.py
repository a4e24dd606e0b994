"""A run whose every name and text is a piece of HTML that would run a script."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tiny import MODEL

import geco_viz as gv
from geco_viz.training.limits import Limit
from geco_viz.training.records import Ghost

TAG = "<img src=x onerror=window.owned=1>"


class Claim(gv.Constraint):
    """The reconstruction error under names that do not stay text."""

    label = TAG

    def __init__(self) -> None:
        super().__init__(TAG, lambda x, x_hat: (x - x_hat).square().mean(), 0.05, unit=TAG)


def dataset() -> gv.data.Dataset:
    images = gv.data.load("digits")
    return dataclasses.replace(images, name=TAG, note=TAG, info={})


def own_model() -> Any:
    torch.manual_seed(0)
    model = gv.models.build(shape=(1, 28, 28), **MODEL)
    model.__class__ = type(TAG, (gv.models.VAE,), {})
    model.config = {**model.config, "name": TAG}
    return model


def opened(folder: Path, name: str | None = TAG) -> gv.Run:
    """The run as it comes from its folder, with an earlier one's ghost and every trouble told."""

    def parts() -> tuple[Any, ...]:
        return dataset(), own_model(), gv.GECO(gv.RE(0.05), Claim())

    made = gv.Run(*parts(), name=name, device="cpu", samples=2).train(30, progress=False)
    made.evaluate(samples=5)
    made.save(folder)
    data, model, objective = parts()
    run = gv.Run.load(folder, data=data, model=model, objective=objective, device="cpu")
    rows = np.column_stack((run.history["step"], run.history["err/re"], run.history["kl"]))
    run.ghosts = (Ghost(TAG, rows.astype(np.float32)),)
    kappa = np.array([0.01, 0.5])
    limit = gv.theory.rate_distortion(run.data.x, kappa=kappa)
    fields = {field.name: getattr(limit, field.name) for field in dataclasses.fields(limit)}
    run._limit, run._limit_asked = Limit(**{**fields, "note": TAG}), True
    run.save_error, run.evaluation_error = OSError(TAG), ValueError(TAG)
    return run
