"""A sweep's results as one tidy table, a run a row: CSV always, Parquet where pyarrow is there."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geco_viz._files import write_whole
from geco_viz.training.points import columns_of

__all__ = ["row", "write"]


def row(name: str, record: dict[str, Any]) -> dict[str, Any]:
    """One run as a row: what was asked, what came of it, what it cost.

    `kl` and `kappa_hat/<constraint>` are those of the averaged weights over the training set, each
    with `/se`; `multiplier/<constraint>` and `beta_end` the means of the last 50 steps.
    """
    asked = {k: _cell(value) for k, value in columns_of(record["point"]).items()}
    found: dict[str, Any] = {"run": name, "status": record["status"], **asked}
    for key, (value, error) in record.get("values", {}).items():
        found |= {key: value, f"{key}/se": error}
    for key, value in record.get("late", {}).items():
        found["beta_end" if key == "beta" else key] = value
    for key in ("phase", "at_cap", "wall_s", "cpu_s", "device", "finished", "error"):
        if key in record:
            found[key] = record[key]
    return found


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def write(folder: Path, rows: Sequence[dict[str, Any]], name: str = "results") -> None:
    """Write `<name>.csv` and, with pyarrow, `<name>.parquet`; each is whole at every moment.

    Raises:
        OSError: the disk is full or the folder cannot be written; the tables before remain.
    """
    columns = list(dict.fromkeys(column for one in rows for column in one))
    text = io.StringIO()
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_whole(folder / f"{name}.csv", text.getvalue().encode())
    if rows and importlib.util.find_spec("pyarrow") is not None:
        import pandas

        content = io.BytesIO()
        frame = pandas.DataFrame(list(rows), columns=columns)
        frame.to_parquet(content, engine="pyarrow", index=False)
        write_whole(folder / f"{name}.parquet", content.getvalue())
