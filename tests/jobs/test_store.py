"""The table: what is asked of a file that is damaged, full, newer, or has things nobody knows."""

import sqlite3
import subprocess
import sys
import threading
import time
import tracemalloc

import pytest

from efficiency import jobs
from efficiency.core import paths
from efficiency.core.errors import Unavailable, UnknownName
from efficiency.jobs import State, launch
from efficiency.jobs.store import Store
from tests.jobs.example import ExampleRequest


def change(statement: str, *values: object) -> None:
    with sqlite3.connect(paths.database(), isolation_level=None) as db:
        db.execute(statement, values)
    db.close()


def spoil(run_id: str) -> None:
    """Make the study of a run one that this version cannot read."""
    change(
        """UPDATE runs SET study = '{"rows": 1}', study_revision = study_revision + 1
        WHERE id = ?""",
        run_id,
    )


@pytest.mark.parametrize("name", ["0123456789abcdef", "../../etc/passwd", "", "x" * 10_000, "';--"])
def test_an_unknown_run_is_a_short_sentence(name):
    for ask in (jobs.get, jobs.cancel, jobs.delete):
        with pytest.raises(UnknownName, match="There is no run called") as caught:
            ask(name)
        assert len(str(caught.value)) < 120


def test_a_damaged_file_is_a_sentence_with_the_remedy():
    paths.database().write_bytes(b"not a database" * 1000)
    for ask in (jobs.recent, jobs.queue_length, lambda: jobs.submit(ExampleRequest())):
        with pytest.raises(Unavailable, match="move the file away"):
            ask()


@pytest.mark.parametrize(("version", "word"), [(1, "an older"), (1000, "a newer")])
def test_a_file_of_another_version_is_not_touched(version, word):
    with Store():
        pass
    change(f"PRAGMA user_version = {version}")
    with pytest.raises(Unavailable, match=f"{word} version; .* move the file away"):
        jobs.recent()


def test_a_full_disk_is_a_sentence_and_loses_nothing_stored():
    with Store() as store:
        kept = store.submit(ExampleRequest())
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, -1))\n"
        "from efficiency.jobs.store import Store; from tests.jobs import example\n"
        "with Store() as store:\n"
        "    for seed in range(1, 100): store.submit(example.ExampleRequest(seed=seed))\n"
    )
    full = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=launch.ROOT
    )
    assert full.stderr.splitlines()[-1].startswith("efficiency.core.errors.Unavailable: The list")
    assert "free some space" in full.stderr
    with Store() as store:
        assert store.get(kept).state is State.QUEUED
        assert store.submit(ExampleRequest(seed=100)) != kept


def test_a_run_with_a_study_of_another_version_is_lost_and_answers_nothing():
    run = jobs.wait(jobs.submit(ExampleRequest()).id)
    spoil(run.id)
    shown = jobs.get(run.id)
    assert shown.state is State.LOST
    assert "another version" in shown.error
    assert "measure again" in shown.error
    assert shown.study is None
    again = jobs.submit(ExampleRequest())
    assert again.id != run.id
    assert jobs.wait(again.id).state is State.DONE
    assert jobs.submit(ExampleRequest()).id == again.id


def test_the_latest_run_is_the_newest_with_times_that_can_be_read():
    assert jobs.latest("example") is None
    first, second = (jobs.wait(jobs.submit(ExampleRequest(seed=seed)).id) for seed in (1, 2))
    untimed = jobs.wait(jobs.submit(ExampleRequest(action="untimed")).id)
    assert untimed.state is State.DONE
    latest = jobs.latest("example")
    assert (latest.id, latest.study) == (second.id, second.study)
    assert jobs.latest("report") is None
    spoil(second.id)
    assert jobs.latest("example").id == first.id


def test_a_list_of_runs_reads_no_study():
    request = ExampleRequest(action="large")
    runs = [jobs.wait(jobs.submit(request, again=True).id) for _ in range(3)]
    with Store() as store:
        size = min(len(store.study_text(run.id)) for run in runs)
    assert size > 1_000_000
    tracemalloc.start()
    listed = jobs.recent()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 2
    assert [run.id for run in listed] == [run.id for run in reversed(runs)]
    for run in listed:
        assert (run.state, run.title, run.row_count) == (State.DONE, "Sorting", 3)
        assert run.study is None


def test_decoded_studies_are_not_all_kept():
    request = ExampleRequest(action="large")
    runs = [jobs.wait(jobs.submit(request, again=True).id) for _ in range(2)]
    with Store() as store:
        text = store.study_text(runs[0].id)
        for _ in range(40):
            run_id = store.submit(request, again=True)
            store.take()
            store.finish(run_id, text.encode())
            store.vacate(run_id)
    tracemalloc.start()
    for run in jobs.recent()[:10]:
        jobs.get(run.id)
    _, after_some = tracemalloc.get_traced_memory()
    for run in jobs.recent():
        jobs.get(run.id)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1.5 * after_some


def test_a_kind_that_is_no_longer_known_does_not_hide_the_others(monkeypatch):
    with Store() as store:
        ids = [store.submit(ExampleRequest(seed=seed)) for seed in (1, 2)]
        change(
            "UPDATE runs SET request = json_set(request, '$.kind', 'gone')"
            " WHERE rowid = (SELECT min(rowid) FROM runs)"
        )
        assert [run.id for run in store.recent(10)] == ids[1:]


def test_two_active_runs_for_one_question_are_impossible():
    with Store() as store:
        run_id = store.submit(ExampleRequest())
        with pytest.raises(Unavailable, match="UNIQUE"):
            store.change(
                "INSERT INTO runs (id, key, kind, state, created, request)"
                " SELECT 'other', key, kind, 'running', created, request FROM runs WHERE id = ?",
                (run_id,),
            )


def test_a_leaving_supervisor_lets_go_before_the_next_run_can_be_queued():
    happened = []

    def submit() -> None:
        with Store() as store:
            store.submit(ExampleRequest())
        happened.append("submitted")

    def release() -> None:
        submitting.start()
        time.sleep(0.3)
        happened.append("released")

    submitting = threading.Thread(target=submit)
    with Store() as store:
        assert store.leave(release)
        submitting.join()
        assert happened == ["released", "submitted"]
        assert not store.leave(release)
    assert len(happened) == 2


def test_a_supervisor_that_does_not_start_is_a_sentence_and_its_runs_are_lost(monkeypatch):
    monkeypatch.setattr(launch, "SUPERVISOR", ("efficiency.jobs.no_such_module",))
    with pytest.raises(Unavailable, match=r"did not start; .*supervisor\.log says why"):
        jobs.submit(ExampleRequest())
    (run,) = jobs.recent()
    assert run.state is State.LOST
    assert "did not start" in run.error
