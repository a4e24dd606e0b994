"""The paper's figures: their runs are what the paper says, their verdicts follow the numbers."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import geco_viz as gv
from geco_viz import cli
from geco_viz.plots import svg
from geco_viz.reproduce import (
    EXPERIMENTS,
    NAMES,
    PRESETS,
    cells,
    claims,
    fig4,
    figures,
    page,
    reproduce,
)
from geco_viz.reproduce.reached import rows
from geco_viz.training import task
from geco_viz.training.points import columns_of, layout, objective_of

TRAINED = [name for name, experiment in EXPERIMENTS.items() if experiment.grids is not None]


def points(name: str, preset: str) -> list[dict[str, Any]]:
    grids = EXPERIMENTS[name].grids
    assert grids is not None
    return layout({}, grids(preset))


# What is run


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", TRAINED)
def test_the_runs_of_every_preset_are_a_sweep(name: str, preset: str) -> None:
    made = points(name, preset)
    assert len(made) == len({json.dumps(point, sort_keys=True) for point in made})
    assert all(columns_of(point) for point in made)


def test_figure_4_has_the_papers_settings() -> None:
    made = [columns_of(point) for point in points("fig4", "paper")]
    geco = [row for row in made if row["objective"] == "geco"]
    assert {row["kappa"] for row in geco} == {0.06, 0.08, 0.1, 0.125, 0.175}
    assert {row["alpha"] for row in geco} == {0.99} and {row["normalise"] for row in geco} == {
        False
    }
    assert {row["steps"] for row in made} == {200_000}
    rates = {(row["model"].split("(")[0], row["lr"]) for row in made}
    assert rates == {("convdraw", 1e-5), ("conv-vae-nvp", 1e-6), ("convdraw-conditional", 1e-5)}
    plain = {row["data"] for row in made if "conditional" not in row["model"]}
    told = {row["data"] for row in made if "conditional" in row["model"]}
    assert plain == {"celeba", "cifar10", "mnist", "color-mnist", "mnist-triplets"}
    assert told == {"mnist-sum", "mnist-sum-hard", "mnist-rotate"}


@pytest.mark.parametrize("name", TRAINED)
def test_the_papers_preset_is_algorithm_1_and_ours_beside_it_differs_in_geco_alone(
    name: str,
) -> None:
    def split(preset: str) -> tuple[list[Any], list[Any]]:
        made = points(name, preset)
        geco = [p for p in made if p["objective"]["name"] == "geco"]
        return geco, [p for p in made if p not in geco]

    (letter, others), (ours, beside) = split("paper"), split("paper-ours")
    assert others == beside and len(letter) == len(ours)
    for point, usual in zip(letter, ours, strict=True):
        made: Any = objective_of(point["objective"], 60_000)
        assert (made.normalise, made.alpha, made.clip) == (False, 0.99, math.inf)
        assert made.multiplier and set(made.multiplier.values()) == {1.0}
        assert made.lambda_max >= 1e10 and point["settings"]["clip"] >= 1e9
        assert objective_of(usual["objective"], 60_000).normalise is True  # type: ignore[union-attr]
        for key in ("data", "model", "seed", "steps"):
            assert point[key] == usual[key]


def test_figure_4_on_a_laptop_is_what_was_promised() -> None:
    made = [columns_of(point) for point in points("fig4", "laptop")]
    assert len(made) == 5 * (2 + 3) and {row["seed"] for row in made} == {0}
    assert {row.get("kappa") for row in made} == {None, 0.1, 0.125, 0.175}


def kinds() -> dict[str, dict[str, Any]]:
    """A run of each kind in the paper presets, named by its figure; the same run is made once."""
    found: dict[str, dict[str, Any]] = {}
    seen: set[str] = set()
    for name in TRAINED:
        own: set[str] = set()
        for point in points(name, "paper"):
            objective = {k: v for k, v in point["objective"].items() if k != "constraints"}
            measures = [part["name"] for part in point["objective"].get("constraints", [])]
            kind = json.dumps([point["model"], objective, measures, point["settings"]])
            key = f"{kind} {shape_of(point['data']['name'])}"
            if kind not in own and key not in seen:
                words = [point["model"]["name"], objective["name"], *measures]
                found[f"{name} {'+'.join(words)} {len(found)}"] = point
            own.add(kind)
            seen.add(key)
    return found


def shape_of(name: str) -> tuple[int, int, int]:
    """(C, H, W) of a data set's images."""
    if name in ("cifar10", "celeba"):
        return 3, *(2 * (32 if name == "cifar10" else 64,))
    grey = {"mnist", "micro-mnist", "mnist-sum", "mnist-rotate"}
    return 1 if name in grey else 2 if name == "mnist-sum-hard" else 3, 28, 28


