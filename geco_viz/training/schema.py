"""What a saved run may say: the fields of its document, and its tensors against the run's own."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from geco_viz import data as datasets
from geco_viz import models
from geco_viz.training.settings import Settings

__all__ = ["STATE", "check_document", "check_given", "check_model", "check_tensors", "saved_data"]

STATE = re.compile(r"state-\d+-\d+-\d+\.safetensors")
MANY = 10**6  # entries of a list: edits of days of steering
PENDING = 256  # rows that an accelerator may have lost where training diverged
DEEPEST = 10

Rule = Callable[[str, Any], None]


def refuse(where: str, value: Any, allowed: str) -> None:
    raise ValueError(f"{where} must be {allowed}, got {str(value)[:80]!r}")


def whole(low: int, high: int = 2**63 - 1) -> Rule:
    def rule(where: str, value: Any) -> None:
        if type(value) is not int or not low <= value <= high:
            refuse(where, value, f"a whole number from {low} to {high}")

    return rule


def real(low: float, open_low: bool = False) -> Rule:
    def rule(where: str, value: Any) -> None:
        right = type(value) in (int, float) and abs(value) < 1e30
        if not right or value < low or (open_low and value == low):
            refuse(where, value, f"a finite number {'>' if open_low else '>='} {low}")

    return rule


def text(pattern: str = r".{0,1000}") -> Rule:
    def rule(where: str, value: Any) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.DOTALL):
            refuse(where, value, f"a text like {pattern}")

    return rule


def optional(inner: Rule) -> Rule:
    return lambda where, value: None if value is None else inner(where, value)


def each(inner: Rule, most: int = MANY) -> Rule:
    def rule(where: str, value: Any) -> None:
        if not isinstance(value, list) or len(value) > most:
            refuse(where, value, f"a list of at most {most}")
        for index, entry in enumerate(value):
            inner(f"{where}[{index}]", entry)

    return rule


def fields(more: bool = False, partial: bool = False, **rules: Rule) -> Rule:
    """An object with these keys; with `more` others may be there, with `partial` some may lack."""

    def rule(where: str, value: Any) -> None:
        if not isinstance(value, dict):
            refuse(where, value, "an object")
        for name, inner in rules.items():
            if name not in value:
                if partial:
                    continue
                raise ValueError(f"{where} must have {name!r}")
            inner(f"{where}.{name}" if where else name, value[name])
        if not more and (strange := value.keys() - rules.keys()):
            raise ValueError(f"{where} has {sorted(strange)[0]!r}, which it may not have")

    return rule


def columns(where: str, value: Any) -> None:
    each(text(r".{1,200}"), 500)(where, value)
    if len(set(value)) < len(value) or "step" not in value:
        refuse(where, value, "different names, 'step' among them")


def plain_data(where: str, value: Any, depth: int = 0) -> None:
    """Plain data of a size that a person's settings have."""
    if depth > DEEPEST:
        refuse(where, "...", f"at most {DEEPEST} deep")
    if isinstance(value, (list, dict)):
        if len(value) > 1000:
            refuse(where, value, "of at most 1000 entries")
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in pairs:
            plain_data(f"{where}.{key}", entry, depth + 1)
    elif isinstance(value, str):
        text()(where, value)
    elif type(value) in (int, float):
        real(-1e30)(where, value)


def description(where: str, value: Any) -> None:
    """Of a data set, a model or an objective: an object of plain data."""
    fields(more=True)(where, value)
    plain_data(where, value)


def model_description(where: str, value: Any) -> None:
    description(where, value)
    # Modules are made one by one: no weights are compared before they are there.
    for name in ("steps", "couplings"):
        if name in value:
            whole(1, 256)(f"{where}.{name}", value[name])


def edit(where: str, value: Any) -> None:
    fields(step=whole(0), what=text(), value=plain_data)(where, value)
    what, given = value["what"], f"{where}.value"
    rules: dict[str, Rule] = {
        "train": whole(1),
        "play": lambda at, it: None if it is None else refuse(at, it, "null"),
        "step": text("both|theta|lambda"),
        "objective": optional(description),
        "nu": real(0),
        "alpha": real(0),
    }
    rule = real(0, open_low=True) if what.startswith("kappa/") else rules.get(what)
    if rule is None:
        refuse(f"{where}.what", what, f"kappa/<name> or one of {', '.join(rules)}")
    else:
        rule(given, value["value"])


SETTINGS: dict[str, Any] = {
    **{field.name: real(0) for field in dataclasses.fields(Settings)},
    "betas": each(real(0), 2),
    "batch": whole(1),
    "samples": whole(1, 10**4),
    "threads": whole(1, 1024),
    "bits": whole(0, 8),
}
DOCUMENT = fields(
    more=True,
    state=text(STATE.pattern),
    sha256=text("[0-9a-f]{64}"),
    spec=fields(
        data=optional(description),
        model=optional(model_description),
        objective=optional(description),
        settings=fields(partial=True, **SETTINGS),
        seed=whole(0),
        name=optional(text()),
    ),
    edits=each(edit),
    objective=optional(description),
    loop=fields(
        step=whole(0),
        position=whole(0),
        averaged=whole(0),
        schedule=fields(
            mode=text("hold|stretch"), start=whole(0), steps=whole(0), lowered=optional(whole(0))
        ),
        columns=columns,
    ),
    evaluations=columns,
    since=whole(0),
    unrepeatable=text(),
    data_hash=text("[0-9a-f-]{1,200}"),
    device=text(),
)


