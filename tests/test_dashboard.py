"""Stage, controls, dashboard and watch, without a page."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ipywidgets.widgets.widget import _instances

import geco_viz as gv
from geco_viz.live import PRESETS, Controls, Dashboard, Stage
from geco_viz.live.choosing import at_present, proposed
from geco_viz.training import limits
from geco_viz.training.price import price


@pytest.fixture
def run() -> Iterator[gv.Run]:
    run = gv.Run("digits")
    yield run
    run.stop()


@pytest.fixture
def dash(run: gv.Run) -> Iterator[Dashboard]:
    dash = Dashboard(run)
    yield dash
    dash.close()


def until(check: Callable[[], Any], timeout: float = 90) -> None:
    end = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.01)


def finishes(act: Callable[[], Any], timeout: float = 30) -> None:
    """Fail, instead of hanging the suite, if `act` waits for ever."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(timeout)
    assert not thread.is_alive(), "it waits for ever"


def test_each_constraint_has_a_slider_over_its_own_range(run: gv.Run) -> None:
    own = gv.Constraint("bits", lambda x, x_hat: (x - x_hat).abs().mean(), kappa=30.0)
    run.objective = gv.GECO(gv.RE(0.1), gv.FRE(0.04), gv.PNCC(0.8), own)
    controls = Controls(run)
    assert list(controls.kappas) == ["re", "fre", "pncc", "bits"]
    for name, slider in controls.kappas.items():
        values = [value for _, value in slider.options]
        assert slider.holds(run.kappa_of(name)) and values == sorted(values)
        assert abs(slider.value - run.kappa_of(name)) < 0.02 * run.kappa_of(name)
    pncc = controls.kappas["pncc"]
    assert 0 < pncc.options[0][1] < 0.3 and 0.98 < pncc.options[-1][1] < 1
    pncc.index += 1
    assert run.kappa["pncc"] == pncc.value != 0.8
    assert run.kappa["re"] == 0.1
    run.step()
    assert run.history["kappa/pncc"][-1] == pytest.approx(pncc.value)
    controls.close()


@pytest.mark.parametrize("name", ["fre", "pncc"])
@pytest.mark.parametrize("contrast", [1.0, 0.25])
def test_explore_takes_a_constraint_by_name_at_a_kappa_of_the_data(
    name: str, contrast: float
) -> None:
    data = gv.data.from_tensors(contrast * gv.data.load("digits").x)
    dash = gv.explore(data, constraint=name, play=False)
    (constraint,) = dash.run.constraints
    flat = constraint.error(data.x, data.x.mean(0).expand_as(data.x))
    share = constraint.tolerance(dash.run.kappa) / float(flat)
    # Three digits of kappa: half a percent of it at most, and twice that of its square.
    assert share == pytest.approx(0.4**2 if name == "fre" else 0.4, rel=0.01)
    assert dash.run.title.lower().endswith(f"geco+{name}")
    assert dash.run.step().history[f"err/{name}"].shape == (1,)
    dash.close()
    dash = gv.explore(data, constraint=name, kappa=0.3, play=False)
    assert dash.run.kappa == 0.3
    dash.close()


def test_explore_keeps_the_papers_kappas_where_units_are_the_datas_own() -> None:
    for name, kappa in (("re", 0.05), ("cla", 0.9)):
        assert proposed(name, gv.data.load("digits")).kappa == kappa
    many = gv.data.from_tensors(torch.rand(65, 1, 4, 4))
    assert proposed("re", many).kappa == 0.1


def test_the_roles_are_exchanged_at_the_rate_of_now_and_back(run: gv.Run) -> None:
    run.kappa = 0.08
    run.train(3, progress=False)
    controls = Controls(run)
    now = float(run.history["kl"].mean())
    controls.objective.value = "rate-limit"
    assert list(controls.kappas) == ["rate"] and controls.kappas["rate"].description == "C"
    assert {controls.nu, controls.alpha} < set(controls.children)
    assert controls.constraints not in controls.children
    run.step()
    assert run.objective.name == "rate-limit"
    assert run.kappa == pytest.approx(now, rel=0.01)  # three digits of it
    assert "nat more lowers the squared error" in price(run) or "slack" in price(run)
    controls.kappas["rate"].index -= 10  # what the page sends
    run.step()
    assert run.history["kappa/rate"][-1] == pytest.approx(now * 10**-0.1, rel=0.02)
    controls.objective.value = "geco"
    run.step()
    assert run.kappa == pytest.approx(0.08) and list(controls.kappas) == ["re"]
    controls.close()


