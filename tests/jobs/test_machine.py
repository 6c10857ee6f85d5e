"""Users of one machine, each with a home, wait for each other: the test is one, a run the other."""

import os
import stat

import pytest

from efficiency import jobs
from efficiency.jobs import State
from efficiency.jobs.machine import MachineLock
from tests.jobs import example
from tests.jobs.example import ExampleRequest
from tests.jobs.watch import kill, supervisor, until, until_hanging


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / "machine.lock"
    example.install("--machine-lock", str(path))
    return path


def test_a_run_waits_for_the_measurement_of_another_user_and_says_so(lock):
    other = MachineLock(lock)
    assert other.take()
    run = jobs.submit(ExampleRequest())
    until(lambda: jobs.get(run.id).progress)
    waiting = jobs.get(run.id)
    assert waiting.state is State.QUEUED
    assert "another user's measurement" in waiting.progress.step
    cancelled = jobs.submit(ExampleRequest(seed=1))
    assert jobs.cancel(cancelled.id).state is State.CANCELLED
    other.give_back()
    done = jobs.wait(run.id)
    assert done.state is State.DONE
    assert "another user" not in done.progress.step


def test_who_waits_for_another_user_can_cancel(lock):
    other = MachineLock(lock)
    assert other.take()
    run = jobs.submit(ExampleRequest())
    until(lambda: jobs.get(run.id).progress)
    assert jobs.cancel(run.id).state is State.CANCELLED
    other.give_back()
    assert jobs.wait(jobs.submit(ExampleRequest(seed=1)).id).state is State.DONE
    assert jobs.get(run.id).started is None


def test_a_run_holds_up_others_until_it_ends_however_it_does(lock):
    other = MachineLock(lock)
    for end in (lambda run: jobs.cancel(run.id), lambda run: kill(supervisor())):
        run = jobs.submit(ExampleRequest(action="hang"))
        until_hanging(run)
        assert not other.take()
        end(run)
        until(other.take)
        other.give_back()


def test_whoever_waits_is_before_a_queue_of_many(lock):
    runs = [jobs.submit(ExampleRequest(seed=seed)) for seed in range(8)]
    until(lambda: jobs.get(runs[0].id).state is State.DONE)
    other = MachineLock(lock)
    until(other.take)
    assert any(run.active for run in jobs.recent())
    other.give_back()
    assert all(jobs.wait(run.id).state is State.DONE for run in runs)


def test_everybody_may_lock_the_file_whoever_made_it(tmp_path):
    path = tmp_path / "machine.lock"
    before = os.umask(0o077)
    try:
        lock = MachineLock(path)
        assert lock.take()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert not MachineLock(path).take()
    lock.give_back()


def test_a_link_at_its_place_is_neither_followed_nor_waited_for(tmp_path, capsys):
    victim, link = tmp_path / "victim", tmp_path / "machine.lock"
    link.symlink_to(victim)
    for make in (lambda: None, victim.touch):
        make()
        there = victim.exists()
        lock = MachineLock(link)
        assert lock.take()
        lock.give_back()
        assert victim.exists() == there
        assert "without the machine's lock" in capsys.readouterr().err


def test_a_pipe_at_its_place_holds_nobody_up(tmp_path):
    os.mkfifo(tmp_path / "machine.lock")
    lock = MachineLock(tmp_path / "machine.lock")
    assert lock.take()
    lock.give_back()
