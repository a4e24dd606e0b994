"""The command line: what `lab` starts and copies, what `train` saves, and one-line errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import geco_viz as gv
from geco_viz import cli
from geco_viz.cli import notebooks

ROOT = Path(__file__).parents[1]


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would have replaced this process."""
    commands: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: commands.append(command))
    return commands


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shipped"
    folder.mkdir()
    for name in (notebooks.START, "01_more.ipynb"):
        (folder / name).write_text(f"{name}, as shipped")
    monkeypatch.setattr(notebooks, "_shipped", lambda: folder)
    return folder


@pytest.mark.parametrize(
    ("arguments", "folder", "options"),
    [
        ([], "geco-viz-notebooks", []),
        (["here"], "here", []),
        (["--", "--port", "9999"], "geco-viz-notebooks", ["--port", "9999"]),
        (["--no-browser"], "geco-viz-notebooks", ["--no-browser"]),
        (["here", "--port", "9999"], "here", ["--port", "9999"]),
        (["here", "--", "--no-browser", "--port=1"], "here", ["--no-browser", "--port=1"]),
    ],
)
def test_lab_opens_the_start_notebook(
    arguments: list[str],
    folder: str,
    options: list[str],
    started: list[list[str]],
    shipped: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("lab", *arguments)
    assert done.exit_code == 0, done.output
    assert str(tmp_path / folder) in done.output
    (command,) = started
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={tmp_path / folder}" in command
    assert "--LabApp.default_url=/lab/tree/00_start_here.ipynb" in command
    assert command[len(command) - len(options) :] == options
    assert sorted(os.listdir(tmp_path / folder)) == [notebooks.START, "01_more.ipynb"]


def test_lab_keeps_what_the_user_changed(
    started: list[list[str]], shipped: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    call("lab", folder)
    (folder / notebooks.START).write_text("changed")
    (folder / "01_more.ipynb").unlink()
    done = call("lab", folder)
    assert (folder / notebooks.START).read_text() == "changed"
    assert (folder / "01_more.ipynb").read_text() == "01_more.ipynb, as shipped"
    assert f"Kept your {notebooks.START}" in done.output and "01_more" not in done.output
    assert len(started) == 2


def test_lab_needs_a_folder(started: list[list[str]], shipped: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = call("lab", tmp_path / "file")
    assert done.exit_code == 2 and not started
    assert done.output.startswith("Error: DIR must be a folder that can be written, got ")


def test_lab_as_root_is_allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "--allow-root" in notebooks.lab_command(tmp_path, [])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "--allow-root" not in notebooks.lab_command(tmp_path, [])


def test_the_real_notebooks_are_shipped() -> None:
    assert (notebooks._shipped() / notebooks.START).is_file()


@pytest.mark.notebook
def test_jupyterlab_takes_the_command(tmp_path: Path) -> None:
    """The real JupyterLab reads our options: it prints the settings that they gave it."""
    command = notebooks.lab_command(tmp_path, ["--no-browser", "--show-config-json"])
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    settings = json.loads(done.stdout)
    assert settings["ServerApp"]["root_dir"] == str(tmp_path)
    assert settings["LabApp"]["default_url"].endswith(notebooks.START)


@pytest.mark.train
def test_train_saves_the_run_and_its_report(tmp_path: Path) -> None:
    out = tmp_path / "runs" / "demo"
    done = call("train", "--data", "digits", "--kappa", 0.07, "--steps", 6, "--out", out)
    assert done.exit_code == 0, done.output
    assert "not MNIST" in done.output  # the data set's note
    assert "Step 6: kappa_hat/re" in done.output and str(out) in done.output
    run = gv.Run.load(out)
    assert run.history["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert run.history["kappa/re"] == pytest.approx(0.07)
    assert f"kl {run.evaluations['kl'][-1]:.4g} nats" in done.output
    assert "<html" in (out / "run.html").read_text(encoding="utf-8")[:500].lower()


@pytest.mark.train
def test_train_passes_every_setting_on(tmp_path: Path) -> None:
    done = call(
        *("train", "--data", "digits", "--draw", 3, "--model", "vae", "--nu", 0.02),
        *("--alpha", 0.8, "--seed", 5, "--device", "cpu", "--steps", 2, "--out", tmp_path),
    )
    assert done.exit_code == 0, done.output
    spec = gv.Run.load(tmp_path).spec
    assert spec["data"] == {"name": "digits", "draw": 3} and spec["seed"] == 5
    assert spec["model"]["name"] == "vae"
    objective = spec["objective"]
    assert (objective["name"], objective["nu"], objective["alpha"]) == ("geco", 0.02, 0.8)
    assert objective["constraints"][0]["kappa"] == 0.05  # the recipe's for a set of seven


@pytest.mark.train
def test_train_takes_several_constraints(tmp_path: Path) -> None:
    both = ("--constraint", "re", "--constraint", "pncc", "--kappa", 0.2, "--kappa", 0.6)
    done = call("train", "--data", "digits", *both, "--steps", 3, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert "kappa_hat/re" in done.output and "kappa_hat/pncc" in done.output
    run = gv.Run.load(tmp_path)
    assert [(c.name, c.kappa) for c in run.constraints] == [("re", 0.2), ("pncc", 0.6)]
    assert run.step().history["kappa/pncc"] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "mnits"], "got 'mnits'; did you mean 'mnist'?"),
        (["--kappa", "-1"], "kappa must be"),
        (["--kappa", "nan"], "kappa must be"),
        (["--kappa", "wide"], "Invalid value for '--kappa'"),
        (["--steps", "0"], "steps must be a whole number >= 1, got 0"),
        (["--model", "vea"], "did you mean 'vae'?"),
        (["--objective", "gecko"], "did you mean 'geco'?"),
        (["--objective", "elbo", "--kappa", "0.1"], "--kappa does not go with --objective elbo"),
        (["--constraint", "cal"], "did you mean 'cla'?"),
        (["--constraint", "cla", "--kappa", "1.5"], "kappa must be a finite number > 0 and < 1"),
        (
            ["--constraint", "re", "--constraint", "cla", "--kappa", "0.1"],
            "once for each of re, cl",
        ),
        (["--objective", "elbo", "--constraint", "re"], "--constraint does not go with --objectiv"),
        (["--beta", "0.5"], "--beta does not go with --objective geco"),
        (["--alpha", "1"], "alpha must be"),
        (["--nu", "-1"], "nu must be"),
        (["--seed", "-1"], "seed must be a whole number >= 0"),
        (["--device", "abacus"], "device must be"),
        (["--data", "mnist", "--root", "nowhere"], "root='nowhere' must hold MNIST's files"),
    ],
)
def test_train_refuses_in_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = [] if "--data" in arguments else ["--data", "digits"]
    done = call("train", "--steps", 1, *data, *arguments, "--out", tmp_path / "out")
    assert done.exit_code == 2, done.output
    error = next(line for line in done.output.splitlines() if line.startswith("Error"))
    assert message in error
    assert "Traceback" not in done.output
    assert not (tmp_path / "out" / "run.json").exists()


@pytest.mark.train
def test_train_ends_with_143_after_sigterm_and_its_run_goes_on(tmp_path: Path) -> None:
    given = ["--data", "digits", "--steps", "1000000", "--device", "cpu", "--out", str(tmp_path)]
    code = "import sys; from geco_viz.cli import app; sys.argv[0] = 'geco-viz'; app()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "train", *given], stderr=subprocess.PIPE, cwd=ROOT
    )
    assert process.stderr is not None
    seen = b""
    while b"err/re" not in seen:  # the bar has drawn its figures: it trains
        seen += process.stderr.read1(200)
    process.terminate()
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 143 and b"Traceback" not in rest
    run = gv.Run.load(tmp_path, device="cpu")
    assert run.loop.step > 0
    run.step()


def test_train_needs_a_folder_that_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = call("train", "--data", "digits", "--steps", 1, "--out", tmp_path / "file")
    assert done.exit_code == 2 and "out must be" in done.output
    assert call("train").exit_code == 2  # --out is required


def test_the_version() -> None:
    assert call("--version").output.strip() == f"geco-viz {gv.__version__}"
