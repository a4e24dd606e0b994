"""The HTML report in a browser without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_plots_report import a_run

from geco_viz import plots

pytestmark = pytest.mark.browser


def test_the_report_draws_switches_theme_and_fetches_nothing(tmp_path: Path, context: Any) -> None:
    path = plots.report(a_run(), tmp_path / "run.html")
    # The engine of the other tests: Playwright allows one in a thread.
    alone = context.browser.new_context(color_scheme="dark", offline=True)
    page = alone.new_page()
    problems: list[str] = []
    fetched: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("#multiplier .live .main-svg")
    panels = page.eval_on_selector_all(".live .main-svg:first-child", "all => all.length")
    theme = "document.documentElement.dataset.theme"
    before = page.evaluate(theme)
    page.click("#toggle")
    after = page.evaluate(theme)
    alone.close()
    assert (before, after) == ("dark", "light")
    assert panels == 5
    assert problems == []
    assert {address for address in fetched if not address.startswith("data:")} == {path.as_uri()}
