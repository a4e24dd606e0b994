"""How large and how long: the paper's settings where it states them, and smaller ones beside."""

from __future__ import annotations

from typing import Any

from geco_viz.reproduce.experiment import by_preset

__all__ = [
    "KAPPAS",
    "PAPER_STEPS",
    "annealed",
    "convdraw",
    "geco",
    "kappas",
    "nvp",
    "seeds",
    "steps",
]

KAPPAS = [0.06, 0.08, 0.1, 0.125, 0.175]  # figure 4
PAPER_STEPS = 200_000  # our assumption: the paper gives no iteration counts
ALPHA = 0.99  # section 4.1
UNCLIPPED = 1e9  # norm of the gradient, never reached


def seeds(preset: str) -> list[int]:
    """One on a laptop, three in the others."""
    found: list[int] = by_preset(preset, [0], [0, 1, 2], [0, 1, 2])
    return found


def kappas(preset: str) -> list[float]:
    """Figure 4's list, or the three of it that a small model reaches in minutes."""
    found: list[float] = by_preset(preset, KAPPAS[2:], KAPPAS, KAPPAS)
    return found


def steps(preset: str, laptop: int) -> int:
    """Training steps."""
    count: int = by_preset(preset, laptop, 20_000, PAPER_STEPS)
    return count


def convdraw(preset: str, conditional: bool = False, laptop: int = 600) -> dict[str, Any]:
    """ConvDRAW at the preset's size: Adam at 1e-5 in the paper, the recipe's rate elsewhere."""
    name = "convdraw-conditional" if conditional else "convdraw"
    size = by_preset(preset, "tiny", "small", "paper")
    rate = by_preset(preset, {}, {}, {"lr": 1e-5})
    return {"model": {"name": name, "size": size}, "steps": steps(preset, laptop), **rate}


def nvp(preset: str, laptop: int = 1500) -> dict[str, Any]:
    """VAE+NVP with a convolutional decoder: Adam at 1e-6 in the paper."""
    size = by_preset(preset, "tiny", "small", "paper")
    rate = by_preset(preset, {}, {}, {"lr": 1e-6})
    model = {"name": "conv-vae-nvp", "size": size}
    return {"model": model, "steps": steps(preset, laptop), **rate}


def geco(preset: str) -> dict[str, Any]:
    """GECO's own settings: Algorithm 1 to the letter in the paper's preset, the recipe's elsewhere.

    To the letter: C summed over pixels, the average in its value, lambda from 1, no division of the
    loss, and no clip of C or of the gradient. With the recipe's normalised constraint alpha = .99
    breaks its own stability rule, nu s / (1 - alpha) below about 1, 10 to 70 times over.
    """
    if preset != "paper":
        return {}
    letter = {"name": "geco", "normalise": False, "alpha": ALPHA}
    return {"objective": letter, "clip": UNCLIPPED}


def annealed(preset: str, made: int) -> dict[str, Any]:
    """The hand-annealed baseline: sigma from 2 to .7, over 2e5 steps or over the whole run."""
    return {"name": "annealed", "steps": by_preset(preset, made, made, PAPER_STEPS)}
