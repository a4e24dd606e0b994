"""The diagonal Gaussian posterior, q(z|x) = N(mu(x), diag sigma(x)^2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["DiagonalGaussian", "GaussianHead", "standard_normal_log_prob"]

_LOG_2PI = math.log(2 * math.pi)


def standard_normal_log_prob(z: Tensor) -> Tensor:
    """Log-density of the prior, -(|z|^2 + d log 2 pi) / 2, in nats.

    Args:
        z: latents, (..., d).

    Returns:
        (...).

    Example:
        >>> standard_normal_log_prob(torch.zeros(1, 2))
        tensor([-1.8379])
    """
    return z.square().sum(-1).add(z.shape[-1] * _LOG_2PI).mul(-0.5)


class DiagonalGaussian:
    """A Gaussian with independent coordinates for each datum of a batch.

    Args:
        mean: (B, d).
        log_std: (B, d).

    Example:
        >>> posterior = DiagonalGaussian(torch.zeros(3, 2), torch.zeros(3, 2))
        >>> z, log_q = posterior.sample(5)
        >>> z.shape, log_q.shape, posterior.kl(z, log_q).sum().item()
        (torch.Size([5, 3, 2]), torch.Size([5, 3]), 0.0)
    """

    def __init__(self, mean: Tensor, log_std: Tensor) -> None:
        self.mean = mean
        self.log_std = log_std

    def sample(
        self, samples: int = 1, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Reparametrised samples z = mu + sigma * noise and their log-density.

        Returns:
            z (S, B, d) and log q(z|x) (S, B) in nats.
        """
        noise = torch.randn(
            (samples, *self.mean.shape),
            generator=generator,
            device=self.mean.device,
            dtype=self.mean.dtype,
        )
        z = torch.addcmul(self.mean, self.log_std.exp(), noise)
        return z, standard_normal_log_prob(noise) - self.log_std.sum(-1)

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z|x) in nats; z (..., B or 1, d) -> (..., B), so z (n, 1, d) gives all pairs."""
        noise = (z - self.mean) * (-self.log_std).exp()
        return standard_normal_log_prob(noise) - self.log_std.sum(-1)

    def kl(self, z: Tensor, log_q: Tensor) -> Tensor:
        """KL(q(z|x) | N(0, I)) in closed form, in nats, repeated for each sample: (S, B).

        sum_j (mu_j^2 + sigma_j^2 - 1) / 2 - log sigma_j; the samples only give the shape.
        """
        return self.terms().sum(-1).expand_as(log_q)

    def kl_parts(self, z: Tensor, log_q: Tensor) -> Tensor:
        """The KL of each latent, as `kl`: (S, B, d) in nats."""
        return self.terms().expand(*log_q.shape, -1)

    def terms(self) -> Tensor:
        """The KL of each latent, (B, d), in nats."""
        squares = self.mean.square() + self.log_std.mul(2).expm1()
        return 0.5 * squares - self.log_std


class GaussianHead(nn.Module):
    """Features of a batch to its `DiagonalGaussian`: one linear map.

    Args:
        features: width of the encoder's output.
        latent_dim: d.

    Example:
        >>> GaussianHead(8, 2)(torch.zeros(3, 8)).mean.shape
        torch.Size([3, 2])
    """

    def __init__(self, features: int, latent_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 2 * latent_dim)

    def forward(self, features: Tensor) -> DiagonalGaussian:
        mean, log_std = self.linear(features).chunk(2, -1)
        return DiagonalGaussian(mean, log_std)
