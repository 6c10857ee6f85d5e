"""Runs that are stopped: cancelled, deleted, too long, or killed. Nothing of them is left over."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from efficiency import jobs
from efficiency.core.errors import UnknownName
from efficiency.jobs import State, launch, processes
from efficiency.jobs.logs import log_file
from tests.jobs import example
from tests.jobs.example import ExampleRequest
from tests.jobs.watch import kill, processes_of, supervisor, until, until_hanging

HANG = ExampleRequest(action="hang")


def hanging():
    """A run with its runner, a child in its group and one that left the group."""
    run = jobs.submit(HANG)
    until_hanging(run)
    assert len(processes.marked(run.id)) == 3
    return run


def runner_of(run):
    return next(process.pid for process in processes.marked(run.id) if run.id in process.cmdline())


def assert_nothing_left(home, run):
    until(lambda: not processes.marked(run.id))
    until(lambda: not (home / "runs" / run.id).exists())


def test_cancelling_a_running_run_ends_all_its_processes_and_the_queue_goes_on(home):
    run = hanging()
    waiting = jobs.submit(ExampleRequest())
    assert jobs.cancel(run.id).state is State.CANCELLED
    assert_nothing_left(home, run)
    assert jobs.wait(waiting.id).state is State.DONE
    cancelled = jobs.get(run.id)
    assert cancelled.state is State.CANCELLED
    assert len(cancelled.study.rows) == 3, "what was measured before is kept"


def test_cancelling_a_queued_run_never_starts_it(home):
    run = hanging()
    queued = jobs.submit(ExampleRequest())
    assert jobs.cancel(queued.id).state is State.CANCELLED
    jobs.cancel(run.id)
    jobs.wait(jobs.submit(ExampleRequest(seed=1)).id)
    assert jobs.get(queued.id).started is None
    assert not log_file(queued.id).exists()


def test_cancelling_what_has_ended_changes_nothing():
    run = jobs.wait(jobs.submit(ExampleRequest()).id)
    assert jobs.cancel(run.id) == run


def test_a_cancelled_run_can_be_repeated():
    run = hanging()
    jobs.cancel(run.id)
    again = hanging()
    assert again.id != run.id


def test_deleting_a_finished_run_removes_its_files(home):
    run = jobs.wait(jobs.submit(ExampleRequest()).id)
    jobs.delete(run.id)
    assert not (home / "runs" / run.id).exists()
    assert not log_file(run.id).exists()
    assert jobs.recent() == ()
    with pytest.raises(UnknownName):
        jobs.get(run.id)


def test_deleting_a_running_run_stops_it_first(home):
    run = hanging()
    jobs.delete(run.id)
    assert not processes.marked(run.id)
    assert not (home / "runs" / run.id).exists()
    with pytest.raises(UnknownName):
        jobs.delete(run.id)


def test_a_run_that_takes_too_long_is_stopped(home):
    example.install("--deadline", "1.5")
    run = jobs.wait(jobs.submit(HANG).id)
    assert run.state is State.FAILED
    assert "0.025 minutes" in run.error
    assert not run.bad_input
    assert_nothing_left(home, run)


def test_processes_that_a_finished_run_left_behind_are_ended(home):
    run = jobs.wait(jobs.submit(ExampleRequest(action="orphan")).id)
    assert run.state is State.DONE
    until(lambda: not processes.marked(run.id))
    assert (home / "runs" / run.id).exists()


def test_killing_the_supervisor_loses_the_run_but_neither_the_queue_nor_results(home):
    done = jobs.wait(jobs.submit(ExampleRequest(seed=1)).id)
    run = hanging()
    queued = jobs.submit(ExampleRequest())
    kill(supervisor())
    until(lambda: not processes.marked(run.id))  # by themselves: nobody has asked yet
    lost = jobs.get(run.id)
    assert lost.state is State.LOST
    assert "run it again" in lost.error
    assert_nothing_left(home, run)
    assert jobs.wait(queued.id).state is State.DONE
    assert jobs.get(done.id) == jobs.submit(ExampleRequest(seed=1))
    again = hanging()
    assert again.id != run.id
    assert jobs.cancel(again.id).state is State.CANCELLED


def test_killing_the_runner_loses_the_run_and_ends_what_it_started(home):
    run = hanging()
    queued = jobs.submit(ExampleRequest())
    os.kill(runner_of(run), signal.SIGKILL)
    lost = jobs.wait(run.id)
    assert lost.state is State.LOST
    assert "memory" in lost.error
    assert_nothing_left(home, run)
    assert jobs.wait(queued.id).state is State.DONE


def test_killing_whoever_submitted_changes_nothing_for_the_run(home):
    code = (
        "from efficiency import jobs; from tests.jobs import example; import time\n"
        "example.install()\n"
        "print(jobs.submit(example.ExampleRequest(seconds=0.3)).id, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        cwd=launch.ROOT,
        start_new_session=True,
    ) as server:
        run_id = server.stdout.readline().strip()
        os.killpg(server.pid, signal.SIGKILL)
    with jobs.Store() as store:
        until(lambda: store.get(run_id).state is State.DONE)


def test_killing_supervisor_and_runner_at_once_leaves_nothing_after_the_next_look(home):
    run = hanging()
    os.kill(runner_of(run), signal.SIGSTOP)  # so that it cannot end its group
    pid = runner_of(run)
    kill(supervisor())
    os.kill(pid, signal.SIGKILL)
    assert processes.marked(run.id)
    assert jobs.recent()[0].state is State.LOST
    assert_nothing_left(home, run)


def test_a_stranger_with_a_similar_environment_is_left_alone(home, monkeypatch):
    run = hanging()
    monkeypatch.setenv(processes.MARK, "0123456789abcdef")
    with psutil.Popen(["sleep", "60"]) as stranger:
        monkeypatch.delenv(processes.MARK)
        kill(supervisor())
        assert jobs.get(run.id).state is State.LOST
        assert stranger.is_running()
        stranger.kill()


def test_the_supervisor_leaves_when_there_is_nothing_to_do(home):
    example.install("--idle", "0.3")
    jobs.wait(jobs.submit(ExampleRequest()).id)
    until(lambda: not launch.supervisor_alive())
    until(lambda: not processes_of(home))


def test_no_run_is_forgotten_by_a_supervisor_that_is_just_leaving():
    example.install("--idle", "0")
    for seed in range(12):
        run = jobs.submit(ExampleRequest(seed=seed))
        # Asking the table and not `jobs.get`, which would start another supervisor.
        with jobs.Store() as store:
            until(lambda: store.get(run.id).state is State.DONE)  # noqa: B023
        time.sleep(seed * 0.01)  # it cleans up, looks, and leaves in this time
