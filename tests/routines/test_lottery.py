"""The whole experiment on digits with the smallest sizes, and what is left of it after a kill."""

import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from efficiency.core import paths, serial
from efficiency.core.context import QuietContext
from efficiency.core.errors import BadInput
from efficiency.core.lottery import Lottery, Measure, Start
from efficiency.core.requests import LotteryRequest
from efficiency.core.values import Study
from efficiency.routines import lottery
from tests.routines.listening import Listening

ROOT = Path(__file__).parents[2]
ITERATIONS = 30
REQUEST = LotteryRequest(workload="lenet300", rounds=3, rate=0.5, seeds=2, iterations=ITERATIONS)
NETWORKS = 2 * (1 + 3 * 3)


def found_in(study: Study) -> Lottery:
    assert study.lottery is not None
    return study.lottery


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Listening]:
    """An uninterrupted run that says everything it has to say."""
    context = Listening(folder=tmp_path_factory.mktemp("run"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFICIENCY_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(lottery, "NEWS_SECONDS", 0.0)
        patch.setattr(lottery, "NEWS_SHARE", 0.0)
        study = lottery.run(REQUEST, context)
        assert not list(paths.checkpoint_folder().iterdir()), "a finished run leaves nothing"
    return study, context


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EFFICIENCY_HOME", str(tmp_path))
    return tmp_path


def results(study: Study) -> Lottery:
    """Everything but how fast it went."""
    return replace(found_in(study), steps_per_second=None)


def test_ticket_and_both_controls_are_at_each_level(told: tuple[Study, Listening]) -> None:
    study, _ = told
    found = found_in(study)
    assert Counter((each.level, each.start) for each in found.trainings) == {
        (0, Start.TICKET): 2,
        **{(level, start): 2 for level in (1, 2, 3) for start in Start},
    }
    assert {each.seed for each in found.trainings} == {0, 1}
    assert len(found.outcomes) == (1 + 3 * 3) * 3
    assert all(each.low is not None for each in found.outcomes)
    assert len(found.contests) == 2 * 3 * (1 + 3)
    assert found.verdict.startswith("Against re-initialised networks, over 3 levels and 2 seeds: ")
    names = [row.name for row in study.rows]
    assert names[:4] == ["dense", "ticket-1", "re-initialised-1", "random-mask-1"]
    assert len(names) == 1 + 3 * 3
    ends = {
        (each.level, each.start): each.mean
        for each in found.outcomes
        if each.measure is Measure.END_SCORE
    }
    assert [row.score for row in study.rows] == list(ends.values())
    assert study.rows[4].label == "ticket, 25.1 % left"
    assert study.complete
    assert serial.decode(serial.encode(study)) == study


def test_levels_have_as_many_weights_left_as_was_asked(told: tuple[Study, Listening]) -> None:
    found = found_in(told[0])
    for level in found.levels:
        *others, output = level.by_layer
        for _, left, size in others:
            assert abs(left - size * 0.5**level.level) <= 0.5
        assert abs(output[1] - output[2] * 0.75**level.level) <= 0.5
        assert level.left == sum(left for _, left, _ in level.by_layer)
        assert level.kept == level.left / sum(size for _, _, size in level.by_layer)
    pictures = {(each.level, each.image.parameter): each.image for each in found.masks}
    for level in found.levels:
        for name, left, size in level.by_layer:
            picture = pictures.pop((level.level, name))
            assert (picture.nonzero, picture.parameters) == (left, size)
    assert not pictures


def test_dense_networks_learn_something(told: tuple[Study, Listening]) -> None:
    for each in found_in(told[0]).trainings:
        if each.level == 0:
            assert each.end_score > each.scores[0] + 0.2
            assert each.losses[-1] < 0.9 * each.losses[0]
            assert (
                each.stop_iteration
                == found_in(told[0]).checkpoints[each.losses.index(min(each.losses))]
            )


def test_partial_studies_grow_within_levels_and_after_them(told: tuple[Study, Listening]) -> None:
    study, context = told
    trained = [len(found_in(each).trainings) for each in context.studies]
    assert trained == sorted(trained)
    rows = [len(each.rows) for each in context.studies]
    assert set(rows) == {1, 4, 7, 10}
    learning = [found_in(each).trainings[-1] for each in context.studies if not each.complete]
    lengths = {len(each.losses) for each in learning}
    assert lengths == set(range(1, len(found_in(study).checkpoints) + 1))
    assert all(not each.complete for each in context.studies)
    verdicts = [found_in(each).verdict for each in context.studies]
    assert verdicts[0] == ""
    assert any("over 1 level and 2 seeds" in each for each in verdicts)
    done = [each.done for each in context.steps]
    assert done == sorted(done)
    assert done[-1] == context.steps[-1].total == NETWORKS * ITERATIONS
    assert {each.step for each in context.steps} >= {"round 2 of 3, 25.1 % left"}
    for each in context.studies:
        assert serial.decode(serial.encode(each)) == each


def killed_in(words: str, home: Path) -> None:
    """Carry the request out in another process until it says so."""
    command = [sys.executable, "-m", "tests.routines.lottery_killed"]
    done = subprocess.run(
        [*command, msgspec.json.encode(REQUEST).decode(), words],
        cwd=ROOT,
        env=os.environ | {"EFFICIENCY_HOME": str(home)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL


def test_a_killed_run_goes_on_and_ends_with_the_same_numbers(
    told: tuple[Study, Listening], home: Path
) -> None:
    killed_in("round 2", home)
    (kept,) = paths.checkpoint_folder().iterdir()
    assert kept.stem == REQUEST.key()
    context = Listening(folder=home)
    study = lottery.run(REQUEST, context)
    assert results(study) == results(told[0])
    assert study.rows == told[0].rows
    assert any("went on from what it kept of level 1" in note for note in study.notes)
    assert min(each.done for each in context.steps[1:]) >= 2 * (1 + 3) * ITERATIONS, (
        "no level twice"
    )
    assert not kept.exists()


def test_tickets_are_rewound_to_an_early_step(home: Path) -> None:
    request = replace(REQUEST, rounds=1, rewind_iteration=20, seeds=1)
    late = found_in(lottery.run(request, QuietContext(folder=home)))
    dense, ticket, new, mixed = late.trainings
    assert ticket.losses[0] < new.losses[0], "the ticket has learned already"
    assert mixed.losses[0] != ticket.losses[0]
    assert dense.losses[0] > ticket.losses[0]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (
            LotteryRequest(workload="lenet", rounds=40, rate=0.5),
            "nothing would be left of conv1.weight",
        ),
        (LotteryRequest(data="no such data"), "There is no data called 'no such data'"),
        (LotteryRequest(rewind_iteration=10**6), "needs more iterations"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_trained(
    home: Path, request_: LotteryRequest, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        lottery.run(request_, QuietContext(folder=home))
