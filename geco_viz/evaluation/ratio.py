"""A density-ratio classifier: a cross-check of the marginal KL that needs no densities."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from geco_viz import _checks
from geco_viz.models import Model

__all__ = ["density_ratio_kl"]


def density_ratio_kl(
    model: Model,
    x: Tensor,
    *,
    samples: int = 20_000,
    steps: int = 1000,
    hidden: int = 64,
    generator: torch.Generator | None = None,
) -> tuple[float, float]:
    r"""KL(q(z) | prior) in nats from a classifier that tells the two apart.

    A network D trained on latents of both kinds approaches logit D = ln q(z) - ln prior(z), and
    the mean of that over fresh latents of q is the estimate. It falls short of the truth where
    the network does, and badly so above a few nats: a cross-check of `marginal_kl`, not a
    replacement. It asks nothing but samples of a model, so it serves where densities are missing.

    Args:
        model: one that has a standard normal prior.
        x: images (n, C, H, W).
        samples: latents of each kind for training, and as many again for the estimate.
        steps: of Adam, with batches of 512 of each kind.
        hidden: width of the two hidden layers.
        generator: of all random numbers; by default one that starts at 0.

    Returns:
        The estimate, and the standard error of its mean over the fresh latents: how far the
        network falls short is not in it.

    Raises:
        TypeError: a conditional model, or one that learns its prior.
        TypeError, ValueError: `x` is empty, or a number is not a whole number >= 1.

    Source: section 4.1.1; Huszar (2017) and Rosca et al. (2018) on the method.

    Example:
        >>> from geco_viz import models
        >>> model, x = models.build("vae", (1, 8, 8), latent_dim=2), torch.rand(5, 1, 8, 8)
        >>> value, error = density_ratio_kl(model, x, samples=500, steps=20)
        >>> abs(value) < 2
        True
    """
    for name, value in (("samples", samples), ("steps", steps), ("hidden", hidden)):
        _checks.integer(name, value, low=1)
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(f"x must hold at least one datum, got shape {tuple(x.shape)}")
    if getattr(model, "conditional", False) or not getattr(model, "has_aggregate", True):
        raise TypeError(
            "model must have the standard normal prior for a density ratio, got "
            f"{type(model).__name__}, which learns its own or depends on a context"
        )
    random = torch.Generator(device=x.device).manual_seed(0) if generator is None else generator
    kinds = [_latents(model, x, samples, random) for _ in range(2)]
    dim = kinds[0].shape[1]
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        network = nn.Sequential(
            *(nn.Linear(dim, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()),
            nn.Linear(hidden, 1),
        ).to(x.device)
        adam = torch.optim.Adam(network.parameters(), lr=3e-3)
        rate = torch.optim.lr_scheduler.LinearLR(adam, 1.0, 0.05, total_iters=steps)
        for _ in range(steps):
            rows = torch.randint(samples, (512,), generator=random, device=x.device)
            other = torch.randn((512, dim), generator=random, device=x.device)
            # Softplus of -logit for q and of logit for the prior: the cross-entropy of the two.
            loss = F.softplus(-network(kinds[0][rows])).mean() + F.softplus(network(other)).mean()
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            rate.step()
    with torch.no_grad():
        logit = network(kinds[1])[:, 0]
    return float(logit.mean()), float(logit.std() / samples**0.5)


@torch.no_grad()
def _latents(model: Model, x: Tensor, count: int, random: torch.Generator) -> Tensor:
    """`count` latents of the aggregate posterior, (count, d): a random datum for each."""
    rows = torch.randint(len(x), (count,), generator=random, device=x.device)
    found = []
    for part in rows.split(1024):
        z, _ = model.encode(x[part]).sample(1, random)
        found.append(z[0])
    return torch.cat(found)
