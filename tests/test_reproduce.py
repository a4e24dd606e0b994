"""The paper's figures: their runs are what the paper says, their verdicts follow the numbers."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import geco_viz as gv
from geco_viz import cli
from geco_viz.plots import svg
from geco_viz.reproduce import EXPERIMENTS, NAMES, PRESETS, claims, figures, page, reproduce
from geco_viz.reproduce.fig4 import _cell, _then
from geco_viz.reproduce.reached import rows
from geco_viz.training import task
from geco_viz.training.points import columns_of, layout

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
    assert {row["alpha"] for row in geco} == {0.99} and {row["steps"] for row in made} == {200_000}
    rates = {(row["model"].split("(")[0], row["lr"]) for row in made}
    assert rates == {("convdraw", 1e-5), ("conv-vae-nvp", 1e-6), ("convdraw-conditional", 1e-5)}
    plain = {row["data"] for row in made if "conditional" not in row["model"]}
    told = {row["data"] for row in made if "conditional" in row["model"]}
    assert plain == {"celeba", "cifar10", "mnist", "color-mnist", "mnist-triplets"}
    assert told == {"mnist-sum", "mnist-sum-hard", "mnist-rotate"}


def test_figure_4_on_a_laptop_is_what_was_promised() -> None:
    made = [columns_of(point) for point in points("fig4", "laptop")]
    assert len(made) == 5 * (2 + 3) and {row["seed"] for row in made} == {0}
    assert {row.get("kappa") for row in made} == {None, 0.1, 0.125, 0.175}


@pytest.mark.train
@pytest.mark.parametrize("name", ["conv-vae-nvp", "convdraw", "convdraw-conditional"])
def test_a_model_of_the_papers_size_makes_a_step(name: str) -> None:
    point = next(p for p in points("fig4", "paper") if p["model"]["name"] == name)
    context = torch.rand(2, 2, 28, 28) if "conditional" in name else None
    data = gv.data.from_tensors(torch.rand(2, 1, 28, 28), context=context)
    run = gv.Run(data, dict(point["model"]), **point["settings"], samples=1, device="cpu")
    run.train(1, progress=False)
    assert run.history["lr"][0] == pytest.approx(point["settings"]["lr"])


# What is said of it


def record(objective: str, error: float, kl: float, **asked: Any) -> dict[str, Any]:
    grid = {"data": "mnist", "model": "convdraw", "objective": objective, **asked}
    (point,) = layout({}, grid)
    values = {"kappa_hat/re": [error, 0.0], "kl": [kl, 0.1], "holes": [0.0, 0.0]}
    return {"status": "finished", "point": point, "values": values, "late": {"beta": 0.1},
            "at_cap": False, "phase": "settled"}  # fmt: skip


def verdicts(name: str, *records: dict[str, Any]) -> dict[str, bool | None]:
    experiment = EXPERIMENTS[name]
    numbers = experiment.measure(SimpleNamespace(finished=list(records)), "laptop")  # type: ignore[arg-type]
    return {key: verdict.holds for key, verdict in experiment.judge(numbers).items()}


def test_figure_4_counts_misses_as_misses() -> None:
    elbo = record("elbo", 0.05, 80.0)
    held, slack, missed = (record("geco", e, 9.0, kappa=0.1) for e in (0.104, 0.09, 0.12))
    assert verdicts("fig4", elbo, held) == {"hold": True, "elbo": True}
    assert verdicts("fig4", elbo, slack)["hold"] is True
    assert verdicts("fig4", elbo, missed)["hold"] is False
    assert verdicts("fig4", record("elbo", 0.2, 80.0), held)["elbo"] is False
    assert verdicts("fig4", elbo) == {"hold": None, "elbo": None}


def test_figure_4_calls_a_cell_infeasible_only_if_lambda_at_its_cap_misses_too() -> None:
    missed = record("geco", 0.12, 9.0, kappa=0.1)
    found = SimpleNamespace(finished=[missed])
    (grid,) = _then(found, "laptop")  # type: ignore[arg-type]
    (point,) = layout({}, grid)
    geco = gv.training.points.objective_of(point["objective"], 1000)
    x = torch.rand(4, 1, 8, 8)
    geco(torch.tensor(1.0), x, x)
    geco.step()
    assert geco.multiplier["re"] == pytest.approx(1e6, rel=1e-3)  # from the first step on
    (row,) = rows(found)  # type: ignore[arg-type]
    for error, state in ((0.11, "infeasible"), (0.1, "not converged")):
        pushed = rows(SimpleNamespace(finished=[{**missed, "point": point,
            "values": {**missed["values"], "kappa_hat/re": [error, 0.0]}}]))  # type: ignore[arg-type]  # fmt: skip
        assert _cell(row, pushed) == state
    assert _cell(row, []) == "not converged"


def test_figure_5_compares_only_at_equal_error() -> None:
    elbo = record("elbo", 0.1, 50.0)
    assert verdicts("fig5", elbo, record("geco", 0.101, 40.0, kappa=0.1)) == {"lower": True}
    assert verdicts("fig5", elbo, record("geco", 0.101, 60.0, kappa=0.1)) == {"lower": False}
    assert verdicts("fig5", elbo, record("geco", 0.2, 40.0, kappa=0.1)) == {"lower": None}


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
    assert "fig8: does not hold" in done.output  # after two steps nothing does
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
    for name in ("fig8", "table1"):
        reproduce(name, out=tmp_path, steps=1, progress=False)
    for name, count in (("results", 1), ("fig8-laptop", 8), ("table1-laptop", 4)):
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
    """Seven random images stand for each data set: the runs are real, the sets are not."""

    def load(name: str, **options: Any) -> gv.data.Dataset:
        channels = {"mnist-sum-hard": 2}.get(name, 1 if name in gv.data.names(True) else 3)
        channels = 1 if name in ("mnist", "micro-mnist") else channels
        side = 32 if name in ("cifar10", "celeba") else 28
        random = torch.Generator().manual_seed(0)
        told = name in gv.data.names(conditional=True)
        context = torch.rand(7, 3 - channels, 28, 28, generator=random) if told else None
        return gv.data.Dataset(
            torch.rand(7, channels, side, side, generator=random),
            torch.arange(7),
            context,
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
    assert all(claim["measured"] for claim in kept["claims"]) and kept["figures"]
    for stem in kept["figures"]:
        for theme in ("light", "dark"):
            drawn = (tmp_path / f"{stem}-{theme}.svg").read_text(encoding="utf-8")
            assert "nan" not in re.sub(r'"data:[^"]*"', "", drawn)
    assert json.loads((tmp_path / f"{name}-laptop.json").read_text()) == kept
    text = page(tmp_path, tmp_path / "page.md").read_text(encoding="utf-8")
    assert all(f"{stem}-light.svg" in text for stem in kept["figures"])
