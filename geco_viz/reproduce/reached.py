"""What the runs of a sweep reached, as plain rows that the figures' numbers are made of."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from geco_viz.training import Sweep
from geco_viz.training.points import columns_of
from geco_viz.training.showing import WORDS

__all__ = ["CLOSE", "mean_spread", "names", "rows", "select", "summary", "titled"]

CLOSE = 0.05  # kappa_hat within 5 % of kappa holds the constraint


def rows(sweep: Sweep | None) -> list[dict[str, Any]]:
    """One plain row a finished run: what was asked, kappa_hat of each constraint, KL, prices."""
    assert sweep is not None
    found = []
    for record in sweep.finished:
        values, late = record["values"], record["late"]
        row = {k: v for k, v in columns_of(record["point"]).items() if v not in (None, "")}
        row["model"] = record["point"]["model"]["name"]
        row["data"] = record["point"]["data"]["name"]
        row |= {key: pair[0] for key, pair in values.items() if not key.startswith("kl/")}
        row["kl/se"] = values["kl"][1]
        row["lambda"] = {k.split("/")[1]: v for k, v in late.items() if k != "beta"}
        row["beta_end"] = late.get("beta")
        row |= {"at_cap": record["at_cap"], "phase": record["phase"]}
        found.append(row)
    return found


def select(found: Iterable[dict[str, Any]], **wanted: Any) -> list[dict[str, Any]]:
    """The rows that have these values.

    Example:
        >>> select([{"seed": 0}, {"seed": 1}], seed=1)
        [{'seed': 1}]
    """
    return [row for row in found if all(row.get(k) == v for k, v in wanted.items())]


def mean_spread(values: Iterable[float | None]) -> tuple[float, float]:
    """The mean and the standard deviation over runs; 0 for one of them, NaN for none.

    Example:
        >>> mean_spread([1.0, 3.0])
        (2.0, 1.4142135623730951)
    """
    known = [v for v in values if v is not None]
    if not known:
        return math.nan, math.nan
    mean = sum(known) / len(known)
    if len(known) == 1:
        return mean, 0.0
    return mean, math.sqrt(sum((v - mean) ** 2 for v in known) / (len(known) - 1))


def summary(values: Iterable[float | None]) -> str:
    """A mean with its spread, as words.

    Example:
        >>> summary([1.0, 3.0]), summary([0.123456])
        ('2 ± 1.4', '0.123')
    """
    mean, spread = mean_spread(values)
    return f"{mean:.3g} ± {spread:.2g}" if spread else f"{mean:.3g}"


def titled(name: str) -> str:
    """A data set or model as the paper writes it.

    Example:
        >>> titled("color-mnist"), titled("conv-vae-nvp")
        ('Color-MNIST', 'VAE+NVP')
    """
    return {"conv-vae-nvp": "VAE+NVP"}.get(name) or WORDS.get(name, name)


def names(row: dict[str, Any]) -> str:
    """The objective of a row in words.

    Example:
        >>> names({"objective": "geco", "constraint": "re", "kappa": 0.1})
        'GECO RE κ = 0.1'
    """
    if row["objective"] == "geco":
        kappa = row.get("kappa")
        words = f"GECO {str(row.get('constraint', 're')).upper()}"
        return words if kappa is None else f"{words} κ = {kappa:g}"
    if row["objective"] == "elbo":
        sigma = row.get("sigma")
        return "ELBO, σ learned" if sigma is None else f"ELBO, σ = {sigma:g}"
    return {"annealed": "hand-annealed", "beta": "β-VAE"}[row["objective"]]
