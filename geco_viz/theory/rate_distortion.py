"""The rate-distortion limit of a data set: no model of it has a lower KL at the same error."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from geco_viz import _checks
from geco_viz.theory._arguments import positive_values
from geco_viz.theory._envelope import Envelope
from geco_viz.theory._points import Points, as_points

__all__ = ["RateDistortion", "rate_distortion"]

MEMORY = 4  # GiB of a kernel matrix; a few are held at a time


@dataclass(frozen=True)
class RateDistortion:
    """R(D) at m values of kappa, the RMS error per pixel; every field a float64 tensor (m,).

    Attributes:
        kappa: RMS pixel, in the order asked for.
        rate: nats; an upper bound that a mixture of two solved supports attains.
        multiplier: lambda* = -dR / d ln tol in nats, tol = kappa**2; 0 where the rate is 0.
        certificate: nats; the true limit lies in [rate - certificate, rate].
        beta: temperature of eqs. (19-20), data units squared, lambda* = pixels kappa**2 / 2 beta;
            infinite where the rate is 0.
        atoms: number of reconstruction points that carry mass.
        note: what a person must know about the curve, else empty.
    """

    kappa: Tensor
    rate: Tensor
    multiplier: Tensor
    certificate: Tensor
    beta: Tensor
    atoms: Tensor
    note: str = ""


def rate_distortion(
    x: Any,
    kappa: float | Iterable[float] | Tensor | None = None,
    *,
    accuracy: float | None = None,
    points: int = 60,
) -> RateDistortion:
    """The least average KL in nats that any encoder and decoder can have at RMS error kappa.

    R(D) = min I(x; x_hat) subject to E |x - x_hat|^2 <= D = pixels * kappa**2, for x drawn from the
    n data with free reconstruction points. At a given beta the minimiser of R + D / 2 beta is the
    mixture of eq. (20) with the masses of Prop. 5; tangents from below and chords from above then
    enclose R at the kappa asked for, first-order transitions (where D jumps in beta) included.

    Args:
        x: the data, (n, ...), any units; for images in [0, 1] kappa is in the same units.
        kappa: values > 0 in any order; None for the curve to draw: the increasing values attained
            at about `points` values of beta, from R near ln n to the RMS deviation where R = 0.
        accuracy: nats, the certificate to reach; None for 1e-7 up to 100 distinct points and 3e-3
            above, where each value of beta costs seconds.
        points: values of beta to solve for the curve; large data sets take fewer (20).

    Returns:
        `RateDistortion`. Duplicates are merged, so R tends to the entropy of the distinct data as
        kappa -> 0: ln n nats if all differ.

    Raises:
        TypeError: `x` or `kappa` is not made of real numbers.
        ValueError: `x` is empty or not finite, or of so many data (some 13,000) that the matrices
            would not fit; `kappa` not finite or <= 0.

    References:
        Section 3.1-3.3 and appendices C.4, C.6 of the paper.

    Example:
        Two points at distance 2: R = ln 2 - h(q) nats at D = 4 q (1 - q).

        >>> limit = rate_distortion([[0.0], [2.0]], kappa=[0.5, 1.0])
        >>> [round(r, 4) for r in limit.rate.tolist()], limit.atoms.tolist()
        ([0.4474, 0.0], [2, 1])
    """
    data = as_points(x)
    goal = 1e-7 if len(data.p) <= 100 else 3e-3
    if accuracy is not None:
        goal = _checks.number("accuracy", accuracy, low=0, open_low=True)
    count = _checks.integer("points", points, low=4)
    asked = None if kappa is None else positive_values("kappa", kappa).to(data.y)
    _fits(len(data.p))
    if len(data.p) == 1:
        asked = data.y.new_ones(1) if asked is None else asked
        zero = torch.zeros_like(asked)
        return _answer(data, asked, rate=zero, certificate=zero, beta=zero, atoms=zero)
    envelope = Envelope(data, goal)
    if asked is None:
        envelope.sweep(count, share=1.0)
        asked = (envelope.curve() / data.pixels).sqrt()
    elif len(data.p) <= 100:
        # One batch of many beta costs about as much as one beta, and saves rounds of bracketing.
        envelope.sweep(24)
    return _answer(data, asked, *envelope.at(data.pixels * asked.square()))


def _fits(n: int) -> None:
    """Refuse at once what would not fit: kernels between 3 n candidates and n data."""
    need = 8 * (3 * n + 100) * n / 2**30
    if need > MEMORY:
        raise ValueError(
            f"x must be small enough for matrices of {MEMORY} GiB, got {n:,} different data, which "
            f"need {need:.0f} GiB each: take a seeded subset, such as 1000 of them"
        )


def _answer(
    data: Points, kappa: Tensor, rate: Tensor, certificate: Tensor, beta: Tensor, atoms: Tensor
) -> RateDistortion:
    target = data.pixels * kappa.square()
    none = target >= data.variance * (1 - 1e-12)
    note = ""
    if data.duplicates:
        note = f"{data.duplicates} data are duplicates: R tends to {data.entropy:.4f} nats"
    return RateDistortion(
        kappa=kappa,
        rate=rate.masked_fill(none, 0.0),
        multiplier=(target / (2 * beta)).masked_fill(none, 0.0),
        certificate=certificate.masked_fill(none, 0.0),
        beta=beta.masked_fill(none, math.inf),
        atoms=atoms.masked_fill(none, 1).long(),
        note=note,
    )
