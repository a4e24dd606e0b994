"""What tests, doctests and notebooks share: this checkout, the same data, no silent skips in CI."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent
REQUIRE_ALL = os.environ.get("GECO_VIZ_REQUIRE_ALL") == "1"
_NEIGHBOUR = ROOT.parent / "shared" / "data"

# One thread: two on a busy machine wait for each other.
torch.set_num_threads(1)

# Notebooks train for real, but briefly.
os.environ.setdefault("GECO_VIZ_QUICK", "1")

# Kernels and command lines that a test starts use this checkout and the same data.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
if "GECO_VIZ_DATA" not in os.environ and _NEIGHBOUR.is_dir():
    os.environ["GECO_VIZ_DATA"] = str(_NEIGHBOUR)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # What takes longest begins first, so that workers that share the files end together.
    items.sort(key=lambda item: "browser" not in item.nodeid and ".ipynb" not in item.nodeid)
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        return
    kept = [item for item in items if item.get_closest_marker("gpu") is None]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _fail_a_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    # An expected failure (xfail) reports as skipped too and stays what it is.
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"GECO_VIZ_REQUIRE_ALL=1 and this was skipped: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_a_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_a_skip(report)
    return report
