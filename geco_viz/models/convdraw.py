"""ConvDRAW: a VAE that draws on a canvas in several steps, each with latents of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from geco_viz import _checks
from geco_viz.models.clipped import clipped
from geco_viz.models.context import ContextEncoder, check_context, no_context
from geco_viz.models.convlstm import ConvLSTM
from geco_viz.models.cvae import gaussian_kl
from geco_viz.models.decoders import Shape
from geco_viz.models.gaussian import DiagonalGaussian
from geco_viz.models.vae import Output

__all__ = ["ConvDRAW", "ConvDRAWPosterior"]

_WIDEST = 3.0  # bound on a log standard deviation; between e^-3 and e^3 lies all that is of use


class _Drawing(NamedTuple):
    """What a pass through all steps gives: canvas (B, c, h, w), and for each step the latents
    (B, d/T), log q (B,) and the KL (B,)."""

    canvas: Tensor
    z: list[Tensor]
    log_q: list[Tensor]
    kl: list[Tensor]


class ConvDRAW(nn.Module):
    r"""Convolutional DRAW with a learned prior, conditional or not.

    With a canvas r, decoder state h_d and encoder state h_e, each step t is

    .. math::
        \epsilon &= x - [r_{t-1}] \\
        h_e &= \mathrm{ConvLSTM}([x, \epsilon, h_d], h_e), \qquad
        q(z_t) = \mathcal N(W_q * h_e), \quad p(z_t) = \mathcal N(W_p * h_d) \\
        h_d &= \mathrm{ConvLSTM}([z_t, r_{t-1}], h_d), \qquad r_t = r_{t-1} + W_r * h_d

    where [r] is the canvas clipped to [0, 1] (`clipped`). The reconstruction is :math:`[r_T]`, the
    KL :math:`\sum_t \mathrm{KL}(q(z_t) \| p(z_t))`, each in closed form. A sample draws a fresh z_t
    from p at every step. A context enters both LSTMs' gates and the decoder's initial state, hence
    the prior of step 1 too.

    Images, residuals and the canvas are cut into blocks of `block` x `block` pixels, whose pixels
    become channels, so that all convolutions work on H / block x W / block places.

    Args:
        shape: (C, H, W); sizes that `block` does not divide are padded inside.
        steps: T.
        hidden: channels of both LSTMs.
        latents: channels of z_t.
        block: side of a block, pixels.
        kernel: width of the LSTMs' convolutions, odd.
        context: `ContextEncoder` of a conditional model, or None.
        config: plain data that rebuilds the model.

    There is no density q(z|x) of z alone that could be averaged over the data: q(z_t) depends on
    the earlier draws. `has_aggregate` says so, and evaluations that need it refuse.

    Source: Gregor et al. (2016); section 4.1. The paper gives no sizes; those of `build`, and
    blocks instead of strided convolutions, are ours.

    Example:
        >>> from geco_viz import models
        >>> model = models.build("convdraw", (1, 28, 28), size="tiny")
        >>> out = model(torch.rand(5, 1, 28, 28))
        >>> out.x_hat.shape, out.kl.shape, out.kl_parts.shape  # a KL for each of the four steps
        (torch.Size([5, 1, 28, 28]), torch.Size([5]), torch.Size([5, 4]))
        >>> model.sample(3).shape
        torch.Size([3, 1, 28, 28])
    """

    has_aggregate = False

    def __init__(
        self,
        shape: Shape,
        steps: int,
        hidden: int,
        latents: int,
        block: int = 4,
        kernel: int = 3,
        context: ContextEncoder | None = None,
        config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.steps, self.block = shape, steps, block
        self.config = {} if config is None else config
        channels = shape[0] * block**2
        self.grid = (math.ceil(shape[1] / block), math.ceil(shape[2] / block))
        self.per_step = latents * math.prod(self.grid)
        self.latent_dim = steps * self.per_step
        told = 0 if context is None else context.features
        self.context = context
        self.encoder = ConvLSTM(2 * channels + hidden, hidden, kernel, told)
        self.decoder = ConvLSTM(latents + channels, hidden, kernel, told)
        self.posterior = nn.Conv2d(hidden, 2 * latents, 3, padding=1)
        self.prior = nn.Conv2d(hidden, 2 * latents, 3, padding=1)
        self.write = nn.Conv2d(hidden, channels, 3, padding=1)
        self.start = nn.Parameter(0.1 * torch.randn(2, hidden, *self.grid))
        if context is not None:
            self.start_told = nn.Linear(told, 2 * hidden * math.prod(self.grid))

    @property
    def conditional(self) -> bool:
        """Whether the model must be told a context."""
        return self.context is not None

    def encode(self, x: Tensor, context: Tensor | None = None) -> ConvDRAWPosterior:
        """q(z_1, ..., z_T|x) for a batch (B, C, H, W), to be sampled step by step.

        Raises:
            ValueError: `context` is missing, or given to a model that is not conditional, or of
                another shape.
        """
        return ConvDRAWPosterior(self, x, self._told(context, len(x)))

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """Images (..., C, H, W) in data units from latents (..., d), all steps side by side.

        With a context (B, ...), z is (..., B or 1, d), or (d,) with one context.

        Raises:
            ValueError: as `encode`.
        """
        if z.ndim == 1:
            return self.decode(z[None], context)[0]
        told = self._told(context, None if z.shape[-2] == 1 else z.shape[-2])
        if told is not None:
            told = told.expand(*z.shape[:-2], max(z.shape[-2], len(told)), -1)
            z = z.expand(*told.shape[:-1], -1)
            told = told.reshape(-1, told.shape[-1])
        rows = z.reshape(-1, self.latent_dim)
        canvas = self.draw(None, told, len(rows), given=rows.split(self.per_step, -1)).canvas
        return self._image(canvas).unflatten(0, z.shape[:-1])

    def forward(
        self,
        x: Tensor,
        context: Tensor | None = None,
        samples: int = 1,
        generator: torch.Generator | None = None,
    ) -> Output:
        """Reconstructions, KL, latents and the KL of each step, as `VAE`.

        Raises:
            TypeError, ValueError: `samples` is not a whole number >= 1; `context` as `encode`.
        """
        samples = _checks.integer("samples", samples, low=1)
        told = self._told(context, len(x))
        rows, told = repeated(samples, x, told)
        made = self.draw(rows, told, len(rows), generator)
        parts = torch.stack(made.kl, -1)
        out = Output(self._image(made.canvas), parts.sum(-1), torch.cat(made.z, -1), parts)
        if samples == 1:
            return out
        return Output(*(v.unflatten(0, (samples, len(x))) for v in out if v is not None))

    def sample(
        self,
        n: int,
        context: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Images (n, C, H, W), with a fresh z_t from the prior of each step.

        Args:
            n: how many.
            context: (n, ...) or (1, ...), of a conditional model.
            generator: of the draws.

        Raises:
            TypeError, ValueError: `n` is not a whole number >= 1; `context` as `encode`.
        """
        n = _checks.integer("n", n, low=1)
        told = self._told(context, n)
        if told is not None:
            told = told.expand(n, -1)
        return self._image(self.draw(None, told, n, generator).canvas)

    def draw(
        self,
        x: Tensor | None,
        told: Tensor | None,
        count: int,
        generator: torch.Generator | None = None,
        given: Iterable[Tensor] | None = None,
    ) -> _Drawing:
        """All steps: z_t from q where there is an x, else from p; or as `given`."""
        h, c = (part.expand(count, -1, -1, -1) for part in self.start)
        if told is not None:
            first = self.start_told(told).unflatten(-1, (2, -1, *self.grid))
            h, c = h + first[:, 0], c + first[:, 1]
        blocks = None if x is None else self._blocks(x)
        canvas = h.new_zeros(count, self.write.out_channels, *self.grid)
        seen = (torch.zeros_like(h), torch.zeros_like(c))  # the encoder's state
        to_encoder, to_decoder = self.encoder.told(told), self.decoder.told(told)
        latents = [None] * self.steps if given is None else list(given)
        made = _Drawing(canvas, [], [], [])
        for z in latents:
            prior = source = None
            if z is None or blocks is not None:
                prior = source = _gaussian(self.prior(h))
            if blocks is not None:
                residual = blocks - clipped(canvas)
                seen = self.encoder(torch.cat((blocks, residual, h), 1), seen, to_encoder)
                source = _gaussian(self.posterior(seen[0]))
                assert prior is not None
                made.kl.append(gaussian_kl(source, prior).sum(-1))
            if z is None:
                assert source is not None
                drawn, log_q = source.sample(1, generator)
                z = drawn[0]
                made.log_q.append(log_q[0])
            made.z.append(z)
            u = torch.cat((z.unflatten(-1, (-1, *self.grid)), canvas), 1)
            h, c = self.decoder(u, (h, c), to_decoder)
            canvas = canvas + self.write(h)
        return made._replace(canvas=canvas)

    def _told(self, context: Tensor | None, count: int | None) -> Tensor | None:
        if self.context is None:
            no_context(context)
            return None
        features = self.context(check_context(context, self.context.shape, count))
        return features if count is None else features.expand(count, -1)

    def _blocks(self, x: Tensor) -> Tensor:
        bottom = self.grid[0] * self.block - self.shape[1]
        right = self.grid[1] * self.block - self.shape[2]
        return F.pixel_unshuffle(F.pad(x, (0, right, 0, bottom)), self.block)

    def _image(self, canvas: Tensor) -> Tensor:
        image = F.pixel_shuffle(canvas, self.block)[..., : self.shape[1], : self.shape[2]]
        return clipped(image)


