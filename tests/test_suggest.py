"""suggest_kappa: the spoiled images just meet the kappa that they stand for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import geco_viz as gv
from geco_viz.constraints.suggest import WAYS, _spoil


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    return gv.data.load("digits").x


def test_spoiled_images_just_meet_their_kappa(digits: torch.Tensor) -> None:
    table = gv.suggest_kappa(digits)
    made = {"re": gv.RE(1.0), "fre": gv.FRE(1.0), "pncc": gv.PNCC(0.5)}
    checked = 0
    for row, pictures in zip(table.rows, table.images, strict=True):
        constraint = made[row["constraint"]]
        for way, images in zip(WAYS, torch.from_numpy(pictures), strict=True):
            if math.isnan(row[way]):
                assert images.isnan().all()
                continue
            error = float(constraint.error(digits, images))
            # a straight line between 33 strengths
            assert error == pytest.approx(constraint.tolerance(row["kappa"]), rel=0.08)
            checked += 1
    assert checked > 40


def test_fading_is_the_share_of_the_mean_images_error(digits: torch.Tensor) -> None:
    table = gv.suggest_kappa(digits, constraints=[gv.RE(0.1)])
    assert table.mean_image["re"] == pytest.approx(
        float(digits.var(0, correction=0).mean().sqrt()), rel=1e-4
    )
    for row in table.rows:  # x + s (mean - x): the RMS is s times the mean image's
        assert row["fade"] == pytest.approx(row["share"], abs=0.01)
        assert row["kappa"] == pytest.approx(row["share"] * table.mean_image["re"], rel=1e-3)


def test_a_blur_has_the_standard_deviation_that_it_says() -> None:
    point = torch.zeros(1, 1, 33, 33)
    point[..., 16, 16] = 1
    blurred = _spoil("blur", point, point, 2.5)[0, 0]
    place = torch.arange(33.0) - 16
    assert float(blurred.sum()) == pytest.approx(1, abs=1e-4)
    assert float((blurred.sum(0) * place**2).sum()) == pytest.approx(2.5**2, rel=1e-3)


def test_kappas_of_ones_own_and_constraints_of_ones_own(digits: torch.Tensor) -> None:
    mae = gv.Constraint("mae", lambda x, x_hat: (x - x_hat).abs().mean(), 0.05, unit="pixel")
    table = gv.suggest_kappa(digits, constraints=[mae], kappas={"mae": [0.02, 50.0]}, show=2)
    assert [row["kappa"] for row in table.rows] == [0.02, 50.0]
    assert table.images.shape == (2, 3, 2, 1, 28, 28)
    assert np.isnan(table.images[1]).all() and math.isnan(table.rows[1]["noise"])
    assert "mae" in str(table) and "The mean image gets: mae" in str(table)


@pytest.mark.parametrize("x", [torch.zeros(1, 1, 8, 8), torch.zeros(4, 64), "mnist", None])
def test_what_is_no_batch_of_images_is_refused(x: Any) -> None:
    with pytest.raises(ValueError, match=r"x must be images \(n, C, H, W\), two at least"):
        gv.suggest_kappa(x)


def test_a_kappa_out_of_range_is_refused(digits: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="kappa must be a finite number > 0 and < 1"):
        gv.suggest_kappa(digits, kappas={"pncc": [1.2]})
