"""`gv.evaluate`: everything that is known of a trained model in one table, with standard errors."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from geco_viz._checks import choice, integer
from geco_viz.constraints import RE, Constraint
from geco_viz.data import Dataset, from_tensors, load
from geco_viz.evaluation import summary
from geco_viz.evaluation.aggregate import aggregate, marginal_kl, overlap
from geco_viz.evaluation.latents import active_units
from geco_viz.evaluation.likelihood import quantised_nll
from geco_viz.evaluation.ratio import density_ratio_kl
from geco_viz.evaluation.table import Evaluation, Row

__all__ = ["evaluate"]

SMALL = 64  # data; as many posterior samples as a small set can pay for
POINTS = 500  # latents for a mixture over more than 1000 data
SHOWN = 2000  # data of a large set that the slower rows look at

Found = dict[str, tuple[float, float]]


def evaluate(
    source: Any,
    data: Any = None,
    *,
    split: str = "train",
    held_out: Any = None,
    samples: int | None = None,
    seed: int = 0,
) -> Evaluation:
    """Evaluate a run or a model: reconstruction, likelihood, rate and aggregate posterior.

    | row | meaning |
    | --- | --- |
    | RMS, MSE, SSE, PSNR, grey levels | one reconstruction error in every unit |
    | kappa_hat/<constraint> | the error each constraint reached, in the units of its kappa |
    | sigma_opt | eq. 26 with its 1/d_x, on the training data; held-out likelihoods use it too |
    | NLL | quantised normal at sigma_opt, nats per pixel and bits per dimension |
    | ELBO | (NLL + average KL) in bits per dimension: the length of the whole code |
    | KL, overlap, mutual information, marginal KL | average KL = mutual inf. + marginal KL |
    | marginal KL, classifier | a density ratio as cross-check; it falls short above a few nats |
    | active units | latents whose posterior mean varies by more than .01 over the data |
    | holes, tile mass | prior mass that no posterior claims; largest deviation of n mass_i from 1 |

    Above 1000 data the mixture is over all of them, at 500 random latents; rows that look at a
    part of a large set say so in the notes. What a model cannot give is left out with the reason.

    Args:
        source: a `Run`, whose averaged weights are evaluated, or a model.
        data: a `Dataset` or images (n, C, H, W); None for the run's training data.
        split: "train", or "test" to put the data set's test split beside it.
        held_out: a `Dataset` or images to put beside it instead.
        samples: posterior samples a datum; None for 1000 on a small set and 10 on a large one.
        seed: of all random numbers.

    Raises:
        TypeError, ValueError: no data for a model, a data set without a test split, or an argument
            outside its range.

    Source: sections 4.1 and 4.1.1, appendix D.

    Example:
        >>> import geco_viz as gv
        >>> model, digits = gv.models.build("vae-nvp", (1, 28, 28)), gv.data.load("digits")
        >>> table = evaluate(model, digits, samples=20)
        >>> table["RMS"].unit, table["mutual information"].value < math.log(7)
        ('pixel', True)
    """
    choice("split", split, ("train", "test"))
    integer("seed", seed, low=0)
    if samples is not None:
        integer("samples", samples, low=1)
    is_run = hasattr(source, "average") and hasattr(source, "constraints")
    if data is None and not is_run:
        raise TypeError("data must be given with a model: a Dataset or images (n, C, H, W)")
    train = _as_dataset("data", source.data if data is None else data)
    other = None if held_out is None else _as_dataset("held_out", held_out)
    if other is None and split == "test":
        other = _test_split(train)
    if is_run:
        constraints = list(source.constraints)
        model = source.between_steps(lambda: _copy(source.average))
    else:
        constraints, model = [], source
    training = getattr(model, "training", False)
    if training:
        model.eval()
    try:
        first, notes = _measure(model, train, constraints, samples, seed, None)
        second: Found = {}
        if other is not None:
            second, more = _measure(model, other, constraints, samples, seed, first["sigma_opt"][0])
            notes += [note for note in more if note not in notes]
    finally:
        if training:
            model.train()
    nothing = (math.nan, math.nan)
    units = {f"kappa_hat/{c.name}": c.unit for c in constraints}
    rows = tuple(
        Row(name, units.get(name) or UNITS[name], *value, *second.get(name, nothing))
        for name, value in first.items()
    )
    title = getattr(source, "title", type(model).__name__)
    beside = "" if other is None else f"; held out: {other.name}, n = {len(other)}"
    return Evaluation(f"{title}: {train.name}, n = {len(train)}{beside}", rows, tuple(notes))


UNITS = {
    "RMS": "pixel",
    "MSE": "pixel²",
    "SSE": "pixel², summed",
    "PSNR": "dB",
    "grey levels": "of 255, RMS",
    "sigma_opt": "pixel",
    "NLL": "nats per pixel",
    "NLL, bits": "bits per dimension",
    "ELBO, bits": "bits per dimension",
    "KL": "nats",
    "overlap": "nats",
    "mutual information": "nats",
    "its bound ln n": "nats",
    "marginal KL": "nats",
    "marginal KL, classifier": "nats",
    "active units": "latents",
    "holes": "of the prior",
    "tile mass": "relative",
}


def _measure(
    model: Any,
    data: Dataset,
    constraints: list[Constraint],
    samples: int | None,
    seed: int,
    sigma: float | None,
) -> tuple[Found, list[str]]:
    """All figures of one set; `sigma` is the training set's where this is another one."""
    place = next(model.parameters()).device
    x = data.x.to(place)
    y = None if data.y is None else data.y.to(place)
    context = None if data.context is None else data.context.to(place)
    n, pixels = len(x), x[0].numel()
    count = samples or (1000 if n <= SMALL else 10)
    random = torch.Generator(device=place).manual_seed(seed)
    notes: list[str] = []
    measured = [*constraints, *([] if any(c.name == "re" for c in constraints) else [RE(1.0)])]
    raw = summary.evaluate(
        model, x, measured, samples=count, generator=random, y=y, context=context
    )
    found = _units_of(*raw["kappa_hat/re"], pixels)
    found |= {f"kappa_hat/{c.name}": raw[f"kappa_hat/{c.name}"] for c in constraints}
    found["sigma_opt"] = raw["kappa_hat/re"]
    own = raw["kappa_hat/re"][0] if sigma is None else sigma
    found |= _likelihoods(model, x, context, own, count, raw["kl"], random)
    found["KL"] = raw["kl"]
    few = x if n <= SHOWN else x[torch.randperm(n, generator=random, device=place)[:SHOWN]]
    if len(few) < n:
        notes.append(f"Active units: of {len(few)} random data of {data.name}.")
    try:
        aggregate(model, x[:1])
    except TypeError as error:
        notes.append(f"No marginal KL, overlap, holes or tiles: {error}.")
    else:
        found |= _aggregated(model, x, raw, random)
        if n > 1000:
            notes.append(f"Marginal KL and overlap: {POINTS} latents, all of {data.name}.")
    if n > 1 and hasattr(model, "latent_dim"):
        told = context if len(few) == n else None
        if context is None or told is not None:
            found["active units"] = active_units(model, few, generator=random, context=told)
    return found, notes


