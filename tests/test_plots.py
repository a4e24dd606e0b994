"""Figures hold exactly the data given, say what is on their axes, and mark κ and the limit."""

from __future__ import annotations

import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from geco_viz import plots
from geco_viz.plots._columns import DRAWN, thin
from geco_viz.plots.pictures import mosaic
from geco_viz.plots.themes import THEMES, category, theme_of

RNG = np.random.default_rng(0)


def run(rows=50, kappa=0.05):
    step = np.arange(rows, dtype=np.float32)
    return {
        "step": step,
        "kl": 1.8 + RNG.random(rows).astype(np.float32),
        "err/re": 0.04 + 0.02 * RNG.random(rows).astype(np.float32),
        "kappa/re": np.full(rows, kappa, np.float32),
        "multiplier/re": np.exp(-step / rows),
        "beta": np.exp(step / rows),
    }


LIMIT = SimpleNamespace(
    kappa=np.array([0.2, 0.05, 0.1]),  # a limit comes in the order asked for
    rate=np.array([0.0, 1.7, 1.2]),
    certificate=np.array([0.0, 0.1, 0.2]),
    note="",
)


def trace(figure, name):
    (found,) = [each for each in figure.data if each.name == name]
    return found


def test_the_information_plane_holds_the_history_coloured_by_step():
    history = run()
    points = trace(plots.information_plane(history), "training steps")
    np.testing.assert_array_equal(points.x, history["err/re"])
    np.testing.assert_array_equal(points.y, history["kl"])
    np.testing.assert_array_equal(points.marker.color, history["step"])
    assert points.marker.cmax == history["step"][-1]


def test_the_limit_is_drawn_as_given_and_the_impossible_side_ends_at_what_is_proven():
    figure = plots.information_plane(run(), limit=LIMIT)
    line, shade = trace(figure, "limit R(D)"), trace(figure, "impossible")
    np.testing.assert_array_equal(line.x, [0.05, 0.1, 0.2])
    np.testing.assert_array_equal(line.y, [1.7, 1.2, 0.0])
    # R falls in kappa: what is impossible at the first kappa is so to its left.
    np.testing.assert_allclose(shade.x, [0, 0.05, 0.1, 0.2])
    np.testing.assert_allclose(shade.y, [1.6, 1.6, 1.0, 0.0])
    assert shade.fill == "tozeroy"


def test_tensors_and_a_history_object_are_read_like_arrays():
    torch = pytest.importorskip("torch")
    from geco_viz.training.history import History

    columns = run()
    history = History.from_rows(list(columns), np.stack(list(columns.values()), axis=1))
    fields = {name: torch.tensor(getattr(LIMIT, name)) for name in ("kappa", "rate", "certificate")}
    drawn = plots.information_plane(history, limit=SimpleNamespace(**fields, note=""))
    plain = plots.information_plane(columns, limit=LIMIT)
    assert drawn.to_json() == plain.to_json()


@pytest.mark.parametrize(("given", "drawn"), [(None, 0.05), (0.12, 0.12)])
def test_the_kappa_line_is_at_kappa(given, drawn):
    figure = plots.information_plane(run(kappa=0.05), kappa=given)
    (line,) = [shape for shape in figure.layout.shapes if shape.name == "kappa"]
    assert line.x0 == line.x1 == pytest.approx(drawn, rel=1e-6)
    assert f"κ = {drawn:g}" in [note.text for note in figure.layout.annotations]


def test_an_objective_without_kappa_has_no_kappa_line():
    history = run(kappa=np.nan)
    assert not plots.information_plane(history).layout.shapes
    assert not plots.error(history).layout.annotations


def test_evaluations_carry_their_standard_errors_and_ghosts_their_rows():
    shots = {
        "step": [10, 20],
        "kappa_hat/re": [0.06, 0.05],
        "kappa_hat/re/se": [0.001, 0.002],
        "kl": [2.0, 1.8],
        "kl/se": [0.1, 0.05],
    }
    ghost = SimpleNamespace(name="first", rows=np.array([[0, 0.1, 2.0], [1, 0.2, 1.0]]))
    figure = plots.information_plane(run(), evaluations=shots, ghosts=[ghost])
    measured = trace(figure, "evaluations")
    np.testing.assert_array_equal(measured.x, shots["kappa_hat/re"])
    np.testing.assert_array_equal(measured.error_y.array, shots["kl/se"])
    np.testing.assert_array_equal(measured.error_x.array, shots["kappa_hat/re/se"])
    earlier = trace(figure, "earlier: first")
    np.testing.assert_array_equal(earlier.x, [0.1, 0.2])
    np.testing.assert_array_equal(earlier.y, [2.0, 1.0])