@pytest.mark.train
@pytest.mark.parametrize("name", kinds())
def test_the_papers_size_makes_real_steps(name: str) -> None:
    """Each model, objective and setting of the paper presets, of every figure that trains."""
    point = kinds()[name]
    shape, told = shape_of(point["data"]["name"]), point["data"]["name"] in gv.data.names(True)
    random = torch.Generator().manual_seed(0)
    context = torch.rand(2, 3 - shape[0], 28, 28, generator=random) if told else None
    x = torch.rand(2, *shape, generator=random)
    data = gv.data.from_tensors(x, [0, 1], context=context)
    objective = objective_of(point["objective"], 60_000)
    settings = {**point["settings"], "samples": 1}
    run = gv.Run(data, dict(point["model"]), objective, seed=0, device="cpu", **settings)
    before = [value.clone() for value in run.model.parameters()]
    steps = 1 if "convdraw" in name else 3  # one takes seconds
    run.train(steps, progress=False)
    if "lr" in point["settings"]:
        assert run.history["lr"][0] == pytest.approx(point["settings"]["lr"])
    assert np.isfinite(run.history["loss"]).all() and len(run.history) == steps
    moved = [not torch.equal(a, b) for a, b in zip(before, run.model.parameters(), strict=True)]
    assert sum(moved) > 0.9 * len(moved)  # a layer whose gradient is 0 at first may stay


# What is said of it


def record(
    objective: str, error: float, kl: float, price: float = 0.3, **asked: Any
) -> dict[str, Any]:
    grid = {"data": "mnist", "model": "convdraw", "objective": objective, **asked}
    (point,) = layout({}, grid)
    values = {"kappa_hat/re": [error, 0.0], "kl": [kl, 0.1], "holes": [0.0, 0.0]}
    return {"status": "finished", "point": point, "values": values,
            "late": {"beta": 0.1, "multiplier/re": price}, "at_cap": False,
            "phase": "settled"}  # fmt: skip


def verdicts(name: str, *records: dict[str, Any]) -> dict[str, bool | None]:
    judged = EXPERIMENTS[name].judge(measured(name, *records))
    return {key: verdict.holds for key, verdict in judged.items()}


def measured(name: str, *records: dict[str, Any]) -> dict[str, Any]:
    done, lost = ([r for r in records if r["status"] == s] for s in ("finished", "failed"))

    def load(point: dict[str, Any], device: str) -> SimpleNamespace:
        (error,) = (r["values"]["kappa_hat/re"][0] for r in done if r["point"] is point)
        return SimpleNamespace(data=gv.data.from_tensors(GREY), average=Off(error))

    sweep: Any = SimpleNamespace(finished=done, failed=lost, load=load)
    return EXPERIMENTS[name].measure(sweep, "laptop")


GREY = torch.tensor([0.4, 0.6])[:, None, None, None].expand(2, 1, 8, 8)


class Off:
    """A model that reconstructs every pixel, but off by as much as is said: its RMS error."""

    def __init__(self, error: float):
        self.error = error

    def encode(self, x: torch.Tensor, context: Any = None) -> Any:
        return SimpleNamespace(sample=lambda samples, generator: (x[None], torch.zeros(1, len(x))))

    def decode(self, z: torch.Tensor, context: Any = None) -> torch.Tensor:
        return z + self.error


