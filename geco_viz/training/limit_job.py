"""The process that computes the limit of a large set: `python -m ... x.npy limit.npz`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import torch

from geco_viz.theory import rate_distortion

__all__ = ["main"]

POINTS = 20  # values of beta: each costs seconds, and chords between them are attained too


def main(given: str, answer: str) -> None:
    """Read the data, compute R(D) on one thread, and write it whole."""
    torch.set_num_threads(1)
    found = rate_distortion(torch.from_numpy(np.load(given)), points=POINTS)
    fields = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    arrays = {name: np.asarray(value) for name, value in fields.items()}
    part = Path(answer).with_suffix(".part.npz")
    np.savez(part, **arrays)  # type: ignore[arg-type]
    part.replace(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
