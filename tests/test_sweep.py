"""Sweeps: laid out and named by content, resumed wherever they stopped, whole whatever happens."""

from __future__ import annotations

import csv
import errno
import importlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import make, same, until

import geco_viz as gv
from geco_viz import _files
from geco_viz._files import hold
from geco_viz.training import checkpoint, progress, task
from geco_viz.training.points import address, columns_of, layout, objective_of

TINY = {"data": "digits", "model": {"name": "vae", "latent_dim": 2, "hidden": [8]}, "samples": 2}


def tiny(out: Path, over: Any, steps: int = 4, **options: Any) -> gv.Sweep:
    return gv.sweep({**TINY, "steps": steps}, over, out=out, progress=False, **options)


def table(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


# Layout


def test_an_axis_that_an_objective_lacks_is_left_out_for_it() -> None:
    over = {"objective": ["elbo", "geco"], "kappa": [0.1, 0.2], "sigma": [0.3], "seed": [0, 1]}
    rows = [columns_of(point) for point in layout({}, over)]
    assert [(r["objective"], r.get("kappa"), r.get("sigma"), r["seed"]) for r in rows] == [
        *[("elbo", None, 0.3, seed) for seed in (0, 1)],
        *[("geco", kappa, None, seed) for kappa in (0.1, 0.2) for seed in (0, 1)],
    ]


def test_grids_in_a_list_are_put_together_without_repeats() -> None:
    points = layout({"seed": 1}, [{"kappa": [0.1, 0.2]}, {"kappa": [0.2, 0.3]}])
    assert [columns_of(point)["kappa"] for point in points] == [0.1, 0.2, 0.3]
    assert len({address(point) for point in points}) == 3


def test_the_address_is_of_the_content() -> None:
    (point,) = layout({"kappa": 0.1, "data": "digits", "lr": 1e-3}, None)
    spelled = {"data": {"name": "digits"}, "objective": gv.GECO(gv.RE(0.1)).spec, "lr": 1e-3}
    assert address(point) == address(layout({"kappa": np.float64(0.1), **TINY, "lr": 0.001,
        "model": "vae-nvp", "samples": None}, None)[0])  # fmt: skip
    assert address(point) != address(layout(spelled, None)[0])  # nu and alpha are said there
    assert json.loads(json.dumps(point)) == point


def test_what_is_not_said_is_the_recipe_of_the_sets_size() -> None:
    (point,) = layout({"kappa": 0.07, "nu": 0.2}, None)
    small, large = (objective_of(point["objective"], n) for n in (7, 1000))
    assert (small.alpha, large.alpha, small.nu, large.nu) == (0.5, 0.9, 0.2, 0.2)
    assert small.constraints[0].kappa == 0.07
    assert objective_of({"name": "geco"}, 7).constraints[0].kappa == 0.05


def test_the_spec_of_a_run_is_a_spec() -> None:
    run = make(gv.data.load("digits"))
    (point,) = layout(run.spec, None)
    assert point["settings"]["samples"] == 2 and point["objective"] == run.spec["objective"]


@pytest.mark.parametrize(
    ("spec", "over", "message"),
    [
        ({}, {"kapa": [1]}, "did you mean 'kappa'"),
        ({}, {"kappa": []}, "must have at least one value"),
        ({}, {"kappa": [-1]}, "kappa must be"),
        ({"objective": "elbo"}, {"kappa": [0.1]}, "kappa must go with"),
        ({"data": "mnits"}, None, "did you mean 'mnist'"),
        ({"modle": "vae"}, None, "did you mean 'model'"),
        ({"model": "vea"}, None, "did you mean 'vae'"),
        ({"steps": 0}, None, "steps must be"),
        ({}, {"lr": [0.0]}, "lr must be"),
        ({}, {"objective": [{"name": "geco", "mu": 1}]}, "mu"),
        ({"data": gv.data.load("digits")}, None, "which any machine can load"),
        ({"model": {"name": "vae", "hidden": {8}}}, None, "plain data"),
    ],
)
def test_a_grid_is_refused_before_any_work(
    spec: Any, over: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        gv.sweep(spec, over, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


# Results


@pytest.mark.train
def test_a_sweep_tells_what_a_run_would(tmp_path: Path) -> None:
    found = tiny(tmp_path, {"objective": ["geco", "elbo"], "seed": [0, 3]}, steps=30)
    run = make(gv.data.load("digits"), seed=3).train(30, progress=False)
    assert same(found.load(found.points[1]).history, run.history)
    record = found.records()[1]
    kl = run.evaluate()["kl"]
    assert record["values"]["kl"] == pytest.approx(kl, rel=1e-4)
    assert record["run"]["settings"]["samples"] == 2 and record["device"] == "cpu"
    frame = found.to_frame()
    assert frame["objective"].tolist() == ["geco", "geco", "elbo", "elbo"]
    assert frame["kl"][1] == record["values"]["kl"][0] and (frame["cpu_s"] > 0).all()
    rows = table(tmp_path)
    assert [row["run"] for row in rows] == [address(point) for point in found.points]
    assert float(rows[1]["kl"]) == frame["kl"][1] and rows[2]["multiplier/re"] == ""


@pytest.mark.train
def test_the_parquet_file_says_the_same(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    found = tiny(tmp_path, {"kappa": [0.1, 0.2]})
    frame = pandas.read_parquet(tmp_path / "results.parquet")
    assert frame["kappa"].tolist() == [0.1, 0.2]
    assert frame["kl"].tolist() == found.to_frame()["kl"].tolist()


@pytest.mark.train
def test_the_tables_are_whole_whenever_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read where a writer is least done: after its bytes, before the file has its name."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    tiny(tmp_path, {"seed": [0]})
    seen: list[int] = []
    sync = os.fsync

    def look(file: int) -> None:
        rows = table(tmp_path)
        assert rows[0]["status"] == "finished" and all(None not in row.values() for row in rows)
        frame = pandas.read_parquet(tmp_path / "results.parquet")
        assert len(frame) in (1, 3) and len(rows) >= len(frame)  # the CSV is written first
        seen.append(len(rows))
        sync(file)

    monkeypatch.setattr(os, "fsync", look)
    tiny(tmp_path, {"seed": [0, 1, 2]})
    assert seen[0] == 1 and seen[-1] == 3 and len(seen) > 10


@pytest.mark.parametrize("name", ["", "a/b", 3])
def test_a_table_has_the_name_of_a_file(name: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="table must be the name of a file"):
        gv.Sweep({}, None, out=tmp_path / "new", table=name)
    assert not (tmp_path / "new").exists()


@pytest.mark.train
def test_finished_runs_are_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny(tmp_path, {"seed": [0, 1]})
    begun: list[int] = []
    init = gv.Run.__init__

    def counted(self: gv.Run, *parts: Any, **options: Any) -> None:
        begun.append(options["seed"])
        init(self, *parts, **options)

    monkeypatch.setattr(gv.Run, "__init__", counted)
    found = tiny(tmp_path, {"seed": [0, 1, 2]})
    assert begun == [2] and len(found.finished) == 3
    assert tiny(tmp_path, {"seed": [1]}).finished == [found.records()[1]] and begun == [2]


# Faults


@pytest.mark.train
@pytest.mark.parametrize("pool", [None, ThreadPoolExecutor])
def test_a_failed_run_is_told_and_sinks_no_other(pool: Any, tmp_path: Path) -> None:
    executor = pool and pool(1)
    over = {"lr": [1e30, 1e-3], "seed": [0]}  # the first one's loss is soon not finite
    with pytest.warns(UserWarning, match=r"a run failed .*lr=1e\+30.*Diverged"):
        found = tiny(tmp_path, over, steps=40, executor=executor)
    assert [record["status"] for record in found.records()] == ["failed", "finished"]
    assert "Diverged" in found.failed[0]["error"] and table(tmp_path)[0]["status"] == "failed"
    assert repr(found) == 'Sweep(2 runs: "failed": 1, "finished": 1)'
    if executor:
        executor.shutdown()


@pytest.mark.train
def test_an_interrupted_run_goes_on_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tiny(tmp_path / "whole", {"seed": [5]}, steps=40)
    (point,) = whole.points

    def interrupt(step: int) -> None:
        if step == 17:
            os.kill(os.getpid(), signal.SIGINT)

    folder = tmp_path / "half" / "runs" / address(point)
    with pytest.raises(KeyboardInterrupt):
        task.work(point, str(folder), tell=interrupt)
    half = gv.Sweep({**TINY, "steps": 40}, {"seed": [5]}, out=tmp_path / "half")
    assert half.records()[0]["status"] == "begun" and half.load(point).loop.step == 17
    half.run(progress=False)
    assert same(half.load(point).history, whole.load(point).history)
    assert half.finished[0]["values"] == whole.finished[0]["values"]


@pytest.mark.train
def test_a_killed_pool_resumes_where_it_was(tmp_path: Path) -> None:
    over, steps = {"seed": [0, 1]}, 1500
    found = gv.Sweep({**TINY, "steps": steps}, over, out=tmp_path)
    first = found.folder(found.points[0])
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:

        def kill() -> None:
            assert until((first / "run.json").exists, 60)
            for process in list(pool._processes.values()):
                os.kill(process.pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.warns(UserWarning, match=r"a worker was lost.*: 2 runs are unfinished"):
            found.run(pool, progress=False, save_every=0.05)
        killer.join()
    # Neither has failed: one was stopped, the other never begun.
    assert [record["status"] for record in found.records()] == ["begun", "waiting"]
    kept = found.load(found.points[0]).loop.step
    assert 0 < kept < steps
    starts: list[int] = []
    task.work(found.points[0], str(first), tell=starts.append)
    assert starts[0] == kept + 1 and starts[-1] == steps
    again = tiny(tmp_path, over, steps=steps)
    assert len(again.finished) == 2
    fresh = tiny(tmp_path / "fresh", {"seed": [0]}, steps=steps)
    assert same(again.load(again.points[0]).history, fresh.load(again.points[0]).history)


def test_a_long_grid_says_what_it_is_doing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    found = gv.Sweep(TINY, {"seed": list(range(300))}, out=tmp_path)
    found.rows()
    words = capsys.readouterr().err
    assert "laying out the sweep" in words and "reading the sweep" in words


def test_the_table_is_not_written_anew_for_each_run_where_that_takes_long(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written: list[int] = []
    sweeps = importlib.import_module("geco_viz.training.sweep")
    monkeypatch.setattr(sweeps.tables, "write", lambda *_: written.append(1))
    monkeypatch.setattr(sweeps, "REST", 1e9)
    tiny(tmp_path, {"seed": [0, 1, 2]})
    assert len(written) == 2  # before the first run and after the last


@pytest.mark.train
def test_the_same_sweep_twice_at_once_does_each_run_once(tmp_path: Path) -> None:
    begun: list[str] = []
    opened = task._opened

    def counted(point: Any, path: Path, device: str) -> Any:
        begun.append(path.name)
        time.sleep(0.1)
        return opened(point, path, device)

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(task, "_opened", counted)
        over = {"seed": [0, 1, 2]}
        both = list(pool.map(lambda _: tiny(tmp_path, over, steps=10), range(2)))
    assert len(begun) == len(set(begun)) == 3
    assert both[0].records() == both[1].records() and len(both[0].finished) == 3


@pytest.mark.train
def test_a_killed_coordinator_takes_its_workers_with_it_and_the_next_goes_on(
    tmp_path: Path,
) -> None:
    import coordinator

    steps = 1500
    found = gv.Sweep({**coordinator.SPEC, "steps": steps}, coordinator.OVER, out=tmp_path)
    folders = [found.folder(point) for point in found.points]
    command = [sys.executable, coordinator.__file__, str(tmp_path), str(steps)]
    first = subprocess.Popen([*command, "pool"], stdout=subprocess.PIPE)
    assert until(lambda: any((folder / "run.json").exists() for folder in folders), 300)
    first.kill()
    # Its worker holds the other end of the pipe too: this returns when both have ended.
    first.communicate(timeout=300)
    assert first.returncode == -signal.SIGKILL
    begun = found.load(found.points[0]).loop.step
    assert 0 < begun and table(tmp_path)[0]["run"] == folders[0].name
    # Started again twice, at once: each run is done once, from where it was.
    again = [subprocess.Popen([*command, "alone"]) for _ in range(2)]
    assert [each.wait() for each in again] == [0, 0]
    assert [record["step"] for record in found.finished] == 2 * [steps]
    assert [row["status"] for row in table(tmp_path)] == 2 * ["finished"]
    fresh = tiny(tmp_path / "fresh", {"seed": [0]}, steps=steps)
    assert same(found.load(found.points[0]).history, fresh.load(found.points[0]).history)


@pytest.mark.train
def test_a_disk_that_takes_no_more_is_told_and_leaves_nothing_half_written(
    tmp_path: Path,
) -> None:
    """The operating system refuses the bytes: files may grow to 2 kB, a checkpoint is larger."""
    resource = pytest.importorskip("resource")
    spawn = multiprocessing.get_context("spawn")
    full = (resource.RLIMIT_FSIZE, (2000, 2000))
    found = gv.Sweep({**TINY, "steps": 4}, {"seed": [0]}, out=tmp_path)
    with (
        ProcessPoolExecutor(1, spawn, resource.setrlimit, full) as pool,
        pytest.warns(UserWarning, match="a run failed .*File too large"),
    ):
        found.run(pool, progress=False)
    assert "File too large" in found.failed[0]["error"]
    left = {file.name for file in found.folder(found.points[0]).iterdir()}
    assert left <= {".geco_viz.lock", "progress.json", "failed.json"}
    assert table(tmp_path)[0]["status"] == "failed"
    assert len(found.run(progress=False).finished) == 1


def test_a_worker_waits_for_the_one_before(tmp_path: Path) -> None:
    done: list[str] = []

    def work(name: str) -> None:
        with hold(tmp_path, wait=True), hold(tmp_path):  # as a worker and its run
            done.append(name)
            time.sleep(0.05)
            done.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert done[::2] == done[1::2] and sorted(done[::2]) == ["a", "b", "c"]


@pytest.mark.train
def test_a_full_disk_fails_the_run_and_the_next_call_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = _files.write_through

    def full(path: Path, data: bytes) -> None:
        if ".csv" not in path.name or b"failed" in data:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        kept(path, data)

    for module in (_files, checkpoint):
        monkeypatch.setattr(module, "write_through", full)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = tiny(tmp_path, {"seed": [0]})
    words = " ".join(str(warning.message) for warning in told)
    assert "a run failed" in words and "No space left" in words and "table of the sweep" in words
    assert "No space left" in found.failed[0]["error"]  # though no file could keep it
    assert table(tmp_path)[0]["status"] == "waiting"  # the table before is whole
    monkeypatch.undo()
    assert len(tiny(tmp_path, {"seed": [0]}).finished) == 1


@pytest.mark.train
@pytest.mark.parametrize("name", ["run.json", "result.json"])
def test_half_a_file_is_no_result(name: str, tmp_path: Path) -> None:
    found = tiny(tmp_path, {"seed": [0]})
    folder = found.folder(found.points[0])
    (folder / "result.json").unlink()
    (folder / name).write_text('{"status": "fini')
    again = tiny(tmp_path, {"seed": [0]})
    assert again.finished[0]["step"] == 4


# The view


@pytest.mark.train
def test_a_view_follows_from_another_process(tmp_path: Path) -> None:
    from geco_viz.training.lookout import Lookout

    spec, over = {**TINY, "steps": 5}, {"kappa": [0.1, 0.2]}
    looking = Lookout(gv.Sweep(spec, over, out=tmp_path))
    before = looking.version
    assert looking.status().words == "0 of 2 runs finished." and not looking.ghosts
    tiny(tmp_path, over, steps=5)
    assert until(lambda: looking.version > before, 5)
    assert looking.status().words == "2 of 2 runs finished." and looking.status().step == 10
    assert [ghost.name for ghost in looking.ghosts] == [
        f"digits vae(latent_dim=2, hidden=[8]) geco κ {kappa} seed 0" for kappa in (0.1, 0.2)
    ]
    assert looking.ghosts[0].rows.shape == (5, 3) and len(looking.evaluations) == 2
    view = gv.Sweep(spec, over, out=tmp_path).view()
    assert view.source.title == "Sweep of 2 runs"
    view.close()
