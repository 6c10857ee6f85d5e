"""Lottery studies for the tests of charts, exports and pages: won, lost, one seed, unfinished."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from math import exp, sin, sqrt
from statistics import mean, stdev

import numpy as np
from scipy.stats import t

from efficiency.core.lottery import (
    CONTROLS,
    Contest,
    Level,
    LevelMask,
    Lottery,
    Measure,
    Outcome,
    Start,
    Training,
    TrainingSettings,
    Winner,
)
from efficiency.core.pruning import MaskImage
from efficiency.core.requests import LotteryRequest
from efficiency.core.values import Footprint, Phase, Row, Study
from tests.samples import HOSTILE, MARKDOWN, environment

LAYERS = (("fc1.weight", 30_000), ("fc2.weight", 3_000), ("fc3.weight", 1_000))
EVERY = 10
SLOWER = {Start.TICKET: 0.7, Start.REINITIALISED: 1.3, Start.RANDOM_MASK: 1.6}
LOST = {Start.TICKET: 0.0, Start.REINITIALISED: 0.012, Start.RANDOM_MASK: 0.02}


def settings(**changes: object) -> TrainingSettings:
    base = TrainingSettings(
        iterations=200, batch_size=60, learning_rate=1.2e-3, check_every=EVERY, rounds=6, rate=0.4,
        output_rate=0.2, scope="layer", seeds=3,
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def levels(asked: TrainingSettings, *, names: tuple[str, ...] = ()) -> tuple[Level, ...]:
    found = []
    for level in range(asked.rounds + 1):
        rates = (asked.rate, asked.rate, asked.output_rate)
        left = [
            round(count * (1 - rate) ** level)
            for (_, count), rate in zip(LAYERS, rates, strict=True)
        ]
        total = sum(count for _, count in LAYERS)
        found.append(
            Level(
                level=level,
                kept=sum(left) / total,
                left=sum(left),
                by_layer=tuple(
                    (names[place] if names else name, left[place], count)
                    for place, (name, count) in enumerate(LAYERS)
                ),
            )
        )
    return tuple(found)


def training(start: Start, level: int, seed: int, asked: TrainingSettings, gap: float) -> Training:
    """A loss that falls and rises again, the later the slower; noise is the seed's."""
    speed = 1.0 if level == 0 else 1.0 + gap * (SLOWER[start] - 1.0) * level / asked.rounds
    noise = 0.003 * sin(7 * seed + 3 * level + 5 * len(start.value))
    places = range(0, asked.iterations + 1, asked.check_every)
    reached = [place / asked.iterations * 4 / speed for place in places]
    losses = tuple(2.3 * exp(-each) + 0.12 * each + noise for each in reached)
    lost = 0.0 if level == 0 else gap * LOST[start] * level
    scores = tuple(max(0.1, 0.97 - lost + noise - 0.87 * exp(-each)) for each in reached)
    best = losses.index(min(losses))
    return Training(
        start=start, level=level, seed=seed, losses=losses, scores=scores,
        stop_iteration=places[best], stop_score=scores[best], end_score=scores[-1],
    )  # fmt: skip


def trainings(asked: TrainingSettings, gap: float, upto: int) -> Iterator[Training]:
    for level in range(upto + 1):
        for start in Start if level else (Start.TICKET,):
            for seed in range(asked.seeds):
                yield training(start, level, seed, asked, gap)


def value(each: Training, measure: Measure) -> float:
    return {
        Measure.STOP_ITERATION: float(each.stop_iteration),
        Measure.STOP_SCORE: each.stop_score,
        Measure.END_SCORE: each.end_score,
    }[measure]


def interval(
    values: list[float], confidence: float = 0.95
) -> tuple[float, float | None, float | None]:
    """Mean and t-interval over seeds."""
    middle = mean(values)
    if len(values) < 2:
        return middle, None, None
    half = float(t.ppf((1 + confidence) / 2, len(values) - 1)) * stdev(values) / sqrt(len(values))
    return middle, middle - half, middle + half


def outcomes(found: tuple[Training, ...]) -> tuple[Outcome, ...]:
    groups = dict.fromkeys((each.level, each.start) for each in found)
    said = []
    for level, start in groups:
        for measure in Measure:
            same = [each for each in found if (each.level, each.start) == (level, start)]
            middle, low, high = interval([value(each, measure) for each in same])
            said.append(
                Outcome(
                    level=level, start=start, measure=measure, mean=middle, low=low, high=high
                )
            )  # fmt: skip
    return tuple(said)


def contests(found: tuple[Training, ...]) -> tuple[Contest, ...]:
    last = max((each.level for each in found), default=0)
    said = []
    for measure in Measure:
        for control in CONTROLS:
            by_seed: dict[int, list[float]] = {}
            for level in range(1, last + 1):
                pairs = {
                    start: {
                        each.seed: value(each, measure)
                        for each in found
                        if (each.level, each.start) == (level, start)
                    }
                    for start in (Start.TICKET, control)
                }
                gaps = {seed: pairs[Start.TICKET][seed] - pairs[control][seed]
                        for seed in pairs[control]}  # fmt: skip
                confidence = 1 - 0.05 / last
                said.append(contest(level, control, measure, list(gaps.values()), confidence))
                for seed, gap in gaps.items():
                    by_seed.setdefault(seed, []).append(gap)
            if by_seed:
                means = [mean(each) for each in by_seed.values()]
                said.append(contest(None, control, measure, means, 0.95))
    return tuple(said)