def check_document(plain: dict[str, Any]) -> None:
    """Raise a ValueError that names the field where `run.json` says what it may not."""
    DOCUMENT("", plain)
    step = plain["loop"]["step"]
    whole(0, step)("since", plain["since"])
    whole(0, step)("loop.averaged", plain["loop"]["averaged"])
    whole(0, step)("loop.schedule.start", plain["loop"]["schedule"]["start"])
    steps = [entry["step"] for entry in plain["edits"]]
    if steps != sorted(steps) or (steps and steps[-1] > step):
        raise ValueError("edits must be in the order of their steps, and none after the last")


def check_given(saved: dict[str, Any], **parts: Any) -> None:
    """Raise a ValueError where neither the document nor the caller has a part of the run."""
    for name, given in parts.items():
        if given is None and saved[name] is None:
            raise ValueError(
                f"{name} must be given: the run was made with a {name} of your own, "
                f"which a checkpoint cannot rebuild"
            )


def saved_data(root: str | None = None, **info: Any) -> datasets.Dataset:
    """The data set of a document, whose `root` may be a stranger's and is not opened."""
    try:
        return datasets.load(**info)
    except OSError as error:
        if root is not None:
            error.add_note(
                f"The run's data came from {root!r}, which a checkpoint does not open; if you "
                f"trust it, load(path, data=geco_viz.data.load({info.get('name')!r}, root=...))."
            )
        raise


def check_model(config: Any, tensors: dict[str, Tensor], x: Tensor, context: Tensor | None) -> None:
    """Raise a ValueError where a model by this description has not the weights that are there.

    It is made without memory for its weights, so that a size can be anything.
    """
    if list(config.get("shape", ())) != list(x.shape[1:]):
        refuse("spec.model.shape", config.get("shape"), f"that of the data, {list(x.shape[1:])}")
    if context is not None and list(config.get("context_shape", ())) != list(context.shape[1:]):
        refuse("spec.model.context_shape", config.get("context_shape"), "that of the data")
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        built: nn.Module = models.build(**config)
    wanted = {f"model/{name}": value for name, value in built.state_dict().items()}
    _alike({k: v for k, v in tensors.items() if k.startswith("model/")}, wanted)


def _alike(given: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    if strange := given.keys() ^ wanted.keys():
        raise ValueError(f"tensor {sorted(strange)[0]!r} is missing, or belongs to no part of it")
    for name, value in wanted.items():
        shape, dtype = given[name].shape, given[name].dtype
        if shape != value.shape or dtype != value.dtype:
            refuse(name, f"{tuple(shape)} {dtype}", f"{tuple(value.shape)} {value.dtype}")


def check_tensors(
    tensors: dict[str, Tensor],
    fresh: dict[str, Tensor],
    slots: list[Tensor],
    plain: dict[str, Any],
    count: int,
) -> None:
    """Raise a ValueError where tensors are not what a run of this kind has.

    Args:
        tensors: those of the folder.
        fresh: those of a run that has just begun: names, shapes, and where NaN stands for nothing.
        slots: the parameters that Adam moves, in its order.
        plain: the document.
        count: of the data.
    """
    loop = plain["loop"]
    free = {"history/rows", "evaluations/rows", "loop/order", "loop/generator"}
    free.add("objective/_extra_state")  # the objective checks these, of which 0.1 had fewer
    adam = {name: value for name, value in tensors.items() if name.startswith("adam/")}
    rest = {k: v for k, v in tensors.items() if k not in free and k not in adam}
    _alike(rest, {name: value for name, value in fresh.items() if name not in free})
    for name, value in rest.items():
        if value.is_floating_point() and not (value.isfinite() | fresh[name].cpu().isnan()).all():
            raise ValueError(f"{name} must be finite")
    moved = {name.split("/")[1] for name in adam}
    wanted: dict[str, Tensor] = {}
    for index, parameter in enumerate(slots):
        if str(index) in moved:
            wanted[f"adam/{index}/step"] = torch.zeros(())
            wanted |= {f"adam/{index}/{key}": parameter for key in ("exp_avg", "exp_avg_sq")}
    _alike(adam, wanted)
    for name, value in adam.items():
        if not value.isfinite().all() or (not name.endswith("/exp_avg") and (value < 0).any()):
            raise ValueError(f"{name} must be finite, and where it counts or is a square not < 0")
    tables = {"history/rows": loop["columns"], "evaluations/rows": plain["evaluations"]}
    for name, names in tables.items():
        rows = tensors.get(name)
        if rows is None or rows.dtype != torch.float32 or rows.shape[1:] != (len(names),):
            raise ValueError(f"{name} must be float32 with {len(names)} columns")
        steps = rows[:, names.index("step")]
        if rows.isinf().any() or not ((steps >= 0) & (steps <= loop["step"])).all():
            raise ValueError(f"{name} must be finite, its steps up to that of the run")
    if not 0 <= loop["step"] - len(tensors["history/rows"]) <= PENDING:
        refuse("loop.step", loop["step"], "the number of rows of the history")
    order = tensors.get("loop/order")
    listed = order is not None and order.dtype == torch.int64 and order.ndim == 1
    if (
        order is None
        or not listed
        or loop["position"] > len(order)
        or bool(((order < 0) | (order >= count)).any())
    ):
        raise ValueError("loop/order must be a list of data, loop.position a place in it")
    if "loop/generator" not in tensors:
        raise ValueError("loop/generator must be there")
