"""A sweep on a local Dask cluster of two workers, one of which is killed in the middle of a run."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from tiny import until

import geco_viz as gv
from geco_viz.training.task import read


@pytest.mark.train
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # distributed's own, of the killed worker
def test_a_killed_worker_costs_what_came_after_its_last_checkpoint(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    model = {"name": "vae", "latent_dim": 2, "hidden": [8]}
    spec = {"data": "digits", "model": model, "samples": 2, "steps": 1500}
    found = gv.Sweep(spec, {"seed": [0, 1, 2]}, out=tmp_path)
    killed: list[int] = []
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            local_directory=str(tmp_path / "dask"),
        ) as cluster,
        distributed.Client(cluster) as client,
    ):

        def kill() -> None:
            folders = [found.folder(point) for point in found.points]
            until(lambda: any((folder / "run.json").exists() for folder in folders), 120)
            working = [w for w in client.processing().items() if w[1]]
            pids = client.run(os.getpid, workers=[working[0][0]])
            killed.extend(pids.values())
            os.kill(killed[0], signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        found.run(client.get_executor(), progress=False, save_every=0.05)
        killer.join()
        assert len(set(client.run(os.getpid).values())) == 2  # the cluster mended itself
    assert len(killed) == 1 and len(found.finished) == 3
    assert all(record["step"] == 1500 for record in found.finished)
    assert all(read(found.folder(point) / "failed.json") is None for point in found.points)
