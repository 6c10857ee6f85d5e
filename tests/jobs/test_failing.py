"""Runs that fail: each with a sentence for the user, a log for us, and nothing left over."""

import pytest

from efficiency import jobs
from efficiency.jobs import State, logs
from tests.jobs.example import ExampleRequest

OURS = "report it with its log at"


@pytest.mark.parametrize(
    ("action", "state", "words", "bad_input"),
    [
        ("bad_input", State.FAILED, "The file is empty; choose one with weights in it.", True),
        ("unavailable", State.FAILED, "There is no CUDA device here; choose cpu.", False),
        ("bug", State.FAILED, "(ZeroDivisionError), which is not your fault; please", False),
        ("not_json", State.FAILED, OURS, False),
        ("memory", State.FAILED, "needed more memory than this machine has", False),
        ("many_allocations", State.FAILED, "needed more memory than this machine has", False),
        ("disk", State.FAILED, "is full; free some space and run it again", False),
        ("huge", State.FAILED, "too large to be kept", False),
        ("segfault", State.FAILED, "crashed inside a library (SIGSEGV)", False),
        ("killed", State.LOST, "stopped from outside (SIGKILL)", False),
        ("leave", State.FAILED, OURS, False),
        ("babble", State.FAILED, OURS, False),
    ],
)
def test_a_failure_is_one_sentence(home, action, state, words, bad_input):
    run = jobs.wait(jobs.submit(ExampleRequest(action=action)).id)
    assert run.state is state
    assert words in run.error
    assert run.error.endswith(".")
    assert "\n" not in run.error
    assert run.bad_input is bad_input
    jobs.wait(jobs.submit(ExampleRequest()).id)  # the next run starts when this one is cleaned up
    assert not (home / "runs" / run.id).exists()


def test_rows_measured_before_a_failure_are_kept():
    run = jobs.wait(jobs.submit(ExampleRequest(action="unavailable")).id)
    assert len(run.study.rows) == 3
    assert not run.study.complete


def test_the_log_has_the_traceback():
    run = jobs.wait(jobs.submit(ExampleRequest(action="bug")).id)
    assert "ZeroDivisionError: division by zero" in logs.log_file(run.id).read_text()


def test_a_crash_inside_a_library_leaves_its_stack_in_the_log():
    run = jobs.wait(jobs.submit(ExampleRequest(action="segfault")).id)
    jobs.wait(jobs.submit(ExampleRequest()).id)
    assert "in segfault" in logs.log_file(run.id).read_text()


def test_a_log_stays_small_and_keeps_the_end():
    run = jobs.wait(jobs.submit(ExampleRequest(action="flood")).id)
    jobs.wait(jobs.submit(ExampleRequest()).id)
    assert logs.log_file(run.id).stat().st_size <= logs.LARGEST
    assert "the very last words" in logs.log_file(run.id).read_text()
