"""The pages as Streamlit runs them, on a real store; tests/browser looks at them in a browser."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.testing.v1 import AppTest

from efficiency import intake, jobs
from efficiency.core import serial
from efficiency.core.errors import BadFile, UnknownName
from efficiency.core.judgement import rule
from efficiency.core.requests import ReportRequest
from efficiency.core.units import joules_text
from efficiency.core.values import Study
from efficiency.intake.accepted import Accepted
from efficiency.jobs import State
from efficiency.jobs.store import Store
from pages.shared import latest
from tests import samples, samples_amp

Open = Callable[..., AppTest]
Finish = Callable[[Study], str]


def words(app: AppTest) -> str:
    """Everything a page says, tables included."""
    said = [each.value for each in (*app.markdown, *app.caption, *app.info, *app.warning)]
    said += [each.value for each in (*app.error, *app.header, *app.subheader, *app.title)]
    said += [each.proto.body for each in app.get("html")]
    return "\n".join(map(str, said))


def charts(app: AppTest) -> list[str]:
    return [each.proto.spec for each in app.get("plotly_chart")]


@pytest.mark.parametrize("page", ["", "report", "energy", "runs"])
def test_every_page_can_be_opened_before_anything_was_measured(open_page: Open, page: str) -> None:
    app = open_page(page)
    assert len(app.title) == 1
    assert "measured" in words(app)
    assert not app.error


@pytest.mark.parametrize("page", ["", "report", "runs"])
def test_every_page_survives_hostile_names(open_page: Open, finished: Finish, page: str) -> None:
    run = finished(samples.hostile())
    app = open_page(page, **({"run": run} if page == "report" else {}))
    said = words(app)
    assert not app.error
    assert "<script" not in said.replace(r"\<script", "")  # neither in HTML nor in markdown
    assert "**bold** " not in "\n".join(each.value for each in app.markdown)


def test_home_shows_what_the_last_report_saved(open_page: Open, finished: Finish) -> None:
    finished(samples.report())
    said = words(open_page())
    for part in ("3.3× less", "1.92× as fast", "247 kB → 75 kB", "Horowitz, ISSCC 2014, 45 nm"):
        assert part in said
    assert rule(samples.report()) in said.replace("\\", "")


def test_home_tells_one_number_of_every_lesson(open_page: Open, finished: Finish) -> None:
    energy, mixed = samples.energy(), samples_amp.losing()
    finished(energy)
    finished(mixed)
    said = words(open_page())
    assert energy.rows[0].energy is not None
    assert joules_text(energy.rows[0].energy.joules) in said
    assert f"{mixed.rows[1].speedup.ratio:.2f}×" in said.replace("\\", "")  # type: ignore[union-attr]


def test_a_report_shows_charts_table_findings_and_where_it_was_measured(
    open_page: Open, all_open: None, finished: Finish
) -> None:
    study = samples.report()
    app = open_page("report", run=finished(study))
    said = words(app)
    assert len(charts(app)) == 3
    for row in study.rows:
        assert row.label in said
    assert "Not available here: This CPU has no fp16 arithmetic." in said
    assert "int8 is smaller but not faster here" in said.replace("\\", "")
    assert "Example CPU" in said.replace("\\", "")
    assert "--workload lenet" in app.code[-1].value


def test_a_report_names_its_rule_its_energy_table_and_what_its_numbers_leave_out(
    open_page: Open, all_open: None, finished: Finish
) -> None:
    said = words(open_page("report", run=finished(samples.detailed()))).replace("\\", "")
    assert rule(samples.detailed()) in said
    assert "Energy is estimated: Horowitz, ISSCC 2014, 45 nm" in said
    assert "247 kB parameters, 57 kB activations, 3 kB temporary" in said
    assert "aten.gelu, aten.sort" in said
    assert "over the outputs of the 360 held-out inputs" in said


def test_who_can_see_an_upload_is_said_before_it(open_page: Open) -> None:
    said = words(open_page("report"))
    assert "everybody who can open this page can see, download and delete its runs" in said


def test_the_server_has_forgotten_an_upload_when_the_file_is_judged(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[tuple[int, int]] = []

    def accept(path: Path, name: str) -> Accepted:
        context = get_script_run_ctx()
        assert context is not None
        manager = context.uploaded_file_mgr
        assert isinstance(manager, MemoryUploadedFileManager)
        in_memory = manager.file_storage[context.session_id].values()
        held.append((path.stat().st_size, sum(len(each.data) for each in in_memory)))
        raise BadFile("This is not a model.")

    monkeypatch.setattr(intake, "accept", accept)
    app = open_page("report")
    app.file_uploader[0].upload("model.pt", b"x" * 1000).run()
    assert held == [(1000, 0)]
    assert "This is not a model" in app.error[0].value


def test_a_report_of_weights_alone_lets_you_choose_a_layer(
    open_page: Open, all_open: None, finished: Finish
) -> None:
    app = open_page("report", run=finished(samples.weights()))
    (choice,) = [each for each in app.selectbox if each.label == "Distribution of"]
    assert choice.options == ["conv1.weight", "fc1.weight"]
    assert choice.value.name == "fc1.weight"  # the largest
    assert len(charts(app)) == 4


def test_the_shipped_report_says_that_it_was_measured_elsewhere(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "lenet.json"
    shipped.write_bytes(serial.encode(samples.report()))
    monkeypatch.setitem(latest.SHIPPED, "report", shipped)
    for page in ("", "report"):
        said = words(open_page(page))
        assert "measured elsewhere" in said
        assert "measured here]" not in said
        assert "3.3× less" in said


def test_what_was_measured_here_goes_before_what_is_shipped(
    open_page: Open, finished: Finish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "lenet.json"
    shipped.write_bytes(serial.encode(replace(samples.report(), title="Shipped")))
    monkeypatch.setitem(latest.SHIPPED, "report", shipped)
    finished(samples.report())
    said = words(open_page())
    assert "measured here" in said
    assert "Shipped" not in said


def test_a_disturbed_report_says_that_its_times_are_doubtful(
    open_page: Open, finished: Finish
) -> None:
    study = replace(samples.report(), environment=samples.environment(disturbed="A backup ran."))
    app = open_page("report", run=finished(study))
    assert "The times are doubtful" in app.warning[0].value


@pytest.mark.parametrize("run", ["nonsense", "../../etc/passwd", "<script>", "0" * 5000])
def test_an_unknown_address_says_so_and_the_page_stays_usable(open_page: Open, run: str) -> None:
    app = open_page("report", run=run)
    assert "No run has this address" in app.warning[0].value
    assert [each.key for each in app.button if str(each.key).startswith("example_")]


def test_a_failed_run_says_why_and_can_be_repeated(open_page: Open) -> None:
    with Store() as store:
        run = store.submit(ReportRequest(workload="lenet", seed=77))
        store.take()
        store.fail(run, "The **disk** is full; free some space.")
        store.vacate(run)
    app = open_page("report", run=run)
    assert app.error[0].value == r"The \*\*disk\*\* is full\; free some space\."
    assert "Run it again" in [each.label for each in app.button]


def test_bad_input_is_not_offered_again(open_page: Open) -> None:
    with Store() as store:
        run = store.submit(ReportRequest(workload="lenet", seed=78))
        store.take()
        store.fail(run, "The shape does not fit.", bad_input=True)
        store.vacate(run)
    assert "Run it again" not in [each.label for each in open_page("report", run=run).button]


def test_deleting_a_run_takes_it_out_of_the_store(open_page: Open, finished: Finish) -> None:
    run = finished(samples.report())
    app = open_page("report", run=run)
    next(each for each in app.button if each.label == "Delete this run").click().run()
    with pytest.raises(UnknownName):
        jobs.get(run)
    assert not app.exception


def test_a_nonsense_shape_is_refused_in_one_sentence(open_page: Open) -> None:
    app = open_page("report")
    app.text_input(key="report_input_shape").input("one, two").run()
    app.button(key="example_lenet").click().run()
    assert "is not an input shape" in app.error[0].value.replace("\\", "")
    assert jobs.recent() == ()


def test_runs_can_be_found_by_words_and_state(open_page: Open, finished: Finish) -> None:
    finished(samples.report())
    finished(samples.weights())
    app = open_page("runs")
    assert list(app.dataframe[0].value["Model"]) == ["unknown.safetensors", "LeNet on the digits"]
    app.text_input(key="runs_find").input("LENET").run()
    assert list(app.dataframe[0].value["Model"]) == ["LeNet on the digits"]
    app.text_input(key="runs_find").input("no such").run()
    assert not app.dataframe
    assert State.DONE == "done"


def test_large_type_is_for_those_who_ask(open_page: Open, finished: Finish) -> None:
    app = open_page("report", run=finished(samples.report()))
    small = charts(app)[0]
    app.toggle(key="presenter").set_value(True).run()
    assert "23px" not in small
    assert charts(app)[0] != small