def test_figure_4_counts_misses_as_misses() -> None:
    elbo = record("elbo", 0.05, 80.0)
    held, slack, missed = (record("geco", e, 9.0, kappa=0.1) for e in (0.104, 0.09, 0.12))
    assert verdicts("fig4", elbo, held) == {"hold": True, "elbo": True}
    assert verdicts("fig4", elbo, missed)["hold"] is False
    # Below kappa is no better, unless nothing asks for it: lambda at its floor.
    assert verdicts("fig4", elbo, slack)["hold"] is False
    assert verdicts("fig4", elbo, record("geco", 0.09, 0.0, 1e-4, kappa=0.1))["hold"] is True
    lost = {"status": "failed", "point": missed["point"], "error": "Diverged"}
    assert verdicts("fig4", elbo, held, lost)["hold"] is False
    assert verdicts("fig4", record("elbo", 0.2, 80.0), held)["elbo"] is False
    assert verdicts("fig4", elbo) == {"hold": None, "elbo": None}


def test_figure_4_calls_a_cell_infeasible_only_if_lambda_at_its_cap_misses_too() -> None:
    missed = record("geco", 0.12, 9.0, kappa=0.1)
    found: Any = SimpleNamespace(finished=[missed, record("geco", 0.104, 9.0, kappa=0.1)])
    (grid,) = fig4.FIG4.then(found, "laptop")  # type: ignore[misc]
    (point,) = layout({}, grid)
    geco = gv.training.points.objective_of(point["objective"], 1000)
    x = torch.rand(4, 1, 8, 8)
    geco(torch.tensor(1.0), x, x)
    geco.step()
    assert geco.multiplier["re"] == pytest.approx(1e6, rel=1e-3)  # from the first step on
    row = rows(found)[0]
    for error, state, holds in ((0.11, "infeasible", None), (0.1, "not converged", False)):
        values = {**missed["values"], "kappa_hat/re": [error, 0.0]}
        tried = {**missed, "point": point, "values": values}
        again: Any = SimpleNamespace(finished=[tried])
        assert cells.state(row, rows(again)) == state
        assert verdicts("fig4", missed, tried)["hold"] is holds
    assert cells.state(row, []) == "not converged"
    other = {**rows(again)[0], "seed": 1, "kappa_hat/re": 0.2}
    assert cells.state(row, [other]) == "not converged"  # another seed's says nothing of this one


def test_figure_4_shows_a_miss_as_one() -> None:
    """Each state has a mark of its own, and an entry of the legend where it occurs."""
    held, slack, missed = (
        record("geco", e, 9.0, price, kappa=kappa)
        for e, price, kappa in ((0.1, 0.3, 0.1), (0.09, 1e-4, 0.125), (0.2, 0.3, 0.175))
    )
    numbers = measured("fig4", held, slack, missed)
    figure = fig4.FIG4.draw(numbers, "light")["convdraw"]
    at = {trace.marker.symbol: list(trace.x) for trace in figure.data if trace.mode == "markers"
          and trace.x[0] is not None}  # fmt: skip
    assert at == {"circle": [0.1], "circle-open-dot": [0.09], "circle-open": [0.2]}
    (line,) = (t for t in figure.data if t.mode == "lines" and len(t.x) == 3)
    assert list(line.x) == [0.09, 0.1, 0.2]  # GECO's points are joined, held or not
    legend = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert any("missed (not converged)" in name for name in legend)
    assert not any("infeasible" in name for name in legend)
    (limit,) = (trace for trace in figure.data if trace.name == "limit R(D), all 2 MNIST")
    assert max(limit.y) == pytest.approx(math.log(2), rel=1e-3)  # of two data, ln 2 at error 0
    numbers["rows"][2]["cell"] = "infeasible"
    drawn = fig4.FIG4.draw(numbers, "dark")["convdraw"]
    (trace,) = (t for t in drawn.data if t.marker.symbol == "circle-x-open" and t.x[0] is not None)
    assert "κ infeasible" in svg(drawn) and list(trace.x) == [0.2]


