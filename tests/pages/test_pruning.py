"""The Pruning page as Streamlit runs it; tests/browser looks at it in a browser."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from efficiency import jobs
from efficiency.core import serial
from efficiency.core.requests import PruneRequest
from efficiency.core.values import Study
from efficiency.jobs import State
from pages.pruning import mask
from pages.pruning.live import LIVE
from pages.shared import latest
from tests import samples_pruning as samples
from tests.pages.test_pages import charts, words

Open = Callable[..., AppTest]
Finish = Callable[[Study], str]
Partial = Callable[[Study, State], str]
SMALL = samples.small()


@pytest.fixture(autouse=True)
def nothing_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the shipped studies would lie; there are none."""
    path = tmp_path / "prune.json"
    monkeypatch.setitem(latest.SHIPPED, "prune", path)
    return path


def plain(app: AppTest) -> str:
    return words(app).replace("\\", "").replace("\N{WORD JOINER}", "")


def test_without_any_study_there_is_a_way_to_start(open_page: Open) -> None:
    app = open_page("pruning")
    assert "No model has been pruned here yet" in words(app)
    assert "Prune a model below" in words(app)
    assert app.button(key="pruning_run")
    assert not app.get("bidi_component")
    assert "What PyTorch does to a module" not in [each.value for each in app.subheader]


def test_the_mask_and_the_module_are_there_before_any_run(
    open_page: Open, nothing_shipped: Path
) -> None:
    nothing_shipped.write_bytes(serial.encode(SMALL))
    app = open_page("pruning")
    (component,) = app.get("bidi_component")
    assert component.proto.component_name == "pruning_mask"
    assert "measured elsewhere" in words(app)
    assert "the weights of **LeNet**" in words(app)
    assert app.subheader[0].value == "Weights and their mask"


def test_the_browser_gets_every_layer_and_what_was_measured_at_every_amount() -> None:
    (first, *_) = samples.images()
    document = mask.document(first)
    assert document["name"] == "conv1.weight"
    assert document["module"] == "Conv2d"
    assert (document["tileRows"], document["blockColumns"]) == (3, 1)
    measured = mask.measured_curve(SMALL)
    assert [each["sparsity"] for each in measured] == [0.0, *samples.CURVE]
    assert ("File, zipped", "42 kB", "") in measured[3]["facts"]  # type: ignore[operator]
    labels = [each["title"] for each in mask.measured_run(SMALL)]
    assert labels == ["baseline (fp32)", "l1_unstructured 0.5", "l1_unstructured 0.5, fine-tuned"]
    assert mask.measured_curve(samples.quick()) == []


def test_every_part_of_a_study_is_on_its_page(
    open_page: Open, all_open: None, finished: Finish
) -> None:
    app = open_page("pruning", run=finished(SMALL))
    assert [each.value for each in app.subheader] == [
        "What zeros buy",
        "Why?",
        "The truth about size",
        "Channels taken out",
        "Which layers are fragile",
        "All candidates",
        "Take it away",
        "Look closer at this model",
        "What PyTorch does to a module",
    ]
    assert [each.label for each in app.tabs][:8] == [
        "Accuracy against zeros",
        "Size against zeros",
        "Speed against zeros",
        "Fragile layers",
        "Suggested amounts",
        "Speed against the baseline",
        "Accuracy, size and time together",
        "Size of the saved file",
    ]
    assert len(charts(app)) == 8
    said = plain(app)
    for row in SMALL.rows:
        assert row.label in said
    assert "a product with zero takes as long as any other" in said
    assert "2:4 sparsity needs a CUDA device" in said
    assert app.get("bidi_component")


@pytest.mark.parametrize(
    "study",
    [samples.bare(), samples.quick(), samples.untrained()],
    ids=["bare", "quick", "resnet50"],
)
def test_studies_of_every_form_can_be_shown(
    open_page: Open, finished: Finish, study: Study
) -> None:
    app = open_page("pruning", run=finished(study))
    assert not app.error
    assert "All candidates" in [each.value for each in app.subheader]


