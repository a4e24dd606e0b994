"""The command line: `geco-viz lab`, `geco-viz train` and `geco-viz reproduce`, a file each."""

from __future__ import annotations

from typing import Annotated

import typer

from geco_viz.cli.notebooks import lab
from geco_viz.cli.reproducing import reproduce
from geco_viz.cli.training import train

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Watch and steer a constrained VAE while it trains.",
)


def _version(asked: bool) -> None:
    if asked:
        from geco_viz import __version__

        typer.echo(f"geco-viz {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Watch and steer a constrained VAE while it trains."""


app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(lab)
app.command()(train)
app.command()(reproduce)