def test_beta_and_lambda_are_told_apart_on_a_log_axis():
    history = run()
    figure = plots.multiplier(history)
    assert figure.layout.yaxis.type == "log"
    np.testing.assert_array_equal(trace(figure, "β (data units²)").y, history["beta"])
    lagrange = trace(figure, "λ (nats)")
    np.testing.assert_array_equal(lagrange.y, history["multiplier/re"])
    assert lagrange.mode == "lines" and lagrange.line.dash == "dash"
    labels = {note.text.split(" = ")[0]: note.y for note in figure.layout.annotations}
    assert labels["β"] == pytest.approx(np.log10(history["beta"][-1]))
    assert labels["λ"] == pytest.approx(np.log10(history["multiplier/re"][-1]))


def test_an_objective_without_multipliers_draws_nothing_under_beta_and_lambda():
    history = run()
    history["beta"] = history["multiplier/re"] = np.full(50, np.nan)
    assert not plots.multiplier(history).data


def test_a_kappa_edit_is_a_step_at_its_step_also_in_a_long_run():
    history = run(rows=5 * DRAWN)
    history["kappa/re"][1234:] = 0.1
    figure = plots.error(history)
    kappa = trace(figure, "κ RE")
    np.testing.assert_array_equal(kappa.x, [0, 1234, 5 * DRAWN - 1])
    np.testing.assert_allclose(kappa.y, [0.05, 0.1, 0.1], rtol=1e-6)
    assert kappa.line.shape == "hv"
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.annotations[0].y == pytest.approx(-1)


def test_each_constraint_has_its_own_axis_with_its_own_unit():
    history = run() | {"err/cla": np.full(50, 0.8), "kappa/cla": np.full(50, 0.9)}
    figure = plots.error(history)
    assert figure.layout.yaxis.title.text == "RE error (RMS pixel)"
    assert figure.layout.yaxis2.title.text == "CLA error (probability)"
    assert (figure.layout.yaxis.type, figure.layout.yaxis2.type) == ("log", "linear")
    assert trace(figure, "CLA error").yaxis == "y2"
    assert figure.layout.yaxis2.domain[1] < figure.layout.yaxis.domain[0]
    own = {"step": [0, 1], "err/mae": [0.2, 0.1]}
    assert plots.error(own, units={"mae": "grey levels"}).layout.yaxis.title.text.endswith(
        "(grey levels)"
    )


def test_a_long_history_is_thinned_keeps_its_extremes_and_says_so():
    rows = 100 * DRAWN
    values = RNG.normal(size=rows)
    values[[7777, 54321]] = -50, 50
    values[100] = np.nan
    kept = thin([values, RNG.normal(size=rows)])
    assert len(kept) <= DRAWN
    assert {0, 7777, 54321, rows - 1} <= set(kept)
    assert np.all(np.diff(kept) > 0)
    figure = plots.information_plane(run(rows=rows))
    points = trace(figure, "training steps")
    assert f"{len(points.x):,} of {rows:,} steps" in figure.layout.title.subtitle.text
    assert "extremes" not in plots.information_plane(run()).layout.title.subtitle.text
    assert all(
        each.type == "scatter" for each in figure.data
    )  # scattergl lines stall without a GPU


def test_every_axis_with_numbers_names_its_unit():
    history = run()
    titles = [
        plots.information_plane(history).layout.xaxis.title.text,
        plots.information_plane(history).layout.yaxis.title.text,
        plots.multiplier(history).layout.yaxis.title.text,
        plots.error(history).layout.yaxis.title.text,
    ]
    assert titles == [
        "reconstruction error (RMS pixel)",
        "KL (nats)",
        "β (data units²), λ (nats)",
        "RE error (RMS pixel)",
    ]


