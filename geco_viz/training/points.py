"""The runs of a sweep as plain data: a grid laid out, checked before any work, named by content."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from geco_viz import data as datasets
from geco_viz import models
from geco_viz._checks import choice, integer, number
from geco_viz.objectives import Objective
from geco_viz.training.progress import patient
from geco_viz.training.recipe import (
    CONSTRAINTS,
    OBJECTIVES,
    SMALL,
    as_objective,
    constraint_of,
    settings_for,
)
from geco_viz.training.settings import Settings

__all__ = ["Point", "address", "columns_of", "label", "layout", "objective_of"]

Point = dict[str, Any]  # data, model, objective, settings, seed, steps: plain data

FORMAT = 4  # raised when a recipe changes, so that a folder's earlier results are not taken for new
SETTINGS = tuple(field.name for field in dataclasses.fields(Settings))
# What an objective is made of; the others do not have it.
OF_OBJECTIVE = {
    "constraint": ("geco",),
    "kappa": ("geco",),
    "nu": ("geco",),
    "alpha": ("geco",),
    "lambda_init": ("geco",),
    "beta": ("beta",),
    "sigma": ("elbo",),
}
AXES = ("data", "model", "objective", *OF_OBJECTIVE, "seed", "steps", *SETTINGS)


def layout(
    spec: Mapping[str, Any] | None, over: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
) -> list[Point]:
    """All runs of a sweep: the product of every axis of `over`, put over `spec`.

    An axis that an objective does not have, as ELBO has no kappa, is left out for it, and points
    that are then the same are one. Several grids in a list are put one after the other.

    Raises:
        TypeError, ValueError: an unknown axis, an empty one, a value that is not allowed, or an
            axis that none of the objectives has.

    Example:
        >>> points = layout({}, {"objective": ["elbo", "geco"], "kappa": [0.1, 0.2]})
        >>> [point["objective"].get("constraints", "none") for point in points]
        ['none', [{'name': 're', 'kappa': 0.1}], [{'name': 're', 'kappa': 0.2}]]
    """
    if not isinstance(spec, (Mapping, type(None))):
        raise TypeError(f"spec must be a dict of what all runs share, got {spec!r}")
    if isinstance(over, str) or not isinstance(over, (Mapping, Sequence, type(None))):
        raise TypeError(f"over must be a dict of lists, or a list of such, got {over!r}")
    base = _flat(dict(spec or {}))
    grids = [over or {}] if over is None or isinstance(over, Mapping) else list(over)
    points: dict[str, Point] = {}
    used: set[str] = set()
    asked: set[str] = set(base)
    for grid in grids:
        if not isinstance(grid, Mapping):
            raise TypeError(f"over must be a dict of lists, or a list of such, got {grid!r}")
        axes = {name: _values(name, values) for name, values in grid.items()}
        asked |= set(axes)
        count = math.prod(map(len, axes.values()))
        every = patient(itertools.product(*axes.values()), count, "laying out the sweep")
        for values in every:
            point = _point(base | dict(zip(axes, values, strict=True)), used)
            points.setdefault(address(point), point)
    for name in asked & set(OF_OBJECTIVE) - used:
        raise ValueError(
            f"{name} must go with an objective that has it, {' or '.join(OF_OBJECTIVE[name])}; "
            "none of the sweep's has"
        )
    return list(points.values())


def address(point: Point) -> str:
    """The name of a run's folder: a fingerprint of the plain data that makes it.

    Example:
        >>> a, b = layout({"data": "digits"}, {"seed": [0, 1]})
        >>> address(a) == address(dict(reversed(a.items()))) != address(b)
        True
    """
    text = json.dumps({"format": FORMAT, **point}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def objective_of(spec: Mapping[str, Any], count: int, model: Any = None) -> Objective:
    """A point's objective for a set of `count` data: the recipe's where it says nothing."""
    full = dict(spec)
    if full["name"] == "geco":
        parts = full.get("constraints", [{"name": "re"}])
        kappa = constraint_of("re", None, count).kappa
        full["constraints"] = [
            {"kappa": kappa, **part} if part["name"] == "re" else part for part in parts
        ]
    return as_objective(full, count, model)


def columns_of(point: Point) -> dict[str, Any]:
    """A point as the first columns of a table.

    Example:
        >>> (point,) = layout({"data": "digits", "kappa": 0.1, "lr": 1e-3}, None)
        >>> columns_of(point)["data"], columns_of(point)["kappa"], columns_of(point)["lr"]
        ('digits', 0.1, 0.001)
    """
    objective = dict(point["objective"])
    parts = objective.pop("constraints", [{"name": "re"}] if objective["name"] == "geco" else [])
    row = {
        "data": label(point["data"]),
        "model": label(point["model"]),
        "objective": objective.pop("name"),
        "constraint": "+".join(part["name"] for part in parts),
    }
    for part in parts:
        name = "kappa" if len(parts) == 1 else f"kappa/{part['name']}"
        row[name] = part.get("kappa")
    row |= {f"annealing_{k}" if k == "steps" else k: v for k, v in objective.items()}
    return {**row, "seed": point["seed"], "steps": point["steps"], **point["settings"]}


def label(part: Mapping[str, Any]) -> str:
    """A data set or model in a few words, such as "convdraw(size=small)"."""
    rest = ", ".join(f"{key}={value}" for key, value in part.items() if key != "name")
    return f"{part['name']}({rest})" if rest else str(part["name"])


def _flat(spec: dict[str, Any]) -> dict[str, Any]:
    """A specification as axes; that of a `Run` holds its settings one level deeper."""
    settings = spec.pop("settings", None) or {}
    spec.pop("name", None)
    for name in (*spec, *settings):
        choice("a key of spec", name, AXES)
    return {**spec, **settings}


def _values(name: str, values: Any) -> list[Any]:
    choice("an axis of over", name, AXES)
    listed = isinstance(values, Iterable) and not isinstance(values, (str, bytes, Mapping))
    found = list(values) if listed else [values]
    if not found:
        raise ValueError(f"over[{name!r}] must have at least one value, got none")
    return found


def _point(given: dict[str, Any], used: set[str]) -> Point:
    objective = _objective(given.get("objective", "geco"))
    for name, kinds in OF_OBJECTIVE.items():
        if name in given and objective["name"] in kinds:
            used.add(name)
            _put(objective, name, given[name])
    objective_of(objective, SMALL + 1)  # a wrong value says so now
    settings = {name: _plain(given[name]) for name in SETTINGS if given.get(name) is not None}
    settings_for(SMALL + 1, **settings)
    return {
        "data": _named("data", given.get("data", "micro-mnist"), datasets.names()),
        "model": _named("model", given.get("model", "vae-nvp"), models.names()),
        "objective": objective,
        "settings": settings,
        "seed": integer("seed", given.get("seed", 0), low=0, high=2**63 - 1),
        "steps": integer("steps", given.get("steps", 2000), low=1),
    }


def _named(what: str, value: Any, known: Iterable[str]) -> dict[str, Any]:
    part = {"name": value} if isinstance(value, str) else value
    if not isinstance(part, Mapping):
        raise TypeError(
            f"{what} must be a name or a dict with one, which any machine can load, got {value!r}"
        )
    choice(what, part.get("name"), known)
    return {key: _plain(entry) for key, entry in part.items()}


def _objective(value: Any) -> dict[str, Any]:
    if isinstance(value, Objective):
        if value.spec is None:
            raise TypeError(f"objective must be one that its spec rebuilds, got {value!r}")
        value = value.spec
    part = {"name": value} if isinstance(value, str) else value
    if not isinstance(part, Mapping):
        raise TypeError(f"objective must be a name, a dict or an Objective, got {value!r}")
    choice("objective", part.get("name"), OBJECTIVES)
    return {key: _plain(entry) for key, entry in part.items()}


def _put(objective: dict[str, Any], name: str, value: Any) -> None:
    parts = [dict(part) for part in objective.get("constraints", [{"name": "re"}])]
    if name == "constraint":
        part = {"name": value} if isinstance(value, str) else dict(value)
        choice("constraint", part.get("name"), CONSTRAINTS)
        objective["constraints"] = [{key: _plain(entry) for key, entry in part.items()}]
    elif name == "kappa":
        several = isinstance(value, Mapping)
        for part in parts:
            kappa = value.get(part["name"], part.get("kappa")) if several else value
            if kappa is not None:
                part["kappa"] = number("kappa", kappa)
        objective["constraints"] = parts
    else:
        objective[name] = number(name, value)


def _plain(value: Any) -> Any:
    """The value as JSON gives it back; what JSON cannot hold is refused."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"a specification must be plain data (numbers, strings, lists, dicts), got {value!r}"
        ) from error
