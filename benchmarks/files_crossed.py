"""Which files one training step and one frame of the dashboard cross; a count, not a time.

    python benchmarks/files_crossed.py

A file is crossed if a function of it is called. models/, constraints/ and _checks.py are listed
apart: what they hold is chosen, not passed through.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geco_viz as gv

PACKAGE = Path(gv.__file__).parent
APART = ("models/", "constraints/", "_checks.py")


def crossed(call: Callable[[], Any]) -> set[str]:
    """The package's files, relative to it, in which a function was called."""
    files: set[str] = set()

    def note(frame: Any, event: str, _: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            files.add(path.relative_to(PACKAGE).as_posix())

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return files


def report(what: str, files: set[str]) -> None:
    apart = {file for file in files if file.startswith(APART)}
    print(f"{what}: {len(files - apart)} files, and {len(apart)} of models, constraints, checks")
    for file in sorted(files - apart):
        print(f"    {file}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the same; it takes a second anyway")
    parser.parse_args()

    run = gv.Run("digits", seed=0)
    steps = run.steps(40)
    for _ in range(20):  # first steps make constants and buffers
        next(steps)
    report("a step of Run.train", crossed(lambda: next(steps)))
    steps.close()

    from geco_viz.live import View

    view = View(run)
    view._pump.ready("page")  # what a page says when it loads
    run.step()
    view.push()
    run.step()
    report("a frame of the dashboard", crossed(view.push))
    view.close()
    run.close()


if __name__ == "__main__":
    main()
