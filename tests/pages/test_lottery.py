"""The Lottery ticket page as Streamlit runs it; tests/browser looks at it in a browser."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from efficiency import jobs
from efficiency.charts.lottery_contests import difference_text
from efficiency.core import serial
from efficiency.core.lottery import CONTROLS, Measure
from efficiency.core.requests import LotteryRequest
from efficiency.core.values import Study
from efficiency.exports.lottery import overall
from efficiency.exports.lottery_published import SOURCE
from efficiency.jobs import State
from pages.lottery import live
from pages.shared import latest
from tests import samples, samples_lottery
from tests.pages.test_pages import charts, words

Open = Callable[..., AppTest]
Finish = Callable[[Study], str]
Partial = Callable[[Study, State], str]


@pytest.fixture(autouse=True)
def nothing_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the shipped study would lie; there is none."""
    path = tmp_path / "lottery.json"
    monkeypatch.setitem(latest.SHIPPED, "lottery", path)
    return path


def plain(app: AppTest) -> str:
    return words(app).replace("\\", "").replace("\N{WORD JOINER}", "")


def titles(app: AppTest) -> list[str]:
    return [each.value for each in app.subheader]


def test_without_any_study_it_says_what_the_hypothesis_is_and_how_to_start(open_page: Open) -> None:
    app = open_page("lottery")
    said = plain(app)
    assert "begins with the very weights that it had at the start" in said
    assert all(step in said for step in ("1. Draw", "2. Train", "3. Prune", "4. Rewind"))
    assert SOURCE in said
    assert "No ticket has been drawn here yet" in said
    assert app.button(key="lottery_run")
    assert not charts(app)


def test_first_the_shipped_study_then_what_was_measured_here(
    open_page: Open, all_open: None, nothing_shipped: Path, finished: Finish
) -> None:
    nothing_shipped.write_bytes(serial.encode(samples_lottery.won()))
    app = open_page("lottery")
    assert "measured elsewhere" in words(app)
    assert len(charts(app)) == 9
    finished(replace(samples_lottery.drawn(), title="Measured just now"))
    app = open_page("lottery")
    assert "measured here" in words(app)
    assert "Measured just now" in app.header[0].value


def test_every_part_of_a_study_is_on_its_page_and_the_verdict_comes_first(
    open_page: Open, all_open: None, finished: Finish
) -> None:
    study = samples_lottery.won()
    found = study.lottery
    assert found is not None
    app = open_page("lottery", run=finished(study))
    assert titles(app) == [
        "Ticket against its controls",
        "Why?",
        "How they learn",
        "What is left, weight by weight",
        "Published beside measured",
        "Take it away",
    ]
    said = plain(app)
    assert said.index(found.verdict) < said.index("What is left.")
    for control in CONTROLS:
        each = overall(found, control, Measure.END_SCORE)
        assert each is not None
        assert difference_text(each) in said
    assert "(1 - 0.4)^k" in said
    assert [each.label for each in app.tabs][:3] == [
        "Accuracy at the end",
        "Early-stop iteration",
        "Accuracy at early stop",
    ]
    program = next(each.value for each in app.code if "torch.nn.utils" in each.value)
    assert "ROUNDS, RATE, OUTPUT_RATE = 6, 0.4, 0.2\n" in program
    labels = [each.proto.label for each in app.get("download_button")]
    assert labels == ["HTML report", "CSV", "JSON", "PyTorch program"]
    assert any("efficiency lottery --workload lenet300" in each.value for each in app.code)


def test_one_seed_has_no_interval_and_no_winner(open_page: Open, finished: Finish) -> None:
    said = plain(open_page("lottery", run=finished(samples_lottery.alone())))
    assert "One seed only, so there is no interval." in said
    assert "no interval" in said
    assert "ticket better" not in said


def test_the_masks_follow_the_slider_and_the_layer(open_page: Open, finished: Finish) -> None:
    study = samples_lottery.won()
    app = open_page("lottery", run=finished(study))
    key = f"{app.query_params['run']}_mask_"
    last = charts(app)[-1]
    layer, level = app.selectbox(key=f"{key}layer"), app.select_slider(key=f"{key}level")
    assert layer.options == ["fc1.weight", "fc2.weight", "fc3.weight"]
    assert level.value == 6
    level.set_value(0).run()
    assert "240 of 240 weights are left (100.0 %)" in plain(app)
    assert charts(app)[-1] != last
    app.selectbox(key=f"{key}layer").set_value("fc2.weight").run()
    assert "Kernels are side by side" in plain(app)


def test_a_run_on_its_way_shows_what_it_has_so_far(
    open_page: Open, partial: Partial, nothing_starts: None
) -> None:
    study = samples_lottery.unfinished()
    app = open_page("lottery", run=partial(study, State.RUNNING))
    assert "Measured so far" in titles(app)
    accuracy, learning, mask = charts(app)
    assert '"image"' in mask
    trace = next(each for each in json.loads(accuracy)["data"] if each["name"] == "ticket")
    assert len(trace["x"]) == 2
    ticket = next(each for each in json.loads(learning)["data"] if each.get("name") == "ticket")
    assert len(ticket["x"]) == 4  # of the network that is being trained
    assert app.button(key=f"cancel_{app.query_params['run']}")


def test_a_run_that_has_not_begun_shows_no_charts(
    open_page: Open, partial: Partial, nothing_starts: None
) -> None:
    app = open_page("lottery", run=partial(samples_lottery.nothing_yet(), State.RUNNING))
    assert not charts(app)
    assert not app.error


