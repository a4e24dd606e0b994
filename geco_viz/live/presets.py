"""Presets: situations that teach, each a specification of a run and what to look for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from geco_viz.constraints import RE, Constraint
from geco_viz.geco import GECO
from geco_viz.objectives import ELBO, Annealed, BetaVAE, Objective

__all__ = ["PRESETS", "Preset"]


@dataclass(frozen=True)
class Preset:
    """A situation to start from.

    Attributes:
        name: in the menu.
        objective: makes the objective, or the constraint of a GECO, fresh for each run.
        look: what to look for, for the status line.
        model: a name, or a configuration for `models.build`.
        settings: what differs from the recipe.
    """

    name: str
    objective: Callable[[], Objective | Constraint]
    look: str
    model: Any = "vae-nvp"
    settings: tuple[tuple[str, Any], ...] = ()


PRESETS = (
    Preset(
        "Paper Fig. 8: GECO, κ = 0.05",
        lambda: RE(kappa=0.05),
        "The error falls to κ, then the KL falls to the limit and the tiles tighten.",
    ),
    Preset(
        "Paper Fig. 8: ELBO, learned σ",
        ELBO,
        "σ shrinks, the KL stays far above ln 7 = 1.95 nats, and holes open between the tiles.",
    ),
    Preset(
        "κ too tight",
        lambda: RE(kappa=0.02),
        "Three units before the decoder's last layer cannot draw seven digits to κ = 0.02: "
        "λ climbs to its cap and stays there.",
        model={"name": "vae-nvp", "decoder": [128, 128, 3]},
    ),
    Preset(
        "Posterior collapse: κ = 0.25",
        lambda: RE(kappa=0.25),
        "The mean image already meets κ, so the KL falls to 0 and the tiles merge into one.",
    ),
    Preset(
        "Algorithm 1 to the letter",
        lambda: GECO(RE(kappa=0.05), normalise=False),
        "Undivided loss, slow average: λ winds up, overshoots and takes thousands of steps.",
    ),
    Preset(
        "β-VAE, β = 0.5",
        lambda: BetaVAE(beta=0.5),
        "β sets a price and not an error: where the error ends up is found out afterwards.",
    ),
    Preset(
        "Hand-annealed σ, 2.0 to 0.7",
        lambda: Annealed(steps=2000),
        "The schedule decides when to reconstruct, whatever the model is ready for.",
    ),
)
