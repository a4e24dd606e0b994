"""Bad input over the public interface: the error names the argument, what came and what goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import geco_viz as gv
from geco_viz.live import BlurAndHoles, Controls, Dashboard, FixedPoints

IMAGES = torch.linspace(0, 1, 4 * 64).reshape(4, 1, 8, 8)


def geco() -> gv.GECO:
    return gv.GECO(gv.RE(kappa=0.1))


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: gv.Run("digits", betas=0.9), ValueError, "betas must be two numbers .*got 0.9"),
        (lambda: gv.Run("digits", name=3), TypeError, "name must be a string or None, got 3"),
        (
            lambda: gv.Run("digits", objective={"name": "geco", "constraint": "re"}),
            ValueError,
            "setting of geco must be one of .*got 'constraint'; did you mean 'constraints'",
        ),
        (lambda: gv.Run.load(3), TypeError, "path must be the path of a file or folder, got 3"),  # type: ignore[arg-type]
        (lambda: gv.Run("digits").report(3), TypeError, "path must be the path .*got 3"),  # type: ignore[arg-type]
        (lambda: gv.Run("digits").probe("a"), TypeError, "z must be at most 2 .*got 'a'"),
        (lambda: gv.data.load("mnist", root=3), TypeError, "root must be the path .*got 3"),  # type: ignore[arg-type]
        (
            lambda: gv.Constraint("bits", 3, kappa=0.1),  # type: ignore[arg-type]
            TypeError,
            r"error must be a function error\(x, x_hat\), got 3",
        ),
        (
            lambda: gv.suggest_kappa(IMAGES, constraints=["re"]),  # type: ignore[list-item]
            TypeError,
            "constraints must be of type Constraint, .*got 're'",
        ),
        (
            lambda: gv.suggest_kappa(IMAGES, kappas=[0.1]),  # type: ignore[arg-type]
            TypeError,
            r"kappas must be lists by constraint name, got \[0.1\]",
        ),
        (
            lambda: gv.explore("digits", constraint=3, play=False),
            TypeError,
            "constraint must be 're', .* or a Constraint, got 3",
        ),
        (
            lambda: gv.explore("digits", constraint=["re"], kappa=0.1, play=False),
            TypeError,
            r"constraint must be .*got \['re'\]; several go into objective=GECO",
        ),
        (lambda: gv.watch(geco(), title=3), TypeError, "title must be a string, got 3"),  # type: ignore[arg-type]
        (lambda: Dashboard(3), TypeError, "run must be a Run, a Watch or a Source, got 3"),
        (lambda: Controls(3), TypeError, "run must be a Run, a Watch or a Source, got 3"),
        (lambda: FixedPoints(beta=-1), ValueError, "beta must be a finite number > 0, got -1"),
        (lambda: FixedPoints(beta="a"), TypeError, "beta must be a finite number > 0, got 'a'"),  # type: ignore[arg-type]
        (lambda: FixedPoints([[0.0] * 3] * 2), ValueError, r"points must .*got shape \(2, 3\)"),
        (lambda: FixedPoints([[0.0] * 4] * 2), ValueError, r"points must .*got shape \(2, 4\)"),
        (lambda: FixedPoints([["a", "b"]]), TypeError, r"points must be \(n, 2\) numbers"),
        (lambda: BlurAndHoles("a"), TypeError, "x must be a tensor or an array .*got str"),
    ],
)
def test_an_error_names_the_argument_and_what_came(
    make: Callable[[], Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        make()
