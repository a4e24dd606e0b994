"""`geco-viz lab`: copy the notebooks that come with the package and open JupyterLab on them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from geco_viz.cli.errors import one_line_errors

__all__ = ["START", "copy_notebooks", "lab", "lab_command"]

START = "00_start_here.ipynb"


def lab(
    context: typer.Context,
    directory: Annotated[
        str | None,
        typer.Argument(metavar="DIR", help="Folder for the notebooks. [./geco-viz-notebooks]"),
    ] = None,
) -> None:
    """Open JupyterLab on the notebooks, in DIR.

    They are copied there; a file that is there already is never overwritten.

    All further options go to JupyterLab, for example: geco-viz lab --port 9999
    """
    options = ([] if directory is None else [directory]) + context.args
    named = bool(options) and not options[0].startswith("-")  # else it came after the --
    folder = Path(options.pop(0) if named else "geco-viz-notebooks")
    with one_line_errors():
        if importlib.util.find_spec("jupyterlab") is None:
            raise ImportError(
                f"JupyterLab is missing: run {sys.executable} -m pip install jupyterlab"
            )
        folder = folder.expanduser().resolve()
        differing = copy_notebooks(folder)
    typer.echo(f"The notebooks are in {folder}")
    for name in differing:
        typer.echo(f"Kept your {name}; it differs from the one that comes with this version.")
    sys.stdout.flush()
    command = lab_command(folder, options)
    if os.name == "nt":
        raise typer.Exit(subprocess.call(command))
    # JupyterLab takes this process over, so that Ctrl-C and signals reach it and nothing else.
    os.execv(command[0], command)


def lab_command(folder: Path, options: list[str]) -> list[str]:
    """The command that opens JupyterLab, of this very Python, on the start notebook."""
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{START}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # a container: JupyterLab refuses to start otherwise
    return command + options


def copy_notebooks(folder: Path) -> list[str]:
    """Copy the notebooks that are not in `folder` yet; return the names of those that differ.

    Raises:
        OSError: `folder` cannot be written.
    """
    differing = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in sorted(_shipped().glob("*.ipynb")):
            content, target = source.read_bytes(), folder / source.name
            if target.exists():
                if target.read_bytes() != content:
                    differing.append(target.name)
                continue
            part = target.with_suffix(".part")
            part.write_bytes(content)
            part.replace(target)
    except OSError as error:
        raise OSError(
            f"DIR must be a folder that can be written, got {str(folder)!r}: {error.strerror}"
        ) from error
    return differing


def _shipped() -> Path:
    package = Path(__file__).parents[1]
    installed = package / "_notebooks"
    return installed if installed.is_dir() else package.parent / "notebooks"