class ConvDRAWPosterior:
    """q(z|x) of a batch: a chain of Gaussians, each of which depends on the draws before it.

    It has no `log_prob`: to score a latent under another datum would take a pass through all
    steps for each pair, and under the prior, which is a chain as well, another.

    Args:
        model: the `ConvDRAW`.
        x: (B, C, H, W).
        told: the context's features (B, f), or None.
    """

    def __init__(self, model: ConvDRAW, x: Tensor, told: Tensor | None) -> None:
        self._model, self._x, self._told = model, x, told
        self._last: tuple[Tensor, Tensor] | None = None

    def sample(
        self, samples: int = 1, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Reparametrised z (S, B, d), the steps side by side, and log q(z|x) (S, B) in nats."""
        rows, told = repeated(samples, self._x, self._told)
        made = self._model.draw(rows, told, len(rows), generator)
        shape = (samples, len(self._x))
        z = torch.cat(made.z, -1).unflatten(0, shape)
        self._last = z, torch.stack(made.kl, -1).unflatten(0, shape)
        return z, torch.stack(made.log_q).sum(0).unflatten(0, shape)

    def kl(self, z: Tensor, log_q: Tensor) -> Tensor:
        """The sum over steps of KL(q(z_t) | p(z_t)) along each sample, (S, B) in nats."""
        return self.kl_parts(z, log_q).sum(-1)

    def kl_parts(self, z: Tensor, log_q: Tensor) -> Tensor:
        """KL(q(z_t) | p(z_t)) of each step along each sample, (S, B, T) in nats, never negative."""
        if self._last is None or self._last[0] is not z:
            rows, told = repeated(len(z), self._x, self._told)
            given = z.flatten(0, 1).split(self._model.per_step, -1)
            made = self._model.draw(rows, told, len(rows), given=given)
            self._last = z, torch.stack(made.kl, -1).unflatten(0, z.shape[:2])
        return self._last[1]


def repeated(samples: int, x: Tensor, told: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Data and features, each datum once for every sample, (S * B, ...)."""
    if samples == 1:
        return x, told
    return x.repeat(samples, 1, 1, 1), None if told is None else told.repeat(samples, 1)


def _gaussian(maps: Tensor) -> DiagonalGaussian:
    """A Gaussian over flattened latents, (B, d/T), from maps of means and log-deviations."""
    mean, raw = maps.chunk(2, 1)
    log_std = _WIDEST * torch.tanh(raw / _WIDEST)
    return DiagonalGaussian(mean.flatten(1), log_std.flatten(1))
