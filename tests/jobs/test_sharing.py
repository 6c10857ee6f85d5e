"""One run for one question, one measurement at a time, whoever asks from wherever."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

from efficiency import jobs
from efficiency.core.values import Phase
from efficiency.jobs import State, launch, runner
from tests import samples
from tests.jobs.example import ExampleRequest
from tests.jobs.watch import kill, processes_of, supervisor, until, until_hanging

SUBMIT = """
from efficiency import jobs
from tests.jobs import example
example.install()
print(jobs.submit(example.ExampleRequest(seed=7)).id)
"""


def test_a_run_ends_with_its_study_and_its_files(home):
    seen = []
    run = jobs.wait(jobs.submit(ExampleRequest(seconds=0.7)).id, seen.append)
    assert run.state is State.DONE
    assert run.study.complete
    assert [row.name for row in run.study.rows] == ["sort-1000", "sort-2000", "sort-4000"]
    assert {path.name for path in (home / "runs" / run.id).iterdir()} == {
        row.name for row in run.study.rows
    }
    assert run.created <= run.started <= run.finished
    revisions = [each.revision for each in seen]
    assert revisions == sorted(set(revisions))
    partial = [each for each in seen if each.state is State.RUNNING and each.study]
    assert partial, "no rows were shown before the end"
    assert all(not each.study.complete for each in partial)
    assert partial[-1].progress.seconds_left == 1.5


def test_equal_requests_share_one_run():
    first = jobs.submit(ExampleRequest(action="hang"))
    assert jobs.submit(ExampleRequest(action="hang")).id == first.id
    until_hanging(first)
    assert jobs.submit(ExampleRequest(action="hang")).id == first.id
    other = jobs.submit(ExampleRequest(seed=1))
    assert other.id != first.id
    jobs.cancel(first.id)
    assert jobs.wait(other.id).state is State.DONE
    assert jobs.submit(ExampleRequest(seed=1)).id == other.id


def test_eight_processes_asking_at_once_in_a_new_home_share_one_run_and_one_supervisor(home):
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", SUBMIT], stdout=subprocess.PIPE, text=True, cwd=launch.ROOT
        )
        for _ in range(8)
    ]
    ids = {process.communicate(timeout=60)[0].strip() for process in asking}
    assert [process.returncode for process in asking] == [0] * 8
    assert len(ids) == 1
    assert jobs.wait(ids.pop()).state is State.DONE
    assert len(jobs.recent()) == 1
    # Its result is there before the run's own process has left.
    until(lambda: [process.pid for process in processes_of(home)] == [supervisor()])


def test_runs_are_carried_out_one_at_a_time_in_order():
    ids = [jobs.submit(ExampleRequest(seed=seed, seconds=0.05)).id for seed in range(4)]
    runs = [jobs.wait(run_id) for run_id in ids]
    assert all(earlier.finished <= later.started for earlier, later in pairwise(runs))
    assert [run.id for run in jobs.recent()] == ids[::-1]
    assert [run.id for run in jobs.recent(2)] == ids[:1:-1]


def test_the_queue_says_how_long_it_is():
    done = jobs.wait(jobs.submit(ExampleRequest(seed=1)).id)
    assert jobs.position(done.id) is None
    assert jobs.seconds_to_start(done.id) is None
    hanging = jobs.submit(ExampleRequest(action="hang"))
    until_hanging(hanging)
    queued = [jobs.submit(ExampleRequest(seed=seed)).id for seed in (2, 3)]
    assert jobs.queue_length() == 3
    assert [jobs.position(each) for each in (hanging.id, *queued)] == [0, 1, 2]
    assert queued_seconds(queued[1]) > queued_seconds(queued[0]) >= 0
    assert jobs.get(queued[0]).seconds_expected == done.finished - done.started
    jobs.cancel(hanging.id)
    jobs.wait(queued[1])
    assert jobs.queue_length() == 0


def queued_seconds(run_id):
    seconds = jobs.seconds_to_start(run_id)
    assert seconds is not None
    return seconds


def test_what_ended_without_a_result_is_repeated_by_asking_again():
    failed = jobs.wait(jobs.submit(ExampleRequest(action="bug")).id)
    again = jobs.submit(ExampleRequest(action="bug"))
    assert again.id != failed.id
    assert again.state is State.QUEUED
    jobs.wait(again.id)


def test_measuring_again_gives_a_new_answer_and_keeps_the_old_one():
    first = jobs.wait(jobs.submit(ExampleRequest()).id)
    again = jobs.submit(ExampleRequest(), again=True)
    assert again.id != first.id
    assert jobs.submit(ExampleRequest()).id == again.id, "the newest answers, also on its way"
    assert jobs.wait(again.id).state is State.DONE
    assert jobs.submit(ExampleRequest()).id == again.id
    assert (jobs.get(first.id).state, jobs.get(first.id).study) == (State.DONE, first.study)
    assert [run.id for run in jobs.recent()] == [again.id, first.id]
    jobs.delete(again.id)
    assert jobs.submit(ExampleRequest()).id == first.id


def test_measuring_again_shares_a_run_that_is_on_its_way():
    hanging = jobs.submit(ExampleRequest(action="hang"))
    jobs.wait(jobs.cancel(hanging.id).id)
    one = jobs.submit(ExampleRequest(action="hang"), again=True)
    assert one.id != hanging.id
    assert jobs.submit(ExampleRequest(action="hang"), again=True).id == one.id
    until_hanging(one)
    assert jobs.submit(ExampleRequest(action="hang"), again=True).id == one.id
    jobs.cancel(one.id)


def test_the_time_before_the_routine_is_booked_as_process_starts():
    run = jobs.wait(jobs.submit(ExampleRequest(seconds=0.2)).id)
    (start,) = run.study.phases
    assert start.name == runner.STARTS
    assert 0 < start.seconds < run.finished - run.started - 3 * 0.2


def test_process_starts_of_the_routine_itself_are_added():
    phases = (Phase(name="training", seconds=5.0), Phase(name=runner.STARTS, seconds=2.0))
    booked = runner.with_start(replace(samples.report(), phases=phases), 1.5)
    assert {phase.name: phase.seconds for phase in booked.phases} == {
        runner.STARTS: 3.5,
        "training": 5.0,
    }


def test_results_survive_and_need_no_supervisor():
    run = jobs.wait(jobs.submit(ExampleRequest()).id)
    kill(supervisor())
    same = jobs.submit(ExampleRequest())
    assert (same.id, same.state, same.study) == (run.id, State.DONE, run.study)
    assert not launch.supervisor_alive()


def test_fast_talk_is_thinned_out_but_its_end_arrives():
    seen = []
    jobs.wait(jobs.submit(ExampleRequest(action="chatter")).id, seen.append)
    spoken = [run.progress.done for run in seen if run.progress and run.progress.step == "chatter"]
    assert spoken[-1] == 1_999
    assert seen[-1].revision < 20


def test_the_front_never_imports_torch():
    code = (
        SUBMIT + "import sys; print(*sorted({'torch', 'numpy', 'streamlit'} & sys.modules.keys()))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=launch.ROOT,
        env=os.environ,
    ).stdout.splitlines()
    assert output[1:] == [""]
    jobs.wait(output[0])
