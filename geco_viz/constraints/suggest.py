"""Choosing kappa by looking: what images that just meet a kappa look like."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from geco_viz._audit import look_at_layout, look_at_values
from geco_viz._checks import number
from geco_viz.constraints.base import Constraint, Similarity
from geco_viz.constraints.cla import CLA
from geco_viz.constraints.fre import FRE
from geco_viz.constraints.pncc import PNCC
from geco_viz.constraints.re import RE

__all__ = ["WAYS", "KappaTable", "kappa_at", "suggest_kappa"]

WAYS = ("noise", "blur", "fade")
SHARES = (0.1, 0.2, 0.3, 0.45, 0.6, 0.8)  # of what the mean image gets
_GRID = 17


@dataclass(frozen=True)
class KappaTable:
    """What `suggest_kappa` returns: plain data, one row for each constraint and kappa.

    Attributes:
        rows: dicts of `constraint`, `kappa`, `share` (of the mean image's error: RMS for squared
            errors), `words` (what it means) and the strengths that just meet it: `noise` (RMS
            pixel), `blur` (standard deviation, pixels) and `fade` (share of the way to the mean
            image); NaN where no strength does.
        mean_image: what kappa the mean image gets, by constraint: from there on the KL is 0.
        images: float32 (rows, 3, m, C, H, W), spoiled in the ways of `WAYS` to just meet kappa;
            NaN where that cannot be.
    """

    rows: list[dict[str, Any]]
    mean_image: dict[str, float]
    images: np.ndarray

    def __str__(self) -> str:
        lines = [f"{'':5} {'kappa':>7} {'share':>6}  {'noise':>6} {'blur':>6} {'fade':>6}  meaning"]
        for row in self.rows:
            ways = " ".join(f"{_cell(row[way]):>6}" for way in WAYS)
            lines.append(
                f"{row['constraint']:5} {row['kappa']:7.3g} {row['share']:6.0%}  {ways}  "
                f"{row['words']}"
            )
        known = ", ".join(f"{name} {kappa:.3g}" for name, kappa in self.mean_image.items())
        return "\n".join([*lines, f"The mean image gets: {known}."])

    __repr__ = __str__


@torch.no_grad()
def kappa_at(share: float, constraint: Constraint, x: Tensor, y: Tensor | None = None) -> float:
    """The kappa at a share of what the mean image gets: RMS for squared errors.

    Args:
        share: > 0; at 1 the mean image meets kappa, and nothing need be told apart.
        constraint: ready for such data; its own kappa plays no part.
        x: images (n, C, H, W) in [0, 1]; errors are those of the first 64.
        y: labels (n,), for CLA.

    Raises:
        TypeError, ValueError: `share` is not > 0, or images or labels are not the constraint's.

    Example:
        >>> import geco_viz as gv
        >>> x = gv.data.load("digits").x
        >>> half = kappa_at(0.5, gv.RE(kappa=1.0), x)
        >>> bool(abs(half / (0.5 * x.std(0, correction=0).square().mean().sqrt()) - 1) < 1e-5)
        True
    """
    number("share", share, low=0, open_low=True)
    few = x[:64]
    flat = constraint.error(few, x.mean(0).expand_as(few), None if y is None else y[:64])
    return float(constraint.as_kappa(float(flat) * share ** _power(constraint)))


def _power(constraint: Constraint) -> int:
    """Of a share in errors: kappa counts the root of a squared error."""
    return 1 if isinstance(constraint, Similarity) else 2


@torch.no_grad()
def suggest_kappa(
    x: Tensor,
    y: Tensor | None = None,
    constraints: Iterable[Constraint] | None = None,
    kappas: Mapping[str, Sequence[float]] | None = None,
    show: int = 7,
) -> KappaTable:
    """Show images as each kappa sees them, to choose one in the units of the data.

    A reconstruction at kappa is as far from its image, by that constraint, as an image with so
    much noise, so blurred, or so far on its way to the mean image.

    Args:
        x: images (n, C, H, W) in [0, 1]; the first 64 are looked at.
        y: labels (n,), for CLA.
        constraints: those to look through; None for RE, FRE and pNCC, and CLA where there is `y`.
        kappas: by constraint name; others stand at shares of what the mean image gets.
        show: how many images to keep.

    Raises:
        TypeError, ValueError: `x` is no batch of at least two images, a kappa is out of range, or
            a constraint cannot work on such data.

    Example:
        >>> import geco_viz as gv
        >>> table = suggest_kappa(gv.data.load("digits").x, kappas={"re": [0.1]})
        >>> [f"{row['kappa']:.2f} {row['noise']:.2f}" for row in table.rows[:1]]
        ['0.10 0.14']
        >>> table.images.shape[1:]
        (3, 7, 1, 28, 28)
    """
    if not isinstance(x, Tensor) or x.ndim != 4 or len(x) < 2:
        shape = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"x must be images (n, C, H, W), two at least, got {shape}")
    if not x.is_floating_point():
        raise TypeError(f"x must be floating point in [0, 1], got {x.dtype}; pass x / 255")
    look_at_layout(x)
    look_at_values(x)
    if constraints is None:
        constraints = [RE(0.1), FRE(0.1), PNCC(0.8), *([] if y is None else [CLA(0.9)])]
    chosen = [constraints] if isinstance(constraints, Constraint) else list(constraints)
    for constraint in chosen:
        if not isinstance(constraint, Constraint):
            raise TypeError(
                f"constraints must be of type Constraint, for example RE(kappa=0.1); "
                f"got {constraint!r}"
            )
    if kappas is not None and not isinstance(kappas, Mapping):
        raise TypeError(f"kappas must be lists by constraint name, got {kappas!r}")
    for constraint in chosen:
        constraint.prepare(x, y)
    few, labels = x[:64], None if y is None else y[:64]
    mean = x.mean(0).expand_as(few)
    strengths = {way: _strengths(way, few) for way in WAYS}
    rows, pictures, means = [], [], {}
    for constraint in chosen:
        flat = float(constraint.error(few, mean, labels))

        def measure(way: str, strength: float, constraint: Constraint = constraint) -> float:
            return float(constraint.error(few, _spoil(way, few, mean, strength), labels))

        curves = {way: [measure(way, s) for s in strengths[way]] for way in WAYS}
        name = constraint.name
        means[name] = float(constraint.as_kappa(flat))
        power = _power(constraint)
        asked = None if kappas is None else kappas.get(name)
        if asked is None:
            asked = [kappa_at(share, constraint, x, y) for share in SHARES]
        for kappa in asked:
            tolerance = constraint.tolerance(constraint.check(kappa))
            found = {
                way: _meets(tolerance, curve, strengths[way], functools.partial(measure, way))
                for way, curve in curves.items()
            }
            rows.append(
                {
                    "constraint": name,
                    "kappa": number("kappa", kappa),
                    "share": (tolerance / flat) ** (1 / power) if flat > 0 else math.nan,
                    "words": constraint.describe(kappa, few),
                    **found,
                }
            )
            shown = [_spoil(way, few, mean, s)[:show] for way, s in found.items()]
            pictures.append(torch.stack(shown).cpu().numpy().astype(np.float32))
    return KappaTable(rows, means, np.stack(pictures) if pictures else np.empty((0, 3)))


def _strengths(way: str, x: Tensor) -> list[float]:
    """From none on; finer where it matters, since small kappas lie close to no spoiling at all."""
    top = {"noise": 1.0, "blur": min(x.shape[-2:]) / 2, "fade": 1.0}[way]
    return [top * (k / (_GRID - 1)) ** 2 for k in range(_GRID)]


def _spoil(way: str, x: Tensor, mean: Tensor, strength: float) -> Tensor:
    if math.isnan(strength):
        return torch.full_like(x, math.nan)
    if way == "fade":
        return torch.lerp(x, mean, strength)
    if way == "noise":
        random = torch.Generator().manual_seed(0)
        noise = torch.randn(x.shape, generator=random, dtype=torch.float32)
        return (x + strength * noise.to(x)).clamp(0, 1)
    # A Gaussian blur is a product in the frequencies; the borders wrap.
    height, width = x.shape[-2:]
    down = torch.fft.fftfreq(height, device=x.device)[:, None]
    right = torch.fft.rfftfreq(width, device=x.device)
    keep = torch.exp(-2 * (math.pi * strength) ** 2 * (down**2 + right**2))
    return torch.fft.irfft2(torch.fft.rfft2(x) * keep, s=(height, width)).clamp(0, 1)


def _meets(
    tolerance: float,
    curve: list[float],
    strengths: list[float],
    error: Callable[[float], float],
) -> float:
    """The strength at which the error first reaches the tolerance; NaN where none does."""
    for k in range(1, len(curve)):
        if curve[k] >= tolerance:
            low, high = strengths[k - 1], strengths[k]
            for _ in range(7):
                middle = (low + high) / 2
                low, high = (low, middle) if error(middle) >= tolerance else (middle, high)
            return (low + high) / 2
    return math.nan


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"
