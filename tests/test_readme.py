"""The README's code and commands work as they stand there, with fewer steps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from geco_viz import cli

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.train
@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_code(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnist_root: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GECO_VIZ_DATA", str(mnist_root))
    names: dict[str, object] = {}
    exec(block.replace("2000", "3"), names)
    if "dash" in names:
        names["dash"].close()  # type: ignore[attr-defined]


@pytest.mark.train
def test_the_train_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnist_root: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GECO_VIZ_DATA", str(mnist_root))
    (command,) = re.findall(r"^geco-viz (train .*)$", README, re.MULTILINE)
    done = CliRunner().invoke(cli.app, command.replace("2000", "3").split())
    assert done.exit_code == 0, done.output
    assert (tmp_path / "runs" / "demo" / "run.html").is_file()
