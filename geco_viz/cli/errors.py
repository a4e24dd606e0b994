"""What goes wrong on the command line: one line, and an exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import typer

__all__ = ["one_line_errors"]


@contextmanager
def one_line_errors() -> Iterator[None]:
    """What a person can mend is one line and exit code 2; GECO_VIZ_TRACEBACK=1 shows where."""
    try:
        yield
    except (ValueError, TypeError, OSError, RuntimeError, ImportError) as error:
        if os.environ.get("GECO_VIZ_TRACEBACK") == "1":
            raise
        typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(2) from error
