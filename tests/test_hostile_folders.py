"""Anyone's run may be opened: a folder that is no saved run is a CheckpointError, and nothing else.

Each folder is a good one with one thing changed and its checksums made right again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from tiny import make

from geco_viz import Run
from geco_viz.training import CheckpointError, checkpoint

NAN, INF = float("nan"), float("inf")
SETTINGS = "objective/_extra_state"
# Paths into run.json, and what stands there instead.
DOCUMENT: list[tuple[str, list[Any]]] = [
    ("state", [None, 5, "../mine", "/dev/zero", "run.json", "state-1-2-3.safetensors\n", ""]),
    ("sha256", [None, 5, "", "0" * 64]),
    ("format", [0, -1, 3, 1.0, True, "2", None]),
    ("spec", [None, [], "x", {}]),
    ("spec.data", [5, {"name": "nowhere"}, {"draw": 0}, {"name": "digits", "draw": "x"}, []]),
    ("spec.data.draw", [1, -1]),
    ("spec.model", [5, [], {}, {"name": "nothing"}, {"name": "vae"}]),
    ("spec.model.latent_dim", [0, -1, 3, 10**9, "2", None]),
    ("spec.model.hidden", [[], [10**9], [8, 8], ["8"], 8, None]),
    ("spec.model.shape", [[1, 4, 4], [], "x", [1, 28, 10**9]]),
    ("spec.settings", [None, [], {"lrr": 1.0}]),
    ("spec.settings.lr", [0, -1.0, "x", NAN, INF, None, True]),
    ("spec.settings.batch", [0, 1.5, "7"]),
    ("spec.settings.samples", [0, 10**9]),
    ("spec.settings.threads", [0, 10**6]),
    ("spec.settings.betas", [[0.9], [0.9, 1.0], "x"]),
    ("spec.seed", [-1, 1.5, "0", None, 2**64]),
    ("spec.name", [5, "x" * 5000]),
    ("objective", [5, [], {"name": "nothing"}, {"name": "geco", "constraints": 5}]),
    ("objective.nu", [-1, "x"]),
    ("objective.constraints", [[], [{"name": "re"}], [{"name": "re", "kappa": -1}]]),
    ("edits", [None, {}, [5], [{"step": 0, "what": "os.system", "value": "x"}]]),
    ("edits", [[{"step": 99, "what": "nu", "value": 1}], [{"step": 0, "what": "nu"}]]),
    ("edits", [[{"step": 0, "what": "kappa/re", "value": 0}]]),
    ("loop.step", [-1, 10**15, "3", 2.5, None]),
    ("loop.position", [-1, 10**9, "x"]),
    ("loop.averaged", [-1, 10**9]),
    ("loop.schedule", [None, {}, {"mode": "hold", "start": 0, "steps": 0}]),
    ("loop.schedule.mode", ["x", 5]),
    ("loop.schedule.steps", [-1, NAN]),
    ("loop.columns", [[], ["step"], ["step", "step"], [5], "step"]),
    ("evaluations", [[], None, ["kl"], ["step", "kl"]]),
    ("since", [-1, 10**6, "x"]),
    ("unrepeatable", [5]),
    ("data_hash", ["x", "0" * 32, None]),
]
TENSORS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "weight missing": lambda t: t.pop(first(t, "model/")),
    "average missing": lambda t: t.pop(first(t, "average/")),
    "another": lambda t: t.update({"model/extra": torch.zeros(1)}),
    "a stranger": lambda t: t.update({"mine": torch.zeros(1)}),
    "weight is NaN": lambda t: t[first(t, "model/")].fill_(NAN),
    "average is inf": lambda t: t[first(t, "average/")].fill_(INF),
    "weight's shape": lambda t: change(t, "model/", lambda v: v[..., :1]),
    "weight's type": lambda t: change(t, "model/", lambda v: v.double()),
    "multiplier is inf": lambda t: t["objective/log_multiplier"].fill_(INF),
    "multiplier's shape": lambda t: t.update({"objective/log_multiplier": torch.zeros(3)}),
    "kappa is negative": lambda t: t["objective/_constraints.0._extra_state"].fill_(-1),
    "nu is negative": lambda t: setting(t, 0, -1.0),
    "alpha is one": lambda t: setting(t, 1, 1.0),
    "least lambda is zero": lambda t: setting(t, 2, 0.0),
    "largest lambda is below": lambda t: setting(t, 3, 1e-5),
    "largest lambda is inf": lambda t: setting(t, 3, INF),
    "clip is NaN": lambda t: setting(t, 4, NAN),
    "clip is inf": lambda t: setting(t, 4, INF),
    "pixels are inf": lambda t: setting(t, 5, INF),
    "tolerance is zero": lambda t: setting(t, 6, 0.0),
    "gain is NaN": lambda t: setting(t, 7, NAN),
    "settings are too few": lambda t: change(t, SETTINGS, lambda v: v[:5]),
    "settings are too many": lambda t: change(t, SETTINGS, lambda v: v.repeat(2)),
    "settings are a table": lambda t: change(t, SETTINGS, lambda v: v[None]),
    "settings missing": lambda t: t.pop(SETTINGS),
    "Adam's NaN": lambda t: t["adam/0/exp_avg"].fill_(NAN),
    "Adam's square": lambda t: t["adam/0/exp_avg_sq"].fill_(-1),
    "Adam's shape": lambda t: t.update({"adam/0/exp_avg": torch.zeros(2)}),
    "Adam's part": lambda t: t.pop("adam/0/exp_avg_sq"),
    "Adam's index": lambda t: t.update({"adam/99/step": torch.zeros(())}),
    "Adam's name": lambda t: t.update({"adam/x": torch.zeros(())}),
    "rows' type": lambda t: change(t, "history/rows", lambda v: v.double()),
    "rows' shape": lambda t: change(t, "history/rows", lambda v: v[0]),
    "rows' columns": lambda t: change(t, "history/rows", lambda v: v[:, 1:]),
    "too many rows": lambda t: change(t, "history/rows", lambda v: v.repeat(9, 1)),
    "rows missing": lambda t: t.pop("history/rows"),
    "rows are inf": lambda t: t["history/rows"].fill_(INF),
    "evaluations": lambda t: t.pop("evaluations/rows"),
    "generator": lambda t: t.update({"loop/generator": torch.zeros(3, dtype=torch.uint8)}),
    "no generator": lambda t: t.pop("loop/generator"),
    "order's type": lambda t: t.update({"loop/order": torch.zeros(3)}),
    "order's range": lambda t: t.update({"loop/order": torch.tensor([10**6])}),
}


def first(tensors: dict[str, Any], prefix: str) -> str:
    return next(name for name in sorted(tensors) if name.startswith(prefix))


def change(tensors: dict[str, Any], prefix: str, how: Callable[[Any], Any]) -> None:
    name = first(tensors, prefix)
    tensors[name] = how(tensors[name]).contiguous()


def setting(tensors: dict[str, Any], place: int, value: float) -> None:
    tensors[SETTINGS][place] = value


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("digits").train(3, progress=False).save(tmp_path_factory.mktemp("good"))


def seal(folder: Path, document: dict[str, Any]) -> None:
    document.pop("checksum", None)
    text = {**document, "checksum": checkpoint._checksum(document)}
    (folder / "run.json").write_text(json.dumps(text))


def refused(folder: Path) -> None:
    with pytest.raises(CheckpointError):
        Run.load(folder, device="cpu")


def test_the_good_one_is_opened(good: Path) -> None:
    seal(good, json.loads((good / "run.json").read_text()))
    assert Run.load(good, device="cpu").step().loop.step == 4


@pytest.mark.parametrize(("where", "values"), DOCUMENT)
def test_a_document_that_no_run_writes_is_refused(
    where: str, values: list[Any], good: Path, tmp_path: Path
) -> None:
    shutil.copytree(good, tmp_path / "run")
    for value in values:
        document = json.loads((good / "run.json").read_text())
        *path, last = where.split(".")
        place = document
        for key in path:
            place = place[key]
        place[last] = value
        seal(tmp_path / "run", document)
        refused(tmp_path / "run")
    for key in (where,) if "." not in where and where != "format" else ():
        document = json.loads((good / "run.json").read_text())
        del document[key]
        seal(tmp_path / "run", document)
        refused(tmp_path / "run")


@pytest.mark.parametrize("what", TENSORS)
def test_tensors_that_are_not_the_runs_are_refused(what: str, good: Path, tmp_path: Path) -> None:
    shutil.copytree(good, tmp_path / "run")
    document = json.loads((good / "run.json").read_text())
    file = tmp_path / "run" / document["state"]
    tensors = load(file.read_bytes())
    TENSORS[what](tensors)
    file.write_bytes(save(tensors))
    document["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    seal(tmp_path / "run", document)
    refused(tmp_path / "run")


@pytest.mark.parametrize("which", ["run.json", "state"])
@pytest.mark.parametrize("kind", ["pipe", "link", "device", "folder", "vast"])
def test_only_a_regular_file_of_the_folder_is_read(
    which: str, kind: str, good: Path, tmp_path: Path
) -> None:
    shutil.copytree(good, tmp_path / "run")
    name = json.loads((good / "run.json").read_text())["state"] if which == "state" else which
    file = tmp_path / "run" / name
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "vast":
        with file.open("wb") as sparse:
            sparse.truncate(2**40)
    else:
        file.symlink_to("/dev/zero" if kind == "device" else good / name)
    refused(tmp_path / "run")


def test_deep_and_long_documents_are_refused(good: Path, tmp_path: Path) -> None:
    for text in ("[" * 10**5, '{"format": ' + "9" * 10**4 + "}", '{"a":' * 10**5):
        (tmp_path / "run.json").write_text(text)
        refused(tmp_path)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"data": "digit"}, "digits"),
        ({"data": torch.rand(7, 1, 4, 4)}, "data is not what the run"),
        ({"model": "vea"}, "vae"),
        ({"objective": "gecko"}, "geco"),
        ({"device": "gpu"}, "device"),
    ],
)
def test_what_the_caller_gives_has_its_own_error(
    given: dict[str, Any], error: str, good: Path
) -> None:
    with pytest.raises(ValueError, match=error) as caught:
        Run.load(good, **{"device": "cpu", **given})
    assert type(caught.value) is not CheckpointError


def test_a_folder_does_not_say_where_data_is_read(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GECO_VIZ_DATA", str(tmp_path / "mine"))
    shutil.copytree(good, tmp_path / "run")
    document = json.loads((good / "run.json").read_text())
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    document["spec"]["data"] = {"name": "celeba", "root": str(theirs)}
    seal(tmp_path / "run", document)
    with pytest.raises(FileNotFoundError, match="mine") as caught:
        Run.load(tmp_path / "run", device="cpu")
    assert "theirs" not in str(caught.value)
    assert any("load(path, data=" in note for note in caught.value.__notes__)