def test_a_study_without_recordings_says_so(open_page: Open, finished: Finish) -> None:
    run = finished(replace(SMALL, pruned=None))
    assert "This run recorded nothing" in words(open_page("pruning", run=run))


def test_markup_from_a_study_is_text(open_page: Open, finished: Finish) -> None:
    app = open_page("pruning", run=finished(samples.hostile()))
    assert not app.error
    assert "<script" not in words(app).replace(r"\<script", "")
    assert "**bold** " not in "\n".join(each.value for each in app.markdown)


def test_there_is_a_program_for_every_row_with_numbers(
    open_page: Open, all_open: None, finished: Finish
) -> None:
    app = open_page("pruning", run=finished(SMALL))
    sources = [each.value for each in app.code]
    for name in ("prune.l1_unstructured", "torch_pruning.DependencyGraph", "to_sparse_csr"):
        assert any(name in each for each in sources), name
    assert "efficiency prune --workload lenet" in sources[-2]


def test_the_module_can_be_followed_step_by_step(open_page: Open, finished: Finish) -> None:
    finished(SMALL)
    app = open_page("pruning")

    def shown() -> str:
        return next(each.proto.body for each in app.get("html") if "lab-anatomy" in each.proto.body)

    assert "weight_mask" not in shown()
    assert app.button(key="pruning_previous").disabled
    app.button(key="pruning_next").click().run()
    assert "weight_mask" in shown()
    app.button(key="pruning_next").click().run()
    app.button(key="pruning_next").click().run()
    assert "<del>weight_orig</del>" in shown()
    assert app.button(key="pruning_next").disabled
    app.button(key="pruning_previous").click().run()
    assert "bias_mask" in shown()


def test_the_questions_hide_their_answer_and_the_prediction_stays(
    open_page: Open, finished: Finish
) -> None:
    finished(SMALL)
    app = open_page("pruning")
    assert "You said" not in words(app)
    app.pills(key="pruning_faster").set_value(10.0)
    app.pills(key="pruning_smaller").set_value(5.0)
    app.button(key="pruning_show").click().run()
    for _ in range(2):
        said = words(app)
        assert "You said: 90 % zeros, times as fast</span><strong>10×" in said
        assert "You said: 90 % zeros, file, times smaller</span><strong>5×" in said
        assert "90 % zeros, one call</span><strong>0.99× as fast" in said
        assert "90 % zeros, file</span><strong>no smaller" in said
        app.switch_page("pages/runs/page.py").run()
        app.switch_page("pages/pruning/page.py").run()
    assert "You predicted: 90 % zeros, times as fast</span><strong>10×" in words(app)


def test_the_questions_can_be_skipped_and_asked_before_anything_was_measured(
    open_page: Open,
) -> None:
    app = open_page("pruning")
    app.button(key="pruning_show").click().run()
    assert "run it below, and compare" in plain(app)
    assert "You said" not in words(app)


def test_a_quick_run_does_not_answer_the_question_while_another_can(
    open_page: Open, finished: Finish, nothing_shipped: Path
) -> None:
    nothing_shipped.write_bytes(serial.encode(SMALL))
    finished(samples.quick())
    app = open_page("pruning")
    app.button(key="pruning_show").click().run()
    assert "90 % zeros, one call</span><strong>0.99× as fast" in words(app)


def test_run_asks_for_what_was_chosen_and_follows_it(open_page: Open, nothing_starts: None) -> None:
    app = open_page("pruning")
    app.selectbox(key="pruning_workload").select("cnn").run()
    app.selectbox(key="pruning_technique").select("ln_structured").run()
    app.text_input(key="pruning_amount").set_value("3")
    app.text_input(key="pruning_parameters").set_value("a.weight, b.weight")
    app.selectbox(key="pruning_norm").select("inf")
    app.selectbox(key="pruning_dim").select_index(1)
    app.number_input(key="pruning_iterations").set_value(2)
    app.number_input(key="pruning_tuning_epochs").set_value(1.5)
    app.number_input(key="pruning_channels").set_value(0.25)
    app.number_input(key="pruning_batch_size").set_value(8)
    app.number_input(key="pruning_seed").set_value(1)
    app.number_input(key="pruning_budget_seconds").set_value(5.0)
    app.checkbox(key="pruning_quick").set_value(True)
    app.button(key="pruning_run").click().run()
    assert not app.exception
    (run,) = jobs.recent()
    assert run.request == PruneRequest(
        workload="cnn",
        technique="ln_structured",
        amount="3",
        parameters=("a.weight", "b.weight"),
        norm="inf",
        dim=1,
        iterations=2,
        tuning_epochs=1.5,
        channels=0.25,
        batch_size=8,
        seed=1,
        budget_seconds=5.0,
        quick=True,
    )
    assert app.query_params["run"] == run.id
    assert "Waiting" in words(app)