def _aggregated(model: Any, x: Tensor, raw: Found, random: torch.Generator) -> Found:
    """What the mixture over all data tells."""
    log_n = math.log(len(x))
    if math.isnan(raw["overlap"][0]):  # too many data for all pairs
        shared = overlap(model, x, points=POINTS, generator=random)
        marginal = marginal_kl(model, x, points=POINTS, generator=random)
    else:
        shared, marginal = raw["overlap"], raw["marginal_kl"]
    found = {
        "overlap": shared,
        "mutual information": (log_n - shared[0], shared[1]),
        "its bound ln n": (log_n, 0.0),
        "marginal KL": marginal,
        "marginal KL, classifier": density_ratio_kl(model, x, steps=500, generator=random),
    }
    if not math.isnan(raw["holes"][0]):
        found |= {"holes": raw["holes"], "tile mass": raw["tile_mass"]}
    return found


def _likelihoods(
    model: Any,
    x: Tensor,
    context: Tensor | None,
    sigma: float,
    samples: int,
    kl: tuple[float, float],
    random: torch.Generator,
) -> Found:
    """NLL and ELBO; the errors of the ELBO's two parts are added up as if they were independent."""
    nll, se = quantised_nll(
        model, x, sigma, samples=min(samples, 100), generator=random, context=context
    )
    pixels, bit = x[0].numel(), math.log(2)
    whole = (nll + kl[0] / pixels) / bit, math.hypot(se, kl[1] / pixels) / bit
    return {"NLL": (nll, se), "NLL, bits": (nll / bit, se / bit), "ELBO, bits": whole}


def _units_of(rms: float, se: float, pixels: int) -> Found:
    """A root mean square per pixel, in [0, 1] data units, in every unit that people use."""
    return {
        "RMS": (rms, se),
        "MSE": (rms**2, 2 * rms * se),
        "SSE": (pixels * rms**2, 2 * pixels * rms * se),
        "PSNR": (-20 * math.log10(rms), 20 / math.log(10) * se / rms) if rms else (math.inf, 0.0),
        "grey levels": (255 * rms, 255 * se),
    }


def _as_dataset(name: str, data: Any) -> Dataset:
    if isinstance(data, Dataset):
        return data
    if not isinstance(data, Tensor):
        raise TypeError(f"{name} must be a Dataset or images (n, C, H, W), got {data!r}")
    return from_tensors(data)


def _test_split(data: Dataset) -> Dataset:
    """The test split of the data set that this is the training split of."""
    info = dict(data.info)
    if not info or info.get("split") == "test":
        raise ValueError(
            f"split must be 'train' for {data.name!r}, whose test split is not known: give "
            "held_out="
        )
    try:
        return load(**{**info, "split": "test"})
    except ValueError as error:
        raise ValueError(f"split must be 'train' for {data.name!r}: {error}") from error


def _copy(model: Any) -> Any:
    import copy

    return copy.deepcopy(model)
