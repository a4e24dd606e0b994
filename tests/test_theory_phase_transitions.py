"""Critical temperatures, mergers and hysteresis where they are known in advance."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from geco_viz.live.bends import Curve
from geco_viz.plots import fixed_points_figure
from geco_viz.theory import (
    EXAMPLES,
    curvature,
    example,
    fixed_points,
    last_transition,
    mean_stability,
    mergers,
    merging_tree,
    phase_transitions,
)
from geco_viz.theory._points import as_points
from geco_viz.theory._support import optimal_support


@pytest.fixture(scope="module")
def clusters() -> Tensor:
    generator = torch.Generator().manual_seed(4)
    centres = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [1.3, 0.8]]).double()
    return centres.repeat_interleave(torch.tensor([2, 4, 2]), 0) + 0.05 * torch.randn(
        8, 2, generator=generator, dtype=torch.float64
    )


def test_curvature_is_exact_for_a_parabola_on_an_uneven_grid() -> None:
    log = torch.tensor([0.0, 0.3, 0.4, 1.0, 1.7]).double()
    bend = curvature(log.exp(), 2.5 * log**2 - log)
    torch.testing.assert_close(bend[1:-1], torch.full((3,), 5.0, dtype=torch.float64))
    assert bend[[0, -1]].isnan().all()


def test_mean_stability_is_the_largest_eigenvalue(clusters: Tensor) -> None:
    top = torch.linalg.eigvalsh(torch.cov(clusters.T, correction=0))[-1]
    assert mean_stability(clusters) == pytest.approx(float(top), rel=1e-12)


@pytest.mark.parametrize("ones", [1, 2, 4])
def test_last_transition_of_two_places_is_the_known_proxy(ones: int) -> None:
    """Kearns and Saul: (1 - 2 p) / (2 ln((1 - p) / p)) for a coin of bias p."""
    p = ones / 10
    x = torch.tensor([[1.0]] * ones + [[0.0]] * (10 - ones))
    proxy = (1 - 2 * p) / (2 * math.log((1 - p) / p))
    assert last_transition(x) == pytest.approx(proxy, rel=1e-6)


def test_the_limit_collapses_at_the_last_transition(clusters: Tensor) -> None:
    """Just below there is a better state than the mean, certified; above there is none."""
    critical = last_transition(clusters)
    assert critical > 1.001 * mean_stability(clusters)
    beta = critical * torch.tensor([0.995, 1.005]).double()
    found = optimal_support(as_points(clusters), beta, 1e-9)
    assert found.rate[0] > 1e-3 and found.rate[1] < 1e-9


def test_critical_temperatures_of_two_pairs() -> None:
    """Each pair merges at its variance .01, the pairs at lambda_max = 1.01."""
    found = phase_transitions(
        [[-1.1], [-0.9], [0.9], [1.1]],
        torch.logspace(-3, 0.4, 24),
        top=2,
        accuracy=2e-3,
        masses="optimal",
        side=4,
    )
    assert found.bends.numel() == 2 and found.accuracy <= 2e-3
    # The bracket, and the tails that each pair sees of the other.
    assert sorted(found.bends.tolist()) == pytest.approx([0.01, 1.01], rel=5e-3)
    assert found.mean_stability == pytest.approx(1.01)
    assert found.height[0] >= found.height[1]
    assert found.curvature[1:-1].isfinite().all()


def test_count_changes_across_a_refined_transition(clusters: Tensor) -> None:
    found = phase_transitions(clusters, torch.logspace(-2.5, 0.5, 20), top=1, accuracy=5e-3, side=6)
    critical = float(found.bends[0])
    across = fixed_points(clusters, [0.98 * critical, 1.02 * critical], side=6)
    assert across.count[0] > across.count[1]


def test_tree_goes_up_to_one_and_down_to_every_datum(clusters: Tensor) -> None:
    beta = torch.logspace(-4, 0.5, 12)
    tree = merging_tree(clusters, beta, side=12)
    for branch in (tree.up, tree.down):
        low_to_high = branch.count if branch.beta[0] < branch.beta[-1] else branch.count.flip(0)
        assert low_to_high.tolist() == sorted(low_to_high.tolist(), reverse=True)
        assert low_to_high[-1] == 1
        for k, places in enumerate(branch.places):
            assert int(branch.label[k].max()) + 1 == len(places) == int(branch.count[k])
            assert branch.masses[k].sum().item() == pytest.approx(1)
    assert tree.up.count[0] == 8
    torch.testing.assert_close(tree.up.beta, tree.down.beta.flip(0))
    # Going up, tiles that have met stay together.
    for before, after in zip(tree.up.label, tree.up.label[1:], strict=False):
        pairs = torch.stack([before, after], 1).unique(dim=0)
        assert len(pairs) == len(before.unique())


def test_unequal_masses_show_hysteresis() -> None:
    """9:1, between lambda_max = .09 and beta_c = .182: two places going up, one coming down."""
    x = torch.tensor([[0.0]] * 9 + [[1.0]])
    tree = merging_tree(x, [0.05, 0.12, 0.3], masses="optimal", side=4)
    assert tree.up.count.tolist() == [2, 2, 1]
    assert tree.down.count.tolist() == [1, 1, 2]
    assert tree.up.error[1] < tree.down.error[1] - 0.02


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: curvature([1.0, 2.0], [0.0, 1.0]), "error must have shape .* B >= 3"),
        (lambda: curvature([1.0, 3.0, 2.0], [0.0, 1.0, 2.0]), "beta must increase"),
        (lambda: phase_transitions([[1.0], [1.0]]), "x must hold two different points"),
        (lambda: phase_transitions([[0.0], [1.0]], [0.1, 0.2]), "at least 5 values, got 2"),
        (lambda: merging_tree([[0.0], [1.0]], [0.1], nudge=0), "nudge must be"),
        (lambda: mean_stability([[math.nan]]), "x must hold"),
    ],
)
def test_bad_input_is_named(call: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()  # type: ignore[operator]


def test_mergers_of_the_limit_end_at_the_last_transition() -> None:
    x = torch.randn(12, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    found = mergers(x, accuracy=1e-3)
    assert int(found.before[0]) == 12 and int(found.after[-1]) == 1
    # None is lost between: each begins with the number that the one before left.
    assert found.before[1:].tolist() == found.after[:-1].tolist()
    assert float(found.beta[-1]) == pytest.approx(last_transition(x), rel=1e-3)
    # Just beside each, the limit itself has these numbers of points.
    support = optimal_support(
        as_points(x), torch.cat([found.beta * 0.995, found.beta * 1.005]), 1e-9
    )
    near = (found.beta.diff() / found.beta[:-1] < 0.01).nonzero()[:, 0]
    alone = torch.ones(len(found.beta), dtype=torch.bool)
    alone[near], alone[near + 1] = False, False
    below, above = support.count().chunk(2)
    assert below[alone].tolist() == found.before[alone].tolist()
    assert above[alone].tolist() == found.after[alone].tolist()


def test_atoms_at_one_place_are_counted_once() -> None:
    pairs = [[-1.1], [-0.9], [0.9], [1.1]]
    support = optimal_support(
        as_points(pairs), torch.tensor([0.009, 0.02, 0.5, 1.02]).double(), 1e-9
    )
    assert support.count().tolist() == [4, 2, 2, 1]


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.train) for n in EXAMPLES])
def test_mergers_of_the_examples_only_lose_points(name: str) -> None:
    """On the ring supports turned about the centre are equally good: no merger is given."""
    found = mergers(example(name), accuracy=0.3)  # the first sweep alone
    assert found.unique == (name != "ring")
    assert (found.before > found.after).all()
    if found.unique:
        assert int(found.before[0]) == 50 and int(found.after[-1]) == 1
    else:
        assert len(found.beta) == 0


def test_a_circle_has_no_mergers_of_its_own() -> None:
    found = mergers(example("ring", 20), accuracy=0.3)
    assert not found.unique and len(found.beta) == 0


def test_the_pictures_of_one_data_set_mark_the_same_bends() -> None:
    x = example("clusters", 14)
    found = phase_transitions(x, side=8)
    curve = Curve(x, "uniform", side=8, sweeps=800)
    while not curve.done:
        curve.advance()
    marked = [float(f"{b:.5g}") for b in sorted(found.bends.tolist())]
    assert curve.head()["bends"] == marked and len(marked) == 3
    lines = fixed_points_figure(x, fixed_points(x, [0.01], side=4), found).layout.shapes
    assert {line.x0 for line in lines} == set(found.bends.tolist())
