"""Checkpoints: they resume bit for bit, and what is there stays whole whatever happens."""

from __future__ import annotations

import dataclasses
import errno
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import MODEL, images, make, same, until, weights
from torch import nn

from geco_viz import ELBO, GECO, RE, Constraint, Run, _files, data, models
from geco_viz.training import CheckpointError, Diverged, checkpoint, playing

CPU = torch.backends.cpu.get_cpu_capability()
ROOT = Path(__file__).parents[1]


def equal(a: Run, b: Run) -> bool:
    """Histories, weights, averages, objectives and random numbers are the same bits."""
    pairs = zip(
        (a.loop.model, a.average, a.objective), (b.loop.model, b.average, b.objective), strict=True
    )
    tensors = all(
        torch.equal(value.nan_to_num(), other.state_dict()[name].nan_to_num())
        for one, other in pairs
        for name, value in one.state_dict().items()
    )
    states = torch.equal(a.loop.generator.get_state(), b.loop.generator.get_state())
    return tensors and states and same(a.history, b.history) and a.edits == b.edits


def listing(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".geco_viz")  # the lock of whoever saves
    }


def state_of(folder: Path) -> Path:
    (found,) = folder.glob("state-*.safetensors")
    return found


OBJECTIVES = {
    "geco": lambda: GECO(RE(0.2)),
    "algorithm 1": lambda: GECO(RE(0.2), normalise=False),
    "learned sigma": lambda: ELBO(),  # noqa: PLW0108  a name would be shared between tests
    "sigma by Adam": lambda: ELBO(kind="adam"),
    "annealed": lambda: {"name": "annealed", "start": 1.0, "end": 0.5, "steps": 20},
}


# Resuming


@pytest.mark.parametrize("n", [7, 23])
@pytest.mark.parametrize("kind", OBJECTIVES)
def test_resuming_is_as_if_nothing_had_happened(kind: str, n: int, tmp_path: Path) -> None:
    def begin() -> Run:
        dataset = data.load("digits") if n == 7 else images(n)
        run = make(dataset, OBJECTIVES[kind](), batch=5, lr=1e-2)
        run.step("theta").train(6, progress=False)
        if run.constraints:
            run.kappa = 0.33
            run.nu = 0.2
        return run.step("lambda")

    whole, half = begin(), begin()
    half.save(tmp_path / "a")
    loaded = Run.load(tmp_path / "a", data=None if n == 7 else images(n), device="cpu")
    assert equal(loaded, half)
    for run in (whole, loaded):
        run.train(7, progress=False)
        run.step("lambda")
    assert equal(whole, loaded)
    assert loaded.spec == whole.spec and loaded.settings == whole.settings


def test_a_loaded_run_knows_its_evaluations_title_and_past(tmp_path: Path) -> None:
    run = make("digits", name="demo").train(4, progress=False)
    run.evaluate(samples=3)
    run.kappa = 0.2
    run.train(2, progress=False)
    run.evaluate(samples=3)
    loaded = Run.load(run.save(tmp_path / "a"))
    assert same(run.evaluations, loaded.evaluations) and len(loaded.evaluations) == 2
    assert loaded.title == "demo" and loaded.edits == run.edits and loaded.kappa == 0.2
    assert loaded.out is None
    assert same(loaded.replay(progress=False).history, run.history)
    assert loaded.pictures().step == 6


def test_an_edit_that_was_only_asked_for_is_saved(tmp_path: Path) -> None:
    run = make("digits").train(2, progress=False)
    run.kappa, run.nu = 0.3, 0.7
    loaded = Run.load(run.save(tmp_path / "a"))
    assert (loaded.kappa, loaded.nu) == (0.3, 0.7)
    run.step()
    assert equal(run, loaded.step())
    assert run.fork().kappa == 0.3


def test_after_a_switch_the_present_objective_is_loaded(tmp_path: Path) -> None:
    run = make("digits", ELBO()).train(3, progress=False)
    run.objective = GECO(RE(0.2))
    run.train(3, progress=False)
    run.kappa = 0.25
    run.step()
    loaded = Run.load(run.save(tmp_path / "a"))
    assert equal(run, loaded) and loaded.objective.name == "geco" and loaded.kappa == 0.25
    assert loaded.spec["objective"]["name"] == "elbo"  # as it began
    assert equal(run.train(2, progress=False), loaded.train(2, progress=False))
    assert same(loaded.replay(progress=False).history, run.history)


