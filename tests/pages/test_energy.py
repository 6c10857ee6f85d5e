"""The Energy page as Streamlit runs it; tests/browser looks at it in a browser."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from efficiency import jobs
from efficiency.core import serial
from efficiency.core.cost import DAYS_PER_YEAR, JOULES_PER_KWH
from efficiency.core.energy import WEIGHTS_ONCE
from efficiency.core.requests import EnergyRequest
from efficiency.core.units import joules_text, watt_hours_text
from efficiency.core.values import Study
from efficiency.exports.energy import account
from pages.energy import money, prices
from pages.shared import latest
from tests import samples
from tests.pages.test_pages import charts, words

Open = Callable[..., AppTest]
Finish = Callable[[Study], str]


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A LeNet study of a known form in the place of the shipped one."""
    path = tmp_path / "lenet-energy.json"
    path.write_bytes(serial.encode(samples.energy()))
    monkeypatch.setitem(latest.SHIPPED, "energy", path)
    return samples.energy()


@pytest.fixture
def no_jobs(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What anybody submits, instead of submitting it."""
    asked: list[object] = []

    def refuse(*arguments: Any, **options: Any) -> None:
        asked.append(arguments)
        raise AssertionError("a control must not start a run")

    monkeypatch.setattr(jobs, "submit", refuse)
    return asked


def precision(app: AppTest) -> Any:
    return app.segmented_control(key="energy_precision")


def test_the_table_is_there_before_anything_else_with_its_ratios_and_source(
    open_page: Open, shipped: Study
) -> None:
    said = words(open_page("energy"))
    assert "costs **18.5 times** an 8-bit one" in said
    assert "**350 to 700** fp32 multiplications" in said
    assert "Horowitz, ISSCC 2014, 45 nm" in said
    assert "would pay for **19** of them" in said


def test_the_ratios_come_from_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    table = prices.HOROWITZ_2014
    halved = {name: type(e)(multiply=e.multiply / 2, add=e.add) for name, e in table.items()}
    monkeypatch.setattr(prices, "HOROWITZ_2014", table | {"fp32": halved["fp32"]})
    assert "9.25 times" in prices.ratios()[0]


def test_first_the_shipped_study_then_what_was_measured_here(
    open_page: Open, shipped: Study, finished: Finish
) -> None:
    said = words(open_page("energy"))
    assert "measured elsewhere" in said
    assert "measured here]" not in said
    finished(samples.energy(tuple(samples.deep_layers()), title="Deep"))
    app = open_page("energy")
    assert "Deep" in [each.value for each in app.header]
    assert "measured here" in words(app)


def test_the_page_works_without_a_shipped_study(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(latest.SHIPPED, "energy", tmp_path / "none.json")
    app = open_page("energy")
    assert "No model has been taken apart here yet" in words(app)
    assert app.button(key="energy_run")
    assert not app.pills


def test_precision_and_assumption_answer_without_a_run(
    open_page: Open, shipped: Study, no_jobs: list[object]
) -> None:
    app = open_page("energy")
    before = words(app)
    assert joules_text(account(shipped).whole.total.middle * 1e-12) in before
    precision(app).set_value("int8").run()
    narrow = words(app)
    assert joules_text(account(shipped, "int8").whole.total.middle * 1e-12) in narrow
    assert "0.2 pJ each in int8" in narrow
    app.selectbox(key="energy_reuse").select(WEIGHTS_ONCE.name).run()
    assert WEIGHTS_ONCE.meaning in words(app).replace("\\", "")
    for name in ("runs", "price", "grams", "pue"):
        app.number_input(key=f"energy_{name}").increment().run()
    assert not app.exception
    assert no_jobs == []
    assert jobs.recent() == ()


def test_each_reuse_assumption_of_the_machine_s_caches_can_be_chosen(
    open_page: Open, shipped: Study
) -> None:
    app = open_page("energy")
    choice = app.selectbox(key="energy_reuse")
    assert choice.options == [
        "Everything from DRAM",
        "Weights once a batch",
        "What fits in L1 data stays there",
        "What fits in L2 stays there",
        "Nothing is reused",
    ]
    seen = set()
    for label in choice.options:
        app.selectbox(key="energy_reuse").select(label).run()
        assert not app.error
        seen.add(next(each for each in charts(app) if "data movement" in each))
    assert len(seen) == len(choice.options) - 1  # with one input, weights are fetched once anyway


def test_the_question_can_be_skipped_and_hides_its_answer_until_then(
    open_page: Open, shipped: Study
) -> None:
    app = open_page("energy")
    assert "The estimate" not in words(app)
    next(each for each in app.button if each.label == "Just show me").click().run()
    said = words(app)
    found = account(shipped)
    times = found.at("fp32").total.middle / found.at("int8").total.middle
    assert f"{times:.3g}× less" in said
    assert "The arithmetic takes **15.3 times** less" in said
    assert "exactly **4 times** less" in said
    assert "Your prediction" not in said


def test_a_prediction_stays_beside_the_answer_for_the_session(
    open_page: Open, shipped: Study
) -> None:
    app = open_page("energy")
    app.pills(key="energy_choice").set_value(15.0).run()
    for _ in range(2):
        said = words(app)
        assert "Your prediction</span><strong>15×" in said
        assert "The estimate" in said
        app.switch_page("pages/runs/page.py").run()
        app.switch_page("pages/energy/page.py").run()
    assert not app.pills


def test_run_asks_for_what_was_chosen_and_follows_it(
    open_page: Open, shipped: Study, nothing_starts: None
) -> None:
    app = open_page("energy")
    app.selectbox(key="energy_workload").select("mlp")
    app.number_input(key="energy_batch_size").set_value(16)
    app.segmented_control(key="energy_pass").set_value("training step")
    app.button(key="energy_run").click().run()
    assert not app.exception
    (run,) = jobs.recent()
    assert run.request == EnergyRequest(workload="mlp", batch_size=16, training=True)
    assert app.query_params["run"] == run.id
    assert "Waiting" in words(app)
    assert "Cancel" in [each.label for each in app.button]


def test_a_run_of_another_kind_leads_to_its_own_page(open_page: Open, finished: Finish) -> None:
    run = finished(samples.report())
    app = open_page("energy", run=run)
    assert "This run belongs to another page" in words(app)
    links = [each.proto for each in app.get("page_link")]
    assert any(each.label == "Open it there" and run in each.query_string for each in links)
    assert "Open it there" not in [
        each.proto.label for each in open_page("report", run=run).get("page_link")
    ]


def test_a_training_step_shows_its_stages(open_page: Open, finished: Finish) -> None:
    study = samples.energy(title="LeNet, training step", batch_size=8, training=True)
    app = open_page("energy", run=finished(study))
    assert "Stages of the step" in [each.label for each in app.tabs]
    assert "one training step with 8 inputs" in words(app)
    assert app.number_input(key="energy_runs").label == "Training steps a day"


def test_money_is_that_of_the_estimate_and_says_what_it_leaves_out(
    open_page: Open, finished: Finish
) -> None:
    study = samples.energy(batch_size=4)
    app = open_page("energy", run=finished(study))
    app.number_input(key="energy_runs").set_value(2_000_000)
    app.number_input(key="energy_pue").set_value(1.25).run()
    joules = account(study).whole.total.middle * 1e-12 / 4  # of one inference
    kwh = joules * 2_000_000 * DAYS_PER_YEAR * 1.25 / JOULES_PER_KWH
    said = words(app)
    assert f"<strong>{watt_hours_text(kwh)}</strong>" in said
    assert f"<strong>{money.money_text(0.25 * kwh)}</strong>" in said
    assert money.LEAVES_OUT[money.ESTIMATE] in said.replace("\\", "")
    assert "Uptime Institute" in said


def test_where_a_counter_was_read_money_is_that_of_the_measurement(
    open_page: Open, finished: Finish
) -> None:
    study = samples.metered()
    app = open_page("energy", run=finished(study))
    measured = 2.4e-3 * 1_000_000 * DAYS_PER_YEAR * 1.58 / JOULES_PER_KWH
    assert f"<strong>{watt_hours_text(measured)}</strong>" in words(app)
    assert money.LEAVES_OUT[money.MEASURED] in words(app).replace("\\", "")
    app.segmented_control(key="energy_source").set_value(money.ESTIMATE).run()
    assert f"<strong>{watt_hours_text(measured)}</strong>" not in words(app)


@pytest.mark.parametrize("key", ["runs", "price", "grams", "pue"])
def test_number_inputs_have_limits(open_page: Open, shipped: Study, key: str) -> None:
    limited = open_page("energy").number_input(key=f"energy_{key}")
    assert limited.min >= (1 if key == "pue" else 0)
    assert limited.max < 1e13


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0.0, "0.00"),
        (1234567.891, "1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567.89"),
        (0.0123, "0.012"),
        (0.00000068, "0.00000068"),
    ],
)
def test_small_amounts_keep_two_digits(amount: float, shown: str) -> None:
    assert money.money_text(amount) == shown


def test_layers_with_hostile_names_are_text(open_page: Open, finished: Finish) -> None:
    app = open_page("energy", run=finished(samples.hostile_energy()))
    said = words(app)
    assert not app.error
    assert "<script" not in said.replace(r"\<script", "")
    assert "**bold** " not in "\n".join(each.value for each in app.markdown)


def test_the_settings_are_in_the_address(open_page: Open, finished: Finish) -> None:
    run = finished(samples.energy())
    app = open_page("energy", run=run, energy_precision="int8", energy_reuse="Nothing is reused")
    assert precision(app).value == "int8"
    assert "nothing is reused" in words(app)


def test_an_unknown_setting_in_the_address_is_the_default(
    open_page: Open, finished: Finish
) -> None:
    run = finished(samples.energy())
    app = open_page("energy", run=run, energy_precision="int3", energy_reuse="magic")
    assert not app.exception
    assert precision(app).value == "fp32"
    assert app.selectbox(key="energy_reuse").value == "dram"


def test_deleting_a_run_leaves_the_settings_alone(open_page: Open, finished: Finish) -> None:
    run = finished(samples.energy())
    app = open_page("energy", run=run)
    precision(app).set_value("int8").run()
    next(each for each in app.button if each.label == "Delete this run").click().run()
    assert not app.exception
    assert jobs.recent() == ()
    assert "run" not in app.query_params
