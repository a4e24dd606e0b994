"""The sets made of MNIST's digits, against the paper's definitions, on real MNIST."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from geco_viz import data
from geco_viz.data.triplets import TRIPLETS, rotated


@pytest.fixture(scope="module")
def plain(mnist_root: Path) -> data.Dataset:
    return data.load("mnist", split="test", root=mnist_root)


@pytest.fixture(scope="module")
def sets(mnist_root: Path) -> dict[str, data.Dataset]:
    return {name: data.load(name, split="test", root=mnist_root) for name in TRIPLETS}


SHAPES = {
    "color-mnist": ((3, 28, 28), None),
    "mnist-triplets": ((3, 28, 28), None),
    "mnist-sum": ((1, 28, 28), (2, 28, 28)),
    "mnist-sum-hard": ((2, 28, 28), (1, 28, 28)),
    "mnist-rotate": ((1, 28, 28), (2, 28, 28)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name: str, sets: dict[str, data.Dataset]) -> None:
    found = sets[name]
    context = None if found.context is None else tuple(found.context.shape[1:])
    assert (found.shape, context) == SHAPES[name] and len(found) == 10000
    assert found.name == name and (context is not None) == (name in data.names(conditional=True))


@pytest.mark.parametrize("name", SHAPES)
def test_images_and_labels_are_mnists(
    name: str, sets: dict[str, data.Dataset], plain: data.Dataset
) -> None:
    found, kind = sets[name], TRIPLETS[name]
    source, digits = found.factors["source"], found.factors["digits"]
    assert plain.y is not None and torch.equal(plain.y[source], digits)
    for place, channel in enumerate(kind.target):
        if not kind.turns:
            assert torch.equal(found.x[:, place], plain.x[source[:, channel], 0])
    for place, channel in enumerate(kind.context):
        assert found.context is not None
        assert torch.equal(found.context[:, place], plain.x[source[:, channel], 0])
    assert found.y is not None
    weights = torch.tensor([10**k for k in range(len(kind.target))][::-1])
    assert torch.equal(found.y, (digits[:, kind.target] * weights).sum(1))


@pytest.mark.parametrize("name", ["mnist-triplets", "mnist-sum", "mnist-sum-hard"])
def test_the_third_is_the_sum_modulo_ten(name: str, sets: dict[str, data.Dataset]) -> None:
    first, second, third = sets[name].factors["digits"].T
    assert torch.equal(third, (first + second) % 10)


def test_color_mnist_has_all_thousand_modes(sets: dict[str, data.Dataset]) -> None:
    y = sets["color-mnist"].y
    assert y is not None and y.max() == 999
    # 10,000 draws of 1000 nearly equal modes miss e^-10 of them each: none or one
    assert len(y.unique()) >= 995
    first, second, third = sets["color-mnist"].factors["digits"].T
    assert (third == (first + second) % 10).float().mean() < 0.15  # by chance .1, sd .003


def test_rotate_turns_another_digit_of_the_first_ones_class(
    sets: dict[str, data.Dataset], plain: data.Dataset
) -> None:
    found = sets["mnist-rotate"]
    first, second, third = found.factors["digits"].T
    source, angle = found.factors["source"], found.factors["angle"]
    assert torch.equal(third, first) and torch.equal(found.y, first)
    assert torch.equal(angle, 30.0 * second) and angle.max() == 270
    assert (source[:, 0] != source[:, 2]).all()
    straight = plain.x[source[:, 2], 0]
    # Quarter turns move whole pixels: numpy's, which are counter-clockwise, to rounding.
    for quarters in (0, 1, 2, 3):
        rows = angle == 90 * quarters
        assert rows.any()
        expected = torch.rot90(straight[rows], quarters, (1, 2))
        assert torch.allclose(found.x[rows, 0], expected, atol=1e-4)


def test_angles_between_follow_a_known_point() -> None:
    """A bright spot at radius 10 to the right of the centre goes round counter-clockwise."""
    image = torch.zeros(1, 1, 41, 41)
    image[0, 0, 20, 30] = 1
    for angle in range(0, 360, 30):
        turned = rotated(image, torch.tensor([float(angle)]))[0, 0]
        rows, columns = torch.meshgrid(torch.arange(41.0), torch.arange(41.0), indexing="ij")
        mass = turned.sum()
        y, x = float((turned * rows).sum() / mass) - 20, float((turned * columns).sum() / mass) - 20
        expected = 10 * np.cos(np.deg2rad(angle)), -10 * np.sin(np.deg2rad(angle))
        assert np.allclose((x, y), expected, atol=0.25)  # a quarter of a pixel: interpolation


def test_instances_are_drawn_from_the_whole_class(sets: dict[str, data.Dataset]) -> None:
    """The third digit: about 1 - 1/e of a split's images appear, none far too often."""
    for name in ("mnist-sum", "mnist-rotate"):
        counts = torch.bincount(sets[name].factors["source"][:, 2], minlength=10000)
        assert 0.6 < (counts > 0).float().mean() < 0.66
        assert counts.max() < 12


