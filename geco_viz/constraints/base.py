"""What every constraint is: an error, its tolerance, and kappa."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from geco_viz._checks import Closed, number

__all__ = [
    "ClosedModule",
    "Constraint",
    "Similarity",
    "check_images",
    "check_tensors",
    "full_precision",
]

Error = Callable[..., Tensor]


def check_images(x: Tensor, x_hat: Tensor) -> None:
    """Raise a `ValueError` unless `x_hat` is `x`'s shape, with any leading sample dimensions."""
    if x.ndim < 2 or x_hat.shape[x_hat.ndim - x.ndim :] != x.shape:
        raise ValueError(
            "x_hat must have the shape of x (batch, ...) or (samples, batch, ...), "
            f"got x {tuple(x.shape)} and x_hat {tuple(x_hat.shape)}"
        )


def check_tensors(kl: Tensor, x: Tensor, x_hat: Tensor, y: Tensor | None = None) -> None:
    """Raise a `TypeError` unless an objective is called with tensors, and x_hat has gradients."""
    for name, value in (("kl", kl), ("x", x), ("x_hat", x_hat)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a torch tensor, got {type(value).__name__}")
    if not (x_hat.dtype.is_floating_point or x_hat.dtype.is_complex):
        raise TypeError(f"x_hat must be floating point, got {x_hat.dtype}")
    if y is not None and not isinstance(y, Tensor):
        raise TypeError(f"y must be a torch tensor of labels or None, got {type(y).__name__}")


def full_precision(values: Tensor) -> Tensor:
    """Half precision, as under autocast, to float32: bfloat16 keeps three digits of an error."""
    return values if values.dtype in (torch.float32, torch.float64) else values.float()


class ClosedModule(Closed, nn.Module):
    """A module whose classes in this package are closed once made; a user's subclass stays open."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__module__.partition(".")[0] != __name__.partition(".")[0]:
            return
        make = cls.__init__

        @functools.wraps(make)
        def make_and_close(self: Any, *args: Any, **settings: Any) -> None:
            make(self, *args, **settings)
            if type(self) is cls:
                self._closed = True

        cls.__init__ = make_and_close  # type: ignore[method-assign]

    def _holds(self, name: str) -> bool:
        return any(name in held for held in (self._parameters, self._buffers, self._modules))


class Constraint(ClosedModule):
    r"""A bound on the average error of reconstructions, E[error(x, g(z))] <= tolerance(kappa).

    GECO works with the dimensionless form, which is 0 on the boundary for every constraint,

    .. math:: c = \frac{\mathrm{error}}{\mathrm{tolerance}(\kappa)} - 1 .

    This class takes any error of your own, whose tolerance is kappa itself; subclasses carry the
    rows of Table 1.

    Args:
        name: the name of its columns in the history, for example `"mae"`.
        error: `error(x, x_hat)` -> 0-d tensor, the mean over the batch, not negative. `x` is
            (batch, ...), `x_hat` the same or (samples, batch, ...): write what broadcasts.
        kappa: the bound, > 0, in the units of the error.
        unit: what kappa counts, for labels.

    Raises:
        TypeError, ValueError: kappa is not a finite number in the constraint's range; the name is
            no word; the error no function.

    Source: section 3 (eq. 2), Table 1.

    Example:
        >>> mae = Constraint("mae", lambda x, x_hat: (x - x_hat).abs().mean(), kappa=0.1)
        >>> float(mae.error(torch.zeros(2, 4), torch.full((2, 4), 0.25)))
        0.25
    """

    assignable = "assign kappa"
    low, high = 0.0, math.inf
    unit = "error"
    worse = "above"  # the side of kappa on which the bound is violated
    anchor = 0.05  # a kappa from which to begin looking; the middle of a slider
    # Whether lambda slows down as the weights' learning rate is lowered. One that answers quickly
    # keeps an error on its tolerance that falls with the noise of the weights.
    settles = False

    def __init__(self, name: str, error: Error | None, kappa: float, unit: str | None = None):
        super().__init__()
        if not isinstance(name, str) or not name or "/" in name:
            raise ValueError(f"name must be a word without '/', got {name!r}")
        if error is not None and not callable(error):
            raise TypeError(f"error must be a function error(x, x_hat), got {error!r}")
        self.name = name
        self._error = error
        if unit is not None:
            self.unit = unit
        self.kappa = kappa

    @property
    def kappa(self) -> float:
        """The bound as the user set it, in `unit`. Assign to it at any time."""
        return self._kappa

    @kappa.setter
    def kappa(self, value: float) -> None:
        self._kappa = self.check(value)

    @property
    def label(self) -> str:
        """The name as it is written in titles and beside figures."""
        return self.name.upper()

    def check(self, value: Any) -> float:
        """Return `value` as a float if this constraint allows it as kappa, else raise."""
        return number("kappa", value, low=self.low, high=self.high, open_low=True, open_high=True)

    def prepare(self, x: Tensor, y: Tensor | None = None) -> None:
        """Make ready for a training set, (n, ...) and (n,): train a network, check shapes.

        A `Run` calls it once before the first step. Most constraints have nothing to do.

        Raises:
            ValueError: this constraint cannot work on such data.
        """

    def error(self, x: Tensor, x_hat: Tensor, y: Tensor | None = None) -> Tensor:
        """The batch's average error, a 0-d tensor with a gradient to `x_hat`."""
        if self._error is None:
            raise TypeError(f"constraint {self.name!r} has no error function")
        return self._error(x, x_hat)

    def tolerance(self, kappa: float) -> float:
        """The largest average error that kappa allows."""
        return kappa

    def as_kappa(self, error: Any) -> Any:
        """An error, or an array of errors, in the units of kappa: the inverse of `tolerance`."""
        return error

    def size(self, x: Tensor) -> int:
        """How many terms Table 1 sums where `error` takes the mean (normalise=False needs it)."""
        return 1

    def describe(self, kappa: float, x: Tensor | None = None) -> str:
        """What kappa means to a person, for the line under its slider."""
        return f"{self.unit} {kappa:.3g}"

    @property
    def spec(self) -> dict[str, Any] | None:
        """Plain data that rebuilds this constraint, or None where it holds a function of yours."""
        return None

    # kappa travels with the state so that a checkpoint resumes exactly; a tensor, because
    # safetensors holds nothing else.
    def get_extra_state(self) -> Tensor:
        return torch.tensor(self._kappa, dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        self._kappa = self.check(float(state))

    def extra_repr(self) -> str:
        return f"kappa={self._kappa:g}"


class Similarity(Constraint):
    r"""A bound from below on an average similarity s <= 1: a probability, a correlation.

    .. math:: c = \frac{1 - s}{1 - \kappa} - 1 \le 0 \iff s \ge \kappa

    Subclasses give `error`, the batch's mean of 1 - s. kappa lies in (0, 1).

    Raises:
        TypeError, ValueError: kappa is not a number in (0, 1).

    Example:
        >>> half = Similarity("half", lambda x, x_hat: torch.tensor(0.5), kappa=0.9)
        >>> half.as_kappa(half.error(torch.zeros(1, 1), torch.zeros(1, 1))).item()
        0.5
    """

    high = 1.0
    unit = "similarity"
    worse = "below"
    anchor = 0.9

    def tolerance(self, kappa: float) -> float:
        return 1 - kappa

    def as_kappa(self, error: Any) -> Any:
        return 1 - error
