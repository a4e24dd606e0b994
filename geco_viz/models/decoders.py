"""Networks between images and features: multilayer perceptrons and small convolutional nets.

Decoders take latents with any number of leading dimensions and give images in [0, 1].
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from torch import Tensor, nn

from geco_viz.models.clipped import clipped

__all__ = ["ConvDecoder", "ConvEncoder", "MLPDecoder", "MLPEncoder"]

Shape = tuple[int, int, int]


def _mlp(widths: Sequence[int]) -> list[nn.Module]:
    """Linear layers of these widths, each followed by a SiLU."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.SiLU()]
    return layers


class MLPEncoder(nn.Module):
    """Images (B, C, H, W) to features (B, hidden[-1]).

    Args:
        shape: (C, H, W).
        hidden: widths of the layers.

    Example:
        >>> import torch
        >>> MLPEncoder((1, 4, 4), [8, 5])(torch.zeros(3, 1, 4, 4)).shape
        torch.Size([3, 5])
    """

    def __init__(self, shape: Shape, hidden: Sequence[int]) -> None:
        super().__init__()
        self.features = hidden[-1]
        self.net = nn.Sequential(*_mlp([math.prod(shape), *hidden]))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.flatten(1) - 0.5)


class MLPDecoder(nn.Module):
    """Latents (..., d) to images (..., C, H, W).

    Args:
        latent_dim: d.
        shape: (C, H, W).
        hidden: widths of the layers.

    Example:
        >>> import torch
        >>> MLPDecoder(2, (1, 4, 4), [8])(torch.zeros(5, 3, 2)).shape
        torch.Size([5, 3, 1, 4, 4])
    """

    def __init__(self, latent_dim: int, shape: Shape, hidden: Sequence[int]) -> None:
        super().__init__()
        self.shape = shape
        self.net = nn.Sequential(
            *_mlp([latent_dim, *hidden]), nn.Linear(hidden[-1], math.prod(shape)), nn.Sigmoid()
        )

    def forward(self, z: Tensor) -> Tensor:
        # Rows: each layer of a deeper shape would flatten and restore it again.
        return self.net(z.reshape(-1, z.shape[-1])).reshape(*z.shape[:-1], *self.shape)


class ConvEncoder(nn.Module):
    """Images (B, C, H, W) to features (B, hidden): each layer halves the resolution.

    Args:
        shape: (C, H, W).
        channels: channels of the layers.
        hidden: width of the features.

    Example:
        >>> import torch
        >>> ConvEncoder((3, 7, 9), [4, 8], 16)(torch.zeros(2, 3, 7, 9)).shape
        torch.Size([2, 16])
    """

    def __init__(self, shape: Shape, channels: Sequence[int], hidden: int) -> None:
        super().__init__()
        self.features = hidden
        layers: list[nn.Module] = []
        before = shape[0]
        for after in channels:
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.SiLU()]
            before = after
        height, width = _reduced(shape, len(channels))
        layers += [nn.Flatten(), nn.Linear(before * height * width, hidden), nn.SiLU()]
        self.net = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x - 0.5)


class ConvDecoder(nn.Module):
    """Latents (..., d) to images (..., C, H, W): the mirror of `ConvEncoder`, ending in `clipped`.

    Args:
        latent_dim: d.
        shape: (C, H, W).
        channels: channels of the layers, in the encoder's order.
        hidden: width of the first, fully connected layer.

    Example:
        >>> import torch
        >>> ConvDecoder(2, (3, 7, 9), [4, 8], 16)(torch.zeros(5, 2, 2)).shape
        torch.Size([5, 2, 3, 7, 9])
    """

    def __init__(self, latent_dim: int, shape: Shape, channels: Sequence[int], hidden: int) -> None:
        super().__init__()
        self.shape = shape
        coarse = (channels[-1], *_reduced(shape, len(channels)))
        layers: list[nn.Module] = _mlp([latent_dim, hidden, math.prod(coarse)])
        layers.append(nn.Unflatten(1, coarse))
        widths = [*reversed(channels), shape[0]]
        for before, after in itertools.pairwise(widths):
            layers += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
        self.net = nn.Sequential(*layers[:-1])

    def forward(self, z: Tensor) -> Tensor:
        image = clipped(
            self.net(z.reshape(-1, z.shape[-1])) + 0.5
        )  # grey at first: inside, where all moves
        # Sizes that are no power of two were rounded up on the way down: cut the surplus off.
        image = image[..., : self.shape[1], : self.shape[2]]
        return image.reshape(*z.shape[:-1], *self.shape)


def _reduced(shape: Shape, layers: int) -> tuple[int, int]:
    """Height and width after so many halvings, rounded up."""
    factor = 2**layers
    return math.ceil(shape[1] / factor), math.ceil(shape[2] / factor)
