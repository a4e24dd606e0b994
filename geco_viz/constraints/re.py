"""RE, reconstruction error: the first row of Table 1."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from geco_viz.constraints.base import Constraint, check_images, full_precision

__all__ = ["RE"]


class RE(Constraint):
    r"""Reconstruction error: the RMS error per pixel stays below kappa.

    .. math:: \frac{1}{d_x} \lVert x - g(z) \rVert^2 \le \kappa^2

    Args:
        kappa: RMS error per pixel, in data units (images in [0, 1]), > 0.

    Shapes: x (batch, ...), x_hat (batch, ...) or (samples, batch, ...); error 0-d, data units
    squared per pixel. Raises ValueError for other shapes or a kappa that is not > 0.

    Source: Table 1, row RE; kappa is read as an RMS, the one reading under which the paper's
    kappa in [0.05, 0.175] spans the trade-off.

    Example:
        >>> import torch
        >>> re = RE(kappa=0.1)
        >>> x = torch.zeros(3, 1, 4, 4)
        >>> round(float(re.error(x, x + 0.2)) / re.tolerance(re.kappa) - 1, 4)
        3.0
    """

    unit = "RMS pixel"

    def __init__(self, kappa: float):
        super().__init__("re", None, kappa)

    def error(self, x: Tensor, x_hat: Tensor, y: Tensor | None = None) -> Tensor:
        check_images(x, x_hat)
        # One kernel each way: (x_hat - x).square().mean() takes three times as long on a CPU.
        x_hat = full_precision(x_hat)
        x = x if x.dtype == x_hat.dtype else x.to(x_hat.dtype)
        return F.mse_loss(x_hat, x.expand_as(x_hat))

    def tolerance(self, kappa: float) -> float:
        return kappa * kappa

    def as_kappa(self, error: Any) -> Any:
        return error**0.5

    def size(self, x: Tensor) -> int:
        return x.shape[1:].numel()

    def describe(self, kappa: float, x: Tensor | None = None) -> str:
        share = f"pixels off by {100 * kappa:.3g} % (RMS)"
        text = f"{share} · {-20 * math.log10(kappa):.1f} dB PSNR"
        return text if x is None else f"{text} · SSE {kappa**2 * self.size(x):.3g}"

    @property
    def spec(self) -> dict[str, Any]:
        return {"name": "re", "kappa": self.kappa}
