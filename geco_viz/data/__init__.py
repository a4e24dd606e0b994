"""Images to train on, by name or of your own: `load("micro-mnist")`, `from_tensors(x)`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from geco_viz._checks import choice, integer, path
from geco_viz.data import celeba, cifar, digits, mnist, triplets
from geco_viz.data.dataset import Dataset, from_tensors
from geco_viz.data.download import reachable

__all__ = ["Dataset", "from_tensors", "load", "micro_or_digits", "names"]

_LOADERS: dict[str, Callable[..., Dataset]] = {
    "micro-mnist": mnist.micro_mnist,
    "mnist": mnist.mnist,
    **{name: partial(triplets.triplets, name) for name in triplets.TRIPLETS},
    "cifar10": cifar.cifar10,
    "celeba": celeba.celeba,
    "digits": digits.digits,
}


def names(conditional: bool | None = None) -> tuple[str, ...]:
    """The data sets that `load` knows; only those with a context, or without, if asked.

    Example:
        >>> names()[:3]
        ('micro-mnist', 'mnist', 'color-mnist')
        >>> names(conditional=True)
        ('mnist-sum', 'mnist-sum-hard', 'mnist-rotate')
    """
    told = tuple(name for name, kind in triplets.TRIPLETS.items() if kind.context)
    return tuple(n for n in _LOADERS if conditional is None or (n in told) == conditional)


def load(
    name: str,
    split: str = "train",
    root: str | os.PathLike[str] | None = None,
    seed: int = 0,
    draw: int | None = None,
    **options: Any,
) -> Dataset:
    """Load a data set by name; `names()` lists them.

    Args:
        name: "micro-mnist" (seven digits of MNIST's test set), "mnist"; what the paper derives
            from it, "color-mnist", "mnist-triplets", and with a context "mnist-sum",
            "mnist-sum-hard", "mnist-rotate"; "cifar10", "celeba"; or "digits" (seven of
            scikit-learn's, which need no network).
        split: "train" or "test"; celeba has "valid" too. The sets of seven have only "train".
        root: folder that holds the files, instead of GECO_VIZ_DATA and the cache.
        seed: seed of what a data set makes up by chance: which digits go together.
        draw: which seven, of "micro-mnist" and "digits"; 0 if not given.
        **options: `count`, only the first so many data (not of the sets of seven); `partial` of
            "cifar10"; `size` and `crop` of "celeba".

    Raises:
        TypeError, ValueError: an unknown name (the nearest is suggested), an argument that the data
            set does not have, a damaged file.
        FileNotFoundError: the files are not in `root`.
        ConnectionError: the files are not at hand and cannot be downloaded.

    Example:
        >>> load("digits", draw=1).y
        tensor([0, 1, 2, 3, 4, 6, 9])
    """
    loader = _LOADERS[choice("name", name, _LOADERS)]
    allowed = inspect.signature(loader).parameters
    integer("seed", seed, low=0)
    if root is not None:
        path("root", root)
    arguments: dict[str, Any] = {}
    if "split" in allowed:
        arguments["split"] = split
    else:
        choice("split", split, ("train",))
    if "seed" in allowed:
        arguments["seed"] = seed
    for key, value, why in (("root", root, "files"), ("draw", draw, "draws")):
        if key in allowed:
            arguments |= {} if value is None else {key: value}
        elif value is not None:
            raise ValueError(f"{key} must be None for {name!r}, which has no {why}, got {value!r}")
    for key in options:
        if key not in allowed:
            extra = [k for k in allowed if k not in ("split", "root", "seed", "draw")]
            listed = f"the options {', '.join(extra)}" if extra else "no options"
            raise TypeError(f"{name!r} has {listed}, got {key!r}")
    return loader(**arguments, **options)


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
