"""Figure 7's measures on shapes whose answer is known, and its verdicts on made-up numbers."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch

from geco_viz.reproduce import fig7


def test_a_curve_is_thin_and_a_patch_is_filled() -> None:
    turn = torch.linspace(0, 2 * math.pi, 80, dtype=torch.float64)
    circle = 0.4 * torch.stack([turn.cos(), turn.sin()], 1)
    line = torch.linspace(-0.4, 0.4, 12, dtype=torch.float64)
    patch = torch.cartesian_prod(line, line)
    assert fig7._width(circle) < 0.15
    assert fig7._width(patch) > 0.8
    # As many random points tell the two apart.
    assert fig7._width(circle) < fig7._random_width(circle, len(circle))
    assert fig7._width(patch) > fig7._random_width(patch, len(patch))


def test_tiles_at_one_place_count_once() -> None:
    pair = torch.tensor([[0.0, 0.0], [0.3, 0.3]]).double()
    crowd = pair.repeat(50, 1)
    assert len(fig7._places(crowd)) == 2
    assert fig7._width(crowd) == 0.0
    assert fig7._away(crowd, pair) == 0.0
    assert fig7._away(pair[1:], pair[:1]) == pytest.approx(math.hypot(0.3, 0.3))


def test_places_between_join_regions() -> None:
    step = fig7.ONE * fig7.BETA**0.5
    regions = torch.tensor([[0.0, 0.0], [1.5 * step, 0.0], [5 * step, 0.0]]).double()
    between = torch.tensor([[0.75 * step, 0.0], [3.25 * step, 0.0]]).double()
    assert fig7._groups(regions, regions[:0]) == 3
    assert fig7._groups(regions, between) == 2  # the second reaches nobody


@pytest.mark.train
@pytest.mark.parametrize(
    ("points", "strengths"),
    [(60, fig7.STRENGTHS), (120, fig7.STRENGTHS), (60, (50.0, 200.0)), (60, (200.0, 800.0))],
)
def test_the_verdicts_hold_for_other_strengths_and_more_points(
    points: int, strengths: tuple[float, ...]
) -> None:
    verdicts = fig7._judge(fig7._numbers(12, points, strengths))
    assert {name: verdict.holds for name, verdict in verdicts.items()} == dict.fromkeys(
        ("collapse", "local", "global"), True
    )


@pytest.mark.train
@pytest.mark.parametrize("strengths", [(1e-3, 0.1), (1e4, 1e6)], ids=["no ties", "all at one"])
def test_the_verdicts_fail_without_ties_and_where_all_collapse(
    strengths: tuple[float, ...],
) -> None:
    verdicts = fig7._judge(fig7._numbers(12, strengths=strengths))
    assert verdicts["collapse"].holds
    assert not verdicts["local"].holds and not verdicts["global"].holds


def test_each_row_is_judged_by_its_own_caption() -> None:
    def row(width: list[float]) -> dict[str, Any]:
        return {
            "width": width, "random": [0.5, 0.5], "missed": [0.3, 0.3], "regions": [9, 9],
            "groups": [8, 5],
        }  # fmt: skip

    kind = {
        "free": {"places": [30, 6]},
        "local": row([0.1, 0.2]),
        "global": row([0.2, 0.6]),
        "alone": {"missed": [0.5]},
    }
    numbers = {"lines": kind, "circles": kind, "tied beta": 2e-3, "strength": [1.0, 3.0]}
    assert all(verdict.holds for verdict in fig7._judge(numbers).values())
    for name, part, values in (
        ("local", "width", [0.1, 0.51]), ("local", "groups", [8, 8]),
        ("global", "width", [0.6, 0.2]), ("global", "missed", [0.3, 1.1]),
        ("global", "groups", [5, 8]),
    ):  # fmt: skip
        spoilt = copy.deepcopy(numbers)
        spoilt["circles"][name][part] = values  # type: ignore[index]
        assert [n for n, v in fig7._judge(spoilt).items() if not v.holds] == [name]
