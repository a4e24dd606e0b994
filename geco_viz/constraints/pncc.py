"""pNCC, normalised cross-correlation of patches: the last row of Table 1."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from geco_viz._checks import integer
from geco_viz.constraints.base import Similarity, check_images, full_precision

__all__ = ["PNCC"]

FLAT = 0.02  # standard deviation, data units: five of 255 grey levels, about what noise has
SOFT = 1e-3  # keeps the gradient of a flat reconstruction finite; costs .1 % of a correlation


class PNCC(Similarity):
    r"""Patch normalised cross-correlation: the mean correlation of patches is at least kappa.

    .. math:: \frac{1}{|I(x)|} \sum_{i \in I(x)} \psi(x, i)^T \psi(g(z), i) \ge \kappa

    psi(x, i) is the patch of x at location i, whitened: its mean taken away, its length made 1. So
    the constraint sees edges and textures, and ignores brightness and contrast, patch by patch.
    I(x) leaves out the patches in which x is flat (standard deviation below .02), which have no
    correlation with anything: what is drawn there, nobody asks. An image all flat counts as met.

    Args:
        kappa: mean correlation, in (0, 1).
        patch: side of a patch, pixels; all channels belong to it.
        stride: from patch to patch, pixels; half a side if None.

    Shapes: x (batch, C, H, W), x_hat the same or (samples, batch, C, H, W); error 0-d, the mean of
    1 - correlation over patches, then images. Raises TypeError, ValueError for other shapes, images
    smaller than a patch, or a kappa outside (0, 1).

    Source: Table 1, row pNCC; where it sums kappa - correlation over patches, this is their mean.

    Example:
        >>> x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        >>> pncc = PNCC(kappa=0.8, patch=4)
        >>> [round(float(1 - pncc.error(x, x_hat)), 2) for x_hat in (x, 0.2 * x + 0.5, 1 - x)]
        [1.0, 1.0, -1.0]
    """

    unit = "correlation"
    anchor = 0.8

    def __init__(self, kappa: float, patch: int = 8, stride: int | None = None):
        super().__init__("pncc", None, kappa)
        self.patch = integer("patch", patch, low=2)
        self.stride = self.patch // 2 if stride is None else integer("stride", stride, low=1)

    @property
    def label(self) -> str:
        return "pNCC"

    def prepare(self, x: Tensor, y: Tensor | None = None) -> None:
        if x.ndim != 4 or min(x.shape[-2:]) < self.patch:
            raise ValueError(
                f"PNCC(patch={self.patch}) needs images (batch, C, H, W) of at least "
                f"{self.patch} x {self.patch} pixels, got x {tuple(x.shape)}"
            )

    def error(self, x: Tensor, x_hat: Tensor, y: Tensor | None = None) -> Tensor:
        check_images(x, x_hat)
        self.prepare(x)
        x_hat = full_precision(x_hat)
        x = x.to(x_hat.dtype)
        draws = x_hat.reshape(-1, *x.shape)  # (S, B, C, H, W)
        mean, variance = self._moments(x)
        mean_hat, variance_hat = (
            part.unflatten(0, draws.shape[:2]) for part in self._moments(draws.flatten(0, 1))
        )
        product = self._pooled((x * draws).flatten(0, 1)).unflatten(0, draws.shape[:2])
        seen = variance >= FLAT**2
        scale = variance.clamp_min(FLAT**2) * (variance_hat + SOFT**2)
        correlation = (product - mean * mean_hat) * scale.rsqrt()
        count = seen.flatten(1).sum(1).clamp_min(1)
        return (((1 - correlation) * seen).flatten(2).sum(2) / count).mean()

    def _moments(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of each patch, (N, h, w)."""
        mean = self._pooled(images)
        return mean, (self._pooled(images.square()) - mean.square()).clamp_min(0)

    def _pooled(self, images: Tensor) -> Tensor:
        return F.avg_pool2d(images.mean(1, keepdim=True), self.patch, self.stride)[:, 0]

    def size(self, x: Tensor) -> int:
        return self._pooled(torch.zeros_like(x[:1])).numel()

    def describe(self, kappa: float, x: Tensor | None = None) -> str:
        noise = (1 / kappa**2 - 1) ** 0.5
        return f"mean correlation of patches · noise of {noise:.2g} × a patch's contrast"

    @property
    def spec(self) -> dict[str, Any]:
        return {"name": "pncc", "kappa": self.kappa, "patch": self.patch, "stride": self.stride}
