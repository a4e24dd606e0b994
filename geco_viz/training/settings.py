"""How to train: the settings of a recipe, checked."""

from __future__ import annotations

from dataclasses import dataclass

from geco_viz._checks import integer, number

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """How to train: everything of a recipe that is neither model, data nor objective.

    Attributes:
        lr: Adam's learning rate at the start.
        betas: Adam's decay rates.
        clip: largest norm of the gradient.
        batch: data per step; at most the whole set.
        samples: posterior samples per datum.
        decay: of the weight average.
        threads: torch threads of whoever steps; two on a busy machine wait for each other.
        noise: width b, data units, of the uniform noise that is added to the pixels of each batch,
            which bounds the density learned by 1/b a pixel; 0 for none.
        bits: of the pixels in each batch, 1 to 8, as reduced bit depth; 0 leaves them as they are.

    The last two are the heuristics that section 2 says GECO makes needless. Training sees them,
    evaluations do not.
    """

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 10.0
    batch: int = 128
    samples: int = 1
    decay: float = 0.99
    threads: int = 1
    noise: float = 0.0
    bits: int = 0

    def __post_init__(self) -> None:
        integer("threads", self.threads, low=1)
        number("noise", self.noise, low=0, high=1)
        integer("bits", self.bits, low=0, high=8)
        number("lr", self.lr, low=0, open_low=True)
        number("clip", self.clip, low=0, open_low=True)
        integer("batch", self.batch, low=1)
        integer("samples", self.samples, low=1)
        number("decay", self.decay, low=0, high=1, open_high=True)
        if not isinstance(self.betas, tuple) or len(self.betas) != 2:
            raise ValueError(f"betas must be two numbers in [0, 1), got {self.betas!r}")
        for beta in self.betas:
            number("betas", beta, low=0, high=1, open_high=True)
