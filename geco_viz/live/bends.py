"""u(beta) of points in the plane, solved a temperature at a time; where it bends, tiles merge."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from geco_viz.theory import curvature, fixed_points, sharpest_bends, temperatures

__all__ = ["Curve"]


class Curve:
    """The error and the fixed points over `temperatures(x)`, as far as they are solved.

    Args:
        x: (n, 2) points, float64.
        masses: "uniform" or "optimal", as for `fixed_points`.
        side: tiles a side.
        sweeps: of a temperature, at most.

    Source: section 4.3 and figure 2.

    Example:
        >>> import torch
        >>> x = torch.tensor([[-0.3, 0.0], [0.3, 0.0]], dtype=torch.float64)
        >>> curve = Curve(x, "uniform", side=4, sweeps=100)
        >>> curve.advance()
        >>> curve.head()["beta"], len(curve.tree()), curve.done
        ([9e-05], 2, False)
    """

    def __init__(self, x: Tensor, masses: str, side: int, sweeps: int):
        self.x, self.masses, self.side, self.sweeps = x, masses, side, sweeps
        several = len(x.unique(dim=0)) > 1
        self.grid = temperatures(x).numpy() if several else np.zeros(0)
        self._psi: list[Tensor] = []
        self._error: list[float] = []
        self._places: list[NDArray[np.float64]] = []

    @property
    def done(self) -> bool:
        return len(self._error) == len(self.grid)

    def advance(self) -> None:
        """Solve the next temperature."""
        beta = float(self.grid[len(self._error)])
        found = fixed_points(self.x, beta, masses=self.masses, side=self.side, steps=self.sweeps)
        psi = found.psi[0]
        self._psi.append(psi.float())
        self._places.append(_places(psi, beta))
        self._error.append(float(found.error[0]))

    def nearest(self, beta: float) -> Tensor | None:
        """The tiles at the largest solved beta below: upwards tiles may meet, but never part."""
        known = int((self.grid[: len(self._psi)] <= beta).sum())
        return self._psi[known - 1].double() if known else None

    def head(self) -> dict[str, Any]:
        """u and -u'' by beta and, once all is solved, the betas of the sharpest bends."""
        count = len(self._error)
        beta, error = self.grid[:count], np.array(self._error)
        bend = np.full(count, np.nan)
        if count > 4:
            bend = -np.asarray(curvature(beta, error))
        solved = self.done and count > 0
        places = sorted(sharpest_bends(beta, error).tolist()) if solved else []
        return {
            "beta": _rounded(beta),
            "error": _rounded(error),
            "bend": _rounded(bend),
            "bends": _rounded(beta[places]),
            "total": len(self.grid),
        }

    def tree(self) -> NDArray[np.float64]:
        """Distinct fixed points by beta: rows beta, x, y, share of the tiles."""
        rows = [
            np.column_stack([np.full(len(places), beta), places])
            for beta, places in zip(self.grid, self._places, strict=False)
        ]
        return np.concatenate(rows) if rows else np.zeros((0, 4))


def _places(psi: Tensor, beta: float) -> NDArray[np.float64]:
    """Distinct fixed points and the share of the tiles at each: rows x, y, share."""
    cell = np.round(psi.numpy() / (0.02 * beta**0.5))
    _, first, count = np.unique(cell, axis=0, return_index=True, return_counts=True)
    return np.column_stack([psi.numpy()[first], count / len(cell)])


def _rounded(values: Any) -> list[float | None]:
    return [float(f"{v:.5g}") if np.isfinite(v) else None for v in values]