def test_untouched_controls_ask_for_the_defaults_of_the_command_line(
    open_page: Open, nothing_starts: None
) -> None:
    app = open_page("pruning")
    app.button(key="pruning_run").click().run()
    (run,) = jobs.recent()
    assert run.request == PruneRequest(workload="lenet")


@pytest.mark.parametrize("state", [State.RUNNING, State.CANCELLED])
def test_curve_and_mask_of_a_run_on_its_way_are_shown(
    open_page: Open, partial: Partial, nothing_starts: None, state: State
) -> None:
    app = open_page("pruning", run=partial(samples.unfinished(), state))
    far = "so far" if state is State.RUNNING else "until then"
    assert f"Measured {far}" in [each.value for each in app.subheader]
    accuracy, size, speed = charts(app)
    assert [each["name"] for each in json.loads(accuracy)["data"]] == ["as pruned"]
    assert "in CSR" in size
    assert "zeros in dense tensors" in speed
    assert app.get("bidi_component")
    assert "2:4 sparsity needs a CUDA device" in plain(app)  # the table of the rows


def test_charts_are_drawn_again_for_what_they_show_and_not_for_times() -> None:
    study, later = samples.unfinished(), samples.unfinished(tuned=2)
    timed = replace(study, rows=tuple(replace(row, timing=None) for row in study.rows))
    assert LIVE.seen(study) == LIVE.seen(timed)
    assert LIVE.seen(study) != LIVE.seen(later)
    assert LIVE.seen(replace(study, pruned=None)) is None
    assert LIVE.seen(samples.small()) != LIVE.seen(later)


@pytest.mark.parametrize("amount", ["1.5", "-1", "half", "1.0"])
def test_a_wrong_amount_is_told_in_a_sentence_and_starts_nothing(
    open_page: Open, nothing_starts: None, amount: str
) -> None:
    app = open_page("pruning")
    app.text_input(key="pruning_amount").set_value(amount)
    app.button(key="pruning_run").click().run()
    (error,) = app.error
    assert error.value
    assert jobs.recent() == ()


def test_a_method_of_our_own_is_shown_with_its_setting(
    open_page: Open, nothing_starts: None
) -> None:
    app = open_page("pruning")
    assert not any("compute_mask" in each.value for each in app.code)
    app.selectbox(key="pruning_technique").select("every_nth").run()
    assert any("class EveryNth(prune.BasePruningMethod)" in each.value for each in app.code)
    app.number_input(key="pruning_every").set_value(5)
    assert app.text_input(key="pruning_amount").disabled
    app.button(key="pruning_run").click().run()
    (run,) = jobs.recent()
    assert run.request == PruneRequest(workload="lenet", technique="every_nth", every=5)


def test_help_is_the_help_of_the_command_line(open_page: Open) -> None:
    app = open_page("pruning")
    texts = {each.name: each.metadata["help"] for each in fields(PruneRequest)}
    assert app.selectbox(key="pruning_technique").help == texts["technique"]
    assert app.text_input(key="pruning_amount").help == texts["amount"]
    assert app.number_input(key="pruning_tuning_epochs").help == texts["tuning_epochs"]
    assert app.checkbox(key="pruning_quick").label == texts["quick"]


def test_home_tells_its_number(open_page: Open, finished: Finish) -> None:
    finished(SMALL)
    said = plain(open_page())
    assert "LeNet, 90 % zeros: 0.99× [0.96, 1.02] no measurable difference" in said
