"""Reports of real runs: every model by name and modules of one's own, in Python and by command."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import images, make
from torch import Tensor, nn
from typer.testing import CliRunner

from geco_viz import cli, models, plots
from geco_viz.data import Dataset, mnist
from geco_viz.live.view import PANELS
from geco_viz.models import Output
from geco_viz.training import limits
from geco_viz.training.run import Run


def told(count: int = 6) -> Dataset:
    generator = torch.Generator().manual_seed(1)
    y = torch.arange(count) % 3
    return Dataset(x=images(count), y=y, context=torch.rand(count, 3, generator=generator))


def a_run(name: str) -> Run:
    if models.is_conditional(name):
        return make(told(), model={"name": name, "context_shape": [3]})
    return make(model={"name": name})


@pytest.mark.train
@pytest.mark.parametrize("name", models.names())
def test_every_model_has_a_report_and_a_figure(name: str, tmp_path: Path) -> None:
    run = a_run(name).train(2, progress=False)
    page = run.report(tmp_path / "run.html").read_text(encoding="utf-8")
    drawn = [panel for panel in PANELS if f'class="panel" id="{panel}"' in page]
    plane = ["tiling"] if "vae" in name else []  # the others have no one latent space
    assert drawn == ["information-plane", *plane, "error", "multiplier", "images"]
    # Conditional data have no R(D): their context is side information.
    assert ("limit R(D)" in page) == (run.limit is not None) == (not models.is_conditional(name))
    assert len(plots.run_figure(run).data) >= 5


class Bare(nn.Module):
    """A module of one's own that samples and reconstructs, and shows no posterior."""

    def __init__(self) -> None:
        super().__init__()
        self.latent_dim, self.shift = 2, nn.Parameter(torch.zeros(()))

    def forward(
        self, x: Tensor, context: Any = None, samples: int = 1, generator: Any = None
    ) -> Any:
        noise = self.shift + torch.randn(samples, len(x), 2, generator=generator)
        x_hat = x + 0.1 * noise.mean(-1)[..., None, None, None]
        kl = noise.square().mean(-1)
        return Output(x_hat if samples > 1 else x_hat[0], kl, noise)

    def decode(self, z: Tensor, context: Any = None) -> Tensor:
        return torch.zeros(*z.shape[:-1], 1, 4, 4) + self.shift

    def sample(self, n: int, context: Any = None, generator: Any = None) -> Tensor:
        return self.decode(torch.zeros(n, 2))


def test_a_module_without_encode_has_a_report_and_a_figure(tmp_path: Path) -> None:
    run = make(model=Bare()).train(2, progress=False)
    assert 'id="images"' in run.report(tmp_path / "run.html").read_text(encoding="utf-8")
    assert not any(trace.name == "prior 1 σ" for trace in plots.run_figure(run).data)


def test_a_report_after_train_waits_for_the_limit_and_marks_its_mergers(tmp_path: Path) -> None:
    run = make(images(5, seed=3)).train(2, progress=False)
    page = run.report(tmp_path / "run.html").read_text(encoding="utf-8")
    still = page.split("<script")[0]
    assert run.limit is not None and "impossible: below R(D)" in still
    assert run.limit.critical and "critical temperature" in page


def test_a_limit_that_fails_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(x: Tensor) -> None:
        raise IndexError("no atom alive")

    monkeypatch.setattr(limits, "rate_distortion", fails)
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    assert make(images(5, seed=4)).wait_for_limit() is None


def test_only_what_has_a_play_button_says_press_play(tmp_path: Path) -> None:
    run = make().train(2, progress=False)
    assert "play" not in run.status().hint
    assert "Press play" not in run.report(tmp_path / "run.html").read_text(encoding="utf-8")
    with_button = run.dashboard()
    try:
        assert with_button.stage.status().hint == "Press play to go on."
    finally:
        with_button.close()


def test_the_plane_holds_the_whole_walk_and_counts_what_it_leaves_out() -> None:
    rows = 400
    kl = np.r_[np.linspace(8, 2, rows // 2), np.full(rows // 2, 2.0)]
    kl[3] = 500
    error = np.geomspace(0.4, 0.05, rows)
    history = {"step": np.arange(rows), "kl": kl, "err/re": error, "kappa/re": [0.05] * rows}
    figure = plots.information_plane(history)
    # All but one in a hundred are inside; the batch of 500 nats must not make the rest a dot.
    assert figure.layout.yaxis.range[1] < 20
    inside = (kl <= figure.layout.yaxis.range[1]) & (error <= figure.layout.xaxis.range[1])
    assert inside.sum() == rows - 1
    assert "1 of 400 steps lie outside" in figure.layout.title.subtitle.text


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture(scope="module")
def few_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in MNIST's format with eleven random images, more than are shown, a split."""
    folder = tmp_path_factory.mktemp("mnist")
    pixels = np.random.default_rng(0).integers(0, 256, (11, 28, 28))
    for files in mnist._FILES.values():
        for file, array in zip(files, (pixels, np.arange(11) % 10), strict=True):
            (folder / file.stem).write_bytes(idx(array))
    return folder


@pytest.mark.train
@pytest.mark.parametrize("name", models.names())
def test_the_command_reports_every_model(name: str, few_digits: Path, tmp_path: Path) -> None:
    data = "mnist-sum" if models.is_conditional(name) else "mnist"
    options = ["--data", data, "--root", few_digits, "--model", name, "--steps", 1]
    call = ["train", *options, "--kappa", 0.2, "--device", "cpu", "--out", tmp_path]
    done = CliRunner().invoke(cli.app, [str(each) for each in call])
    assert done.exit_code == 0, done.output
    assert f"Saved in {tmp_path}" in done.output
    assert 'id="images"' in (tmp_path / "run.html").read_text(encoding="utf-8")