def contest(
    level: int | None, control: Start, measure: Measure, gaps: list[float], confidence: float
) -> Contest:
    middle, low, high = interval(gaps, confidence)
    better = measure is Measure.STOP_ITERATION
    winner = Winner.NEITHER
    if low is not None and high is not None and not low <= 0 <= high:
        winner = Winner.TICKET if (middle < 0) == better else Winner.CONTROL
    return Contest(
        level=level, control=control, measure=measure, difference=middle, low=low, high=high,
        confidence=confidence, winner=winner,
    )  # fmt: skip


def mask(name: str, level: int, kept: float, *, tiles: bool = False) -> LevelMask:
    """A picture of 12 x 20 weights; with tiles, of 4 x 4 kernels of 3 x 3."""
    rows, columns, tile = (12, 12, 3) if tiles else (12, 20, 0)
    chosen = np.random.default_rng(5).random((rows, columns)) < kept
    shares = np.where(chosen, 255, 0).astype(np.uint8)
    weights = np.random.default_rng(6).integers(-99, 99, (rows, columns)).astype("<i2")
    return LevelMask(
        level=level,
        image=MaskImage(
            parameter=name,
            module_type="Conv2d" if tiles else "Linear",
            shape=(4, 4, 3, 3) if tiles else (rows, columns),
            parameters=rows * columns,
            nonzero=int(chosen.sum()),
            rows=rows,
            columns=columns,
            tile_rows=tile,
            tile_columns=tile,
            block_rows=1,
            block_columns=1,
            scale=0.001,
            weights=base64.b64encode(weights.tobytes()).decode(),
            kept=base64.b64encode(shares.tobytes()).decode(),
        ),
    )


def lottery(
    *, gap: float = 1.0, upto: int | None = None, names: tuple[str, ...] = (), **changes: object
) -> Lottery:
    """`gap` is how much worse the controls are, `upto` the last level that was trained."""
    asked = settings(**changes)
    last = asked.rounds if upto is None else upto
    found = tuple(trainings(asked, gap, last))
    every = levels(asked, names=names)[: last + 1]
    shown = names or tuple(name for name, _ in LAYERS)
    said = contests(found)
    return Lottery(
        network="LeNet-300-100",
        data="scikit-learn's digits: 1,221 to train on, 216 to stop by, 360 to score on",
        images=(1221, 216, 360),
        settings=asked,
        checkpoints=tuple(range(0, asked.iterations + 1, asked.check_every)),
        levels=every,
        trainings=found,
        outcomes=outcomes(found),
        contests=said,
        masks=tuple(
            mask(name, each.level, each.kept, tiles=place == 1)
            for each in every
            for place, name in enumerate(shown)
        ),
        verdict=""
        if not said
        else "Over all levels the ticket is more accurate than its controls.",
        steps_per_second=1234.0,
    )


def rows(found: Lottery) -> tuple[Row, ...]:
    total = sum(count for _, count in LAYERS)
    listed = []
    for level in found.levels:
        for start in Start if level.level else (Start.TICKET,):
            name = f"{start.value.replace(' ', '-')}-{level.level}" if level.level else "dense"
            label = f"{start.value}, {100 * level.kept:.1f} % left" if level.level else "dense"
            means = {
                (each.level, each.start): each.mean
                for each in found.outcomes
                if each.measure is Measure.END_SCORE
            }
            score = means.get((level.level, start))
            listed.append(
                Row(
                    name=name, label=label, score=score,
                    footprint=Footprint(parameters=total, nonzero=level.left),
                )
            )  # fmt: skip
    return tuple(listed)


def study(found: Lottery, **changes: object) -> Study:
    """A lottery study around these results."""
    request = LotteryRequest(workload="lenet300", rounds=found.settings.rounds, rate=0.4)
    base = Study(
        kind="lottery",
        title="LeNet-300-100, lottery ticket",
        request=request.document(),
        environment=environment(),
        rows=rows(found),
        phases=(Phase(name="training", seconds=61.0),),
        score_name="accuracy",
        score_over="360 test images",
        lottery=found,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def won() -> Study:
    """The ticket is better than both controls, and as good as dense at the end."""
    return study(lottery())


def drawn() -> Study:
    """Nothing can be told apart."""
    return study(lottery(gap=0.0))


def alone() -> Study:
    """One seed: there are no intervals."""
    return study(lottery(seeds=1))


def unfinished(upto: int = 2) -> Study:
    """Stopped, or still on its way, in the middle of the level after `upto`."""
    found = lottery(upto=upto)
    short = training(Start.TICKET, upto + 1, 0, found.settings, 1.0)
    short = replace(short, losses=short.losses[:4], scores=short.scores[:4])
    asked = levels(found.settings)
    grown = replace(
        found, levels=asked[: upto + 2], trainings=(*found.trainings, short), verdict=""
    )
    listed = rows(found)
    return study(replace(grown, steps_per_second=None), rows=listed, complete=False)


def nothing_yet() -> Study:
    """Before the first network is trained."""
    found = lottery(upto=0)
    empty = replace(
        found, levels=(), trainings=(), outcomes=(), contests=(), masks=(), verdict="",
        steps_per_second=None,
    )  # fmt: skip
    return study(empty, rows=(Row(name="dense", label="dense"),), complete=False)


def hostile() -> Study:
    """Markup wherever there is text."""
    names = (HOSTILE, MARKDOWN, "=1+1")
    found = lottery(upto=2, names=names)
    found = replace(found, network=HOSTILE, data=MARKDOWN, verdict=f"{HOSTILE} {MARKDOWN}")
    named = tuple(replace(row, label=f"{row.label} {HOSTILE}") for row in rows(found))
    return study(found, title=f"{HOSTILE} {MARKDOWN}", rows=named, notes=(HOSTILE, MARKDOWN))
