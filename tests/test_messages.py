"""What Python sends to the page meets the page's own types; its bundles are made of its sources."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fake_source import FakeSource

from geco_viz.live.frames import Frames
from geco_viz.live.pump import message
from geco_viz.live.scripts import STATIC
from geco_viz.live.view import PANELS

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / "node_modules" / ".bin"
TYPES = ROOT / "geco_viz" / "live" / "js" / "messages"


@pytest.fixture
def node() -> None:
    if not (TOOLS / "tsc").exists() or shutil.which("node") is None:
        pytest.skip("the page's tools are not there: run npm ci")


def typed(folder: Path, content: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Let TypeScript check a message as the literal that it is: no key missing, none unknown."""
    text = f'import type {{ Frame }} from "{TYPES.as_posix()}";\n'
    text += f"export const frame: Frame = {json.dumps(content)};\n"
    (folder / "frame.ts").write_text(text, encoding="utf-8")
    command = [str(TOOLS / "tsc"), "--noEmit", "--strict", "--types", "", "frame.ts"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("dims", [0, 2, 5])
def test_the_frames_are_what_the_page_expects(tmp_path: Path, dims: int) -> None:
    source = FakeSource(("re", "cla"), dims=max(dims, 1)).walk(30)
    pictures = source.pictures()
    if not dims:  # a model without a latent plane
        pictures = dataclasses.replace(pictures, z=pictures.z[:0])
    content, _ = message(1, Frames(source, PANELS).next(pictures))
    kinds = {part["kind"] for part in content["parts"]}
    assert kinds >= {"setup", "limit", "ghosts", "evaluations", "rows", "images", "tiling"}
    checked = typed(tmp_path, content)
    assert checked.returncode == 0, checked.stdout
    content["parts"][0]["another"] = 1
    assert typed(tmp_path, content).returncode != 0


@pytest.mark.usefixtures("node")
def test_the_bundles_are_made_of_these_sources(tmp_path: Path) -> None:
    subprocess.run(
        ["npm", "run", "--silent", "bundle"],
        cwd=ROOT,
        env=os.environ | {"OUT": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    for made in sorted(tmp_path.iterdir()):
        committed = (STATIC / made.name).read_text(encoding="utf-8")
        assert committed == made.read_text(encoding="utf-8"), f"{made.name}: npm run bundle"
