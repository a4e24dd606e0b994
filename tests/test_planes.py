"""Planes of latent space: orthonormal, stable, and about what varies."""

from __future__ import annotations

import numpy as np
import pytest

from geco_viz.live import parts
from geco_viz.live.planes import ACTIVE, PRINCIPAL, axes, choices
from geco_viz.training.records import Pictures


def samples(d: int = 6, n: int = 9, per: int = 50) -> np.ndarray:
    random = np.random.default_rng(3)
    means = random.normal(size=(n, 1, d)) * np.array([0.1, 2.0, 0.1, 0.1, 1.0, 0.1])[:d]
    return (means + 0.1 * random.normal(size=(n, per, d))).astype(np.float32)


@pytest.mark.parametrize("plane", [ACTIVE, PRINCIPAL, "0,3", "5,1"])
def test_axes_are_orthonormal(plane: str) -> None:
    found, names = axes(samples(), plane)
    assert np.allclose(found @ found.T, np.eye(2), atol=1e-12) and len(names) == 2


def test_the_active_pair_is_where_the_means_vary() -> None:
    found, names = axes(samples(), ACTIVE)
    assert names == ["z₂", "z₅"] and found[0, 1] == found[1, 4] == 1


def test_the_principal_plane_holds_the_most_variance_of_any_plane() -> None:
    z = samples()
    held = {p: (z.reshape(-1, 6) @ axes(z, p)[0].T).var(0).sum() for p in (PRINCIPAL, ACTIVE)}
    assert held[PRINCIPAL] >= held[ACTIVE]
    # An eigenvector's sign is arbitrary; ours is not.
    assert np.allclose(axes(z[::-1], PRINCIPAL)[0], axes(z, PRINCIPAL)[0], atol=1e-6)


@pytest.mark.parametrize("plane", ["", "z", "1", "0,0", "0,6", "-1,2", "0,1,2"])
def test_a_plane_that_is_none_is_named(plane: str) -> None:
    with pytest.raises(ValueError, match="plane must be 'active', 'principal' or 'i,j'"):
        axes(samples(), plane)


@pytest.mark.parametrize("dims", [3, 4, 5, 7, 16, 200])
def test_every_choice_is_a_plane(dims: int) -> None:
    z = np.random.default_rng(0).normal(size=(4, 10, dims)).astype(np.float32)
    offered = choices(dims)
    assert len({key for key, _ in offered}) == len(offered) <= 26
    for key, _ in offered:
        axes(z, key)
    assert dims > 40 or {str(i) for i in range(dims)} <= {
        i for key, _ in offered[2:] for i in key.split(",")
    }


def test_the_tiling_is_sent_in_the_plane_asked_for() -> None:
    z = samples()
    blank = np.zeros((9, 4, 4, 1), np.uint8)
    shown = Pictures(blank, blank, blank, [""] * 9, z, np.empty(0, np.float32), 0.0, 1)
    head, data = parts.tiling(shown, "2,4")
    sent = np.frombuffer(data or b"", "<f4").reshape(9, head["per"], 2)
    assert np.allclose(sent, z[:, : head["per"], [2, 4]], atol=1e-6)
    assert head["names"] == ["z₃", "z₅"] and head["plane"] == "2,4" and head["dims"] == 6


def test_contexts_come_before_the_data_and_only_where_they_fit() -> None:
    grey = np.full((3, 4, 4, 1), 9, np.uint8)
    small = np.zeros((3, 2, 2, 1), np.uint8)
    z = np.zeros((3, 1, 2), np.float32)
    mass = np.empty(0, np.float32)
    told = (grey + 1, grey + 2, small)
    head, data = parts.images(Pictures(grey, grey, grey, [""] * 3, z, mass, 0.0, 1, told))
    assert head["rows"] == ["told 1", "told 2", "data", "recon", "sample"]
    grid = np.frombuffer(data or b"", np.uint8).reshape(5, 3, 4, 4, 1)
    assert grid[:, 0, 0, 0, 0].tolist() == [10, 11, 9, 9, 9]