@pytest.mark.parametrize("draw", [plots.information_plane, plots.error, plots.multiplier])
@pytest.mark.parametrize("rows", [0, 1])
def test_a_run_that_has_just_begun_can_be_drawn(draw, rows):
    assert draw(run(rows=rows)).layout.yaxis.title.text


def test_a_run_that_turned_nan_can_be_drawn():
    history = run()
    history["kl"][10:] = np.nan
    history["err/re"][10:] = np.nan
    figure = plots.information_plane(history)
    assert (
        np.isfinite(figure.layout.xaxis.range).all()
        and np.isfinite(figure.layout.yaxis.range).all()
    )
    assert np.isfinite(plots.error(history).layout.yaxis.range).all()


def test_images_are_in_the_mosaic_pixel_for_pixel():
    grey = RNG.integers(0, 256, (3, 5, 4, 1), np.uint8)
    colour = RNG.integers(0, 256, (3, 5, 4, 3), np.uint8)
    picture = mosaic([colour, grey[:2]], gap=2)
    assert picture.shape == (12, 16, 4)
    np.testing.assert_array_equal(picture[:5, 6:10, :3], colour[1])
    np.testing.assert_array_equal(picture[7:, :4, 0], grey[0, ..., 0])
    np.testing.assert_array_equal(picture[7:, :4, 2], grey[0, ..., 0])
    assert picture[5:7, :, 3].max() == 0 and picture[7:, 12:, 3].max() == 0  # gaps are clear


def test_the_image_grid_names_its_rows_and_columns():
    x = RNG.random((20, 6, 6))
    figure = plots.images(x, x, x[:3], labels=list("abcdefghijklmnopqrst"), step=1200)
    assert len(figure.data) == 1 and figure.data[0].type == "image"
    assert list(figure.layout.yaxis.ticktext) == ["data", "recon", "samples"]
    assert list(figure.layout.xaxis.ticktext) == list("abcdefghijklmnop")
    assert figure.layout.title.subtitle.text == "step 1,200; first 16 of 20"


def test_the_tiling_colours_samples_by_datum_and_names_masses():
    z = RNG.normal(size=(3, 10, 2))
    figure = plots.tiling(z, labels=[4, 7, 7], tile_mass=[0.2, 0.3, 0.5], holes=0.01)
    clouds = [each for each in figure.data if each.type == "scatter" and each.mode == "markers"]
    for index, cloud in enumerate(clouds):
        np.testing.assert_array_equal(np.stack([cloud.x, cloud.y], 1), z[index])
        assert cloud.marker.color == category(theme_of("light"), index)
    bars = trace(figure, "tile mass × n")
    np.testing.assert_allclose(bars.x, [0.6, 0.9, 1.5])
    assert list(figure.layout.yaxis2.ticktext) == ["4", "7", "7"]
    assert "holes 1 %" in figure.layout.title.subtitle.text
    assert figure.layout.yaxis.scaleanchor == "x"
    rings = [each for each in figure.data if each.name.startswith("prior")]
    assert [round(float(np.hypot(each.x, each.y).max()), 6) for each in rings] == [1, 2, 3]


def test_many_data_are_coloured_by_label_and_samples_are_limited():
    z = RNG.normal(size=(500, 20, 4))
    figure = plots.tiling(z, labels=np.arange(500) % 10)
    clouds = [each for each in figure.data if each.mode == "markers"]
    assert [each.name for each in clouds] == [str(digit) for digit in range(10)]
    assert sum(len(each.x) for each in clouds) <= 1400
    assert len({(each.marker.color, each.marker.symbol) for each in clouds}) == 10
    assert figure.layout.xaxis.title.text == "z₁ of 4"


def test_data_without_a_tile_of_their_own_have_no_figure():
    figure = plots.tiling(np.zeros((2, 3, 2)), tile_mass=[np.nan, 0.4])
    assert {"–", "0.80"} <= {each.text for each in figure.layout.annotations}