def test_a_run_without_a_rate_takes_the_recipes_limit(run: gv.Run) -> None:
    assert at_present(run).constraints[0].kappa == 1.5


@pytest.mark.parametrize(("rate", "said"), [(2.0, "by about 25 % of"), (1.5, "is slack")])
def test_under_a_rate_limit_the_multiplier_is_what_a_nat_is_worth(rate: float, said: str) -> None:
    columns = {"step": 1.0, "err/rate": rate, "multiplier/rate": 0.5}
    history = gv.History(list(columns))
    history.append(columns)
    objective = gv.RateLimit(2.0)
    source = SimpleNamespace(
        history=history, objective=objective, constraints=objective.constraints, limit=None
    )
    assert said in price(source) and "halving" not in price(source)


def test_a_slider_asks_for_an_edit_and_the_next_step_has_it(run: gv.Run) -> None:
    controls = Controls(run)
    controls.kappas["re"].index += 1  # what the page sends
    assert run.kappa == pytest.approx(0.05 * 10**0.01, rel=0.012)  # in two digits
    run.step()
    assert run.history["kappa/re"][-1] == pytest.approx(run.kappa)
    controls.close()


def test_sliders_follow_code_without_an_echo(run: gv.Run) -> None:
    controls = Controls(run)
    run.kappa, run.nu, run.alpha = 0.3, 0.2, 0.5
    run.step()
    # The sliders stand on hundredths of a decade; the run has the very values.
    assert controls.kappas["re"].value == pytest.approx(0.3, rel=0.012)
    assert controls.nu.value == pytest.approx(0.2, rel=0.012)
    assert (run.kappa, run.nu, run.alpha, controls.alpha.value) == (0.3, 0.2, 0.5, 0.5)
    assert [edit["what"] for edit in run.edits if edit["what"] != "step"] == [
        "kappa/re",
        "nu",
        "alpha",
    ]
    controls.close()


def test_a_page_that_sends_back_where_the_slider_stands_makes_no_edit(run: gv.Run) -> None:
    controls = Controls(run)
    run.kappa = 0.123
    slider = controls.kappas["re"]
    slider.set_state({"index": slider.index})
    assert run.kappa == 0.123
    slider.set_state({"index": slider.index + 1})
    assert run.kappa > 0.123
    controls.close()


def test_the_objective_switches_live_and_geco_comes_back_with_its_kappa(run: gv.Run) -> None:
    controls = Controls(run)
    run.kappa = 0.08
    run.step()
    for name in ("elbo", "beta", "annealed"):
        controls.objective.value = name
        run.step()
        assert run.objective.name == name and controls.kappas == {}
    controls.objective.value = "geco"
    run.step()
    assert run.kappa == pytest.approx(0.08) and list(controls.kappas) == ["re"]
    assert np.isnan(run.history["multiplier/re"]).tolist() == [False, True, True, True, False]
    controls.close()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_trains_and_leaves_a_ghost(dash: Dashboard, preset: Any) -> None:
    dash.run.train(3, progress=False)
    # The limit of the digits is known after the first preset: its callback must not wait for
    # the controls, which ask for it under a lock.
    finishes(lambda: dash.preset(preset.name))
    assert [ghost.rows.shape for ghost in dash.stage.ghosts] == [(3, 3)]
    dash.run.train(2, progress=False)
    assert len(dash.run.history) == 2
    assert dash.stage.status().hint == preset.look


def test_a_limit_that_is_known_reaches_the_controls(dash: Dashboard) -> None:
    until(lambda: dash.stage.limit is not None)
    finishes(lambda: dash.preset(PRESETS[0].name))
    assert dash.run.limit is limits.request(dash.run.data.x, lambda limit: None)
    dash.run.train(1, progress=False)
    finishes(dash.controls.refresh)
    assert "Theory: λ*" in dash.controls.price.value


def test_reset_and_fork_keep_the_trajectory(dash: Dashboard) -> None:
    first = dash.run.train(5, progress=False)
    dash.fork()
    assert dash.run is not first and len(dash.run.history) == 5
    dash.seed.value = 3
    dash.reset()
    assert dash.run.seed == 3 and len(dash.run.history) == 0
    assert [len(ghost.rows) for ghost in dash.stage.ghosts] == [5, 5]


