"""Looking at a model without disturbing it: pictures, a probe, an evaluation."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from geco_viz.constraints import Constraint
from geco_viz.data import Dataset
from geco_viz.training.records import Pictures, Probe

__all__ = ["Observer", "as_uint8"]

SHOWN = 10  # data in the picture grid
TILED = 100  # posterior samples a datum in the tiling, as in Fig. 8
PAIRWISE = 64  # largest set whose pairwise densities are cheap enough to look at live
OWN = 0.6  # of the say at its own codes: a datum with less has no tile, for 1/2 is a pair's
SHARED = 512  # posterior samples in all that say so
HOLE = 0.1  # q(z)/prior(z) below which z is in a hole


def as_uint8(images: Tensor) -> np.ndarray:
    """Images (..., C, H, W) in [0, 1] as uint8 (..., H, W, 1 or 3); two channels as red and green.

    Of more than three channels the first three are shown.
    """
    channels = images.shape[-3]
    if channels == 2:
        images = torch.cat((images, torch.zeros_like(images[..., :1, :, :])), -3)
    elif channels > 3:
        images = images[..., :3, :, :]
    array = images.detach().clamp(0, 1).mul(255).round().to("cpu", torch.uint8).movedim(-3, -1)
    return np.ascontiguousarray(array.numpy())


class Observer:
    """A private copy of the averaged weights, with random numbers of its own.

    Args:
        model: a copy that only the observer touches.
        x, y, context: the training set.
        labels: a name for each datum that is shown, or None.
    """

    def __init__(
        self,
        model: Any,
        x: Tensor,
        y: Tensor | None,
        context: Tensor | None,
        seed: int,
    ):
        self.model: Any = model.eval()
        self.x, self.y, self.context = x, y, context
        self.step = 0
        self.lock = threading.RLock()
        self._generator = torch.Generator(device=x.device).manual_seed(seed)

    def refresh(self, weights: nn.Module | Mapping[str, Tensor], step: int) -> None:
        """Take over other weights; the caller sees to it that they stand still."""
        theirs = weights.state_dict() if isinstance(weights, nn.Module) else weights
        with self.lock, torch.no_grad():
            for name, value in self.model.state_dict().items():
                if isinstance(value, Tensor):
                    value.copy_(theirs[name])
            self.step = step

    def _shown(self) -> tuple[Tensor, Tensor | None]:
        return self.x[:SHOWN], None if self.context is None else self.context[:SHOWN]

    @torch.no_grad()
    def pictures(self) -> Pictures:
        """Data, reconstructions, samples and the posterior's tiles at the observer's step."""
        with self.lock:
            x, context = self._shown()
            single = self.model(x, context=context, generator=self._generator)
            n = len(x)
            if context is None:
                sample = self.model.sample(n, generator=self._generator)
            else:
                sample = self.model.sample(n, context=context, generator=self._generator)
            z = self._tiles(x, context)
            mass, holes = self._masses()
            labels = [""] * n if self.y is None else [str(int(label)) for label in self.y[:n]]
            return Pictures(
                data=as_uint8(x),
                reconstruction=as_uint8(single.x_hat),
                sample=as_uint8(sample),
                labels=labels,
                z=z,
                tile_mass=mass if len(mass) == n else mass[:0],  # shares of what is shown
                holes=holes,
                step=self.step,
                context=_told(context),
            )

    @property
    def _mixes(self) -> bool:
        """Whether densities of the posteriors can be compared over the data and with the prior."""
        return (
            hasattr(self.model, "encode")
            and self.context is None
            and getattr(self.model, "has_aggregate", True)
        )

    def _tiles(self, x: Tensor, context: Tensor | None) -> np.ndarray:
        if not hasattr(self.model, "encode"):
            return np.empty((0, 0, 2), np.float32)
        posterior = self.model.encode(x, context=context)
        if not hasattr(posterior, "log_prob"):  # a chain of draws, long to make and hard to read
            return np.empty((0, 0, 2), np.float32)
        z = posterior.sample(TILED, self._generator)[0].movedim(0, 1)
        return z.cpu().numpy().astype(np.float32)

    def _pairwise(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """log q(z|x_i) for every datum, (m, n), and log q(z)/prior(z), (m,), in nats."""
        posterior = self.model.encode(self.x, context=self.context)
        log_q = posterior.log_prob(z[:, None])
        prior = -0.5 * (z.square().sum(-1) + z.shape[-1] * math.log(2 * math.pi))
        return log_q, torch.logsumexp(log_q, 1) - math.log(len(self.x)) - prior

    def _shares(self) -> Tensor:
        """E[w_i(z)] under q(z|x_i), (n,): 1 where a datum has its codes to itself, 1/2 for a pair.

        Not from draws of the prior, of which a narrow posterior may hold none.
        """
        posterior = self.model.encode(self.x, context=self.context)
        z = posterior.sample(max(4, SHARED // len(self.x)), self._generator)[0]
        weights = posterior.log_prob(z[:, :, None]).softmax(-1)
        return weights.diagonal(dim1=-2, dim2=-1).mean(0)

    def _masses(self, draws: int = 500) -> tuple[np.ndarray, float]:
        if not self._mixes or len(self.x) > PAIRWISE:
            return np.empty(0, np.float32), math.nan
        z = torch.randn(
            draws, self.model.latent_dim, generator=self._generator, device=self.x.device
        )
        log_q, log_ratio = self._pairwise(z)
        mass = torch.bincount(log_q.argmax(1), minlength=len(self.x)).float() / draws
        mass[self._shares() < OWN] = math.nan
        holes = (log_ratio < math.log(HOLE)).float().mean()
        return mass.cpu().numpy(), float(holes)

    @torch.no_grad()
    def probe(self, z: Sequence[float] | np.ndarray) -> Probe:
        """g(z), the weights w_i(z) and the density q(z)/prior(z) at one latent point.

        A conditional model is told the first datum's context. Weights and density are empty and
        NaN for large sets, conditional models and ConvDRAW.

        Raises:
            TypeError: z is no sequence of numbers.
            ValueError: z has more of them than the model's latent space (missing ones are 0).
        """
        d = self.model.latent_dim
        try:
            point = np.asarray(z, np.float32).ravel()
        except (TypeError, ValueError) as error:
            raise TypeError(f"z must be at most {d} finite numbers, got {z!r}") from error
        if point.size > d or not np.isfinite(point).all():
            raise ValueError(f"z must be at most {d} finite numbers, got {point.tolist()}")
        with self.lock:
            full = torch.zeros(1, d, device=self.x.device)
            full[0, : point.size] = torch.from_numpy(point).to(full)
            told = {} if self.context is None else {"context": self.context[:1]}
            image = as_uint8(self.model.decode(full, **told))[0]
            if not self._mixes or len(self.x) > PAIRWISE:
                return Probe(image, np.empty(0, np.float32), math.nan, False)
            log_q, log_ratio = self._pairwise(full)
            weights = torch.softmax(log_q[0], 0).cpu().numpy()
            density = float(log_ratio.exp())
        return Probe(image, weights, density, density < HOLE)

    @property
    def costly(self) -> bool:
        """Whether the model has convolutions: a look at 60,000 data then takes a minute or more."""
        kinds = (nn.Conv2d, nn.ConvTranspose2d)
        return any(isinstance(module, kinds) for module in self.model.modules())

    def evaluate(
        self,
        constraints: Sequence[Constraint],
        samples: int,
        data: int | None = None,
        held_out: Dataset | None = None,
    ) -> dict[str, tuple[float, float]]:
        """`evaluation.evaluate` of the observer's weights: each value with its standard error.

        Args:
            constraints: those whose errors are wanted.
            samples: posterior samples a datum.
            data: so many data, evenly spread over the set, or None for all.
            held_out: another set to look at instead of the training set.
        """
        from geco_viz.evaluation import evaluate

        source: Any = self if held_out is None else held_out
        n = len(source.x)
        kept: Any = slice(None)
        if data is not None and data < n:
            kept = torch.arange(data, device=source.x.device) * n // data

        def part(values: Tensor | None) -> Any:
            return None if values is None else values[kept].to(self.x.device)

        with self.lock:
            result: dict[str, Any] = evaluate(
                self.model,
                part(source.x),
                constraints,
                y=part(source.y),
                context=part(source.context),
                samples=samples,
                generator=self._generator,
            )
        return result


def _told(context: Tensor | None) -> tuple[np.ndarray, ...]:
    """A context's images, one picture a channel, or one in colour."""
    if context is None or context.ndim != 4:
        return ()
    shown = [context] if context.shape[1] == 3 else context.split(1, 1)
    return tuple(as_uint8(image) for image in shown)
