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
    rate = {"lr": 1e-5} if preset == "paper" else {}
    return {"model": {"name": name, "size": size}, "steps": steps(preset, laptop), **rate}


def nvp(preset: str, laptop: int = 1500) -> dict[str, Any]:
    """VAE+NVP with a convolutional decoder: Adam at 1e-6 in the paper."""
    size = by_preset(preset, "tiny", "small", "paper")
    rate = {"lr": 1e-6} if preset == "paper" else {}
    model = {"name": "conv-vae-nvp", "size": size}
    return {"model": model, "steps": steps(preset, laptop), **rate}


def geco(preset: str) -> dict[str, Any]:
    """GECO's own settings: the paper's alpha in its preset, the recipe's elsewhere."""
    return {"alpha": ALPHA} if preset == "paper" else {}


def annealed(preset: str, made: int) -> dict[str, Any]:
    """The hand-annealed baseline: sigma from 2 to .7, over 2e5 steps or over the whole run."""
    return {"name": "annealed", "steps": PAPER_STEPS if preset == "paper" else made}
