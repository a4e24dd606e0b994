"""From names to objects: data, model, objective, device and settings, and back to plain data."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from geco_viz import data as datasets
from geco_viz._checks import choice
from geco_viz.constraints import CLA, FRE, PNCC, RE, Constraint
from geco_viz.geco import GECO
from geco_viz.objectives import ELBO, Annealed, BetaVAE, Objective
from geco_viz.rate_limit import RateLimit
from geco_viz.training.settings import Settings

__all__ = [
    "CONSTRAINTS",
    "OBJECTIVES",
    "as_data",
    "as_model",
    "as_objective",
    "constraint_of",
    "device_of",
    "is_fresh",
    "made_ready",
    "settings_for",
    "test_split",
]

OBJECTIVES = ("elbo", "beta", "annealed", "geco", "rate-limit")
CONSTRAINTS: dict[str, Any] = {
    "re": RE,
    "fre": FRE,
    "cla": CLA,
    "pncc": PNCC,
}
HELD_OUT = 1000  # data of the test split that are read where all would take long
SMALL = 64  # sets that fit one batch, like Micro-MNIST

# What the recipe changes for models whose steps are dear, on large sets and on small ones.
_DEAR: dict[Any, dict[str, Any]] = {
    "conv-vae-nvp": {"lr": 2e-3},
    "convdraw": {"lr": 2e-3, "batch": 32},
    "convdraw-conditional": {"lr": 2e-3, "batch": 32},
}
_DEAR_SMALL: dict[Any, dict[str, Any]] = {
    "conv-vae-nvp": {"lr": 2e-3, "samples": 8},
    "cvae": {"lr": 2e-3, "samples": 8},
    "convdraw": {"lr": 2e-3, "samples": 4},
    "convdraw-conditional": {"lr": 2e-3, "samples": 4},
}
# From 1 their KL falls to zero within 50 steps, and stays there for 100 to 400.
_START: dict[Any, float] = dict.fromkeys(_DEAR, 100.0)


def device_of(device: str | torch.device) -> torch.device:
    """The device asked for; "auto" is CUDA, then MPS, then the CPU.

    Raises:
        ValueError: no such device on this machine.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f"device must be 'auto' or one that this machine has, got {device!r}: {error}"
        ) from error
    return found


def as_data(data: Any) -> datasets.Dataset:
    """A data set as it is, loaded by name, or made of a tensor of images."""
    if isinstance(data, datasets.Dataset):
        return data
    if isinstance(data, str):
        return datasets.load(data)
    if not hasattr(data, "__array__"):
        raise TypeError(
            "data must be a name, a data.Dataset or images (n, C, H, W) in [0, 1] as a tensor or "
            f"an array, got {type(data).__name__}; data.from_tensors(x, y) takes images with labels"
        )
    return datasets.from_tensors(data)


def test_split(data: datasets.Dataset) -> datasets.Dataset | None:
    """The test split of a set that was loaded by name, or None where there is none at hand."""
    info = dict(data.info)
    if info.get("split") != "train":
        return None
    info["split"] = "test"
    if "count" in info:  # CelebA's images are read one by one; of others a part was asked for
        info["count"] = min(info["count"] or HELD_OUT, HELD_OUT)
    try:
        return datasets.load(**info)
    except (OSError, ValueError):  # nowhere to be found: evaluations do without
        return None


def settings_for(
    count: int, model: Any = None, constraints: Sequence[str] = (), **given: Any
) -> Settings:
    """The recipe for a model on a set of `count` data, with whatever was given put over it.

    Small sets train on all their data with many posterior samples each (Micro-MNIST); large ones
    on batches of 128 with one sample. Models whose steps are dear take fewer of either. CLA takes
    half the learning rate on small sets: a probability leaps where tiles touch, and at the full
    rate a digit is now and then lost for good, and the KL ends 2 to 5 % higher.

    Args:
        count: how many data.
        model: a model's name, its configuration, or a module that holds it as `config`.
        constraints: the names of those that it trains under.
        **given: settings by name; None stands for the recipe's.
    """
    known = [field.name for field in dataclasses.fields(Settings)]
    for name in given:
        choice("a setting of Run", name, known)
    called = _called(model)
    if count <= SMALL:
        recipe: dict[str, Any] = {"lr": 6e-3, "batch": count, "samples": 32}
        recipe |= _DEAR_SMALL.get(called, {"lr": 3e-3} if "cla" in constraints else {})
    else:
        recipe = {"lr": 1e-3, "batch": 128, "samples": 1} | _DEAR.get(called, {})
    recipe |= {name: value for name, value in given.items() if value is not None}
    if isinstance(recipe.get("betas"), list):
        recipe["betas"] = tuple(recipe["betas"])
    return Settings(**recipe)


def as_model(
    model: Any, x: Tensor, seed: int, device: torch.device, context: Tensor | None = None
) -> nn.Module:
    """A module as it is, or one built by name or configuration with weights from `seed`.

    Raises:
        ValueError: the data has a context and the model takes none, or the reverse.
    """
    from geco_viz import models

    if isinstance(model, nn.Module):
        conditional = getattr(model, "conditional", None)  # a module that does not say is trusted
        _match(type(model).__name__, conditional, context)
        return model.to(device)
    config = dict(model) if isinstance(model, dict) else {"name": model}
    config.setdefault("shape", list(x.shape[1:]))
    name = config.get("name")
    conditional = models.is_conditional(name)  # type: ignore[arg-type]  # it checks
    _match(repr(name), conditional, context)
    if conditional and context is not None:
        config.setdefault("context_shape", list(context.shape[1:]))
    # The weights come from torch's global generator: fork it, the user's own sequence goes on.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        built: nn.Module = models.build(**config).to(device)
        return built


