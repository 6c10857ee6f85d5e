"""Means, intervals and winners against numbers made by hand and by scipy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from efficiency.core.lottery import CONTROLS, Contest, Level, Measure, Start, Training, Winner
from efficiency.routines.tickets import contests
from efficiency.routines.tickets.verdict import verdict

NO_STEPS = dict.fromkeys(Measure, 0.0)


def trained(start: Start, level: int, seed: int, stop: int, end: float) -> Training:
    return Training(
        start=start,
        level=level,
        seed=seed,
        losses=(1.0, 0.5),
        scores=(0.1, end),
        stop_iteration=stop,
        stop_score=end - 0.01,
        end_score=end,
    )


def experiment(seeds: int, levels: int, better: float, sooner: int) -> tuple[Training, ...]:
    """Tickets that end `better` and stop `sooner` than controls, with a little noise."""
    random = np.random.default_rng(0)
    found = [trained(Start.TICKET, 0, seed, 300, 0.9) for seed in range(seeds)]
    for level in range(1, levels + 1):
        for seed in range(seeds):
            for start in Start:
                ahead = start is Start.TICKET
                noise = random.normal()
                found.append(
                    trained(
                        start,
                        level,
                        seed,
                        stop=round(300 - sooner * ahead + sooner / 100 * noise),
                        end=0.9 + better * (ahead - 1) + better / 1000 * noise,
                    )
                )
    return tuple(found)


def levels(count: int) -> tuple[Level, ...]:
    return tuple(
        Level(level=level, kept=0.5**level, left=1024 >> level, by_layer=())
        for level in range(count + 1)
    )


def pick(
    found: tuple[Contest, ...], level: int | None, control: Start, measure: Measure
) -> Contest:
    (one,) = (
        each
        for each in found
        if (each.level, each.control, each.measure) == (level, control, measure)
    )
    return one


def test_means_have_the_interval_that_scipy_gives() -> None:
    trainings = experiment(5, 2, better=0.1, sooner=100)
    found = contests.outcomes(trainings)
    assert len(found) == (1 + 2 * 3) * 3
    for each in found:
        values = [
            contests.value(one, each.measure)
            for one in trainings
            if (one.level, one.start) == (each.level, each.start)
        ]
        assert each.mean == pytest.approx(np.mean(values))
        if np.std(values) > 0:
            low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
            assert (each.low, each.high) == pytest.approx((low, high))


def test_a_level_is_compared_in_pairs_and_corrected_for_the_number_of_levels() -> None:
    trainings = experiment(4, 3, better=0.05, sooner=40)
    found = contests.contests(trainings, 3, NO_STEPS)
    assert len(found) == 2 * 3 * (1 + 3)
    for control in CONTROLS:
        one = pick(found, 2, control, Measure.END_SCORE)
        ends = {
            start: [each.end_score for each in trainings if (each.level, each.start) == (2, start)]
            for start in (Start.TICKET, control)
        }
        paired = stats.ttest_rel(ends[Start.TICKET], ends[control])
        low, high = paired.confidence_interval(1 - 0.05 / 3)
        assert one.confidence == pytest.approx(1 - 0.05 / 3)
        assert (one.low, one.high) == pytest.approx((low, high))
        assert one.winner is Winner.TICKET


def test_over_all_levels_each_seed_counts_once() -> None:
    by_hand = (
        *(trained(Start.TICKET, 1, seed, 100, end) for seed, end in enumerate((0.9, 0.8, 0.7))),
        *(trained(Start.TICKET, 2, seed, 100, end) for seed, end in enumerate((0.8, 0.8, 0.8))),
        *(trained(Start.RANDOM_MASK, 1, seed, 100, 0.6) for seed in range(3)),
        *(trained(Start.RANDOM_MASK, 2, seed, 100, 0.7) for seed in range(3)),
    )
    one = pick(contests.contests(by_hand, 2, NO_STEPS), None, Start.RANDOM_MASK, Measure.END_SCORE)
    differences = [0.2, 0.15, 0.1]  # of seed 0: (0.3 + 0.1) / 2
    low, high = stats.t.interval(0.95, 2, loc=0.15, scale=stats.sem(differences))
    assert (one.difference, one.low, one.high) == pytest.approx((0.15, low, high))
    assert one.confidence == 0.95


@pytest.mark.parametrize(
    ("better", "sooner", "end", "stop"),
    [
        (0.1, 100, Winner.TICKET, Winner.TICKET),
        (-0.1, -100, Winner.CONTROL, Winner.CONTROL),
        (0.1, -100, Winner.TICKET, Winner.CONTROL),  # it learns better, and more slowly
    ],
)
def test_fewer_iterations_and_more_accuracy_win(
    better: float, sooner: int, end: Winner, stop: Winner
) -> None:
    found = contests.contests(experiment(5, 2, better, sooner), 2, NO_STEPS)
    for each in found:
        assert each.winner is (stop if each.measure is Measure.STOP_ITERATION else end)


def test_networks_that_are_alike_differ_in_hardly_any_experiment() -> None:
    """A twentieth of all intervals of 95 % may miss 0; of 400, more than 40 never do."""
    wrong = 0
    for seed in range(400):
        noise = np.random.default_rng(seed).normal(0.9, 0.02, (2, 5))
        trainings = [
            trained(start, 1, place, 100, float(end))
            for start, ends in zip((Start.TICKET, Start.RANDOM_MASK), noise, strict=True)
            for place, end in enumerate(ends)
        ]
        found = contests.contests(trainings, 1, NO_STEPS)
        ends = [each for each in found if each.measure is Measure.END_SCORE]
        wrong += ends[0].winner is not Winner.NEITHER
    assert 0 < wrong <= 40


def test_one_seed_has_no_interval_and_no_winner() -> None:
    trainings = experiment(1, 2, better=0.3, sooner=100)
    found = contests.contests(trainings, 2, NO_STEPS)
    assert {(each.low, each.high, each.winner) for each in found} == {(None, None, Winner.NEITHER)}
    assert all(each.low is None for each in contests.outcomes(trainings))
    said = verdict(found, levels(2), trainings, NO_STEPS)
    assert "With one seed nothing can be told apart from chance" in said


def test_equal_differences_of_few_seeds_are_not_certain() -> None:
    """Two seeds that both stop one look earlier: that alone says little."""
    trainings = [
        trained(start, 1, seed, stop, 0.9)
        for start, stop in ((Start.TICKET, 90), (Start.RANDOM_MASK, 100))
        for seed in range(2)
    ]
    steps = {Measure.STOP_ITERATION: 10.0, Measure.STOP_SCORE: 0.0, Measure.END_SCORE: 0.0}
    one = pick(
        contests.contests(trainings, 1, steps), None, Start.RANDOM_MASK, Measure.STOP_ITERATION
    )
    assert one.difference == -10
    assert one.winner is Winner.NEITHER
    assert one.high is not None
    assert one.high > 0


def test_the_verdict_says_who_is_better_and_how_far_down_nothing_is_lost() -> None:
    trainings = experiment(5, 3, better=0.1, sooner=100)
    sparse = [
        replace(each, end_score=0.5 + 0.001 * each.seed) if each.level == 3 else each
        for each in trainings
    ]
    found = contests.contests(trainings, 3, NO_STEPS)
    said = verdict(found, levels(3), sparse, dict.fromkeys(Measure, 0.01))
    assert said.startswith("Against re-initialised networks, over 3 levels and 5 seeds: ticket bet")
    assert "ticket better by early stop (−100 iterations, 95 % interval " in said
    assert said.count("ticket better by accuracy at the end (+10.0 points") == 2
    assert said.endswith("can be seen in tickets down to 25.0 % of the weights.")
    lost = [replace(each, end_score=0.5) if each.level else each for each in trainings]
    said = verdict(found, levels(3), lost, dict.fromkeys(Measure, 0.01))
    assert said.endswith("The ticket ends below the dense network as soon as anything is pruned.")


def test_there_is_no_verdict_before_there_was_a_contest() -> None:
    dense = experiment(3, 0, better=0.1, sooner=1)
    found = contests.contests(dense, 5, NO_STEPS)
    assert found == ()
    assert verdict(found, levels(0), dense, NO_STEPS) == ""
