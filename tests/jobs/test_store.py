"""The table: what is asked of a file that is damaged, full, newer, or has things nobody knows."""

import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from efficiency import jobs
from efficiency.core import paths
from efficiency.core.errors import Unavailable, UnknownName
from efficiency.jobs import State, launch
from efficiency.jobs.store import Store
from tests.jobs.example import ExampleRequest


def change(statement: str) -> None:
    with sqlite3.connect(paths.database(), isolation_level=None) as db:
        db.execute(statement)
    db.close()


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


def test_a_file_of_a_newer_version_is_not_touched():
    with Store():
        pass
    change("PRAGMA user_version = 1000")
    with pytest.raises(Unavailable, match="newer version"):
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


def test_a_study_of_another_version_is_left_out_and_its_run_still_shown():
    run = jobs.wait(jobs.submit(ExampleRequest()).id)
    change("""UPDATE runs SET study = '{"rows": 1}', study_revision = study_revision + 1""")
    shown = jobs.get(run.id)
    assert shown.state is State.DONE
    assert shown.study is None


def test_a_kind_that_is_no_longer_known_does_not_hide_the_others(monkeypatch):
    with Store() as store:
        ids = [store.submit(ExampleRequest(seed=seed)) for seed in (1, 2)]
        change(
            "UPDATE runs SET request = json_set(request, '$.kind', 'gone')"
            " WHERE rowid = (SELECT min(rowid) FROM runs)"
        )
        assert [run.id for run in store.recent(10)] == ids[1:]


def test_two_answers_to_one_question_are_impossible():
    with Store() as store:
        run_id = store.submit(ExampleRequest())
        with pytest.raises(Unavailable, match="UNIQUE"):
            store.change(
                "INSERT INTO runs (id, key, kind, state, created, request)"
                " SELECT 'other', key, kind, 'done', created, request FROM runs WHERE id = ?",
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
