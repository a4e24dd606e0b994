"""Water-filling and the classification limit against independent derivations."""

from __future__ import annotations

import math

import pytest
import torch

from geco_viz.theory import classification_limit, water_filling


def test_water_filling_solves_its_own_equation() -> None:
    """Against bisection on the water level, at kappas that put 1, 2 and all directions above it."""
    s = torch.tensor([4.0, 1.0, 0.25, 0.0]).double()
    kappa = torch.tensor([0.05, 0.3, 0.5, 0.8, 1.1]).double()
    limit = water_filling(kappa, covariance=torch.diag(s))
    for k, rate, beta in zip(kappa, limit.rate, limit.beta, strict=True):
        low, high = 0.0, 4.0
        for _ in range(200):
            level = (low + high) / 2
            spent = s.clamp(max=level).sum()
            low, high = (level, high) if spent < 4 * k**2 else (low, level)
        assert beta.item() == pytest.approx(level, rel=1e-12)
        assert rate.item() == pytest.approx(
            0.5 * (s[:3] / level).log().clamp_min(0).sum().item(), abs=1e-12
        )


def test_water_filling_multiplier_is_its_slope() -> None:
    s = torch.diag(torch.tensor([4.0, 1.0, 0.25]).double())
    h = 1e-5
    for kappa in (0.2, 0.6, 1.0):
        up, at, down = (water_filling(kappa * math.exp(d), covariance=s) for d in (h, 0, -h))
        slope = -(up.rate - down.rate).item() / (4 * h)
        assert at.multiplier.item() == pytest.approx(slope, rel=1e-6)


def test_water_filling_of_a_sample_uses_its_covariance() -> None:
    x = torch.randn(50, 2, 3, dtype=torch.float64)
    flat = x.reshape(50, 6)
    covariance = torch.cov(flat.T, correction=0)
    one, two = water_filling([0.3, 0.9], x=x), water_filling([0.3, 0.9], covariance=covariance)
    torch.testing.assert_close(one.rate, two.rate)
    torch.testing.assert_close(one.beta, two.beta)


def test_water_filling_ends_at_the_variance() -> None:
    limit = water_filling([1.0, 2.0], covariance=torch.eye(3))
    assert limit.rate.tolist() == [0, 0] and limit.multiplier.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("covariance", "error", "said"),
    [
        (torch.ones(2, 3), ValueError, r"covariance must have shape \(d, d\), got \(2, 3\)"),
        (torch.tensor([[1.0, 2.0], [0.0, 1.0]]), ValueError, "covariance must be symmetric"),
        (-torch.eye(2), ValueError, "covariance must be positive semidefinite, got eigenvalue -1"),
        (None, TypeError, "exactly one of covariance and x must be given, got neither"),
    ],
)
def test_water_filling_names_bad_input(
    covariance: object, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        water_filling(0.1, covariance=covariance)


def hamming_limit(p: torch.Tensor, distortion: float) -> float:
    """Blahut-Arimoto on the class alphabet: the best lower tangent over temperatures."""
    s = torch.logspace(-2, 1.2, 400, dtype=torch.float64)
    kernel = torch.exp(-s[:, None, None] * (1 - torch.eye(len(p), dtype=torch.float64)))
    q = torch.full((400, len(p)), 1 / len(p), dtype=torch.float64)
    for _ in range(300):
        ratio = kernel / torch.einsum("sxy,sy->sx", kernel, q)[..., None]
        q = q * torch.einsum("x,sxy->sy", p, ratio)
    z = torch.einsum("sxy,sy->sx", kernel, q)
    worst = torch.einsum("x,sxy->sy", p, kernel / z[..., None]).amax(1).log()
    return float((-(z.log() @ p) - worst - s * distortion).amax().clamp_min(0))


@pytest.mark.parametrize("kappa", [0.95, 0.8, 0.62, 0.5, 0.42])
def test_classification_limit_agrees_with_blahut_arimoto(kappa: float) -> None:
    """In every range: all classes kept, one and two given up, nothing to say."""
    y = torch.tensor([0] * 9 + [1] * 6 + [2] * 3 + [3] * 2)
    limit = classification_limit(y, kappa)
    known = hamming_limit(y.bincount().double() / len(y), 1 - kappa)
    # A tangent every .8 % in temperature touches to about 1e-4 nats.
    assert limit.rate.item() == pytest.approx(known, abs=3e-4)


def test_classification_limit_is_the_designed_formula_while_all_classes_count() -> None:
    y, kappa = [8, 7, 1, 7, 1, 2, 1], 0.9
    h = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    p = [3 / 7, 2 / 7, 1 / 7, 1 / 7]
    known = -sum(q * math.log(q) for q in p) - h - 0.1 * math.log(3)
    limit = classification_limit(y, kappa)
    assert limit.rate.item() == pytest.approx(known, abs=1e-12)
    assert limit.multiplier.item() == pytest.approx(0.1 * math.log(0.9 * 3 / 0.1), abs=1e-12)
    assert limit.classes.item() == 4


def test_classification_multiplier_is_the_slope() -> None:
    y = torch.tensor([0] * 9 + [1] * 6 + [2] * 3 + [3] * 2)
    h = 1e-6
    for tol in (0.05, 0.3, 0.45):
        up, at, down = (classification_limit(y, 1 - tol * math.exp(d)) for d in (h, 0, -h))
        slope = -(up.rate - down.rate).item() / (2 * h)
        assert at.multiplier.item() == pytest.approx(slope, rel=1e-6)


def test_one_class_or_a_loose_kappa_needs_no_rate() -> None:
    assert classification_limit([3, 3, 3], [0.9, 1.0]).rate.tolist() == [0, 0]
    loose = classification_limit([0, 0, 0, 1], [0.75, 0.2])
    assert loose.rate.tolist() == [0, 0] and loose.multiplier.tolist() == [0, 0]


def test_certain_labels_need_the_entropy() -> None:
    limit = classification_limit([0, 1, 2, 3], 1.0)
    assert limit.rate.item() == pytest.approx(math.log(4)) and limit.multiplier.item() == 0


@pytest.mark.parametrize(
    ("y", "kappa", "said"),
    [
        ([0, 1], 1.5, "kappa must be .* <= 1, got 1.5"),
        ([[0, 1]], 0.9, r"y must hold labels of shape \(n,\), got shape \(1, 2\)"),
        ([0.5, 1], 0.9, "y must hold whole numbers"),
    ],
)
def test_classification_names_bad_input(y: object, kappa: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        classification_limit(y, kappa)
