"""The conditional NVP posterior: affine couplings whose shifts and scales depend on the datum.

The paper's Micro-MNIST posterior (section 4.2, after Dinh et al., 2017). The features of a datum
are projected once, by one matrix product for all couplings, and not again for each of its samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from geco_viz.models.gaussian import standard_normal_log_prob

__all__ = ["BOUND", "ConditionalNVP", "Coupling", "NVPPosterior"]

BOUND = 4.0  # of a coupling's input; 6e-5 of the noise lies beyond it, and stays near by it


class Coupling(nn.Module):
    """Log-scale s and shift t of y = b * exp(s) + t, from the other coordinates a and a context.

    (r, t) = SiLU(a' W_1 + context) W_2 + c and s = 2 tanh(r / 2), at most 2 in size, with
    a' = bound tanh(a / bound). Without a bound t grows with a, and eight couplings throw a few
    samples in a million to |z| of a thousand, which batches do not see and which carry the KL.

    Args:
        given: number of coordinates a, which pass unchanged.
        moved: number of coordinates b, which are transformed.
        hidden: width of the hidden layer.
        bound: of a where it enters; None for no bound, as in models of 0.1.
    """

    def __init__(self, given: int, moved: int, hidden: int, bound: float | None = BOUND) -> None:
        super().__init__()
        self.moved, self.bound = moved, bound
        self.first = nn.Parameter(torch.empty(given, hidden))  # the context brings its bias
        self.last = nn.Parameter(torch.empty(hidden, 2 * moved))
        self.bias = nn.Parameter(torch.empty(2 * moved))
        for parameter, width in ((self.first, given), (self.last, hidden), (self.bias, hidden)):
            nn.init.uniform_(parameter, -(width**-0.5), width**-0.5)

    def forward(self, a: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """s and t, (..., moved) each, from a (..., given) and a context that broadcasts with it."""
        if self.bound is not None:
            a = torch.tanh(a * (1 / self.bound)) * self.bound
        # Training comes with rows, where one addmm does the work of three operations: on a CPU
        # their number is most of what a small flow costs.
        if a.ndim == 2 and len(a) == len(context):
            r, shift = torch.addmm(
                self.bias, F.silu(torch.addmm(context, a, self.first)), self.last
            ).chunk(2, -1)
        else:
            r, shift = (F.silu(a @ self.first + context) @ self.last + self.bias).chunk(2, -1)
        return torch.tanh(r * 0.5) * 2, shift


class NVPPosterior:
    """q(z|x) for each datum of a batch: standard normal noise through the couplings.

    log q(z|x) = log N(noise; 0, I) - log |dz / dnoise|.

    Args:
        couplings: the layers, from noise to z; they move the two parts of z in turn.
        context: the projected features of all layers side by side, (B, layers * hidden).
        latent_dim: d.

    Example:
        >>> posterior = ConditionalNVP(features=8, latent_dim=2)(torch.zeros(3, 8))
        >>> z, log_q = posterior.sample(5)
        >>> torch.allclose(posterior.log_prob(z), log_q, atol=1e-4)
        True
        >>> posterior.log_prob(z.unsqueeze(-2)).shape  # each sample under each of the three
        torch.Size([5, 3, 3])
    """

    def __init__(self, couplings: Sequence[Coupling], context: Tensor, latent_dim: int) -> None:
        self._couplings = couplings
        self._context = context
        self._dim = latent_dim

    def sample(
        self, samples: int = 1, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Reparametrised samples z (S, B, d) and log q(z|x) (S, B) in nats."""
        noise = torch.randn(
            (samples, len(self._context), self._dim),
            generator=generator,
            device=self._context.device,
            dtype=self._context.dtype,
        )
        z, log_det = self.transform(noise)
        return z, standard_normal_log_prob(noise) - log_det

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z|x) in nats; z (..., B or 1, d) -> (..., B), so z (n, 1, d) gives all pairs."""
        noise, log_det = self.inverse(z)
        return standard_normal_log_prob(noise) + log_det

    def kl(self, z: Tensor, log_q: Tensor) -> Tensor:
        """log q(z|x) - log prior(z) of each sample, (S, B) in nats.

        Its mean estimates the KL; a single sample may well be negative.
        """
        return log_q - standard_normal_log_prob(z)

    def transform(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Noise (..., B, d) to z, and log |dz / dnoise| (..., B)."""
        shape = noise.shape[:-1]
        rows = self._context.expand(*shape, -1).reshape(-1, self._context.shape[-1])
        a, b = noise.reshape(-1, self._dim).tensor_split([self._dim // 2], -1)
        scales = []
        for coupling, context in zip(self._couplings, self._parts(rows), strict=True):
            scale, shift = coupling(a, context)
            a, b = torch.addcmul(shift, b, scale.exp()), a
            scales.append(scale)
        log_det = torch.cat(scales, -1).sum(-1)
        return torch.cat((a, b), -1).unflatten(0, shape), log_det.unflatten(0, shape)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z (..., B or 1, d) to noise (..., B, d), and log |dnoise / dz| (..., B)."""
        a, b = z.tensor_split([self._couplings[-1].moved], -1)
        scales = []
        parts = self._parts(self._context)
        for coupling, context in zip(reversed(self._couplings), reversed(parts), strict=True):
            scale, shift = coupling(b, context)
            a, b = b, (a - shift) * (-scale).exp()
            scales.append(scale)
        return torch.cat((a, b), -1), -torch.cat(scales, -1).sum(-1)

    def _parts(self, context: Tensor) -> tuple[Tensor, ...]:
        return context.chunk(len(self._couplings), -1)


class ConditionalNVP(nn.Module):
    """Features of a batch to its `NVPPosterior`.

    Args:
        features: width of the encoder's output.
        latent_dim: d, 2 or more.
        couplings: number of couplings, 2 or more, so that each coordinate moves.
        hidden: width of each coupling's hidden layer.
        bound: of each coupling's input, a standard deviation of noise being 1; None for none.

    Example:
        >>> ConditionalNVP(features=8, latent_dim=3)(torch.zeros(4, 8)).sample(5)[0].shape
        torch.Size([5, 4, 3])
    """

    def __init__(
        self,
        features: int,
        latent_dim: int,
        couplings: int = 8,
        hidden: int = 32,
        bound: float | None = BOUND,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.context = nn.Linear(features, couplings * hidden)
        small, large = latent_dim // 2, latent_dim - latent_dim // 2
        self.couplings = nn.ModuleList(
            Coupling(*((large, small) if k % 2 else (small, large)), hidden, bound)
            for k in range(couplings)
        )

    def forward(self, features: Tensor) -> NVPPosterior:
        couplings = cast(Sequence[Coupling], self.couplings)
        return NVPPosterior(couplings, self.context(features), self.latent_dim)
