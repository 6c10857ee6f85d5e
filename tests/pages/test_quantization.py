"""The Quantization page as Streamlit runs it; tests/browser looks at it in a browser."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from efficiency import jobs
from efficiency.core import serial
from efficiency.core.published import QUANTIZATION
from efficiency.core.requests import ENGINES, QuantizeRequest
from efficiency.core.values import Study
from pages.shared import latest
from tests import samples_quantization as samples
from tests.pages.test_pages import charts, words

Open = Callable[..., AppTest]
Finish = Callable[[Study], str]
SMALL = samples.small()


@pytest.fixture(autouse=True)
def nothing_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the shipped studies would lie; there are none."""
    path = tmp_path / "quantize.json"
    monkeypatch.setitem(latest.SHIPPED, "quantize", path)
    return path


def titles(app: AppTest) -> list[str]:
    return [each.value for each in app.subheader]


def plain(app: AppTest) -> str:
    return words(app).replace("\\", "").replace("\N{WORD JOINER}", "")


def test_without_any_study_there_is_a_way_to_start(open_page: Open) -> None:
    app = open_page("quantization")
    assert "No model has been quantized here yet" in words(app)
    assert "Quantize a model below" in words(app)
    assert app.button(key="quantization_run")
    assert not app.get("bidi_component")


def test_the_grid_works_before_any_run_on_the_shipped_study(
    open_page: Open, nothing_shipped: Path
) -> None:
    nothing_shipped.write_bytes(serial.encode(SMALL))
    app = open_page("quantization")
    (grid,) = app.get("bidi_component")
    assert grid.proto.component_name == "integer_grid"
    assert "measured elsewhere" in words(app)
    assert "layers of **LeNet**" in words(app)


def test_first_the_shipped_study_then_what_was_measured_here(
    open_page: Open, nothing_shipped: Path, finished: Finish
) -> None:
    nothing_shipped.write_bytes(serial.encode(SMALL))
    finished(samples.losing())
    app = open_page("quantization")
    assert "measured here" in words(app)
    assert app.header[0].value.replace("\\", "") == "MobileNetV2 style, on digits"


def test_every_part_of_a_study_is_on_its_page(
    open_page: Open, all_open: None, finished: Finish
) -> None:
    app = open_page("quantization", run=finished(SMALL))
    assert titles(app) == [
        "Why?",
        "Where the time goes",
        "Where the noise comes from",
        "How many inputs, which seed",
        "Which method?",
        "Published beside measured",
        "All candidates",
        "Take it away",
        "Look closer at this model",
    ]
    assert [each.label for each in app.tabs][:11] == [
        "Speed against the baseline",
        "Speed with 256 inputs a call",
        "Accuracy, size and time together",
        "Size of the saved file",
        "Where the time goes",
        "Engines",
        "Noise of the outputs",
        "Noise of the weights",
        "Calibration: noise",
        "Calibration: accuracy",
        "QAT over seeds",
    ]
    assert len(charts(app)) == 11
    said = plain(app)
    for row in SMALL.rows:
        assert row.label in said
    assert "Slower than float32 at batch 1: static (FX) is 0.35× as fast" in said
    assert "At batch 1 static int8 is 0.35× as fast as float32" in said
    assert "12 steps in float32 became 10" in said
    for each in QUANTIZATION:
        assert each.source in said


def test_there_is_a_program_for_every_row_with_numbers(
    open_page: Open, all_open: None, finished: Finish
) -> None:
    app = open_page("quantization", run=finished(SMALL))
    sources = [each.value for each in app.code]
    for name in ("quantize_dynamic", "prepare_fx", "prepare_pt2e", "prepare_qat_fx"):
        assert any(f"import {name}" in each or f"    {name},\n" in each or f", {name}" in each
                   for each in sources), name  # fmt: skip
    assert "efficiency quantize --workload lenet" in sources[-1]


@pytest.mark.parametrize(
    "study", [samples.bare(), samples.losing(), samples.untrained()], ids=["bare", "losing", "bert"]
)
def test_studies_of_every_form_can_be_shown(
    open_page: Open, finished: Finish, study: Study
) -> None:
    app = open_page("quantization", run=finished(study))
    assert not app.error
    assert "All candidates" in titles(app)


def test_a_study_without_recordings_says_so(open_page: Open, finished: Finish) -> None:
    run = finished(replace(SMALL, quantized=None))
    assert "This run recorded nothing" in words(open_page("quantization", run=run))


def test_markup_from_a_study_is_text(open_page: Open, finished: Finish) -> None:
    app = open_page("quantization", run=finished(samples.hostile()))
    assert not app.error
    said = words(app)
    assert "<script" not in said.replace(r"\<script", "")
    assert "**bold** " not in "\n".join(each.value for each in app.markdown)


def test_the_questions_hide_their_answer_and_the_prediction_stays(
    open_page: Open, finished: Finish
) -> None:
    finished(SMALL)
    app = open_page("quantization")
    assert "You said" not in words(app)
    app.pills(key="quantization_smaller").set_value(4.0)
    app.pills(key="quantization_faster").set_value(3.0)
    app.button(key="quantization_show").click().run()
    for _ in range(2):
        said = words(app)
        assert "You said: file, times smaller</span><strong>4×" in said
        assert "You said: 1 input, times as fast</span><strong>3×" in said
        assert "static (FX)</span><strong>3.3× smaller, 0.35× as fast" in said
        app.switch_page("pages/runs/page.py").run()
        app.switch_page("pages/quantization/page.py").run()
    assert not app.pills
    assert "You predicted: file, times smaller</span><strong>4×" in words(app)


