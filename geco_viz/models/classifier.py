"""Small classifiers: one for CLA and for judging samples, and a residual one for FRE."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from geco_viz import _checks

__all__ = ["RECIPE", "Classifier", "ResNet", "confidence", "train", "train_resnet"]

RECIPE = 3  # moves when the network or its training does, so that what was kept is trained anew
ENOUGH = 0.97  # mean probability of the true class on the training set
ROUNDS = 4


class Classifier(nn.Module):
    """Images (B, C, H, W) to logits (B, classes).

    Two convolutions over patches, of 4 x 4 pixels and of 2 x 2 of those, and two linear layers.

    Args:
        shape: (C, H, W).
        classes: labels are 0 to classes - 1.

    Raises:
        TypeError, ValueError: `shape` or `classes` is not made of whole numbers >= 1.

    Source: Table 1's caption, "a simple convolutional MNIST classifier".

    Example:
        >>> Classifier((1, 28, 28), 10)(torch.zeros(3, 1, 28, 28)).shape
        torch.Size([3, 10])
    """

    def __init__(self, shape: Sequence[int], classes: int) -> None:
        super().__init__()
        channels, height, width = (_checks.integer("shape", size, low=1) for size in shape)
        coarse = -(-(height + 4) // 8) * -(-(width + 4) // 8)
        self.classes = _checks.integer("classes", classes, low=1)
        self.net = nn.Sequential(
            _Patches(4, channels, 24),
            nn.SiLU(),
            _Patches(2, 24, 64),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(64 * coarse, 64),
            nn.SiLU(),
            nn.Linear(64, self.classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        # Two pixels of margin: digits lie across patches, wherever they are.
        return self.net(F.pad(x.movedim(1, 3), (0, 0, 2, 2, 2, 2)))


class _Patches(nn.Linear):
    """A convolution whose stride is its width: (B, H, W, C) to (B, H / size, W / size, C').

    As one matrix product, since CLA pays it at every step: torch's convolution takes three times
    as long on a CPU, most of it for the gradient to the images. Edges are filled up with zeros.
    """

    def __init__(self, size: int, before: int, after: int) -> None:
        super().__init__(size * size * before, after)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        size, (batch, height, width, channels) = self.size, x.shape
        rows, columns = -(-height // size), -(-width // size)
        x = F.pad(x, (0, 0, 0, columns * size - width, 0, rows * size - height))
        x = x.reshape(batch, rows, size, columns, size * channels).transpose(2, 3)
        return super().forward(x.reshape(batch, rows, columns, -1))


def train(x: Tensor, y: Tensor, seed: int = 0) -> Classifier:
    """Train a `Classifier` until it is confident on its images, and smooth between them.

    Half of each batch is plain; a quarter is moved and noisy, a quarter blended with other images
    or with flat grey.

    Two passes over a large set, at least 300 steps over a small one, and again up to four times
    until the mean probability of the true class reaches .97. MNIST takes about 35 s of one core,
    and 98.5 % of its test set is then classified rightly.

    Args:
        x: (n, C, H, W) in [0, 1].
        y: (n,) labels, whole numbers >= 0.
        seed: of weights, batches and copies.

    Raises:
        ValueError: shapes that do not go together, or negative labels.

    Example:
        >>> x = torch.eye(4).reshape(4, 1, 2, 2).repeat_interleave(4, 2).repeat_interleave(4, 3)
        >>> network = train(x, torch.arange(4))
        >>> bool(network(x).softmax(1).diagonal().mean() > 0.97), network.training
        (True, False)
    """
    if x.ndim != 4 or y.shape != x.shape[:1] or len(x) == 0:
        raise ValueError(
            f"x must be (n, C, H, W) and y (n,), got {tuple(x.shape)}, {tuple(y.shape)}"
        )
    if y.is_floating_point() or int(y.min()) < 0:
        raise ValueError("y must hold whole numbers >= 0, one for each class")
    generator = torch.Generator(device=x.device).manual_seed(seed)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        network = Classifier(x.shape[1:], int(y.max()) + 1).to(x.device)
        steps = max(300, 2 * len(x) // 128)
        for _ in range(ROUNDS):
            _pass(network, x, y, steps, generator)
            if confidence(network, x, y) >= ENOUGH:
                break
    return network.eval().requires_grad_(False)


def _pass(network: nn.Module, x: Tensor, y: Tensor, steps: int, random: torch.Generator) -> None:
    from tqdm.auto import tqdm

    adam = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(adam, 1.0, 0.05, total_iters=steps)
    classes = int(y.max()) + 1
    words = f"classifier of {classes} classes for CLA"
    for _ in tqdm(range(steps), desc=words, leave=False, delay=2):
        size = 128 if len(x) > 128 else 32
        rows = torch.randint(len(x), (size,), generator=random, device=x.device)
        images, labels = x[rows], F.one_hot(y[rows], classes).to(x.dtype)
        quarter = size // 4
        images[:quarter] = _moved(images[:quarter], random)
        other = slice(quarter, 2 * quarter)
        images[other], labels[other] = _blended(images[other], labels[other], random)
        loss = F.cross_entropy(network(images), labels)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        schedule.step()


def _moved(x: Tensor, random: torch.Generator) -> Tensor:
    """Copies moved by up to two pixels, with noise of up to .2 RMS, as in reconstructions."""
    down, right = torch.randint(-2, 3, (2,), generator=random, device=x.device).tolist()
    moved = x.roll((down, right), dims=(-2, -1))
    strength = 0.2 * torch.rand(len(x), 1, 1, 1, generator=random, device=x.device)
    noise = torch.randn(x.shape, generator=random, device=x.device)
    return torch.addcmul(moved, strength, noise).clamp(0, 1)


def _blended(x: Tensor, y: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Images on their way to another one, or to flat grey that is of no class.

    A classifier that is sure of everything gives a decoder that begins with grey no gradient.
    """
    grey = torch.rand(len(x), 1, 1, 1, generator=random, device=x.device).expand_as(x)
    order = torch.randperm(len(x), generator=random, device=x.device)
    to_grey = torch.arange(len(x), device=x.device) % 2 == 0
    goal = torch.where(to_grey[:, None, None, None], grey, x[order])
    label = torch.where(to_grey[:, None], torch.full_like(y, 1 / y.shape[1]), y[order])
    way = torch.rand(len(x), generator=random, device=x.device)
    return torch.lerp(x, goal, way[:, None, None, None]), torch.lerp(y, label, way[:, None])


@torch.no_grad()
def confidence(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Mean probability of the true class, (n, C, H, W) and (n,).

    Example:
        >>> confidence(Classifier((1, 4, 4), 1), torch.zeros(3, 1, 4, 4), torch.zeros(3).long())
        1.0
    """
    total = 0.0
    for images, labels in zip(x.split(2048), y.split(2048), strict=True):
        total += float(network(images).softmax(1).gather(1, labels[:, None]).sum())
    return total / len(x)


class ResNet(nn.Module):
    """A residual network of seven convolutions; `features` are what FRE compares.

    Images of any size (B, C, H, W), C 3 or 1 (repeated); logits (B, classes). `accuracy`, on the
    test set, and `count`, of training images, are buffers and so are kept with its weights.

    Source: He et al. (2016), shrunk; Table 1's caption, "a pretrained Cifar10 resnet".

    Example:
        >>> network = ResNet(10)
        >>> network(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
        >>> network.features(torch.zeros(2, 1, 32, 32)).shape
        torch.Size([2, 3072])
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.first, self.second = _Block(16, 16, 1), _Block(16, 32, 2)
        self.third = _Block(32, 64, 2)
        self.head = nn.Linear(64, classes)
        self.register_buffer("accuracy", torch.tensor(float("nan")))
        self.register_buffer("count", torch.tensor(0))
        self.accuracy: Tensor
        self.count: Tensor

    def _stages(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = (x.expand(-1, 3, -1, -1) - 0.5) / 0.25
        middle = self.second(self.first(self.stem(x)))
        return middle, self.third(middle)

    def features(self, x: Tensor) -> Tensor:
        """Feature maps of the last two stages, (B, d_f)."""
        return torch.cat([stage.flatten(1) for stage in self._stages(x)], 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self._stages(x)[1].mean((2, 3)))


class _Block(nn.Module):
    """Two convolutions beside a shortcut; group norms, which need no running statistics."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.GroupNorm(8, after),
            nn.SiLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.GroupNorm(8, after),
        )
        same = before == after and stride == 1
        self.around = nn.Identity() if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.inside(x) + self.around(x))


def train_resnet(
    x: Tensor,
    y: Tensor,
    x_test: Tensor,
    y_test: Tensor,
    epochs: int | None = None,
    seed: int = 0,
) -> ResNet:
    """Train a `ResNet` on (n, 3, H, W) and (n,), mirrored and moved; frozen, with its accuracy.

    Trained on 10,000 images of CIFAR-10, one of its five batches, it gets 62.7 % of the 10,000 test
    images right, in two and a half minutes of one core (`benchmarks/resnet_cifar10.py`); eight
    epochs of them get 52.3 %.

    Args:
        x, y: training images in [0, 1] and labels from 0.
        x_test, y_test: those on which `accuracy` is measured; they are not trained on.
        epochs: passes over the set; None for 24 of up to 25,000 images, and 8 of more.
        seed: of weights, batches and copies.

    Raises:
        TypeError, ValueError: `epochs` is not a whole number >= 1.

    Example:
        >>> x, y = torch.rand(8, 3, 8, 8), torch.arange(8) % 2
        >>> network = train_resnet(x, y, x, y, epochs=1)
        >>> bool(0 <= network.accuracy <= 1), int(network.count)
        (True, 8)
    """
    from tqdm.auto import tqdm

    if epochs is None:
        epochs = 24 if len(x) <= 25_000 else 8
    epochs = _checks.integer("epochs", epochs, low=1)
    random = torch.Generator(device=x.device).manual_seed(seed)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        network = ResNet(int(y.max()) + 1).to(x.device)
        size = min(128, len(x))
        steps = epochs * (len(x) // size)
        optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in tqdm(range(steps), desc="ResNet for FRE, once", leave=False, disable=steps < 100):
            rows = torch.randint(len(x), (size,), generator=random, device=x.device)
            images = x[rows]
            mirrored = torch.rand(size, 1, 1, 1, generator=random, device=x.device) < 0.5
            images = torch.where(mirrored, images.flip(-1), images)
            down, right = torch.randint(-3, 4, (2,), generator=random, device=x.device).tolist()
            loss = F.cross_entropy(network(images.roll((down, right), (-2, -1))), y[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval().requires_grad_(False)
    right_ones = sum(
        int((network(images).argmax(1) == labels).sum())
        for images, labels in zip(x_test.split(1000), y_test.split(1000), strict=True)
    )
    network.accuracy.fill_(right_ones / len(x_test))
    network.count.fill_(len(x))
    return network
