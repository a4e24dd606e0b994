"""Which plane of latent space is shown where it has more than two dimensions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACTIVE", "PRINCIPAL", "axes", "choices"]

ACTIVE, PRINCIPAL = "active", "principal"
MOST = 24  # pairs offered by name


def choices(dims: int) -> list[tuple[str, str]]:
    """Keys and labels of the planes of `dims` latents; none where there is only one plane.

    Example:
        >>> choices(3)
        [('active', 'most active pair'), ('principal', 'principal plane'), ('0,1', 'z₁, z₂'), \
('1,2', 'z₂, z₃')]
        >>> choices(2)
        []
    """
    if dims <= 2:
        return []
    pairs = [(i, min(i + 1, dims - 1)) for i in range(0, dims, 2 if dims > 4 else 1)]
    pairs = [(i - 1, j) if i == j else (i, j) for i, j in pairs][:MOST]
    named = [(f"{i},{j}", f"{_z(i)}, {_z(j)}") for i, j in dict.fromkeys(pairs)]
    return [(ACTIVE, "most active pair"), (PRINCIPAL, "principal plane"), *named]


def axes(z: NDArray[np.float32], plane: str) -> tuple[NDArray[np.float64], list[str]]:
    """Two orthonormal directions in latent space, and their names.

    Orthonormal, so that the prior's circles stay what they are in every plane.

    Args:
        z: posterior samples (n, S, d), d >= 2, at least one of them.
        plane: "active", the two latents whose posterior means vary most over the data (active
            units); "principal", the two directions in which the samples vary most; or "i,j".

    Returns:
        Directions (2, d) and two labels.

    Raises:
        ValueError: plane is none of these.
    """
    d = z.shape[-1]
    if plane == PRINCIPAL:
        flat = z.reshape(-1, d).astype(np.float64)
        _, vectors = np.linalg.eigh(np.cov(flat.T, bias=True))
        found = vectors[:, :-3:-1].T
        # The sign of an eigenvector is arbitrary: fixed, or the picture would flip as it trains.
        signs = np.sign(found[np.arange(2), np.abs(found).argmax(1)])
        return found * signs[:, None], ["1st principal direction", "2nd"]
    if plane == ACTIVE:
        spread = z.mean(1).var(0)
        i, j = sorted(np.argsort(-spread, kind="stable")[:2].tolist())
    else:
        i, j = _pair(plane, d)
    found = np.zeros((2, d))
    found[0, i] = found[1, j] = 1.0
    return found, [_z(i), _z(j)]


def _pair(plane: str, dims: int) -> tuple[int, int]:
    try:
        i, j = (int(part) for part in plane.split(","))
    except ValueError:
        i = j = -1
    if not (0 <= i < dims and 0 <= j < dims and i != j):
        raise ValueError(
            f"plane must be {ACTIVE!r}, {PRINCIPAL!r} or 'i,j' with two different latents below "
            f"{dims}, got {plane!r}"
        )
    return i, j


def _z(index: int) -> str:
    return "z" + "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(index + 1))
