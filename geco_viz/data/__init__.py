"""Images to train on, by name or of your own: `load("micro-mnist")`, `from_tensors(x)`."""

from __future__ import annotations

import os
from dataclasses import replace

from geco_viz._checks import choice
from geco_viz.data import digits, mnist
from geco_viz.data.dataset import Dataset, from_tensors
from geco_viz.data.download import reachable

__all__ = ["Dataset", "from_tensors", "load", "micro_or_digits", "names"]

_DRAWN = ("micro-mnist", "digits")  # seven images, one split, chosen by draw=


def names() -> tuple[str, ...]:
    """The data sets that `load` knows.

    Example:
        >>> names()
        ('micro-mnist', 'mnist', 'digits')
    """
    return ("micro-mnist", "mnist", "digits")


def load(
    name: str,
    split: str = "train",
    root: str | os.PathLike[str] | None = None,
    seed: int = 0,
    draw: int | None = None,
) -> Dataset:
    """Load a data set by name; `names()` lists them.

    Args:
        name: "micro-mnist" (seven digits of MNIST's test set), "mnist" or "digits" (seven of
            scikit-learn's, which need no network).
        split: "train" or "test", of "mnist". The sets of seven have only "train".
        root: folder that holds the files, instead of GECO_VIZ_DATA and the cache.
        seed: seed of what a data set makes up by chance. None of these does.
        draw: which seven; 0 if not given.

    Raises:
        TypeError, ValueError: an unknown name (the nearest is suggested), an argument that the data
            set does not have, a damaged file.
        FileNotFoundError: the files are not in `root`.
        ConnectionError: the files are not at hand and cannot be downloaded.

    Example:
        >>> load("digits", draw=1).y
        tensor([0, 1, 2, 3, 4, 6, 9])
    """
    choice("name", name, names())
    if name not in _DRAWN:
        if draw is not None:
            raise ValueError(f"draw must be None for {name!r}, which has no draws, got {draw!r}")
        return mnist.mnist(split, root)
    choice("split", split, ("train",))
    if name == "digits":
        if root is not None:
            raise ValueError(f"root must be None for 'digits', which has no files, got {root!r}")
        return digits.digits(0 if draw is None else draw)
    return mnist.micro_mnist(0 if draw is None else draw, root)


def micro_or_digits(draw: int = 0, root: str | os.PathLike[str] | None = None) -> Dataset:
    """Micro-MNIST if its files are here or a mirror answers, else `digits`, within three seconds.

    With `root` it is Micro-MNIST or an error: who names a folder wants what is in it.

    Raises:
        TypeError, ValueError: a wrong `draw`, or a damaged file of MNIST.
        FileNotFoundError: the files are not in `root`.
    """
    if root is not None:
        return mnist.micro_mnist(draw, root)
    why = "no mirror answered"
    if mnist.at_hand() or reachable(mnist.MIRRORS):
        try:
            return mnist.micro_mnist(draw)
        except ConnectionError:
            why = "it could not be downloaded"
        except OSError as error:  # the cache, or a file that cannot be read
            why = str(error)
    return replace(digits.digits(draw), note=f"MNIST was not found and {why}; {digits.NOTE}")
