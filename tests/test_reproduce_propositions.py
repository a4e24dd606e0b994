"""The propositions' measures on answers that are known, and on wrong ones."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
import torch

from geco_viz.reproduce import propositions
from geco_viz.theory import example, fixed_points, lipschitz_fixed_points

x = example("clusters", 21)


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    return propositions._measure(None, "laptop")


@pytest.mark.train
def test_all_hold(numbers: dict[str, Any]) -> None:
    assert all(verdict.holds for verdict in propositions._judge(numbers).values())


def test_pre_images_are_the_fixed_points_and_no_others() -> None:
    tiles = fixed_points(x, propositions.BETA, side=8).psi[0]
    points = torch.unique((tiles / 1e-8).round(), dim=0) * 1e-8

    def away(points: torch.Tensor, components: int = len(x), normalised: bool = True) -> float:
        return propositions._pre_image_distance(x, points, tiles, components, normalised)

    assert away(points) < propositions.EQUAL
    assert away(points + 0.01) > propositions.APART  # not what the iteration was begun beside
    assert away(points, normalised=False) > propositions.APART
    # What fewer components reach is another feature vector, and another pre-image.
    assert away(points, 2) > 0.1


@pytest.mark.parametrize("kind", [{"multiplier": 30.0}, {"bound": 1.0}])
def test_the_projected_decoder_alone_is_stationary(kind: dict[str, float]) -> None:
    tied = lipschitz_fixed_points(
        x, propositions.BETA, side=6, radius=0.4, tolerance=1e-9, steps=3000, **kind
    )
    least = propositions.FIXED if "multiplier" in kind else propositions.BOUNDED
    assert propositions._stationarity(x, tied) < least
    for wrong in (
        {"psi": tied.psi + 0.01 * torch.randn_like(tied.psi)},
        {"multipliers": 2 * tied.multipliers},
    ):
        spoilt = dataclasses.replace(tied, **wrong)
        assert propositions._stationarity(x, spoilt) > propositions.BOUNDED


def test_each_measure_can_refute_its_proposition() -> None:
    sound: dict[str, Any] = {
        **{"1": 0.0, "2": 0.0, "2 others": 0.1, "3": 0.0, "5": 0.0, "6 excess": 0.0},
        "4": {"all": 1e-8, "twenty": 1e-3, "seven": 1e-2, "plain": 0.2},
        "6": {"fixed": 1e-8, "bounded": 1e-4},
    }
    assert all(verdict.holds for verdict in propositions._judge(sound).values())
    for name, part, wrong in (
        ("4", "all", 1e-3), ("4", "plain", 1e-8), ("6", "fixed", 1e-3), ("6", "bounded", 0.1)
    ):  # fmt: skip
        spoilt = copy.deepcopy(sound)
        spoilt[name][part] = wrong
        refuted = [name for name, v in propositions._judge(spoilt).items() if not v.holds]
        assert refuted == [name]