def test_the_questions_can_be_skipped_and_asked_before_anything_was_measured(
    open_page: Open,
) -> None:
    app = open_page("quantization")
    app.button(key="quantization_show").click().run()
    assert "run it below, and compare" in plain(app)
    assert "You said" not in words(app)


def test_published_networks_that_were_measured_here_are_beside_the_published(
    open_page: Open, finished: Finish
) -> None:
    finished(samples.untrained())
    finished(samples.losing())
    said = words(open_page("quantization", run=finished(SMALL)))
    assert "↳ BERT-base, 128 tokens, dynamic (pt2e, compiled)" in said
    assert "↳ MobileNetV2 style, on digits, QAT (FX)" in said
    assert "a small relative, trained here (cnn)" in said


def test_a_published_network_may_be_shipped_until_it_is_measured_here(
    open_page: Open, nothing_shipped: Path, finished: Finish
) -> None:
    path = nothing_shipped.with_name("quantize-bert.json")
    path.write_bytes(serial.encode(replace(samples.untrained(), title="Shipped BERT")))
    run = finished(SMALL)
    assert "↳ Shipped BERT" in words(open_page("quantization", run=run))
    finished(samples.untrained())
    assert "↳ BERT-base, 128 tokens" in words(open_page("quantization", run=run))


def test_run_asks_for_what_was_chosen_and_follows_it(open_page: Open, nothing_starts: None) -> None:
    app = open_page("quantization")
    app.selectbox(key="quantization_workload").select("cnn").run()
    app.segmented_control(key="quantization_method").set_value("static").run()
    app.segmented_control(key="quantization_back_end").set_value("classic").run()
    app.selectbox(key="quantization_engine").select("onednn")
    app.selectbox(key="quantization_observer").select("minmax")
    app.selectbox(key="quantization_granularity").select("per-tensor")
    app.selectbox(key="quantization_scheme").select("symmetric")
    app.number_input(key="quantization_calibration_samples").set_value(64)
    app.number_input(key="quantization_calibration_seed").set_value(2)
    app.number_input(key="quantization_qat_epochs").set_value(2.0)
    app.number_input(key="quantization_batch_size").set_value(8)
    app.number_input(key="quantization_budget_seconds").set_value(5.0)
    app.number_input(key="quantization_seed").set_value(1)
    app.number_input(key="quantization_seeds").set_value(3)
    app.checkbox(key="quantization_no_fusion").set_value(True).run()
    app.button(key="quantization_run").click().run()
    assert not app.exception
    (run,) = jobs.recent()
    assert run.request == QuantizeRequest(
        workload="cnn",
        method="static",
        back_end="classic",
        engine="onednn",
        observer="minmax",
        granularity="per-tensor",
        scheme="symmetric",
        calibration_samples=64,
        calibration_seed=2,
        qat_epochs=2.0,
        batch_size=8,
        budget_seconds=5.0,
        seed=1,
        seeds=3,
        no_fusion=True,
    )
    assert app.query_params["run"] == run.id
    assert "Waiting" in words(app)


def test_untouched_controls_ask_for_the_defaults_of_the_command_line(
    open_page: Open, nothing_starts: None
) -> None:
    app = open_page("quantization")
    app.button(key="quantization_run").click().run()
    (run,) = jobs.recent()
    assert run.request == QuantizeRequest(workload="lenet")


def test_only_engines_of_this_machine_are_offered_once_they_are_known(
    open_page: Open, finished: Finish, nothing_shipped: Path
) -> None:
    def offered() -> list[str]:
        return open_page("quantization").selectbox(key="quantization_engine").options

    assert offered() == list(ENGINES)
    assert SMALL.quantized is not None
    few = replace(SMALL.quantized, engines=SMALL.quantized.engines[1:2])
    nothing_shipped.write_bytes(serial.encode(replace(SMALL, quantized=few)))
    assert offered() == list(ENGINES)  # that was another machine
    finished(replace(SMALL, quantized=few))
    assert offered() == ["fastest", "onednn"]


def test_help_is_the_help_of_the_command_line(open_page: Open) -> None:
    app = open_page("quantization")
    texts = {each.name: each.metadata["help"] for each in fields(QuantizeRequest)}
    assert app.selectbox(key="quantization_engine").help == texts["engine"]
    assert app.number_input(key="quantization_qat_epochs").help == texts["qat_epochs"]
    assert app.checkbox(key="quantization_no_fusion").label == texts["no_fusion"]


def test_a_model_without_data_is_said_to_be_calibrated_on_random_inputs(open_page: Open) -> None:
    app = open_page("quantization")
    app.selectbox(key="quantization_workload").select("resnet50").run()
    assert "Calibrated on random inputs" in words(app)


def test_home_tells_its_number(open_page: Open, finished: Finish) -> None:
    finished(SMALL)
    assert "static (pt2e, compiled): 1.72× as fast, 76.4 kB" in plain(open_page())