def test_figure_4_takes_the_quantised_likelihood() -> None:
    """At sigma_opt = the error: eq. 26's normal for grey, its open bins for black."""
    (row,) = measured("fig4", record("elbo", 0.05, 80.0))["rows"]
    # Within the bins' width: (1 / 255 / .05)^2 / 24 = .0003.
    assert row["nll"] == pytest.approx(
        0.5 * math.log(2 * math.pi * math.e * 0.05**2) + math.log(255), abs=1e-3
    )
    black: Any = SimpleNamespace(data=gv.data.from_tensors(torch.zeros(2, 1, 8, 8)),
                                 average=Off(0.05))  # fmt: skip
    # Black is the first bin, which is open: all that is below 1/510.
    below = torch.distributions.Normal(0.05, 0.05).cdf(torch.tensor(1 / 510))
    assert fig4._nll(black, 0.05)[0] == pytest.approx(-math.log(below), rel=1e-5)


def test_figure_5_compares_only_at_equal_error() -> None:
    elbo = record("elbo", 0.1, 50.0)
    assert verdicts("fig5", elbo, record("geco", 0.101, 40.0, kappa=0.1)) == {"lower": True}
    assert verdicts("fig5", elbo, record("geco", 0.101, 60.0, kappa=0.1)) == {"lower": False}
    assert verdicts("fig5", elbo, record("geco", 0.2, 40.0, kappa=0.1)) == {"lower": None}


def test_table_2_compares_only_what_reached_kappa() -> None:
    shared = 0.5

    def row(objective: str, error: float, marginal: float, data: str = "mnist") -> dict[str, Any]:
        return {"data": data, "objective": objective, "kappa_hat/re": error, "kappa": 0.1,
                "marginal": marginal, "overlap": shared, "of": 100}  # fmt: skip

    judge, elbo = EXPERIMENTS["table2"].judge, row("elbo", 0.05, 30.0)
    for error, marginal, holds in ((0.1, 9.0, True), (0.1, 31.0, False), (0.2, 9.0, None)):
        verdict = judge({"rows": [elbo, row("geco", error, marginal)]})["lower"]
        assert verdict.holds is holds and ("has not reached" in verdict.words) == (holds is None)
    both = [elbo, row("geco", 0.1, 9.0), row("elbo", 0.05, 30.0, "color-mnist"),
            row("geco", 0.2, 40.0, "color-mnist")]  # fmt: skip
    verdict = judge({"rows": both})["lower"]
    assert verdict.holds and "paper 182.5 and 10.3)" in verdict.words
    assert "which has not reached" in verdict.words
    # KL - ln n for both: a smaller KL, and no word on coverage.
    shared = 0.05
    verdict = judge({"rows": [row("elbo", 0.05, 30.0), row("geco", 0.1, 9.0)]})["lower"]
    assert verdict.holds is None and "no latent is shared" in verdict.words


def test_figure_3_counts_only_a_beta_that_no_cap_made() -> None:
    beta = {"start": 0.04, "met": 0.001, "least": 0.0009, "least_at": 70, "end": 0.1}
    seen = {"kappa": 0.1, "steps": 600, "met": 64, "at_cap": False, "error_end": 0.099,
            "kl": {"most": 90.0, "end": 50.0}, "beta": beta}  # fmt: skip

    def holds(**other: Any) -> list[bool | None]:
        changed = {**seen, **{k: v for k, v in other.items() if k in seen}}
        changed["beta"] = {**beta, **{k: v for k, v in other.items() if k in beta and k != "met"}}
        return [v.holds for v in EXPERIMENTS["fig3"].judge(changed).values()]

    assert holds() == [True, True]
    assert holds(at_cap=True) == [None, None]
    assert holds(least_at=14)[1] is False  # it grew long before kappa was met
    assert holds(end=0.001)[1] is False


def test_baselines_say_when_a_heuristic_would_do() -> None:
    ours, fixed = record("geco", 0.1, 9.0, kappa=0.1), record("elbo", 0.11, 8.0, sigma=0.2)
    far, near = (record("elbo", e, 50.0) for e in (0.05, 0.1))
    assert verdicts("baselines", ours, fixed, far) == {"found": True, "heuristics": True}
    assert verdicts("baselines", ours, fixed, near) == {"found": True, "heuristics": False}


# What is kept of it