def _match(model: str, conditional: bool | None, context: Tensor | None) -> None:
    from geco_viz import models

    told, untold = (" or ".join(map(repr, models.names(c))) for c in (True, False))
    if conditional and context is None:
        raise ValueError(
            f"model {model} is conditional, but the data has no context; choose {untold}, or data "
            f"with a context: {', '.join(map(repr, datasets.names(conditional=True)))}"
        )
    if conditional is False and context is not None:
        raise ValueError(
            f"model {model} is not conditional, but the data has a context; choose {told}, or "
            "leave the context out: data.load(...).without_context()"
        )


def _called(model: Any) -> str | None:
    """The name of a model given by name, configuration or as a module that holds one."""
    config = model if isinstance(model, (str, dict)) else getattr(model, "config", None)
    return config.get("name") if isinstance(config, dict) else config


def as_objective(objective: Any, count: int, model: Any = None) -> Objective:
    """An objective as it is, or one made from a name, a specification or nothing at all.

    A constraint, or a list of them, becomes GECO; without anything it is the reconstruction
    error's. What GECO's maker left open (nu, alpha, lambda_init) is set to what the set's size and
    the model want; what was given stays.
    """
    made = _objective(objective, count)
    if isinstance(made, GECO) and made.normalise:
        # On a small set the batch is the whole set, and 32 samples a datum leave little noise to
        # average away: a short memory lets lambda follow without ringing.
        nu, alpha = (0.03, 0.5) if count <= SMALL else (0.1, 0.9)
        held = not isinstance(made, RateLimit)  # whose price begins low: it buys no error
        made.fill(nu, alpha, _START.get(_called(model)) if held else None)
    return made


def _objective(objective: Any, count: int) -> Objective:
    if isinstance(objective, Objective):
        return objective
    if isinstance(objective, Constraint):
        objective = [objective]
    if isinstance(objective, (list, tuple)):
        return GECO(*objective)
    if isinstance(objective, dict):
        return _from_spec(objective)
    name = "geco" if objective is None else choice("objective", objective, OBJECTIVES)
    if name == "geco":
        return GECO(constraint_of("re", None, count))
    if name == "rate-limit":
        return RateLimit(kappa=1.5 if count <= SMALL else 20.0)
    return {"elbo": ELBO, "annealed": Annealed}[name]() if name != "beta" else BetaVAE(beta=1.0)


def constraint_of(name: str, kappa: float | None, count: int) -> Constraint:
    """A row of Table 1 by name; without a kappa at one that teaches on a set of `count` data.

    Raises:
        TypeError, ValueError: no such constraint, or kappa outside its range.

    Example:
        >>> constraint_of("cla", None, count=7)
        CLA(kappa=0.9)
    """
    kind = CONSTRAINTS[choice("constraint", name, CONSTRAINTS)]
    if kappa is None:
        kappa = 0.1 if name == "re" and count > SMALL else kind.anchor
    return kind(kappa=kappa)


def made_ready(objective: Objective, x: Tensor, y: Tensor | None) -> Objective:
    """The objective, its constraints prepared for the data: CLA trains its classifier here.

    Raises:
        ValueError: a constraint cannot work on such data.
    """
    for constraint in objective.constraints:
        constraint.prepare(x, y)
    objective.data_checked = True  # by `Dataset`; noise that the training adds may leave [0, 1]
    return objective


def is_fresh(objective: Objective) -> bool:
    """Whether the objective's `spec` makes it as it is: its own parts only, and never used."""
    if objective.spec is None:
        return False
    new = _from_spec(objective.spec)
    before, after = new.state_dict(), objective.state_dict()
    return type(new) is type(objective) and all(
        torch.equal(after[name].cpu().nan_to_num(), before[name].nan_to_num()) for name in before
    )


def _from_spec(spec: dict[str, Any]) -> Objective:
    settings = dict(spec)
    name = choice("objective", settings.pop("name", None), OBJECTIVES)
    if name == "geco":
        parts = [_made("constraint", CONSTRAINTS, part) for part in settings.pop("constraints", [])]
        for key in settings:
            choice("setting of geco", key, inspect.signature(GECO).parameters)
        return GECO(*parts, **settings)
    if name == "elbo" and "sigma_init" in settings:  # written before there were two kinds
        settings.setdefault("kind", "adam")
    kinds: dict[str, Any] = {
        "elbo": ELBO,
        "beta": BetaVAE,
        "annealed": Annealed,
        "rate-limit": _rate_limit,
    }
    return _made("objective", kinds, {"name": name, **settings})


def _rate_limit(
    kappa: float,
    nu: float | None = None,
    alpha: float | None = None,
    lambda_min: float | None = None,
    lambda_max: float | None = None,
    lambda_init: float | None = None,
    clip: float = 1.0,
) -> RateLimit:
    bounds = {"lambda_min": lambda_min, "lambda_max": lambda_max, "lambda_init": lambda_init}
    return RateLimit(kappa, nu=nu, alpha=alpha, clip=clip, **bounds)


def _made(what: str, kinds: Mapping[str, Callable[..., Any]], spec: dict[str, Any]) -> Any:
    """One of `kinds` from plain data: its name, and settings that its constructor knows."""
    settings = dict(spec)
    name = choice(what, settings.pop("name", None), kinds)
    for key in settings:
        choice(f"setting of {name}", key, inspect.signature(kinds[name]).parameters)
    return kinds[name](**settings)