def test_what_was_done_before_a_cancel_stays(
    open_page: Open, partial: Partial, nothing_starts: None
) -> None:
    app = open_page("lottery", run=partial(samples_lottery.unfinished(), State.CANCELLED))
    assert "This run was cancelled" in words(app)
    assert "Measured until then" in titles(app)
    assert len(charts(app)) == 3


def test_all_who_watch_share_the_figures_of_one_revision() -> None:
    live._charts.cache_clear()
    one, other = (samples_lottery.unfinished().lottery for _ in range(2))
    assert one is not None
    assert other is not None
    assert live._charts(one) is live._charts(other)
    later = samples_lottery.unfinished(3).lottery
    assert later is not None
    assert live._charts(one) is not live._charts(later)


def test_markup_from_a_study_is_text(open_page: Open, finished: Finish) -> None:
    app = open_page("lottery", run=finished(samples_lottery.hostile()))
    assert not app.error
    assert "<script" not in words(app).replace(r"\<script", "")
    assert "**bold** " not in "\n".join(each.value for each in app.markdown)
    assert not any("<script" in each for each in charts(app))


def test_the_questions_hide_their_answers_and_the_predictions_stay(
    open_page: Open, finished: Finish
) -> None:
    finished(samples_lottery.won())
    app = open_page("lottery")
    assert "With 22.5 % of the weights left" in app.pills[0].label
    assert "You predicted" not in words(app)
    app.pills(key="lottery_who").set_value("random mask").run()
    app.pills(key="lottery_far").set_value("10 %").run()
    app.button(key="lottery_show").click().run()
    for _ in range(2):
        said = plain(app)
        assert "You said: most accurate</span><strong>random mask" in said
        assert "You predicted: as accurate down to</span><strong>10 %" in said
        assert "ticket minus random mask: +" in said
        app.switch_page("pages/runs/page.py").run()
        app.switch_page("pages/lottery/page.py").run()
    assert not app.pills


def test_the_questions_can_be_skipped_and_asked_before_anything_was_measured(
    open_page: Open,
) -> None:
    app = open_page("lottery")
    assert "With 20 % of the weights left" in app.pills[0].label
    app.button(key="lottery_show").click().run()
    assert "Nothing was measured here yet" in plain(app)
    assert "You said" not in words(app)


def test_run_asks_for_what_was_chosen_and_follows_it(open_page: Open, nothing_starts: None) -> None:
    app = open_page("lottery")
    app.selectbox(key="lottery_workload").select("lenet300").run()
    for name, value in {"rounds": 2, "seeds": 2, "iterations": 20, "rate": 0.5}.items():
        app.number_input(key=f"lottery_{name}").set_value(value).run()
    app.segmented_control(key="lottery_scope").set_value("global").run()
    assert "14 networks, each trained for 20 iterations" in plain(app)
    app.button(key="lottery_run").click().run()
    (run,) = jobs.recent()
    assert run.request == LotteryRequest(
        workload="lenet300", rounds=2, seeds=2, iterations=20, rate=0.5, scope="global"
    )
    assert app.query_params["run"] == run.id
    assert "Waiting" in words(app)


def test_only_data_that_are_here_are_offered_and_no_folder_can_be_typed(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("efficiency.workloads.idx.available", lambda: ("digits", "mnist"))
    app = open_page("lottery")
    assert app.selectbox(key="lottery_data").options == ["digits", "MNIST"]
    assert not app.text_input


def test_the_paper_s_sizes_start_only_when_their_hours_were_accepted(
    open_page: Open, nothing_starts: None
) -> None:
    app = open_page("lottery")
    app.segmented_control(key="lottery_preset").set_value("paper").run()
    assert "hours" in app.warning[0].value
    assert app.number_input(key="lottery_iterations").placeholder == "50000"
    assert app.button(key="lottery_run").disabled
    app.checkbox(key="lottery_confirm").check().run()
    app.button(key="lottery_run").click().run()
    (run,) = jobs.recent()
    assert run.request == LotteryRequest(preset="paper")


def test_bad_choices_get_a_sentence_and_start_nothing(open_page: Open) -> None:
    app = open_page("lottery")
    app.number_input(key="lottery_rewind_iteration").set_value(5000).run()
    assert "needs more iterations" in app.error[0].value
    assert "lottery_run" not in [each.key for each in app.button]
    assert not jobs.recent()


def test_how_long_it_takes_is_said_where_the_same_network_was_trained_here(
    open_page: Open, finished: Finish
) -> None:
    finished(samples_lottery.won())  # LeNet-300-100, 1,234 steps a second
    app = open_page("lottery")
    app.selectbox(key="lottery_workload").select("lenet").run()
    assert "at the speed of the last such run" not in plain(app)
    app.selectbox(key="lottery_workload").select("lenet300").run()
    app.number_input(key="lottery_iterations").set_value(1234).run()
    app.number_input(key="lottery_rounds").set_value(1).run()
    app.number_input(key="lottery_seeds").set_value(2).run()
    assert "About 8 s, at the speed of the last such run here." in plain(app)


def test_a_run_of_another_kind_leads_to_its_own_page(open_page: Open, finished: Finish) -> None:
    app = open_page("lottery", run=finished(samples.report()))
    assert "This run belongs to another page" in words(app)
    assert app.button(key="lottery_run")


def test_a_study_without_recordings_says_so(open_page: Open, finished: Finish) -> None:
    run = finished(replace(samples_lottery.won(), lottery=None))
    assert "This run recorded nothing" in words(open_page("lottery", run=run))
