"""A canvas held in [0, 1]: it never sticks outside."""

from __future__ import annotations

import pytest
import torch

from geco_viz.models.clipped import clipped


def test_inside_it_is_the_identity_and_outside_the_nearest_bound() -> None:
    r = torch.linspace(-2, 3, 51)
    assert torch.equal(clipped(r), r.clamp(0, 1))


@pytest.mark.parametrize(("start", "target"), [(-3.0, 0.4), (4.0, 0.4), (0.2, 0.9)])
def test_descent_comes_back_from_any_distance(start: float, target: float) -> None:
    r = torch.tensor([start], requires_grad=True)
    for _ in range(200):
        (gradient,) = torch.autograd.grad(((clipped(r) - target) ** 2).sum(), r)
        r = (r - 0.1 * gradient).detach().requires_grad_()
    assert abs(r.item() - target) < 1e-3  # .8 ** 100 of the way that is left inside


@pytest.mark.parametrize(("start", "target"), [(-1.0, -2.0), (2.0, 3.0)])
def test_a_target_out_of_range_does_not_pull_it_further_out(start: float, target: float) -> None:
    r = torch.tensor([start], requires_grad=True)
    ((clipped(r) - target) ** 2).sum().backward()
    assert r.grad is not None and float(r.grad) == 0