def test_the_page_shows_what_was_run_and_what_was_not(tmp_path: Path) -> None:
    found = reproduce("fig1", out=tmp_path / "kept")
    assert [claim["holds"] for claim in found["claims"]] == [True, True]
    text = page(tmp_path / "kept", tmp_path / "docs" / "page.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (.*?)$\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(sections) == [experiment.title for experiment in EXPERIMENTS.values()]
    first = sections.pop(EXPERIMENTS["fig1"].title)
    assert first.count("**yes**") == 2 and "geco-viz reproduce fig1 --preset laptop" in first
    for image in re.findall(r"!\[.*?\]\((.*?)\)", first):
        assert (tmp_path / "docs" / image).read_text().startswith("<svg")
    assert all("not run yet" in section and "yes" not in section for section in sections.values())
    claims = {text for experiment in EXPERIMENTS.values() for text in experiment.claims.values()}
    assert all(claim in text for claim in claims)


def test_a_claim_that_does_not_hold_is_said_not_to(tmp_path: Path) -> None:
    reproduce("fig1", out=tmp_path)
    path = tmp_path / "fig1-laptop.json"
    kept = json.loads(path.read_text())
    kept["claims"][0]["holds"], kept["claims"][1]["holds"] = False, None
    path.write_text(json.dumps(kept))
    text = page(tmp_path, tmp_path / "page.md").read_text(encoding="utf-8")
    assert "| **no** |" in text and "| open |" in text and "**yes** |" not in text.split("##")[2]
    path.write_text(json.dumps(kept)[:-9])
    with pytest.raises(ValueError, match=r"fig1-laptop\.json is damaged"):
        page(tmp_path, tmp_path / "page.md")


@pytest.mark.train
def test_a_figure_that_trains_is_made_and_not_made_again(tmp_path: Path, mnist_root: Path) -> None:
    done = CliRunner().invoke(
        cli.app, ["reproduce", "fig8", "page", "--steps", "2", "--out", str(tmp_path / "kept"),
        "--to", str(tmp_path / "page.md")],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "fig8: open: cut short" in done.output and "holds" not in done.output
    kept = json.loads((tmp_path / "kept" / "fig8-laptop.json").read_text())
    assert len(kept["runs"]) == 8 and kept["cpu_s"] > 0 and kept["devices"] == ["cpu"]
    assert [len(list((tmp_path / "kept").glob(f"fig8-laptop-*.{e}"))) for e in ("svg", "html")] == [
        8, 4
    ]  # fmt: skip
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "**Cut short**: 2 steps a run" in text and "8 runs; seeds 0; on cpu" in text
    results = sorted((tmp_path / "kept" / "runs").glob("*/result.json"))
    before = [path.stat().st_mtime_ns for path in results]
    again = reproduce("fig8", out=tmp_path / "kept", steps=2, progress=False)
    assert again["runs"] == kept["runs"] and len(results) == 8
    assert [path.stat().st_mtime_ns for path in results] == before


@pytest.mark.train
def test_results_in_one_folder_keep_their_tables(small: None, tmp_path: Path) -> None:
    """Two figures and a sweep share a folder; each table stays, and is what its record says."""
    gv.sweep({"data": "digits", "model": "vae", "steps": 1}, out=tmp_path, progress=False)
    for name in ("baselines", "table1"):
        reproduce(name, out=tmp_path, steps=1, progress=False)
    for name, count in (("results", 1), ("baselines-laptop", 11), ("table1-laptop", 4)):
        with (tmp_path / f"{name}.csv").open(encoding="utf-8") as file:
            found = list(csv.DictReader(file))
        assert [row["status"] for row in found] == count * ["finished"]
    kept = json.loads((tmp_path / "table1-laptop.json").read_text())
    assert [row["constraint"] for row in found] == ["re", "fre", "cla", "pncc"]
    assert [float(row["kl"]) for row in found] == [row["kl"] for row in kept["numbers"]["rows"]]


@pytest.mark.train
def test_a_record_is_shown_as_it_was_stored(small: None, tmp_path: Path) -> None:
    kept = reproduce("baselines", out=tmp_path, steps=1, count=5, progress=False)
    assert kept["count"] == 5 and kept["command"].endswith("baselines --preset laptop --steps 1"
        " --count 5")  # fmt: skip
    assert {point["data"]["count"] for point in kept["runs"]} == {5}
    read = json.loads((tmp_path / "baselines-laptop.json").read_text())
    again = figures(read, "dark")["baselines"]
    assert svg(again) == (tmp_path / "baselines-laptop-dark.svg").read_text(encoding="utf-8")
    text = page(tmp_path, tmp_path / "page.md").read_text(encoding="utf-8")
    assert claims(read) in text and "**Cut short**: 1 steps a run, 5 data of each set" in text
    with pytest.raises(ValueError, match="theme must be one of"):
        figures(read, "grey")
    with pytest.raises(ValueError, match=r"record\['name'\] must be one of"):
        figures({**read, "name": "fig99"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fig9000"], "NAME must be one of"),
        (["fig1", "--preset", "lap"], "did you mean 'laptop'?"),
        (["fig1", "--jobs", "0"], "jobs must be a whole number >= 1"),
        (["fig3", "--count", "0"], "count must be a whole number >= 1"),
        (["fig1", "--steps", "0"], "steps must be a whole number >= 1"),
    ],
)
def test_the_command_refuses_in_one_line(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(cli.app, ["reproduce", *arguments, "--out", str(tmp_path / "new")])
    assert done.exit_code == 2 and message in done.output and "Traceback" not in done.output
    assert not (tmp_path / "new").exists()


def test_the_names_are_those_of_the_paper() -> None:
    wanted = {*(f"fig{n}" for n in range(1, 9)), "table1", "table2", "samples"}
    assert wanted <= set(NAMES)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Random images stand for each data set: the runs are real, the sets are not.

    Seven of them, ten times over but for Micro-MNIST: sets of more than 64 are trained in batches
    and looked at once, like the real ones.
    """

    def load(name: str, **options: Any) -> gv.data.Dataset:
        channels = {"mnist-sum-hard": 2}.get(name, 1 if name in gv.data.names(True) else 3)
        channels = 1 if name in ("mnist", "micro-mnist") else channels
        side = 32 if name in ("cifar10", "celeba") else 28
        random = torch.Generator().manual_seed(0)
        told = name in gv.data.names(conditional=True)
        context = torch.rand(7, 3 - channels, 28, 28, generator=random) if told else None
        times = 1 if name in ("micro-mnist", "digits") else 10
        return gv.data.Dataset(
            torch.rand(7, channels, side, side, generator=random).repeat(times, 1, 1, 1),
            torch.arange(7).repeat(times),
            context if context is None else context.repeat(times, 1, 1, 1),
            name=name,
            info={"name": name, **options},
        )

    monkeypatch.setattr(gv.data, "load", load)
    task._data.cache_clear()
    yield
    task._data.cache_clear()


@pytest.mark.train
@pytest.mark.parametrize("name", TRAINED)
def test_every_figure_is_made_from_its_first_run_to_its_page(
    name: str, small: None, tmp_path: Path
) -> None:
    kept = reproduce(name, out=tmp_path, steps=2, progress=False)
    assert not kept["failed"] and len(kept["runs"]) >= len(points(name, "laptop"))
    experiment = EXPERIMENTS[name]
    assert [claim["claim"] for claim in kept["claims"]] == list(experiment.claims.values())
    assert all(claim["measured"].startswith("cut short") for claim in kept["claims"])
    assert all(claim["holds"] is None for claim in kept["claims"]) and kept["figures"]
    for stem in kept["figures"]:
        for theme in ("light", "dark"):
            drawn = (tmp_path / f"{stem}-{theme}.svg").read_text(encoding="utf-8")
            assert "nan" not in re.sub(r'"data:[^"]*"', "", drawn)
    assert json.loads((tmp_path / f"{name}-laptop.json").read_text()) == kept
    text = page(tmp_path, tmp_path / "page.md").read_text(encoding="utf-8")
    assert all(f"{stem}-light.svg" in text for stem in kept["figures"])
