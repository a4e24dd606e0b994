"""The page's script without a notebook: ranges, rows of panels, the store, the limit, the theme."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from geco_viz.live.scripts import VIEW, script

pytestmark = pytest.mark.browser


@pytest.fixture
def js(context: Any) -> Iterator[Callable[..., Any]]:
    """Evaluate an expression in the scope of the script, after some statements."""
    page = context.new_page()
    code = script(VIEW).rpartition("export default")[0]

    def call(expression: str, before: str = "") -> Any:
        return page.evaluate(f"() => {{ {code}\n{before}; return {expression}; }}")

    yield call
    page.close()


def test_an_axis_moves_only_when_it_must(js: Callable[..., Any]) -> None:
    assert js("roomFor({ low: 0, high: 80 }, [-10, 100])") is None
    low, high = js("roomFor({ low: 0, high: 120 }, [-10, 100])")
    assert low < 0 and high > 120
    low, high = js("roomFor({ low: 0, high: 20 }, [-10, 100])")
    assert low < 0 and 20 < high < 30
    assert js("roomFor({ low: 0, high: NaN }, [0, 1])") is None


def test_a_growing_axis_is_laid_out_seldom(js: Callable[..., Any]) -> None:
    count = js(
        "moves",
        "let range = [0, 50], moves = 0; for (let step = 1; step <= 100000; step += 10) {"
        " const next = roomFor({ low: 0, high: Math.max(50, 1.01 * step), fixedLow: true,"
        " pad: 0, grow: 0.25 }, range); if (next) { range = next; moves++; } }",
    )
    assert 10 < count < 50


@pytest.mark.parametrize(
    ("weights", "width", "columns"),
    [
        ([3, 3, 2, 2, 2, 0], 1500, [6, 6, 4, 4, 4, 12]),
        ([3, 3, 2, 2, 2, 0], 850, [6, 6, 4, 4, 4, 12]),
        ([3, 3, 2, 2, 2, 0], 672, [6, 6, 6, 6, 12, 12]),
        ([3, 3, 2, 2, 2, 0], 400, [12, 12, 12, 12, 12, 12]),
        ([0], 900, [12]),
        ([2, 3], 900, [5, 7]),
        ([2, 0, 2], 900, [12, 12, 12]),
    ],
)
def test_panels_share_rows_while_they_stay_readable(
    js: Callable[..., Any], weights: list[int], width: int, columns: list[int]
) -> None:
    assert js(f"spans({weights}, {width})") == columns


def test_the_store_appends_and_replaces(js: Callable[..., Any]) -> None:
    part = "{ kind: 'rows', full: %s, n: %d, total: %d, columns: ['step', 'kl'], now: [%s, null] }"
    floats = "new DataView(new Float32Array([%s]).buffer)"
    before = "const store = new Store();"
    before += f"store.apply({part % ('true', 2, 2, '1.5')}, {floats % '1, 10, 2, 20'});"
    before += f"store.apply({part % ('false', 1, 5, '3')}, {floats % '5, 50'});"
    seen = "[store.n, store.total, store.lastStep, [...store.columns.kl.slice(0, 3)],"
    seen += " store.now.step, Number.isNaN(store.now.kl)]"
    assert js(seen, before) == [3, 5, 5, [10, 20, 50], 3, True]
    before += f"store.apply({part % ('true', 1, 9, '9')}, {floats % '9, 90'});"
    assert js("[store.n, store.lastStep, store.columns.kl[0]]", before) == [1, 9, 90]


def test_the_store_grows_past_its_first_length(js: Callable[..., Any]) -> None:
    before = (
        "const store = new Store(); for (let k = 0; k < 5000; k++) store.apply({ kind: 'rows',"
        " full: !k, n: 1, total: k + 1, columns: ['step'] },"
        " new DataView(new Float32Array([k]).buffer))"
    )
    seen = "[store.n, store.columns.step.slice(0, 5000).every((v, i) => v === i)]"
    assert js(seen, before) == [5000, True]


def test_quantiles_leave_out_what_is_no_number(js: Callable[..., Any]) -> None:
    assert js("quantile(new Float32Array([3, NaN, 1, 2, Infinity, 9]), 5, 0.5)") == 2
    assert js("Number.isNaN(quantile(new Float32Array([NaN]), 1, 0.5))")


def test_the_limit_between_its_points(js: Callable[..., Any]) -> None:
    limit = "{ kappa: [0.1, 0.2, 0.3], rate: [1, 0.5, 0] }"
    assert js(f"[0.05, 0.15, 0.4].map((x) => rateAt({limit}, x))") == pytest.approx([1, 0.75, 0])
    assert js(f"[reachOf({limit}), reachOf({{ kappa: [], rate: [] }})]") == pytest.approx([0.3, 0])


@pytest.mark.parametrize(
    ("host", "dark"),
    [
        ("document.body.dataset.jpThemeLight = 'false'", True),
        ("document.body.dataset.jpThemeLight = 'true'", False),
        ("document.body.dataset.vscodeThemeKind = 'vscode-dark'", True),
        ("document.body.dataset.vscodeThemeKind = 'vscode-high-contrast'", True),
        ("document.body.dataset.vscodeThemeKind = 'vscode-high-contrast-light'", False),
        ("document.documentElement.setAttribute('theme', 'dark')", True),
        ("", False),
    ],
)
def test_the_theme_of_each_host(js: Callable[..., Any], host: str, dark: bool) -> None:
    assert js("currentTheme().dark", host) is dark
    assert js("new Set(currentTheme().shades).size", host) > 50


def test_text_for_plotly_is_escaped(js: Callable[..., Any]) -> None:
    assert js("""escaped('<a href="x">&')""") == "&lt;a href=&quot;x&quot;&gt;&amp;"
