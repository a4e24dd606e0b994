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
    assert fig7._width(patch) > fig7.FILLED > fig7.THIN > fig7._width(circle)


def test_tiles_at_one_place_count_once() -> None:
    pair = torch.tensor([[0.0, 0.0], [0.3, 0.3]]).double()
    crowd = pair.repeat(50, 1)
    assert len(fig7._places(crowd)) == 2
    assert fig7._width(crowd) == 0.0
    assert fig7._away(crowd, pair) == 0.0
    assert fig7._away(pair[1:], pair[:1]) == pytest.approx(math.hypot(0.3, 0.3))


def rows(width: list[float]) -> dict[str, Any]:
    return {"places": [40, 60, 90], "width": width, "missed": [0.02, 0.015, 0.01]}


def test_each_row_is_judged_by_its_own_caption() -> None:
    kind = {
        "free": {"places": [30, 15, 6]},
        "local": rows([0.1, 0.15, 0.2]),
        "global": rows([0.2, 0.5, 0.65]),
        "alone": {"places": 16, "missed": 0.024},
    }
    numbers = {"lines": kind, "circles": kind, "tied beta": 2e-3, "strength": [1.0, 2.0, 3.0]}
    assert all(verdict.holds for verdict in fig7._judge(numbers).values())
    for row, width in (("local", [0.1, 0.3, 0.6]), ("global", [0.2, 0.3, 0.4])):
        spoilt = copy.deepcopy(numbers)
        spoilt["circles"][row]["width"] = width  # type: ignore[index]
        assert not fig7._judge(spoilt)[row].holds
    scattered = copy.deepcopy(numbers)
    scattered["lines"]["local"]["places"] = [16, 16, 20]  # type: ignore[index]
    assert not fig7._judge(scattered)["local"].holds
