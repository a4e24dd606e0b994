"""A notebook whose figure is not what its text says fails, at the cell that says it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

START = Path(__file__).parents[1] / "notebooks" / "00_start_here.ipynb"
CLAIM = 'assert at_05["holes"] < 0.25'
HALF_IS_HOLE = """
import geco_viz.evaluation

measured = geco_viz.evaluation.evaluate
geco_viz.evaluation.evaluate = lambda *a, **k: {**measured(*a, **k), "holes": (0.5, 0.0)}
"""


def _up_to_the_claim(first: str, folder: Path) -> tuple[NotebookClient, int]:
    book = nbformat.read(START, as_version=4)
    (last,) = (i for i, cell in enumerate(book.cells) if CLAIM in cell.source)
    book.cells = [nbformat.v4.new_code_cell(first), *book.cells[: last + 1]]
    resources = {"metadata": {"path": str(folder)}}
    return NotebookClient(book, timeout=300, resources=resources), last + 1


@pytest.mark.train
@pytest.mark.notebook
def test_a_prior_that_is_half_hole_fails_the_cell_that_claims_it_is_not(tmp_path: Path) -> None:
    client, claim = _up_to_the_claim(HALF_IS_HOLE, tmp_path)
    with pytest.raises(CellExecutionError) as failed:
        client.execute()
    assert failed.value.ename == "AssertionError"
    assert CLAIM in failed.value.traceback
    (error,) = (out for out in client.nb.cells[claim].outputs if out.output_type == "error")
    assert error.ename == "AssertionError"


@pytest.mark.train
@pytest.mark.notebook
def test_as_measured_the_claim_holds(tmp_path: Path) -> None:
    client, claim = _up_to_the_claim("", tmp_path)
    client.execute()
    assert client.nb.cells[claim].execution_count
