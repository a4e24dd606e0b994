"""pyproject.toml, environment.yml and the citation agree; the wheel carries what it needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import geco_viz

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONDA_NAMES = {"torch": "pytorch"}  # conda-forge's name for it


def split(requirement: str) -> tuple[str, frozenset[str]]:
    """`"torch>=2.6,<2.14"` as its conda name and the set of its bounds."""
    match = re.fullmatch(r"([A-Za-z0-9._-]+?)\s*([<>=!~].*)?", requirement.strip())
    assert match, requirement
    name = match[1].lower()
    bounds = frozenset(bound.strip() for bound in (match[2] or "").split(",") if bound.strip())
    return CONDA_NAMES.get(name, name), bounds


def test_environment_yml_says_the_same_as_pyproject() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    listed = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    conda = dict(split(entry) for entry in listed)
    assert conda.pop("pip") == frozenset()
    assert conda.pop("python") == {PROJECT["project"]["requires-python"]}
    assert conda == dict(split(entry) for entry in PROJECT["project"]["dependencies"])
    assert {"pip": ["--editable .[test]"]} in environment["dependencies"]
    assert environment["name"] == PROJECT["project"]["name"]


def test_citation_names_the_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == geco_viz.__version__
    assert citation["license"] == PROJECT["project"]["license"]


@pytest.mark.parametrize("pattern", ["py.typed", "live/static/*", "../notebooks/*.ipynb"])
def test_what_the_wheel_must_carry_is_there(pattern: str) -> None:
    assert list((ROOT / "geco_viz").glob(pattern))


def test_the_wheel_carries_the_notebooks_and_the_page(tmp_path: Path) -> None:
    hatchling = pytest.importorskip("hatchling.builders.wheel")
    import zipfile

    (wheel,) = hatchling.WheelBuilder(str(ROOT)).build(directory=str(tmp_path))
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "geco_viz").rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert path.relative_to(ROOT).as_posix() in names
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"geco_viz/_notebooks/{path.name}" in names
    entry_points = next(name for name in names if name.endswith("entry_points.txt"))
    assert b"geco-viz = geco_viz.cli:app" in zipfile.ZipFile(wheel).read(entry_points)