def test_what_cannot_be_loaded_leaves_the_run_as_it_is(
    dash: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr("geco_viz.data.load", fail)
    run = dash.run.train(2, progress=False)
    dash.data.value = ("mnist", None)
    until(lambda: dash.stage.notice == "no network")
    assert dash.run is run and len(run.history) == 2


def test_a_menu_without_an_entry_changes_nothing(dash: Dashboard) -> None:
    """What only a forged message says: `index: null`."""
    run, before = dash.run, dash.run.objective
    for menu in (dash.model, dash.data, dash.controls.objective, dash.presets):
        shown = menu.value
        menu.index = None
        assert menu.value == shown or menu is dash.presets
    until(lambda: not any(t.name == "geco-viz button" for t in threading.enumerate()))
    assert dash.run is run and run.objective is before


def test_close_ends_threads_and_widgets_and_keeps_the_history(run: gv.Run) -> None:
    dash = Dashboard(run)
    run.play(evaluate_every=0.05)
    until(lambda: len(run.history) > 3)
    dash.close()
    dash.close()
    assert not run.playing and len(run.history) > 3
    assert dash.comm is None and dash.view.comm is None
    assert run.listeners == [] and run.closers == []


def test_a_closed_dashboard_leaves_nothing_behind() -> None:
    kept = set(_instances)
    run = gv.Run("digits")
    dash = Dashboard(run)
    run.train(2, progress=False)
    dash.controls.objective.value = "elbo"
    gone = weakref.ref(run)
    dash.close()
    assert [widget for key, widget in _instances.items() if key not in kept] == []
    until(lambda: not any(t.name.startswith("geco-viz limit") for t in threading.enumerate()))
    del run, dash
    gc.collect()
    assert gone() is None


@pytest.mark.train
@pytest.mark.parametrize(
    "code",
    [
        "run = gv.Run('digits'); shown = run.dashboard(); run.train(30, progress=False)",
        "playing = gv.explore('digits')",
    ],
)
def test_a_script_with_a_dashboard_ends(code: str) -> None:
    command = [sys.executable, "-c", f"import geco_viz as gv; {code}"]
    # A hang is for ever; a starved core may need long for the limit that is under way.
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_without_widgets_gets_a_picture(dash: Dashboard) -> None:
    dash.run.train(3, progress=False)
    bundle = dash._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "image/svg" in data["text/html"] and "application/vnd.jupyter.widget-view+json" in data


def test_a_new_run_in_the_same_cell_closes_the_dashboard(dash: Dashboard) -> None:
    dash.run.close()
    assert dash.comm is None


def test_explore_refuses_bad_input_before_anything_starts() -> None:
    for arguments, error, words in (
        ({"kappa": -1}, ValueError, "kappa must be"),
        ({"kappa": float("nan")}, ValueError, "kappa must be"),
        ({"kappa": "0.1"}, TypeError, "kappa must be"),
        ({"kappa": 0}, ValueError, "kappa must be"),
        ({"constraint": "rf"}, ValueError, "did you mean 're'"),
        ({"model": "vae-npv"}, ValueError, "did you mean 'vae-nvp'"),
        ({"data": "digit"}, ValueError, "did you mean 'digits'"),
        ({"objective": "gecko"}, ValueError, "did you mean 'geco'"),
        ({"seed": -1}, ValueError, "seed must be"),
        ({"device": "abacus"}, ValueError, "device must be"),
        ({"lr": 0}, ValueError, "lr must be"),
    ):
        before = threading.active_count()
        with pytest.raises(error, match=words):
            gv.explore(**{"data": "digits", **arguments})
        assert threading.active_count() == before


def test_the_stage_is_a_source_and_passes_on_what_its_run_shows(run: gv.Run) -> None:
    stage = Stage(run)
    run.train(2, progress=False)
    assert stage.history is run.history and stage.title == run.title
    assert stage.kappa_of("re") == 0.05 and stage.pictures().step == 2
    stage.say("look here")
    assert stage.status().hint == "look here"
    version = stage.version
    run.kappa = 0.2
    assert stage.version > version
    stage.leave()
    assert run.listeners == []


def test_watch_records_and_steers_a_loop_of_ones_own() -> None:
    torch.manual_seed(0)
    x = torch.rand(4, 1, 8, 8)
    model = gv.models.build("vae", (1, 8, 8), latent_dim=2, hidden=[8])
    geco = gv.GECO(gv.RE(kappa=0.1))
    optimizer = torch.optim.Adam(model.parameters())
    watch = gv.watch(geco, model, x)
    for _ in range(3):
        out = model(x)
        loss = geco(out.kl, x, out.x_hat)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        geco.step()
        watch.step(out.kl, x, out.x_hat, loss)
        watch.edit("kappa/re", 0.2)
    assert watch.history["step"].tolist() == [1, 2, 3]
    assert watch.history["kappa/re"].tolist() == pytest.approx([0.1, 0.1, 0.2])
    rms = float((out.x_hat.detach() - x).square().mean().sqrt())
    assert watch.history["err/re"][-1] == pytest.approx(rms, rel=1e-5)
    assert watch.pictures().reconstruction.shape == (4, 8, 8, 1)
    dash = watch.dashboard()
    assert list(dash.controls.kappas) == ["re"]
    with pytest.raises(ValueError, match="what must be"):
        watch.edit("objective", "elbo")
    watch.close()
    assert dash.comm is None


def test_a_button_adds_a_constraint_with_a_slider_and_takes_it_away(run: gv.Run) -> None:
    controls = Controls(run)
    run.kappa = 0.07
    run.step()
    controls.constraints.buttons["pncc"].value = True
    until(lambda: "pncc" in controls.kappas)
    assert {c.name: c.kappa for c in run.constraints}["re"] == 0.07
    # Its kappa leaves 40 % of what the mean image lacks in correlation.
    x = run.data.x
    pncc = gv.PNCC(kappa=0.5)
    lacking = float(pncc.error(x, x.mean(0).expand_as(x)))
    assert run.kappa["pncc"] == pytest.approx(1 - 0.4 * lacking, abs=5e-3)
    run.step()
    assert "err/pncc" in run.history.columns
    controls.constraints.buttons["pncc"].value = False
    until(lambda: list(controls.kappas) == ["re"])
    assert run.kappa == 0.07
    controls.constraints.buttons["re"].value = False  # the last one stays
    assert controls.constraints.value == ("re",)
    controls.close()


def test_a_constraint_that_the_data_cannot_have_is_said_and_changes_nothing() -> None:
    run = gv.Run(torch.rand(4, 1, 8, 8))  # without labels
    controls = Controls(run)
    controls.constraints.buttons["cla"].value = True
    until(lambda: "labels" in controls.stage.notice)
    assert [c.name for c in run.constraints] == ["re"] and controls.constraints.value == ("re",)
    controls.close()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (0.05, "RE binds: λ = 0.5 nats: halving its tolerance costs about 0.347 nats"),
        (0.1, "RE is not met yet: its λ = 0.5 rests"),
        (0.03, "RE is slack: its λ = 0.5 rests"),
    ],
)
def test_multipliers_are_prices(error: float, said: str) -> None:
    columns = {
        "step": 1.0,
        "err/re": error,
        "multiplier/re": 0.5,
        "err/cla": 0.9,
        "multiplier/cla": 2.0,
    }
    history = gv.History(list(columns))
    for _ in range(60):
        history.append(columns)
    objective = gv.GECO(gv.RE(kappa=0.05), gv.CLA(kappa=0.9))
    source = SimpleNamespace(
        history=history, objective=objective, constraints=objective.constraints, limit=None
    )
    assert said in price(source) and "CLA binds: λ = 2 nats" in price(source)
    # One nat: a factor exp(-1 / 2) in CLA's tolerance.
    assert "one nat buys a tolerance 39 % smaller" in price(source)


def test_the_slider_of_a_probability_reaches_it(run: gv.Run) -> None:
    run.objective = gv.GECO(gv.RE(kappa=0.05), gv.PNCC(kappa=0.8))
    run.step()
    controls = Controls(run)
    assert controls.kappas["pncc"].value == pytest.approx(0.8, rel=0.02)
    controls.kappas["pncc"].index += 5  # what the page sends
    assert 0.8 < run.kappa["pncc"] < 1
    controls.close()


def test_a_choice_made_while_another_is_loading_is_not_lost(
    dash: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    from geco_viz import data

    gate, load = threading.Event(), data.load

    def slow(name: str, **options: Any) -> Any:
        gate.wait(60)
        return load("digits", **{**options, "draw": options.get("draw", 0) + 1})

    monkeypatch.setattr(data, "load", slow)
    dash.data.value = ("micro-mnist", 1)
    dash.stage.changed()  # as an evaluation does
    assert dash.data.value == ("micro-mnist", 1)
    dash.data.value = ("micro-mnist", 2)
    gate.set()
    until(lambda: dash.run.data.info.get("draw") == 3)
