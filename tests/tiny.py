"""Tiny runs for tests: random 4x4 images and a VAE of a few weights; a step takes about a ms."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from geco_viz import History, Run

MODEL = {"name": "vae", "latent_dim": 2, "hidden": [8]}


def images(n: int = 7, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(seed))


def make(data: Any = None, objective: Any = "geco", model: Any = None, **settings: Any) -> Run:
    settings = {"samples": 2, "device": "cpu", **settings}
    return Run(images() if data is None else data, model or dict(MODEL), objective, **settings)


def rows(history: History) -> np.ndarray:
    """The rows bit for bit, by column name, so that NaN equals NaN."""
    order = [history.columns.index(name) for name in sorted(history.columns)]
    return np.ascontiguousarray(history.rows()[:, order]).view(np.uint32)


def same(a: History, b: History) -> bool:
    return set(a.columns) == set(b.columns) and np.array_equal(rows(a), rows(b))


def weights(run: Run) -> list[torch.Tensor]:
    return [p.detach().clone() for p in run.model.parameters()]


def threads(word: str = "geco-viz") -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith(word)]


def until(condition: Callable[[], Any], seconds: float = 90.0) -> bool:
    """Wait for a condition; generous, since other work may hold the processor."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True
