"""FRE, feature reconstruction error: the second row of Table 1."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from geco_viz._checks import choice, integer
from geco_viz.constraints.base import Constraint, check_images, full_precision
from geco_viz.models.classifier import ResNet

__all__ = ["FRE", "local_statistics"]

Features = Callable[[Tensor], Tensor]
SOFT = 1e-4  # data units squared: keeps the gradient of a flat window's deviation finite


def local_statistics(images: Tensor, window: int = 8, stride: int = 4) -> Tensor:
    """Mean and standard deviation over windows, each channel by itself.

    Args:
        images: (N, C, H, W).
        window, stride: side of a window and the way to the next, pixels.

    Returns:
        (N, 2 C, h, w), in data units: the means, then the deviations.

    Source: Table 1's caption, "local image statistics, such as mean and standard deviation".

    Example:
        >>> local_statistics(torch.full((1, 1, 8, 8), 0.25)).flatten().tolist()
        [0.25, 0.0]
    """
    mean = F.avg_pool2d(images, window, stride)
    variance = (F.avg_pool2d(images.square(), window, stride) - mean.square()).clamp_min(0)
    return torch.cat((mean, (variance + SOFT).sqrt() - SOFT**0.5), 1)


class FRE(Constraint):
    r"""Feature reconstruction error: the RMS error per feature stays below kappa.

    .. math:: \frac{1}{d_f} \lVert f(x) - f(g(z)) \rVert^2 \le \kappa^2

    Args:
        kappa: RMS error per feature, in the features' units, > 0.
        features: "statistics" (mean and deviation of windows, in data units), "resnet" (the last
            two stages of a small network trained on CIFAR-10, on first use, kept in the cache
            folder) or a function of yours, images (N, C, H, W) -> features (N, ...),
            differentiable. A module is copied, frozen and put into evaluation mode.
        window, stride: of "statistics", pixels; stride is half a window if None.

    Shapes: x (batch, C, H, W), x_hat the same or (samples, batch, C, H, W); error 0-d, features'
    units squared. Raises TypeError, ValueError for other shapes, features that are not (N, ...), a
    window larger than the images, or a kappa that is not > 0.

    Source: Table 1, row FRE. The paper's kappas (1.0 and .0625) count in the units of a network
    that it does not give: compare by the share of what the mean image gets (`gv.suggest_kappa`).

    Example:
        >>> x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        >>> fre = FRE(kappa=0.05)  # a mirror image has the same statistics
        >>> [round(float(fre.error(x, x_hat)) ** 0.5, 2) for x_hat in (x.flip(-1), 0 * x)]
        [0.0, 0.39]
    """

    def __init__(
        self,
        kappa: float,
        features: str | Features = "statistics",
        window: int = 8,
        stride: int | None = None,
    ):
        super().__init__("fre", None, kappa)
        self.window = integer("window", window, low=1)
        self.stride = max(window // 2, 1) if stride is None else integer("stride", stride, low=1)
        self._network: tuple[ResNet, ...] = ()  # in tuples: no part of this module, which would
        self._own: tuple[Features, ...] = ()  # train and save it
        if callable(features):
            if isinstance(features, nn.Module):
                features = copy.deepcopy(features).eval().requires_grad_(False)
            self.features, self.unit, self._own = "own", "RMS feature", (features,)
        else:
            self.features = choice("features", features, ("statistics", "resnet"))
            self.unit = "RMS of means and deviations"
            if self.features == "resnet":
                self.unit, self.anchor = "RMS feature", 0.5

    def prepare(self, x: Tensor, y: Tensor | None = None) -> None:
        if self.features != "statistics":
            self._check_images(x)
        elif x.ndim != 4 or min(x.shape[-2:]) < self.window:
            raise ValueError(
                f"FRE(window={self.window}) needs images (batch, C, H, W) of at least "
                f"{self.window} x {self.window} pixels, got x {tuple(x.shape)}"
            )

    def _check_images(self, x: Tensor) -> None:
        if x.ndim != 4 or (self.features == "resnet" and x.shape[1] not in (1, 3)):
            raise ValueError(
                "FRE needs images (batch, C, H, W), of one or three channels for 'resnet', "
                f"got x {tuple(x.shape)}"
            )
        if self.features == "resnet":
            self.network.to(x.device)

    @property
    def network(self) -> ResNet:
        """The frozen network of "resnet"; trained now if it never was."""
        if not self._network:
            from geco_viz.constraints.trained import resnet

            self._network = (resnet(),)
        return self._network[0]

    def of(self, images: Tensor) -> Tensor:
        """The features (N, d_f) of images (N, C, H, W)."""
        if self.features == "statistics":
            return local_statistics(images, self.window, self.stride).flatten(1)
        if self.features == "resnet":
            return self.network.to(images.device).features(images)
        function = self._own[0]
        if isinstance(function, nn.Module):
            function = function.to(images.device)
        found = function(images)
        if not isinstance(found, Tensor) or found.ndim < 2 or len(found) != len(images):
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(
                f"features must map {len(images)} images to a tensor ({len(images)}, ...), "
                f"got {shape}"
            )
        return found.flatten(1)

    def error(self, x: Tensor, x_hat: Tensor, y: Tensor | None = None) -> Tensor:
        check_images(x, x_hat)
        self.prepare(x)
        x_hat = full_precision(x_hat)
        with torch.no_grad():
            target = self.of(x.to(x_hat.dtype))
        found = self.of(x_hat.reshape(-1, *x.shape[1:])).unflatten(0, (-1, len(x)))
        return F.mse_loss(found, target.expand_as(found))

    def tolerance(self, kappa: float) -> float:
        return kappa * kappa

    def as_kappa(self, error: Any) -> Any:
        return error**0.5

    @torch.no_grad()
    def size(self, x: Tensor) -> int:
        return self.of(x[:1]).numel()

    @torch.no_grad()
    def describe(self, kappa: float, x: Tensor | None = None) -> str:
        if x is None:
            return self.unit
        some = x[:256]
        flat = float(self.error(some, some.mean(0).expand_as(some))) ** 0.5
        share = f" · {100 * kappa / flat:.0f} % of the mean image's" if flat > 0 else ""
        of = f" (ResNet, {100 * self.network.accuracy:.0f} % right)" if self._network else ""
        return f"{self.unit}{of}{share}"

    @property
    def spec(self) -> dict[str, Any] | None:
        if self.features == "own":
            return None
        return {
            "name": "fre",
            "kappa": self.kappa,
            "features": self.features,
            "window": self.window,
            "stride": self.stride,
        }