def test_seeds_splits_and_info(mnist_root: Path) -> None:
    one = data.load("mnist-sum", split="test", root=mnist_root, seed=1)
    again = data.load(**one.info)
    assert torch.equal(one.x, again.x) and torch.equal(one.y, again.y)  # type: ignore[arg-type]
    assert torch.equal(one.context, again.context)  # type: ignore[arg-type]
    other = data.load("mnist-sum", split="test", root=mnist_root, seed=2)
    assert not torch.equal(one.factors["source"], other.factors["source"])


@pytest.mark.parametrize("name", ["mnist", *SHAPES])
def test_a_count_takes_the_first_of_the_whole(
    name: str, sets: dict[str, data.Dataset], plain: data.Dataset, mnist_root: Path
) -> None:
    whole = plain if name == "mnist" else sets[name]
    part = data.load(name, split="test", root=mnist_root, count=9)
    assert len(part) == 9 and part.note == "the first 9 of 10000 images"
    assert torch.equal(part.x, whole.x[:9]) and torch.equal(part.y, whole.y[:9])  # type: ignore
    assert (part.context is None) == (whole.context is None)
    assert part.context is None or torch.equal(part.context, whole.context[:9])  # type: ignore
    assert torch.equal(data.load(**part.info).x, part.x) and "count" not in whole.info
    assert len(data.load(name, split="test", root=mnist_root, count=10**6)) == 10000


def test_without_context_keeps_the_images(sets: dict[str, data.Dataset]) -> None:
    found = sets["mnist-rotate"].without_context()
    assert found.context is None and torch.equal(found.x, sets["mnist-rotate"].x)
    assert found.info == {}  # loading by info would bring the context back


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": "mnist-rotat"}, ValueError, "did you mean 'mnist-rotate'"),
        ({"name": "mnist-sum", "draw": 1}, ValueError, "draw must be None for 'mnist-sum'"),
        ({"name": "mnist-sum", "seed": -1}, ValueError, "seed must be a whole number >= 0, got -1"),
        ({"name": "mnist-sum", "split": "valid"}, ValueError, "split must be one of"),
        ({"name": "mnist", "partial": True}, TypeError, "the options count, got 'partial'"),
        ({"name": "mnist", "count": 0}, ValueError, "count must be a whole number >= 1, got 0"),
        ({"name": "micro-mnist", "count": 3}, TypeError, "has no options, got 'count'"),
        ({"name": "cifar10", "size": 8}, TypeError, "the options partial, count, got 'size'"),
        ({"name": "celeba", "root": "nowhere"}, FileNotFoundError, "must hold CelebA"),
    ],
)
def test_load_refuses(
    arguments: dict[str, object], error: type[Exception], message: str, mnist_root: Path
) -> None:
    with pytest.raises(error, match=message):
        data.load(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (torch.zeros(3), r"context must be float32 of shape \(n, k\) or \(n, C, H, W\), got .*3,"),
        (torch.zeros(3, 4, 4), r"\(n, C, H, W\), got torch.float32 of shape \(3, 4, 4\)"),
        (torch.full((3, 2), torch.nan), "context must hold finite numbers"),
    ],
)
def test_contexts_are_checked(context: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data.from_tensors(torch.zeros(3, 1, 4, 4), context=context)
