"""The conditional VAE: encoder, prior and decoder are all told the context."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from geco_viz import _checks
from geco_viz.models.context import ContextEncoder, check_context, rows_of
from geco_viz.models.gaussian import DiagonalGaussian, GaussianHead
from geco_viz.models.vae import VAE

__all__ = ["CVAE", "RelativeGaussian", "gaussian_kl"]


def gaussian_kl(q: DiagonalGaussian, p: DiagonalGaussian) -> Tensor:
    r"""KL(q | p) of each coordinate, in nats and in closed form, never negative.

    .. math:: \ln \frac{\sigma_p}{\sigma_q}
        + \frac{\sigma_q^2 + (\mu_q - \mu_p)^2}{2 \sigma_p^2} - \frac12

    Example:
        >>> zero, one = torch.zeros(1), torch.ones(1)
        >>> gaussian_kl(DiagonalGaussian(one, zero), DiagonalGaussian(zero, zero))
        tensor([0.5000])
    """
    ratio = q.log_std - p.log_std
    distance = (q.mean - p.mean) * (-p.log_std).exp()
    # expm1 keeps the digits where the two nearly agree.
    return 0.5 * ((2 * ratio).expm1() + distance.square()) - ratio


class RelativeGaussian(DiagonalGaussian):
    """q(z|x, context) with its KL to a prior of its own, p(z|context), instead of N(0, I).

    Args:
        q, p: Gaussians over (B, d).

    Example:
        >>> q = DiagonalGaussian(torch.ones(3, 2), torch.zeros(3, 2))
        >>> relative = RelativeGaussian(q, q)
        >>> relative.kl(*relative.sample(5)).abs().max()
        tensor(0.)
    """

    def __init__(self, q: DiagonalGaussian, p: DiagonalGaussian) -> None:
        super().__init__(q.mean, q.log_std)
        self.prior = p

    def terms(self) -> Tensor:
        """The KL of each latent, (B, d), in nats."""
        return gaussian_kl(self, self.prior)


class CVAE(VAE):
    r"""A VAE told a context y: q(z|x, y), a learned prior p(z|y) and a decoder g(z, y).

    .. math:: \mathrm{KL}\left[ q(z \mid x, y) \,\|\, p(z \mid y) \right], \qquad \hat x = g(z, y)

    Args:
        encoder: module, images (B, C, H, W) to features (B, f).
        context: `ContextEncoder`, contexts to features (B, c).
        decoder: module, (..., d + c) to images (..., C, H, W).
        latent_dim: d.

    The prior starts as N(0, I) for every context. There is no aggregate posterior to speak of,
    since posterior and prior both depend on the context.

    Source: Sohn et al. (2015); section 4.1's conditional case.

    Example:
        >>> from geco_viz import models
        >>> model = models.build("cvae", (1, 28, 28), context_shape=(2, 28, 28))
        >>> x, context = torch.rand(4, 1, 28, 28), torch.rand(4, 2, 28, 28)
        >>> model(x, context).kl.shape, model.sample(4, context).shape
        (torch.Size([4]), torch.Size([4, 1, 28, 28]))
    """

    conditional = True
    has_aggregate = False

    def __init__(
        self,
        encoder: nn.Module,
        context: ContextEncoder,
        decoder: nn.Module,
        latent_dim: int,
        features: int,
        config: dict[str, Any] | None = None,
    ) -> None:
        head = GaussianHead(features + context.features, latent_dim)
        super().__init__(encoder, head, decoder, latent_dim, config)
        self.context = context
        self.prior = GaussianHead(context.features, latent_dim)
        nn.init.zeros_(self.prior.linear.weight)
        nn.init.zeros_(self.prior.linear.bias)

    def encode(self, x: Tensor, context: Tensor | None = None) -> RelativeGaussian:
        """q(z|x, context) for a batch, with the prior p(z|context) for its KL.

        Raises:
            ValueError: `context` is missing or of another shape.
        """
        told = self._told(context, len(x)).expand(len(x), -1)
        q = self.head(torch.cat((self.encoder(x), told), -1))
        return RelativeGaussian(q, self.prior(told))

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """Images (..., B, C, H, W) from latents (..., B or 1, d) and contexts (B, ...).

        A single latent (d,) takes a single context (1, ...) and gives (C, H, W).

        Raises:
            ValueError: `context` is missing or of another shape.
        """
        if z.ndim == 1:
            return self.decode(z[None], context)[0]
        told = self._told(context, None if z.shape[-2] == 1 else z.shape[-2])
        rows = rows_of(told, z)
        return self.decoder(torch.cat((z.expand(*rows.shape[:-1], -1), rows), -1))

    def sample(
        self,
        n: int,
        context: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Images (n, C, H, W) from the prior of each of n contexts, or of the one that is given.

        Raises:
            TypeError, ValueError: `n` is not a whole number >= 1; `context` is missing or has
                neither n entries nor one.
        """
        n = _checks.integer("n", n, low=1)
        told = self._told(context, n)
        prior: DiagonalGaussian = self.prior(told.expand(n, -1))
        z, _ = prior.sample(1, generator)
        return self.decode(z[0], context)

    def _told(self, context: Tensor | None, count: int | None) -> Tensor:
        return self.context(check_context(context, self.context.shape, count))
