"""The conditional NVP posterior: affine couplings whose shifts and scales depend on the datum.

The paper's Micro-MNIST posterior (section 4.2, after Dinh et al., 2017). The features of a datum
are projected once, by one matrix product for all couplings, and not again for each of its samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from geco_viz.models.gaussian import standard_normal_log_prob

__all__ = ["ConditionalNVP", "Coupling", "NVPPosterior"]


class Coupling(nn.Module):
    """Log-scale s and shift t of y = b * exp(s) + t, from the other coordinates a and a context.

    (r, t) = W_2 SiLU(W_1 a + context) + c and s = 2 tanh(r / 2), at most 2 in size.

    Args:
        given: number of coordinates a, which pass unchanged.
        moved: number of coordinates b, which are transformed.
        hidden: width of the hidden layer.
    """

    def __init__(self, given: int, moved: int, hidden: int) -> None:
        super().__init__()
        self.moved = moved
        self.first = nn.Linear(given, hidden, bias=False)  # the context brings the bias
        self.last = nn.Linear(hidden, 2 * moved)

    def forward(self, a: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """s and t, (..., B, moved) each, from a (..., B or 1, given) and context (B, hidden)."""
        r, shift = self.last(F.silu(self.first(a) + context)).chunk(2, -1)
        return torch.tanh(r * 0.5) * 2, shift


class NVPPosterior:
    """q(z|x) for each datum of a batch: standard normal noise through the couplings.

    log q(z|x) = log N(noise; 0, I) - log |dz / dnoise|.

    Args:
        couplings: the layers, from noise to z; they move the two parts of z in turn.
        contexts: each layer's projected context, (B, hidden).
        latent_dim: d.

    Example:
        >>> posterior = ConditionalNVP(features=8, latent_dim=2)(torch.zeros(3, 8))
        >>> z, log_q = posterior.sample(5)
        >>> torch.allclose(posterior.log_prob(z), log_q, atol=1e-4)
        True
        >>> posterior.log_prob(z.unsqueeze(-2)).shape  # each sample under each of the three
        torch.Size([5, 3, 3])
    """

    def __init__(
        self, couplings: Sequence[Coupling], contexts: Sequence[Tensor], latent_dim: int
    ) -> None:
        self._steps = list(zip(couplings, contexts, strict=True))
        self._dim = latent_dim

    def sample(
        self, samples: int = 1, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Reparametrised samples z (S, B, d) and log q(z|x) (S, B) in nats."""
        like = self._steps[0][1]
        noise = torch.randn(
            (samples, like.shape[0], self._dim),
            generator=generator,
            device=like.device,
            dtype=like.dtype,
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
        a, b = noise.tensor_split([self._dim // 2], -1)
        scales = []
        for coupling, context in self._steps:
            scale, shift = coupling(a, context)
            a, b = torch.addcmul(shift, b, scale.exp()), a
            scales.append(scale)
        return torch.cat((a, b), -1), torch.cat(scales, -1).sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z (..., B or 1, d) to noise (..., B, d), and log |dnoise / dz| (..., B)."""
        a, b = z.tensor_split([self._steps[-1][0].moved], -1)
        scales = []
        for coupling, context in reversed(self._steps):
            scale, shift = coupling(b, context)
            a, b = b, (a - shift) * (-scale).exp()
            scales.append(scale)
        return torch.cat((a, b), -1), -torch.cat(scales, -1).sum(-1)


class ConditionalNVP(nn.Module):
    """Features of a batch to its `NVPPosterior`.

    Args:
        features: width of the encoder's output.
        latent_dim: d, 2 or more.
        couplings: number of couplings, 2 or more, so that each coordinate moves.
        hidden: width of each coupling's hidden layer.

    Example:
        >>> ConditionalNVP(features=8, latent_dim=3)(torch.zeros(4, 8)).sample(5)[0].shape
        torch.Size([5, 4, 3])
    """

    def __init__(
        self, features: int, latent_dim: int, couplings: int = 8, hidden: int = 32
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.hidden = hidden
        self.context = nn.Linear(features, couplings * hidden)
        small, large = latent_dim // 2, latent_dim - latent_dim // 2
        self.couplings = nn.ModuleList(
            Coupling(large, small, hidden) if k % 2 else Coupling(small, large, hidden)
            for k in range(couplings)
        )

    def forward(self, features: Tensor) -> NVPPosterior:
        contexts = self.context(features).split(self.hidden, -1)
        return NVPPosterior(list(self.couplings), contexts, self.latent_dim)  # type: ignore[arg-type]
