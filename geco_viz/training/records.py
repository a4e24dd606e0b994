"""The plain records that a run shows of itself: its state in words, pictures, a probe, a ghost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PHASES", "Ghost", "Pictures", "Probe", "Status"]

PHASES = (
    "starting",
    "adjusting",
    "satisfying",
    "tightening",
    "settled",
    "collapsed",
    "infeasible",
    "training",
    "paused",
    "stopped",
    "failed",
)


@dataclass(frozen=True)
class Status:
    """The state of a run in words.

    Attributes:
        phase: one of `PHASES`.
        words: what is happening, one or two plain sentences.
        hint: what to try next, or empty.
        step: steps taken.
        rate: steps per second, 0 while nothing steps.
        device: where the model lives, as in ``"cpu"``.
    """

    phase: str
    words: str
    hint: str = ""
    step: int = 0
    rate: float = 0.0
    device: str = "cpu"


@dataclass(frozen=True)
class Pictures:
    """What the model sees at one step, taken between two steps.

    Attributes:
        data: images, uint8 ``(n, H, W, C)`` with one or three channels.
        reconstruction: their reconstructions, uint8 ``(n, H, W, C)``.
        sample: decoded prior samples, uint8 ``(m, H, W, C)``.
        labels: a name for each datum.
        z: posterior samples, float32 ``(n, S, d)``.
        tile_mass: prior mass of each datum's tile ``(n,)``, summing to 1; empty where unknown or
            where more data have tiles than are shown.
        holes: prior mass where q(z)/prior(z) < 0.1, or NaN.
        step: the step the pictures belong to.
        context: of conditional data, the images each datum's model was told, one after the other,
            uint8 ``(n, H, W, 1 or 3)`` each; empty without images for a context.
    """

    data: NDArray[np.uint8]
    reconstruction: NDArray[np.uint8]
    sample: NDArray[np.uint8]
    labels: Sequence[str]
    z: NDArray[np.float32]
    tile_mass: NDArray[np.float32]
    holes: float
    step: int
    context: tuple[NDArray[np.uint8], ...] = ()


@dataclass(frozen=True)
class Probe:
    """The answer to "what is at z?".

    Attributes:
        image: the decoded image g(z), uint8 ``(H, W, C)``.
        weights: posterior weights w_i(z) = q(z | x_i) / sum_j q(z | x_j) ``(n,)``.
        density: q(z)/prior(z), the aggregate posterior over the prior.
        hole: whether z lies in a hole of the aggregate posterior.
    """

    image: NDArray[np.uint8]
    weights: NDArray[np.float32]
    density: float
    hole: bool


@dataclass(frozen=True)
class Ghost:
    """An earlier run, kept for comparison.

    Attributes:
        name: how it is labelled.
        rows: float32 ``(k, 3)``: step, err/re (RMS pixel), kl (nats).
        data: a key of the data that it is a trajectory on; empty where unknown.
        parts: what it was a run of, a name a part, for a label by what differs.
    """

    name: str
    rows: NDArray[np.float32]
    data: str = ""
    parts: tuple[str, ...] = ()