def test_saving_while_it_plays_is_one_moment_of_it(tmp_path: Path) -> None:
    run = make("digits").play(evaluate_every=None)
    try:
        for name in "abc":
            run.wait(4)
            run.save(tmp_path / name)
    finally:
        run.stop()
    for name in "abc":
        loaded = Run.load(tmp_path / name)
        n = loaded.loop.step
        assert len(loaded.history) == n
        with_run = loaded.play(evaluate_every=None)
        try:
            with_run.wait(3)
        finally:
            with_run.stop()
        both = min(len(run.history), len(loaded.history))
        assert both > n or name == "c"
        assert np.array_equal(run.history["kl"][:both], loaded.history["kl"][:both])


def test_the_document_says_what_made_it(tmp_path: Path) -> None:
    run = make("digits", seed=5).train(2, progress=False)
    run.save(tmp_path)
    document = json.loads((tmp_path / "run.json").read_text())
    assert document["versions"]["torch"] == torch.__version__
    assert document["spec"]["seed"] == 5 and document["device"] == "cpu"
    assert document["spec"] == json.loads(json.dumps(run.spec))
    assert document["edits"] == run.edits
    assert set(listing(tmp_path)) == {"run.json", document["state"]}


def test_objects_of_ones_own_are_asked_for_by_name(tmp_path: Path) -> None:
    def own() -> GECO:
        return GECO(RE(0.2), Constraint("mae", lambda x, x_hat: (x - x_hat).abs().mean(), 0.3))

    class Own(nn.Module):
        latent_dim = 2

        def __init__(self) -> None:
            super().__init__()
            self.inner = models.build(shape=(1, 4, 4), **MODEL)

        def forward(self, x: torch.Tensor, **settings: Any) -> Any:
            return self.inner(x, **settings)

    torch.manual_seed(0)
    run = make(images(), own(), model=Own()).train(3, progress=False)
    folder = run.save(tmp_path / "a")
    parts: dict[str, Any] = {}
    for name, part in (("data", images()), ("model", Own()), ("objective", own())):
        with pytest.raises(ValueError, match=f"{name} must be given: .* of your own"):
            Run.load(folder, **parts)
        parts[name] = part
    loaded = Run.load(folder, **parts, device="cpu")
    assert equal(run, loaded)
    assert equal(run.train(3, progress=False), loaded.train(3, progress=False))


def test_tied_weights_are_saved(tmp_path: Path) -> None:
    run = make("digits", model=models.build(shape=(1, 8, 8), **MODEL))
    run.model.twin = run.model.decoder
    run.save(tmp_path / "a")
    assert (tmp_path / "a" / "run.json").exists()


def test_another_data_set_or_model_is_refused(tmp_path: Path) -> None:
    folder = make(images(7)).train(2, progress=False).save(tmp_path / "a")
    with pytest.raises(ValueError, match="data is not what the run"):
        Run.load(folder, data=images(7, seed=1))
    with pytest.raises(CheckpointError, match="does not fit the data, model"):
        Run.load(folder, data=images(7), model={"name": "vae", "latent_dim": 3, "hidden": [8]})
    with pytest.raises(CheckpointError, match="does not fit"):
        Run.load(folder, data=images(7), objective=ELBO())


def test_a_folder_without_a_bound_of_the_flow_has_the_flow_of_its_time(tmp_path: Path) -> None:
    small = {"name": "vae-nvp", "encoder": [8], "decoder": [8], "couplings": 2}
    old = Run("digits", {**small, "coupling_bound": None}, GECO(RE(0.2))).train(3, progress=False)
    del old._initial["model"]["coupling_bound"]
    loaded = Run.load(old.save(tmp_path / "old"))
    assert loaded.model.config["coupling_bound"] is None
    assert equal(old.train(3, progress=False), loaded.train(3, progress=False))
    assert same(loaded.replay(progress=False).history, old.history)
    new = Run.load(Run("digits", small, GECO(RE(0.2))).save(tmp_path / "new"))
    assert new.model.config["coupling_bound"] == 4


