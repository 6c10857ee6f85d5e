"""The Mixed precision page as Streamlit runs it; tests/browser looks at it in a browser."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from efficiency import jobs
from efficiency.core import serial
from efficiency.core.mixed import PRESETS
from efficiency.core.published import MIXED_PRECISION
from efficiency.core.requests import AmpRequest
from efficiency.core.units import bytes_text, seconds_text
from efficiency.core.values import Study
from efficiency.exports.columns import THIN
from efficiency.jobs import State
from efficiency.jobs.store import Store
from pages.shared import latest
from tests import samples, samples_amp
from tests.pages.test_pages import charts, words

Open = Callable[..., AppTest]
Finish = Callable[[Study], str]


@pytest.fixture(autouse=True)
def nothing_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the shipped study would lie; there is none."""
    path = tmp_path / "amp.json"
    monkeypatch.setitem(latest.SHIPPED, "amp", path)
    return path


def titles(app: AppTest) -> list[str]:
    return [each.value for each in app.subheader]


def plain(app: AppTest) -> str:
    return words(app).replace("\\", "").replace("\N{WORD JOINER}", "")


def test_without_any_study_there_is_the_number_line_and_a_way_to_start(open_page: Open) -> None:
    app = open_page("amp")
    (line,) = app.get("bidi_component")
    assert line.proto.component_name == "number_line"
    assert "Nothing has been trained here yet" in words(app)
    assert app.button(key="amp_run")
    assert not app.tabs


def test_first_the_shipped_study_then_what_was_measured_here(
    open_page: Open, nothing_shipped: Path, finished: Finish
) -> None:
    nothing_shipped.write_bytes(serial.encode(samples_amp.winning()))
    app = open_page("amp")
    assert "measured elsewhere" in words(app)
    assert "4096 wide" in app.header[0].value
    finished(samples_amp.losing())
    app = open_page("amp")
    assert "measured here" in words(app)
    assert "1024 wide" in app.header[0].value


@pytest.mark.parametrize(
    ("study", "says"),
    [
        (samples_amp.losing(), "0.56× as fast</strong><span>[0.55, 0.56] slower"),
        (samples_amp.winning(), "3.41× as fast</strong><span>[3.36, 3.46] faster"),
    ],
    ids=["losing", "winning"],
)
def test_the_first_number_is_the_speed_with_interval_and_verdict_and_the_prediction_beside_it(
    open_page: Open, finished: Finish, study: Study, says: str
) -> None:
    said = words(open_page("amp", run=finished(study)))
    assert says in said
    assert study.mixed is not None
    assert (
        f"The machine&#x27;s prediction</span><strong>{study.mixed.prediction.speedup:.2f}×" in said
    )


def test_memory_and_what_was_learned_are_against_the_baseline(
    open_page: Open, finished: Finish
) -> None:
    study = samples_amp.learning()
    said = words(open_page("amp", run=finished(study)))
    before, after = (row.footprint.peak_bytes for row in study.rows[:2] if row.footprint)
    assert f"{bytes_text(before)} → {bytes_text(after)}" in said
    assert "Accuracy</span><strong>90.9 %</strong><span>91.2 % in fp32" in said
    losses = samples_amp.losing().mixed.curves  # type: ignore[union-attr]
    said = words(open_page("amp", run=finished(samples_amp.losing())))
    assert f"Last loss</span><strong>{losses[1].losses[-1]:.5g}</strong>" in said


def test_every_part_of_a_study_is_on_its_page(
    open_page: Open, all_open: None, finished: Finish
) -> None:
    app = open_page("amp", run=finished(samples_amp.losing()))
    assert titles(app) == [
        "Why?",
        "Loss scaling",
        "Where it pays",
        "What autocast did",
        "Published beside measured",
        "All candidates",
        "Take it away",
    ]
    assert [each.label for each in app.tabs] == [
        "Speed of each piece",
        "Peak memory",
        "Loss",
        "Gradients of the weights",
        "Gradients of the activations",
        "The scaler's life",
    ]
    assert len(charts(app)) == 7
    said = plain(app)
    assert "Mixed precision does not pay here" in said
    assert "In bfloat16 this is AMP itself" in said
    assert "15 of the 39 operator calls of a step are conversions" in said
    assert "pays at none of these widths" in said