def test_what_nobody_computed_is_left_out_of_the_tiling():
    figure = plots.tiling(np.zeros((2, 3, 2)), tile_mass=np.empty(0), holes=np.nan)
    assert "xaxis2" not in figure.layout
    assert "holes" not in figure.layout.title.subtitle.text


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.information_plane({"step": [1], "kl": [1]}), "column 'err/re'"),
        (lambda: plots.information_plane(3), "history must be"),
        (lambda: plots.error({"step": [1]}), "err/"),
        (lambda: plots.multiplier(run(), theme="drak"), "did you mean 'dark'"),
        (lambda: plots.tiling(np.zeros((3, 4))), r"z must have shape .*\(3, 4\)"),
        (lambda: plots.tiling(np.zeros((3, 4, 1))), "d >= 2"),
        (
            lambda: plots.tiling(np.zeros((3, 4, 2)), labels=[1, 2]),
            r"labels must have shape \(3,\)",
        ),
        (lambda: plots.images(np.zeros((2, 4, 4, 2))), "C = 1 or 3"),
        (lambda: plots.images(np.full((2, 4, 4), 1.5)), r"\[0, 1\], got values from 1.5"),
        (lambda: plots.images(np.zeros((2, 4, 4)), np.zeros((2, 5, 4))), "recon must have"),
    ],
)
def test_bad_input_names_argument_value_and_what_is_allowed(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def _luminance(colour):
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def _lab(linear):
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(matrix) @ np.clip(linear, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Machado, Oliveira and Fernandes (2009), severity 1.
EYES = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
}


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("theme", THEMES)
def test_tiles_and_accent_differ_for_every_eye(theme, eye):
    colours = [*THEMES[theme]["categories"], THEMES[theme]["accent"]]
    seen = [_lab(EYES[eye] @ _luminance(colour)) for colour in colours]
    nearest = min(np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i])
    assert (
        nearest > 12
    )  # CIELAB; about 2 is just noticeable side by side, dots need several times it


@pytest.mark.parametrize("theme", THEMES)
def test_words_can_be_read_on_the_paper(theme):
    def relative(colour):
        return float(_luminance(colour) @ [0.2126, 0.7152, 0.0722])

    paper = relative(THEMES[theme]["paper"])
    for name in ("text", "muted", "accent", "good"):
        ink = relative(THEMES[theme][name])
        contrast = (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05)
        assert contrast >= 4.5, name  # WCAG AA for text


def test_the_room_loads_plotly_only_when_it_draws():
    code = (
        "import sys; from geco_viz import plots; from geco_viz.plots import themes;"
        "print('plotly' in sys.modules); plots.multiplier({'step': [0], 'beta': [1.0]});"
        "print('plotly' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_a_long_legend_goes_on_in_a_second_row_and_bare_axes_have_no_numbers() -> None:
    from geco_viz.reproduce.trade_off import trade_off

    names = [f"series number {k}" for k in range(12)]
    figure = trade_off([{"name": n, "x": [0.1], "y": [1.0], "joined": True} for n in names], "", "",
                       "light")  # fmt: skip
    drawn = plots.svg(figure)
    places = [re.search(rf'<text x="([\d.]+)" y="([\d.]+)"[^>]*>{n}<', drawn) for n in names]
    xs, ys = (np.array([float(m[k]) for m in places if m]) for k in (1, 2))
    assert len(xs) == 12 and xs.max() + 7 * len(names[-1]) < figure.layout.width
    assert len(set(ys)) > 1 and len({*zip(xs, ys, strict=True)}) == 12
    marks = re.findall(r'<path d="M([\d.]+) ([\d.]+)h0"', drawn)
    assert len(marks) == 2 * 12 and len(set(marks)) == 13  # all at one place, and in the legend
    number = r'anchor="(?:middle|end)">([\d.]+)<'
    assert len(re.findall(number, drawn)) > 4
    square = trade_off([{"name": "a", "x": [0.1], "y": [1.0], "symbol": 1}], "", "", "light")
    assert len(re.findall(r'<path d="M[^"]*z" fill=', plots.svg(square))) == 2
    bare = figure.update_layout(xaxis_showticklabels=False, yaxis_showticklabels=False)
    assert not re.findall(number, plots.svg(bare))
    figure.add_annotation(text="turned", x=0, y=0.5, xref="paper", yref="paper", textangle=-90,
                          font_size=14)  # fmt: skip
    assert re.search(r'rotate\(-90 [\d. ]+\)"[^>]*>turned<', plots.svg(figure))