# Damage


def saved(tmp_path: Path) -> Path:
    return make("digits").train(3, progress=False).save(tmp_path / "run")


def test_nothing_there_is_said_so(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(CheckpointError, match=r"path must be a folder with a saved run"):
            Run.load(path)
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(CheckpointError, match=r"run\.json cannot be read"):
        Run.load(file)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.999])
def test_truncated_tensors_are_named(keep: float, tmp_path: Path) -> None:
    file = state_of(saved(tmp_path))
    content = file.read_bytes()
    file.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(CheckpointError, match=f"{file.name} is damaged"):
        Run.load(file.parent)


@pytest.mark.parametrize("where", [3, 200, -5])
def test_a_flipped_bit_in_the_tensors_is_found(where: int, tmp_path: Path) -> None:
    file = state_of(saved(tmp_path))
    content = bytearray(file.read_bytes())
    content[where] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=f"{file.name} is damaged"):
        Run.load(file.parent)


def test_any_changed_byte_of_the_document_is_found(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    file = folder / "run.json"
    content = file.read_bytes()
    random = np.random.default_rng(0)
    places = random.choice(len(content), 60, replace=False)
    harmless = 0
    for place in places.tolist():
        changed = bytearray(content)
        changed[place] ^= 1 << int(random.integers(0, 7))
        file.write_bytes(changed)
        try:
            same_document = json.loads(bytes(changed)) == json.loads(content)
        except ValueError:
            same_document = False
        if same_document:  # white space
            harmless += 1
            continue
        with pytest.raises(CheckpointError, match=r"run\.json"):
            checkpoint.read(folder)
    assert harmless < 40


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is damaged"),
        ("{not json", "is damaged"),
        ("[1, 2]", "holds no object"),
        ('{"format": 99}', "must have format 1 to 2, got 99; a newer version"),
        ('{"format": true}', "must have format 1 to 2, got True"),
        ('{"format": 1}', "checksum does not fit"),
        ("{}", "checksum does not fit"),
    ],
)
def test_a_document_that_is_none_is_named(content: str, message: str, tmp_path: Path) -> None:
    folder = saved(tmp_path)
    (folder / "run.json").write_text(content)
    with pytest.raises(CheckpointError, match=rf"run\.json.*{message}"):
        Run.load(folder)


def test_missing_tensors_are_named(tmp_path: Path) -> None:
    file = state_of(saved(tmp_path))
    file.unlink()
    with pytest.raises(CheckpointError, match=f"{file.name} is missing"):
        Run.load(file.parent)


def test_a_state_replaced_while_it_is_read_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make("digits")
    run.train(1, progress=False)
    run.save(tmp_path)
    first = checkpoint._document

    def slow(path: Path) -> dict[str, Any]:
        plain = first(path)
        if plain["loop"]["step"] == 1:  # a running process saves before the tensors are opened
            run.train(1, progress=False)
            run.save(tmp_path)
        return plain

    monkeypatch.setattr(checkpoint, "_document", slow)
    assert equal(run, Run.load(tmp_path)) and run.loop.step == 2