def test_what_was_not_recorded_has_no_part(open_page: Open, finished: Finish) -> None:
    study = samples_amp.losing()
    assert study.mixed is not None
    few = replace(
        study.mixed, gradients=None, activation_gradients=None, scaler=(), sweep=(), operators=()
    )
    shown = titles(open_page("amp", run=finished(replace(study, mixed=few))))
    assert not {"Loss scaling", "Where it pays", "What autocast did"} & set(shown)


@pytest.mark.parametrize("study", [samples_amp.bare(), samples_amp.learning()])
def test_studies_of_every_form_can_be_shown(
    open_page: Open, finished: Finish, study: Study
) -> None:
    app = open_page("amp", run=finished(study))
    assert not app.error
    assert "All candidates" in titles(app)


def test_a_study_without_recordings_says_so(open_page: Open, finished: Finish) -> None:
    run = finished(replace(samples_amp.losing(), mixed=None))
    assert "This run recorded nothing" in words(open_page("amp", run=run))


def test_the_tutorial_s_two_assertions_are_said_in_words(open_page: Open, finished: Finish) -> None:
    said = plain(open_page("amp", run=finished(samples_amp.winning())))
    assert "`assert output.dtype is torch.float16`" in said
    assert "Linear layers put out the lower precision. **Holds here:** linear: 3 × float16." in said
    assert "The loss is computed in float32. **Holds here:** the loss: 1 × float32." in said


def test_published_numbers_stand_beside_the_measured_with_their_sources(
    open_page: Open, finished: Finish
) -> None:
    app = open_page("amp", run=finished(samples_amp.losing()))
    said = words(app)
    assert "13.958 → 14.081 s" in said
    assert f"1{THIN}493{THIN}322{THIN}752 → 1{THIN}585{THIN}620{THIN}992 B" in said
    for each in MIXED_PRECISION:
        assert f"published: {each.source}" in said
    assert "measured in this run" in said


def test_markup_from_a_study_is_text(open_page: Open, finished: Finish) -> None:
    app = open_page("amp", run=finished(samples_amp.hostile()))
    assert not app.error
    said = words(app)
    assert "<script" not in said.replace(r"\<script", "")
    assert "**bold** " not in "\n".join(each.value for each in app.markdown)


def test_the_question_hides_its_answer_and_the_prediction_stays(
    open_page: Open, finished: Finish
) -> None:
    finished(samples_amp.losing())
    app = open_page("amp")
    assert "Your prediction" not in words(app)
    app.pills(key="amp_choice").set_value(2.0).run()
    for _ in range(2):
        assert "Your prediction</span><strong>2×" in words(app)
        app.switch_page("pages/runs/page.py").run()
        app.switch_page("pages/amp/page.py").run()
    assert not app.pills
    assert "Measured</span><strong>0.56×" in words(app)


def test_the_question_can_be_skipped_and_asked_before_anything_was_measured(
    open_page: Open,
) -> None:
    app = open_page("amp")
    next(each for each in app.button if each.label == "Just show me").click().run()
    assert "run it below, and compare" in plain(app)
    assert "Your prediction" not in words(app)


def test_run_asks_for_what_was_chosen_and_follows_it(open_page: Open, nothing_starts: None) -> None:
    app = open_page("amp")
    app.segmented_control(key="amp_preset").set_value("tutorial").run()
    app.number_input(key="amp_width").set_value(128)
    app.number_input(key="amp_epochs").set_value(2)
    app.checkbox(key="amp_sweep").set_value(True).run()
    app.button(key="amp_run").click().run()
    assert not app.exception
    (run,) = jobs.recent()
    assert run.request == AmpRequest(preset="tutorial", width=128, epochs=2, sweep=True)
    assert app.query_params["run"] == run.id
    assert "Waiting" in words(app)


