"""CLA, classification accuracy: the third row of Table 1."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from geco_viz.constraints.base import Similarity, check_images, full_precision

__all__ = ["CLA"]

FLOOR = 0.02


class CLA(Similarity):
    r"""Classification accuracy: a classifier gives the true class a mean probability of kappa.

    .. math:: \mathbb E\,[\, l(x)^T c(g(z)) \,] \ge \kappa

    The decoder is free to draw whatever the classifier takes for the digit: alone it decodes to
    noise that only the classifier can read; together with `RE` it keeps digits apart.

    Args:
        kappa: mean probability of the true class, in (0, 1). Below the share of the most frequent
            class it costs nothing.
        classifier: images (N, C, H, W) -> logits (N, classes), differentiable; log-probabilities
            serve as well. A module is copied, frozen and put into evaluation mode. None: a small
            convolutional network, trained on the data by `prepare` and kept in the cache folder.

    The value is exact; the gradient is that of p, and of .02 ln p where p < .02. The gradient of p
    vanishes with p: a decoder that has once settled on one class would draw nothing else for ever.

    Shapes: x (batch, C, H, W), x_hat the same or (samples, batch, C, H, W), y int64 (batch,);
    error 0-d, the mean of 1 - p. Raises TypeError, ValueError for other shapes, missing labels, or
    a kappa outside (0, 1), RuntimeError before `prepare`.

    Source: Table 1, row CLA, with its sign put right: kappa - l(x)^T c(g(z)) <= 0.

    Example:
        >>> brightness = lambda images: images.mean((1, 2, 3))[:, None] * torch.tensor([-9.0, 9.0])
        >>> x, y = torch.zeros(2, 1, 4, 4), torch.tensor([0, 1])
        >>> cla = CLA(kappa=0.9, classifier=brightness)
        >>> float(cla.error(x, x, y)), round(float(cla.error(x, x + 1, y)), 3)
        (0.5, 0.5)
        >>> cla.error(x, x)
        Traceback (most recent call last):
        ...
        ValueError: y must be the labels (2,), whole numbers, that CLA needs, got None
    """

    unit = "probability of the true class"

    # Its error jumps by a third of the tolerance from batch to batch: a lambda that follows at the
    # full rate rings more and more slowly with the weights, and stops wherever it is.
    settles = True

    def __init__(self, kappa: float, classifier: Callable[[Tensor], Tensor] | None = None):
        super().__init__("cla", None, kappa)
        if classifier is not None and not callable(classifier):
            raise TypeError(f"classifier must be a function of images, got {classifier!r}")
        self._given = classifier is not None
        if isinstance(classifier, nn.Module):
            classifier = copy.deepcopy(classifier).eval().requires_grad_(False)
        # In a list, so that it is no part of this module: neither trained nor saved with it.
        self._networks = [] if classifier is None else [classifier]

    @property
    def classifier(self) -> Callable[[Tensor], Tensor]:
        """The classifier, frozen.

        Raises:
            RuntimeError: it is still to be trained.
        """
        if not self._networks:
            raise RuntimeError(
                "CLA has no classifier yet: call cla.prepare(x, y) with the training set once, or "
                "give it classifier="
            )
        return self._networks[0]

    def prepare(self, x: Tensor, y: Tensor | None = None) -> None:
        """Train a classifier on (x, y), or find the one trained before; seconds to a minute."""
        self._check_labels(x, y)
        if not self._given and y is not None:
            from geco_viz.constraints.trained import classifier_for

            self._networks = [classifier_for(x, y)]

    def _check_labels(self, x: Tensor, y: Tensor | None) -> None:
        if y is None or y.shape != x.shape[:1] or y.is_floating_point() or y.is_complex():
            came = None if y is None else f"{y.dtype} {tuple(y.shape)}"
            raise ValueError(
                f"y must be the labels ({len(x)},), whole numbers, that CLA needs, got {came}"
            )

    def error(self, x: Tensor, x_hat: Tensor, y: Tensor | None = None) -> Tensor:
        check_images(x, x_hat)
        self._check_labels(x, y)
        network = self.classifier
        if isinstance(network, nn.Module) and not self._given:
            network.to(x_hat.device)
        images = full_precision(x_hat).reshape(-1, *x.shape[1:])
        logits = full_precision(network(images))
        if logits.ndim != 2 or len(logits) != len(images):
            raise ValueError(
                f"classifier must map {len(images)} images to logits ({len(images)}, classes), "
                f"got {tuple(logits.shape)}"
            )
        assert y is not None
        label = y.to(logits.device).expand(len(images) // len(x), -1).reshape(-1, 1)
        log_p = logits.log_softmax(1).gather(1, label)
        error = -torch.expm1(log_p)
        floored = torch.where(log_p > math.log(FLOOR), error, -FLOOR * log_p)
        return (error.detach() + (floored - floored.detach())).mean()

    def describe(self, kappa: float, x: Tensor | None = None) -> str:
        return f"probability of the true class · {100 * (1 - kappa):.2g} % left to the others"

    @property
    def spec(self) -> dict[str, Any] | None:
        return None if self._given else {"name": "cla", "kappa": self.kappa}
