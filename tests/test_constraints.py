"""Constraints: known errors, tolerances and units, and what they refuse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from geco_viz import CLA, PNCC, RE, Constraint

BAD_KAPPAS = [-1, 0, -0.0, math.nan, math.inf, -math.inf, "0.1", b"1", True, None, [0.1, 0.2], {}]


def mae(kappa: float = 0.1, name: str = "mae") -> Constraint:
    return Constraint(name, lambda x, x_hat: (x - x_hat).abs().mean(), kappa)


@pytest.mark.parametrize("value", BAD_KAPPAS)
def test_kappa_that_is_no_positive_number_is_refused_and_changes_nothing(value: object) -> None:
    with pytest.raises((TypeError, ValueError), match="kappa must be a finite number > 0, got"):
        RE(kappa=value)  # type: ignore[arg-type]
    constraint = RE(kappa=0.1)
    with pytest.raises((TypeError, ValueError), match="kappa"):
        constraint.kappa = value  # type: ignore[assignment]
    assert constraint.kappa == 0.1


@pytest.mark.parametrize("kind", [PNCC, CLA])
@pytest.mark.parametrize("value", [0, 1, 1.0, 1.5])
def test_a_similarity_of_one_is_out_of_reach_and_none_is_no_bound(kind: Any, value: float) -> None:
    with pytest.raises(ValueError, match="kappa must be a finite number > 0 and < 1, got"):
        kind(kappa=value)


@pytest.mark.parametrize("value", [0.1, 1, np.float32(0.5), torch.tensor(0.25), 1e-6])
def test_any_positive_real_is_a_kappa(value: float) -> None:
    constraint = RE(kappa=value)
    assert type(constraint.kappa) is float and constraint.kappa == float(value)


@pytest.mark.parametrize("name", ["", "a/b", 3, None])
def test_a_name_is_a_word_that_can_head_a_column(name: object) -> None:
    with pytest.raises(ValueError, match="name"):
        mae(name=name)  # type: ignore[arg-type]


def test_re_is_the_mean_over_pixels_data_and_samples() -> None:
    x, x_hat = torch.rand(3, 2, 4, 5), torch.rand(6, 3, 2, 4, 5)
    by_hand = np.mean((x_hat.double().numpy() - x.double().numpy()[None]) ** 2)
    # float32 sums of 720 terms
    assert float(RE(0.1).error(x, x_hat)) == pytest.approx(by_hand, rel=1e-5)
    assert float(RE(0.1).error(x, x_hat[0])) == pytest.approx(
        np.mean((x_hat[0].double().numpy() - x.double().numpy()) ** 2), rel=1e-5
    )


def test_re_has_the_gradient_of_the_mean_square() -> None:
    x = torch.rand(2, 1, 3, 3, dtype=torch.float64)
    x_hat = torch.rand(2, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    RE(0.1).error(x, x_hat).backward()
    assert torch.allclose(x_hat.grad, 2 * (x_hat.detach() - x) / x.numel())


@pytest.mark.parametrize("shape", [(3, 1, 4, 4), (2, 1, 4, 5), (2, 16), (1, 4, 4), (2, 3, 1, 4, 4)])
def test_re_refuses_reconstructions_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="x_hat must have the shape of x"):
        RE(0.1).error(torch.zeros(2, 1, 4, 4), torch.zeros(shape))


def test_re_refuses_data_without_a_batch() -> None:
    with pytest.raises(ValueError, match="batch"):
        RE(0.1).error(torch.zeros(4), torch.zeros(4))


def test_kappa_is_an_rms() -> None:
    constraint = RE(0.1)
    assert constraint.tolerance(0.2) == pytest.approx(0.04)
    assert constraint.as_kappa(constraint.tolerance(0.3)) == pytest.approx(0.3)
    values = np.array([0.01, 0.04], np.float32)
    assert constraint.as_kappa(values) == pytest.approx([0.1, 0.2])
    assert constraint.size(torch.zeros(7, 3, 4, 5)) == 60


def test_an_error_of_ones_own_has_kappa_as_its_tolerance() -> None:
    constraint = mae(0.3)
    assert constraint.tolerance(0.3) == constraint.as_kappa(0.3) == 0.3
    assert constraint.size(torch.zeros(2, 1, 4, 4)) == 1
    assert constraint.spec is None
    assert "0.3" in constraint.describe(0.3)
    assert Constraint("x", None, 1.0, unit="bits").describe(2.0) == "bits 2"


def test_a_constraint_without_an_error_says_so() -> None:
    with pytest.raises(TypeError, match="'empty' has no error function"):
        Constraint("empty", None, 1.0).error(torch.zeros(1, 1), torch.zeros(1, 1))


def test_description_gives_psnr_and_summed_error() -> None:
    text = RE(0.1).describe(0.1, torch.zeros(1, 1, 10, 10))
    assert "20.0 dB" in text and "SSE 1" in text and "off by 10 %" in text


def test_spec_rebuilds_re() -> None:
    assert RE(0.07).spec == {"name": "re", "kappa": 0.07}


def test_state_dict_carries_kappa_exactly() -> None:
    saved = RE(kappa=0.1 + 1e-12).state_dict()
    other = RE(kappa=0.5)
    other.load_state_dict(saved)
    assert other.kappa == 0.1 + 1e-12


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_images_are_measured_in_float32(dtype: torch.dtype) -> None:
    x, x_hat = torch.rand(4, 1, 8, 8).to(dtype), torch.rand(4, 1, 8, 8).to(dtype)
    error = RE(0.1).error(x, x_hat)
    exact = float((x_hat.double() - x.double()).square().mean())
    assert error.dtype == torch.float32
    assert float(error) == pytest.approx(exact, rel=1e-5)  # bfloat16 itself is good to 4e-3
