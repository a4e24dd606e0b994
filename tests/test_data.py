"""Data sets: what they hold, what they refuse, and the digits that need no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from geco_viz import data


def test_micro_mnist_is_the_published_draw(mnist_root: Path) -> None:
    micro = data.load("micro-mnist", root=mnist_root)
    assert micro.y is not None and micro.y.tolist() == [8, 7, 1, 7, 1, 2, 1]
    assert micro.shape == (1, 28, 28) and len(micro) == 7 and micro.note == ""
    # R(kappa) reaches 0 where one image serves all: the RMS distance to the mean, design's .2005
    spread = (micro.x - micro.x.mean(0)).square().mean().sqrt()
    assert float(spread) == pytest.approx(0.2005, abs=5e-5)


def test_micro_mnist_draws_come_from_the_test_set(mnist_root: Path) -> None:
    everything = data.load("mnist", split="test", root=mnist_root)
    chosen = np.random.RandomState(3).choice(10000, 7, replace=False)
    assert torch.equal(data.load("micro-mnist", root=mnist_root, draw=3).x, everything.x[chosen])


def test_mnist_is_whole(mnist_root: Path) -> None:
    train = data.load("mnist", root=mnist_root)
    assert train.x.shape == (60000, 1, 28, 28) and train.note == ""
    assert train.y is not None and torch.bincount(train.y).min() > 5000
    # .1307 is the mean that every MNIST example normalises with
    assert float(train.x.mean()) == pytest.approx(0.1307, abs=5e-5)


@pytest.mark.parametrize("name", ["micro-mnist", "digits"])
def test_info_loads_the_set_again(name: str, mnist_root: Path) -> None:
    first = data.load(name, draw=2)
    again = data.load(**first.info)
    assert torch.equal(first.x, again.x) and again.info == first.info


def test_digits_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    bundled = load_digits()
    ours = data.load("digits", draw=5)
    assert ours.y is not None and len(set(ours.y.tolist())) == 7
    # Undo the enlarging: the mean of each 3x3 block follows the pixel that it came from.
    blocks = torch.nn.functional.avg_pool2d(ours.x[..., 2:-2, 2:-2], 3).flatten(1).numpy()
    for label, block in zip(ours.y.tolist(), blocks, strict=True):
        same = bundled.data[bundled.target == label]
        likeness = [np.corrcoef(block, candidate)[0, 1] for candidate in same]
        assert max(likeness) > 0.97  # the contrast step keeps it from 1; the next best is lower
        assert sorted(likeness)[-2] < max(likeness)


@pytest.mark.parametrize("draw", range(5))
def test_digits_vary_as_much_as_mnist(draw: int) -> None:
    x = data.load("digits", draw=draw).x
    spread = float((x - x.mean(0)).square().mean().sqrt())
    assert 0.20 < spread < 0.27  # what twelve draws of seven digits of MNIST span


def test_digits_are_enlarged_smoothly() -> None:
    inside = data.load("digits").x[..., 2:-2, 2:-2].unfold(2, 3, 3).unfold(3, 3, 3)
    blocky = (inside.flatten(-2).std(-1) == 0).float().mean()
    assert blocky < 0.7  # flat ink and flat paper are; with whole pixels every block would be


def test_digits_differ_between_draws_and_say_what_they_are() -> None:
    assert not torch.equal(data.load("digits", draw=0).x, data.load("digits", draw=1).x)
    assert "not MNIST" in data.load("digits").note


def test_a_dataset_shows_its_note() -> None:
    assert "not MNIST" in repr(data.load("digits"))


X = torch.rand(3, 1, 4, 4)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (X * 255, ValueError, r"x must lie in \[0, 1\], got values from .* divide it by 255"),
        (X - 1, ValueError, r"x must lie in \[0, 1\], got values from -"),
        (torch.full((1, 1, 2, 2), torch.inf), ValueError, r"x must lie in \[0, 1\], got .* inf"),
        (X.index_fill(0, torch.tensor([1]), torch.nan), ValueError, "got NaN"),
        (X[:0], ValueError, r"at least one image, got shape \(0, 1, 4, 4\)"),
        (X[:, :, :0], ValueError, r"at least one image, got shape \(3, 1, 0, 4\)"),
        (X[:, 0], ValueError, r"\(n, C, H, W\), got \(3, 4, 4\); for grey images use x\[:, None\]"),
        (X.flatten(1), ValueError, r"\(n, C, H, W\), got \(3, 16\)"),
        ((X * 255).byte(), TypeError, "got uint8; divide it by 255"),
        ("mnist", TypeError, "x must be"),
        ([[1.0], [1.0, 2.0]], TypeError, "x must be a tensor or an array of numbers, got list"),
        (X.to(torch.complex64), TypeError, "got torch.complex64"),
    ],
)
def test_from_tensors_refuses_bad_images(x: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        data.from_tensors(x)


@pytest.mark.parametrize(
    ("extra", "error", "message"),
    [
        (
            {"y": [0, 1]},
            ValueError,
            r"y must have one entry for each of the 3 images, got .*\(2,\)",
        ),
        ({"y": [0.0, 1.0, 2.0]}, TypeError, "y must hold whole numbers"),
        ({"y": [[0], [1], [2]]}, ValueError, r"y must be int64 of shape \(n,\)"),
        ({"context": torch.zeros(2, 5)}, ValueError, "context must have one entry"),
    ],
)
def test_from_tensors_refuses_bad_companions(
    extra: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        data.from_tensors(X, **extra)  # type: ignore[arg-type]


def test_from_tensors_takes_arrays_of_any_float() -> None:
    made = data.from_tensors(X.double().numpy(), np.arange(3, dtype=np.uint8), name="mine")
    assert made.x.dtype == torch.float32 and torch.allclose(made.x, X)
    assert made.y is not None and made.y.dtype == torch.int64
    assert made.name == "mine" and made.info == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "mnits"}, "got 'mnits'; did you mean 'mnist'"),
        ({"name": "micro_mnist"}, "did you mean 'micro-mnist'"),
        ({"name": "mnist", "split": "tset"}, "split must be one of .* did you mean 'test'"),
        ({"name": "micro-mnist", "split": "test"}, "split must be one of 'train', got 'test'"),
        ({"name": "mnist", "draw": 1}, "draw must be None for 'mnist'"),
        ({"name": "digits", "draw": -1}, "draw must be a whole number >= 0"),
        ({"name": "micro-mnist", "draw": 2**32}, "draw must be a whole number"),
        ({"name": "digits", "root": "here"}, "root must be None for 'digits'"),
    ],
)
def test_load_refuses(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data.load(**arguments)  # type: ignore[arg-type]


def test_load_refuses_what_is_no_name() -> None:
    with pytest.raises(TypeError, match="name must be one of"):
        data.load(3)  # type: ignore[arg-type]