def test_the_sizes_of_a_preset_are_said_and_a_network_with_its_own_asks_for_no_width(
    open_page: Open,
) -> None:
    app = open_page("amp")
    tutorial = PRESETS["tutorial"]
    app.segmented_control(key="amp_preset").set_value("tutorial").run()
    assert f"{tutorial.batches} batches of {tutorial.batch_size}" in plain(app)
    assert app.number_input(key="amp_width").placeholder == str(tutorial.width)
    app.selectbox(key="amp_workload").select("cnn").run()
    assert not [each for each in app.number_input if each.key in ("amp_width", "amp_layers")]


def test_a_width_that_was_filled_in_is_not_asked_of_another_network(
    open_page: Open, nothing_starts: None
) -> None:
    app = open_page("amp")
    app.number_input(key="amp_width").set_value(128).run()
    app.selectbox(key="amp_workload").select("lenet").run()
    app.button(key="amp_run").click().run()
    (run,) = jobs.recent()
    assert run.request == AmpRequest(workload="lenet")


def test_float16_on_a_cpu_starts_only_when_its_slowness_was_accepted(
    open_page: Open, nothing_starts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")  # no driver, no GPU
    app = open_page("amp")
    app.segmented_control(key="amp_dtype").set_value("float16").run()
    assert "40 to 100 times slower" in app.warning[0].value
    assert app.button(key="amp_run").disabled
    app.checkbox(key="amp_confirm_slow").check().run()
    app.button(key="amp_run").click().run()
    (run,) = jobs.recent()
    assert run.request == AmpRequest(dtype="float16", confirm_slow=True)


def test_the_slowness_is_said_in_minutes_where_a_run_here_tells(
    open_page: Open, finished: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    study = samples_amp.losing()
    finished(study)
    app = open_page("amp")
    app.segmented_control(key="amp_dtype").set_value("float16")
    for name, size in {"batch_size": 512, "batches": 10, "epochs": 1}.items():
        app.number_input(key=f"amp_{name}").set_value(size)
    app.run()
    # Two rows take 40 to 100 times as long as a step in float32, and four rows as long.
    assert study.rows[0].timing is not None
    steps = 10 * study.rows[0].timing.median_seconds
    low, high = (seconds_text(steps * (2 * times + 4)) for times in (40, 100))
    assert f"will take about **{low} to {high}**" in app.warning[0].value


def test_what_was_refused_for_slowness_alone_can_be_started_all_the_same(
    open_page: Open, nothing_starts: None
) -> None:
    app = open_page("amp", run=failed("It takes 4 h; confirm it, or choose another precision."))
    app.button(key="amp_confirm").click().run()
    new, old = jobs.recent()
    assert old.state == State.FAILED
    assert new.request == replace(AmpRequest(dtype="float16"), confirm_slow=True)
    assert app.query_params["run"] == new.id


def test_what_was_refused_for_another_reason_cannot(open_page: Open) -> None:
    app = open_page("amp", run=failed("It does not fit into the memory; use a smaller width."))
    assert "does not fit" in app.error[0].value
    assert "amp_confirm" not in [each.key for each in app.button]


def failed(reason: str) -> str:
    """A run that was refused as bad input."""
    with Store() as store:
        run = store.submit(AmpRequest(dtype="float16"))
        store.take()
        store.fail(run, reason, bad_input=True)
        store.vacate(run)
    return run


def test_a_run_of_another_kind_leads_to_its_own_page(open_page: Open, finished: Finish) -> None:
    app = open_page("amp", run=finished(samples.report()))
    assert "This run belongs to another page" in words(app)
    assert app.button(key="amp_run")


def test_the_program_that_does_just_this_is_shown_and_offered(
    open_page: Open, all_open: None, finished: Finish
) -> None:
    app = open_page("amp", run=finished(samples_amp.winning()))
    program = next(each.value for each in app.code if "autocast" in each.value)
    compile(program, "amp.py", "exec")
    assert "torch.float16" in program
    labels = [each.proto.label for each in app.get("download_button")]
    assert labels == ["HTML report", "CSV", "JSON", "PyTorch program"]
