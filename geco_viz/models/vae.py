"""The variational autoencoder: an encoder, a posterior, a standard normal prior and a decoder."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from geco_viz import _checks
from geco_viz.models.context import no_context

__all__ = ["VAE", "Model", "Output", "Posterior"]


class Posterior(Protocol):
    """What a model's `encode` returns: q(z|x) for each datum of a batch (B data, S samples)."""

    def sample(
        self, samples: int = 1, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """z (S, B, d), differentiable in the posterior's parameters, and log q(z|x) (S, B)."""

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z|x) in nats: z (..., B or 1, d) -> (..., B)."""

    def kl(self, z: Tensor, log_q: Tensor) -> Tensor:
        """KL to the prior in nats, (S, B): closed form, or log q - log prior of each sample."""

    # Where the KL is a sum over steps or latents, `kl_parts(z, log_q)` gives its terms (S, B, P).


class Output(NamedTuple):
    """What a step of training needs.

    `x_hat` (B, C, H, W), `kl` (B,) in nats and `z` (B, d) for one sample a datum; with more, each
    has a leading dimension S. `kl_parts` (B, P), where the model has it, is the KL of each step or
    latent, in nats; its sum is `kl`.
    """

    x_hat: Tensor
    kl: Tensor
    z: Tensor
    kl_parts: Tensor | None = None


class Model(Protocol):
    """What the rest of the package asks of a model; `VAE` is one, and yours may be another.

    Two attributes may say more: `conditional`, whether it must be told a context, False where it is
    missing; `has_aggregate`, whether the posteriors of all data make a mixture with a density,
    True where it is missing.
    """

    latent_dim: int

    def encode(self, x: Tensor, context: Tensor | None = None) -> Posterior:
        """q(z|x) for a batch (B, C, H, W)."""

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """(..., d) to images (..., C, H, W) in data units."""


class VAE(nn.Module):
    """A VAE, p(z) = N(0, I), from an encoder, a posterior and a decoder of your own or of `build`.

    Args:
        encoder: module, images (B, C, H, W) to features (B, f).
        head: module, features to a `Posterior` over B data.
        decoder: module, latents (..., d) to images (..., C, H, W).
        latent_dim: d.
        config: plain data that rebuilds the model, kept as `model.config`.

    Example:
        >>> from geco_viz import models
        >>> model = models.build("vae-nvp", (1, 28, 28))
        >>> out = model(torch.rand(7, 1, 28, 28), samples=32)
        >>> out.x_hat.shape, out.kl.shape, out.z.shape
        (torch.Size([32, 7, 1, 28, 28]), torch.Size([32, 7]), torch.Size([32, 7, 2]))
        >>> model.sample(4).shape
        torch.Size([4, 1, 28, 28])
    """

    conditional = False
    has_aggregate = True

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        decoder: nn.Module,
        latent_dim: int,
        config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.decoder = decoder
        self.latent_dim = latent_dim
        self.config = {} if config is None else config

    def encode(self, x: Tensor, context: Tensor | None = None) -> Posterior:
        """q(z|x) for a batch of images (B, C, H, W).

        Raises:
            ValueError: `context` is given; this model has no use for one.
        """
        no_context(context)
        return self.head(self.encoder(x))

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """Images (..., C, H, W) in data units from latents (..., d).

        Raises:
            ValueError: `context` is given; this model has no use for one.
        """
        no_context(context)
        return self.decoder(z)

    def forward(
        self,
        x: Tensor,
        context: Tensor | None = None,
        samples: int = 1,
        generator: torch.Generator | None = None,
    ) -> Output:
        """Reconstructions, KL and latents of a batch, from `samples` posterior samples a datum.

        Raises:
            TypeError, ValueError: `samples` is not a whole number >= 1; `context` is given.
        """
        samples = _checks.integer("samples", samples, low=1)
        posterior = self.encode(x, context)
        z, log_q = posterior.sample(samples, generator)
        split = getattr(posterior, "kl_parts", None)
        parts = None if split is None else split(z, log_q)
        kl = posterior.kl(z, log_q) if parts is None else parts.sum(-1)
        if samples == 1:
            z, kl = z.squeeze(0), kl.squeeze(0)
            parts = None if parts is None else parts.squeeze(0)
        return Output(self.decode(z, context), kl, z, parts)

    def sample(
        self,
        n: int,
        context: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Images (n, C, H, W) decoded from samples of the prior.

        Raises:
            TypeError, ValueError: `n` is not a whole number >= 1; `context` is given.
        """
        n = _checks.integer("n", n, low=1)
        like = next(self.parameters())
        z = torch.randn(
            (n, self.latent_dim), generator=generator, device=like.device, dtype=like.dtype
        )
        return self.decode(z, context)
