"""A lottery that is cancelled keeps what is done: to look at, and to go on from."""

from pathlib import Path

from efficiency import jobs
from efficiency.core import paths
from efficiency.core.requests import LotteryRequest
from efficiency.jobs import State, processes
from tests.jobs import example
from tests.jobs.watch import until

# The second round is long enough to be cancelled in the middle of, and short enough to wait for.
REQUEST = LotteryRequest(workload="lenet300", rounds=2, rate=0.5, seeds=1, iterations=300)


def test_a_cancelled_lottery_is_kept_and_goes_on_when_it_is_asked_for_again(home: Path) -> None:
    example.install("--runner", "efficiency.jobs.runner")
    run = jobs.submit(REQUEST)
    until(lambda: list(paths.checkpoint_folder().iterdir()), seconds=100)
    assert jobs.cancel(run.id).state is State.CANCELLED
    until(lambda: not processes.marked(run.id))
    cancelled = jobs.get(run.id)
    assert cancelled.study is not None
    assert not cancelled.study.complete
    assert cancelled.study.lottery is not None
    assert cancelled.study.lottery.trainings[0].scores
    (kept,) = (each for each in paths.checkpoint_folder().iterdir() if each.suffix != ".part")
    assert kept.stem == run.key

    again = jobs.wait(jobs.submit(REQUEST).id)
    assert again.id != run.id
    assert again.state is State.DONE
    assert again.study is not None
    assert any("An earlier run was stopped; this one went on" in each for each in again.study.notes)
    assert [row.name for row in again.study.rows][-1] == "random-mask-2"
    assert not list(paths.checkpoint_folder().iterdir())
