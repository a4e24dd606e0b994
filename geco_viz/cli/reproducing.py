"""`geco-viz reproduce`: the paper's figures and tables, several runs at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from geco_viz.cli.errors import one_line_errors

__all__ = ["reproduce"]


def reproduce(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="fig1 ... fig8, table1, table2, samples, propositions, baselines, all; or page, "
            "which writes the page of what is stored.",
        ),
    ],
    preset: Annotated[str, typer.Option(help="laptop, overnight, paper or paper-ours.")] = "laptop",
    out: Annotated[Path, typer.Option(help="Folder of results, figures and runs.")] = Path(
        "reproduction"
    ),
    to: Annotated[Path, typer.Option(help="File of the page.")] = Path("reproduction.md"),
    jobs: Annotated[int, typer.Option(help="Processes that train at a time.")] = 1,
    steps: Annotated[
        int | None, typer.Option(help="Of every run, instead of the preset's: to try it.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(help="Only the first so many of every data set: to try it.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Make the paper's figures and tables; a second call goes on where the first stopped."""
    with one_line_errors():
        from geco_viz._checks import choice, integer
        from geco_viz.reproduce import EXPERIMENTS, NAMES, PRESETS, page
        from geco_viz.reproduce.registry import SAME

        integer("jobs", jobs, low=1)
        choice("preset", preset, PRESETS)
        for name in names:
            choice("NAME", name, (*NAMES, "all", "page"))
        chosen = dict.fromkeys(
            each
            for name in names
            if name != "page"
            for each in (EXPERIMENTS if name == "all" else [SAME.get(name, name)])
        )
        short: dict[str, Any] = {"steps": steps, "count": count}
        lost = _reproduce(list(chosen), preset, out, jobs, short, device)
        if "page" in names:
            typer.echo(f"The page is {page(out, to)}")
    if lost:
        raise typer.Exit(1)


def _reproduce(
    names: list[str],
    preset: str,
    out: Path,
    jobs: int,
    short: dict[str, Any],
    device: str,
) -> list[str]:
    """Make each in turn and say what came of it; returns those that could not be made."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from contextlib import nullcontext

    from geco_viz.reproduce import reproduce as make
    from geco_viz.training.worker import end_with_parent

    spawn = multiprocessing.get_context("spawn")
    pool: Any = nullcontext()
    if jobs > 1:
        pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=end_with_parent)
    said = {True: "holds", False: "does not hold", None: "open"}
    lost = []
    with pool as executor:
        for name in names:
            try:
                record = make(name, preset, out, executor=executor, device=device, **short)
            except RuntimeError as error:  # none of its runs has finished; the rest goes on
                typer.echo(f"{name}: {error}", err=True)
                lost.append(name)
                continue
            for claim in record["claims"]:
                typer.echo(f"{name}: {said[claim['holds']]}: {claim['measured']}")
    return lost