def test_a_damaged_checkpoint_touches_neither_the_session_nor_out(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    state_of(folder).write_bytes(b"")
    out = tmp_path / "out"
    make("digits", out=out).train(1, progress=False)
    before = listing(out)
    running = make(name="running").play(evaluate_every=None)
    try:
        with pytest.raises(CheckpointError):
            Run.load(folder, out=out)
        assert running.playing and listing(out) == before
    finally:
        running.stop()


# Writing


def test_saving_again_leaves_one_checkpoint(tmp_path: Path) -> None:
    run = make("digits").train(1, progress=False)
    run.save(tmp_path)
    first = state_of(tmp_path)
    run.train(1, progress=False).save(tmp_path)
    assert state_of(tmp_path) != first and len(listing(tmp_path)) == 2
    assert equal(run, Run.load(tmp_path))


@pytest.mark.parametrize("file", ["state", "run.json"])
@pytest.mark.parametrize("stage", ["open", "write", "rename"])
def test_a_full_disk_leaves_the_old_checkpoint_whole(
    file: str, stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make("digits").train(2, progress=False)
    run.save(tmp_path)
    before = listing(tmp_path)
    run.train(2, progress=False)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    kept_open, kept_sync, kept_rename = Path.open, os.fsync, os.replace
    current = [""]

    def opening(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if mode == "rb":
            return kept_open(self, mode, *args, **kwargs)
        current[0] = self.name
        if stage == "open" and file in self.name:
            full()
        return kept_open(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", opening)
    monkeypatch.setattr(
        os,
        "fsync",
        lambda f: full() if stage == "write" and file in current[0] else kept_sync(f),
    )
    monkeypatch.setattr(
        os,
        "replace",
        lambda a, b: full() if stage == "rename" else kept_rename(a, b),
    )
    # The folder is named: a run of a sweep has its own.
    with pytest.raises(OSError, match=f"saved in '{tmp_path}': No space left") as raised:
        run.save(tmp_path)
    monkeypatch.undo()
    assert raised.value.errno == errno.ENOSPC
    assert listing(tmp_path) == before  # and nothing half-written
    assert Run.load(tmp_path).loop.step == 2
    run.save(tmp_path)
    assert Run.load(tmp_path).loop.step == 4


def test_a_process_killed_in_the_middle_of_saving_leaves_a_checkpoint(tmp_path: Path) -> None:
    """Killed before and after each of the three writes; one process each, forked for speed."""
    code = f"""
import os, sys
sys.path[:0] = ["tests"]
from tiny import make
run, kept = make("digits").train(2, progress=False), (os.fsync, os.replace)
stages = [f"{{step}} {{when}}" for step in (1, 2, 3) for when in ("before", "after")]
for stage in stages:
    run.save(f"{tmp_path}/{{stage}}")
run.train(2, progress=False)
for stage in stages:
    calls = []
    def killed(function, *given):
        calls.append(function)
        if stage == f"{{len(calls)}} before":
            os.kill(os.getpid(), 9)
        function(*given)
        if stage == f"{{len(calls)}} after":
            os.kill(os.getpid(), 9)
    child = os.fork()
    if not child:
        os.fsync, os.replace = (lambda *given, f=f: killed(f, *given) for f in kept)
        run.save(f"{tmp_path}/{{stage}}")
        os._exit(0)
    print(os.waitpid(child, 0)[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, timeout=120, check=True, stdout=subprocess.PIPE
    )
    assert done.stdout.split() == [b"9"] * 6  # SIGKILL
    folders = sorted(tmp_path.iterdir())
    assert [len(listing(folder)) for folder in folders] == [3, 3, 4, 4, 3, 4]  # what is left over
    for folder in folders:
        loaded = Run.load(folder)
        assert loaded.loop.step == (4 if folder.name == "3 after" else 2)
        loaded.save(folder)  # takes away what was left
        assert len(listing(folder)) == 2


@pytest.mark.parametrize("argument", ["out", "path"])
def test_a_folder_that_cannot_be_written_is_refused_by_name(argument: str, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("mine")
    run = make().train(1, progress=False)
    for folder in (blocked, blocked / "below"):
        with pytest.raises(OSError, match=f"{argument} must be a folder that can be written"):
            make(out=folder) if argument == "out" else run.save(folder)
    with pytest.raises(TypeError, match=f"{argument} must be the path of a folder, got 5"):
        make(out=5) if argument == "out" else run.save(5)  # type: ignore[arg-type]
    assert blocked.read_text() == "mine" and run.train(1, progress=False).loop.step == 2


def test_only_what_was_written_is_deleted_or_moved(tmp_path: Path) -> None:
    theirs = ("state-of-the-art.pdf", "state-1-2-3.safetensors", ".state-5", ".run.json.mine")
    for name in theirs:
        (tmp_path / name).write_text("mine")
    (tmp_path / "state-7-8-9.safetensors").mkdir()
    run = make("digits", out=tmp_path)
    for _ in range(3):
        run.train(1, progress=False)
    assert run.save_error is None
    make("digits", out=tmp_path).train(1, progress=False)  # moves the first aside
    assert all((tmp_path / name).read_text() == "mine" for name in theirs)
    assert (tmp_path / "state-7-8-9.safetensors").is_dir()
    (earlier,) = (tmp_path / "earlier").iterdir()
    assert len(listing(earlier)) == 2 and Run.load(earlier).loop.step == 3


@pytest.mark.parametrize("name", ["../mine", "mine", "state-1-2-3.safetensors/../mine", 5, None])
def test_a_document_that_names_a_file_of_ones_own_does_not_delete_it(
    name: Any, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("mine")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "mine").write_text("mine")
    text = json.dumps({"format": 2, "state": name, "replaces": [name]})
    (folder / "run.json").write_text(text)
    (folder / ".run.json.new").symlink_to(tmp_path / "mine")
    make("digits").train(1, progress=False).save(folder)
    assert Run.load(folder).loop.step == 1
    assert (tmp_path / "mine").read_text() == (folder / "mine").read_text() == "mine"


# Formats


def test_a_run_of_0_1_loads_replays_and_keeps_its_format(tmp_path: Path) -> None:
    """Saved by version 0.1: 16 steps with two edits of kappa, one of nu and a step of lambda."""
    folder = ROOT / "tests" / "fixtures" / "run-0.1"
    loaded = Run.load(folder, device="cpu")
    again = loaded.replay(progress=False)
    versions = json.loads((folder / "run.json").read_text())["versions"]
    alike = versions["torch"] == torch.__version__ and CPU == "AVX512"
    if alike:  # sums are rounded as they were
        assert same(loaded.history, again.history)
    for column in loaded.history:  # 16 steps let a last bit grow to a thousandth at most
        np.testing.assert_allclose(again.history[column], loaded.history[column], rtol=1e-3)
    document = json.loads((loaded.save(tmp_path) / "run.json").read_text())
    assert document["format"] == loaded.fork()._format == again._format == 1
    assert Run.load(tmp_path)._format == 1 and make("digits")._format == 2


def test_checkpoints_are_readable_for_the_group(tmp_path: Path) -> None:
    kept = os.umask(0o022)
    try:
        saved(tmp_path)
    finally:
        os.umask(kept)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "run").iterdir()}
    assert modes == {0o644}


# Saving by itself


def test_out_is_saved_at_pause_at_the_end_and_with_single_steps(tmp_path: Path) -> None:
    run = make("digits", out=tmp_path)
    assert listing(tmp_path) == {}
    run.train(3, progress=False)
    assert equal(run, Run.load(tmp_path))
    run.play(evaluate_every=None)
    try:
        run.wait(3)
        run.pause()
        assert until(lambda: Run.load(tmp_path).loop.step == run.loop.step)
        run.step()
        assert until(lambda: Run.load(tmp_path).loop.step == run.loop.step)
        run.play(evaluate_every=None)
        run.wait(2)
    finally:
        run.stop()
    assert equal(run, Run.load(tmp_path))


def test_out_is_saved_after_an_interrupt_and_after_an_error(tmp_path: Path) -> None:
    run = make("digits", out=tmp_path)
    run.model.register_forward_hook(
        lambda *_: signal.raise_signal(signal.SIGINT) if run.loop.step == 2 else None
    )
    with pytest.raises(KeyboardInterrupt):
        run.train(100, progress=False)
    assert Run.load(tmp_path).loop.step == 3

    broken = make("digits", out=tmp_path / "b")
    for _ in range(2):
        broken.step()
    broken.loop.x = broken.loop.x * float("nan")
    with pytest.raises(ArithmeticError):
        broken.train(5, progress=False)
    loaded = Run.load(tmp_path / "b")
    assert loaded.loop.step == 2 and len(loaded.history) == 2


def test_it_saves_every_so_often_while_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make("digits", out=tmp_path)
    for made in run.steps(50):
        if made.loop.step == 10:
            assert not (tmp_path / "run.json").exists()
            monkeypatch.setattr(playing, "AUTOSAVE", 0.0)
        if made.loop.step > 10:
            break
    monkeypatch.setattr(playing, "AUTOSAVE", 60.0)
    assert Run.load(tmp_path).loop.step == 11


def test_a_full_disk_is_told_and_does_not_end_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, full = make("digits", out=tmp_path), [True]
    kept = checkpoint.write_through

    def write(path: Path, content: bytes) -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        kept(path, content)

    monkeypatch.setattr(checkpoint, "write_through", write)
    monkeypatch.setattr(playing, "AUTOSAVE", 0.0)
    with pytest.raises(OSError, match="No space left"):
        run.train(5, progress=False)
    assert run.loop.step == 5  # all of them
    assert "could not be saved" in run.status().hint and listing(tmp_path) == {}
    run.play(evaluate_every=None)
    try:
        run.wait(3)
        assert run.save_error is not None and run.error is None
        full[0] = False
        assert until(lambda: run.save_error is None)
    finally:
        run.stop()
    assert "could not be saved" not in run.status().hint
    assert Run.load(tmp_path).loop.step == run.loop.step


@pytest.mark.train
def test_a_killed_process_loses_only_the_time_since_it_saved(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path[:0] = ["tests"]
from tiny import make
from geco_viz.training import playing
playing.AUTOSAVE = 0.05
run = make("digits", out={str(tmp_path)!r}).play(evaluate_every=0.1)
for _ in range(10**6):
    run.wait(1)
    print(run.loop.step, flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert until((tmp_path / "run.json").exists, 60)
        deadline = time.monotonic() + 1.0
        step = 0
        while time.monotonic() < deadline:
            step = int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    loaded = Run.load(tmp_path)
    assert 0 < loaded.loop.step and loaded.loop.step > step - 2000
    again = loaded.replay(progress=False)
    assert same(loaded.history, again.history)
    assert all(torch.equal(a, b) for a, b in zip(weights(loaded), weights(again), strict=True))


# Earlier runs


def test_an_earlier_run_in_out_is_moved_aside_whole(tmp_path: Path) -> None:
    first = make("digits", seed=1, out=tmp_path).train(2, progress=False)
    (tmp_path / "run.html").write_text("report")
    (tmp_path / "notes.txt").write_text("mine")
    before = listing(tmp_path)
    second = make("digits", seed=2, out=tmp_path)
    (earlier,) = (tmp_path / "earlier").iterdir()
    kept = before.pop("notes.txt")
    assert listing(earlier) == before
    assert (tmp_path / "notes.txt").read_bytes() == kept
    second.train(3, progress=False)
    make("digits", seed=3, out=tmp_path)  # within the same second
    assert len(list((tmp_path / "earlier").iterdir())) == 2
    runs = [Run.load(folder) for folder in (tmp_path / "earlier").iterdir()]
    assert sorted(run.seed for run in runs) == [1, 2]
    assert equal(first, next(run for run in runs if run.seed == 1))


def test_an_empty_or_foreign_folder_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    make(out=tmp_path)
    assert listing(tmp_path) == {"thesis.tex": b"mine"}


def test_an_earlier_run_under_that_name_is_saved_before_it_is_moved(tmp_path: Path) -> None:
    """The end of the earlier run, which it saves when it closes, belongs to it."""
    first = make("digits", name="cell", out=tmp_path).play(evaluate_every=None)
    first.wait(5)
    make("digits", name="cell", out=tmp_path)
    assert not first.playing
    (earlier,) = (tmp_path / "earlier").iterdir()
    assert equal(first, Run.load(earlier))
    assert {path.name for path in tmp_path.glob("[!.]*")} == {"earlier"}


HOLDS = """
import sys
sys.path[:0] = ["tests"]
from tiny import make
run = make("digits", out=sys.argv[1])
run.train(3, progress=False)
print(run.loop.step, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process whose run is saved in the folder, and that waits."""
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], cwd=ROOT, **pipes)
    assert process.stdout is not None and process.stdout.readline() == "3\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_told_whose_folder_it_is(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    before = listing(tmp_path)
    loaded = Run.load(tmp_path)  # reading needs no lock
    assert loaded.loop.step == 3
    calls: list[Any] = [
        lambda: make("digits", out=tmp_path),
        lambda: Run.load(tmp_path, out=tmp_path),
        lambda: loaded.save(tmp_path),
    ]
    for call in calls:
        with pytest.raises(OSError, match=rf"{tmp_path}' is in use by process {other.pid},"):
            call()
    assert listing(tmp_path) == before
    other.kill()  # and its lock goes with it
    other.wait()
    make("digits", out=tmp_path).train(1, progress=False)
    assert Run.load(tmp_path).loop.step == 1 and len(list((tmp_path / "earlier").iterdir())) == 1


def test_in_one_process_the_earlier_run_of_a_folder_ends_first(tmp_path: Path) -> None:
    first = make("digits", out=tmp_path).play(evaluate_every=None)
    first.wait(5)
    second = make("digits", out=tmp_path)
    assert not first.playing and first.out is None
    (earlier,) = (tmp_path / "earlier").iterdir()
    assert equal(first, Run.load(earlier))
    second.train(2, progress=False)
    first.train(2, progress=False)  # it is whole, and does not write there any more
    assert Run.load(tmp_path).loop.step == 2
    with pytest.raises(OSError, match=f"in use by process {os.getpid()}"):
        first.save(tmp_path)
    third = Run.load(tmp_path, out=tmp_path)
    assert second.out is None and third.train(1, progress=False).loop.step == 3
    third.close()
    assert first.save(tmp_path) and not third.playing


def test_a_run_that_nobody_has_any_more_holds_nothing(tmp_path: Path) -> None:
    make("digits", out=tmp_path)
    gc.collect()
    with _files.hold(tmp_path):
        pass


def test_load_goes_on_in_its_own_folder(tmp_path: Path) -> None:
    make("digits", out=tmp_path).train(3, progress=False)
    loaded = Run.load(tmp_path, out=tmp_path)
    assert (tmp_path / "run.json").exists()  # killed now, nothing would be lost
    loaded.train(2, progress=False)
    assert not (tmp_path / "earlier").exists()
    assert Run.load(tmp_path).loop.step == 5
    other = tmp_path / "other"
    make("digits", out=other).train(1, progress=False)
    Run.load(tmp_path, out=other).train(1, progress=False)
    assert Run.load(other).loop.step == 6 and (other / "earlier").exists()


def test_two_threads_may_save_at_once(tmp_path: Path) -> None:
    run = make("digits").train(1, progress=False)
    problems: list[Exception] = []

    def save() -> None:
        try:
            for _ in range(5):
                run.save(tmp_path)
        except Exception as error:
            problems.append(error)

    savers = [threading.Thread(target=save) for _ in range(3)]
    for saver in savers:
        saver.start()
    for saver in savers:
        saver.join(60)
    assert problems == [] and equal(run, Run.load(tmp_path))


def test_what_a_diverged_run_leaves_is_not_written_over_its_last_good_step(tmp_path: Path) -> None:
    run = make("digits", out=tmp_path / "run").train(3, progress=False)
    good = weights(run)
    run.loop.settings = dataclasses.replace(run.loop.settings, lr=1e30)
    with pytest.raises(Diverged, match="out still holds the run at step 3"):
        run.train(20, progress=False)
    assert run.loop.step > 3
    with pytest.raises(ValueError, match=r"another folder than out: .* holds it at step 3"):
        run.save(tmp_path / "run")
    run.save(tmp_path / "elsewhere")  # the wish is plain, and it is written over nothing
    run.close()
    run = Run.load(tmp_path / "run", out=tmp_path / "run")
    assert run.loop.step == 3 and all(
        torch.equal(a, b) for a, b in zip(weights(run), good, strict=True)
    )
    run.loop.settings = dataclasses.replace(run.loop.settings, lr=1e30)
    with pytest.raises(Diverged, match="step 3"):
        run.train(20, progress=False)
    run.close()
    assert Run.load(tmp_path / "run").loop.step == 3


def test_weights_that_are_not_finite_are_not_written_over_finite_ones(tmp_path: Path) -> None:
    run = make("digits", out=tmp_path).train(1, progress=False)
    with torch.no_grad():
        next(run.model.parameters()).fill_(float("inf"))
    run.loop.step = 2
    run.autosave()
    assert Run.load(tmp_path).loop.step == 1
