"""The lottery ticket experiment: every network that was trained, and what follows from them.

A level is one round of pruning: level 0 is dense. At every other level three networks start with
the same share of their weights: the ticket, and two controls. Source of the procedure: Frankle and
Carbin, "The Lottery Ticket Hypothesis", ICLR 2019 (arXiv 1803.03635).
`efficiency.core.values.Study` carries one Lottery beside its rows.
"""

from dataclasses import dataclass
from enum import StrEnum

from efficiency.core.pruning import MaskImage


class Start(StrEnum):
    """What a network is trained from.

    Each has the same number of weights in each layer as the ticket of its level and seed.
    """

    TICKET = "ticket"  # the pruned mask, the first weights
    REINITIALISED = "re-initialised"  # the same mask, new random weights
    RANDOM_MASK = "random mask"  # the first weights, the mask shuffled within each layer


CONTROLS = (Start.REINITIALISED, Start.RANDOM_MASK)


class Measure(StrEnum):
    """What networks are compared by, as in the paper's figures."""

    STOP_ITERATION = "early-stop iteration"  # of the smallest validation loss; fewer is better
    STOP_SCORE = "accuracy at early stop"  # on the test images, at that iteration
    END_SCORE = "accuracy at the end"  # on the test images, after the last iteration


class Winner(StrEnum):
    """What an interval of ticket minus control says."""

    TICKET = "ticket better"
    NEITHER = "no difference"
    CONTROL = "control better"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """How every network of the experiment is trained (Adam) and pruned.

    `output_rate` is the rate of the output layer where pruning goes layer by layer; it is not used
    with scope "global". Networks are looked at every `check_every` iterations. The ticket is
    rewound to its weights after `rewind_iteration` iterations, 0 for the first ones.
    """

    iterations: int
    batch_size: int
    learning_rate: float
    check_every: int
    rounds: int
    rate: float
    output_rate: float
    scope: str
    seeds: int
    rewind_iteration: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One network: where it started, its level and seed, and how it learned.

    `losses` (validation) and `scores` (test, 0 to 1) are those at `Lottery.checkpoints`; of
    one that still learns, those so far.
    """

    start: Start
    level: int
    seed: int
    losses: tuple[float, ...]
    scores: tuple[float, ...]
    stop_iteration: int
    stop_score: float
    end_score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How much is left at a level: share of all weights (0 to 1), and numbers left by layer."""

    level: int
    kept: float
    left: int
    by_layer: tuple[tuple[str, int, int], ...]  # name, left, of how many


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Mean over the seeds at one level, with its 95 % t-interval; None with a single seed."""

    level: int
    start: Start
    measure: Measure
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Ticket against one control: mean over seeds of ticket minus control, with its interval.

    `level` None is over all levels at which there were controls. The interval holds `confidence`
    (0.95, and for single levels corrected for how many are looked at). `winner` is decided by the
    interval alone: NEITHER where it holds 0, or where it cannot be told.
    """

    level: int | None
    control: Start
    measure: Measure
    difference: float
    low: float | None
    high: float | None
    confidence: float
    winner: Winner


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelMask:
    """A layer's mask of the first seed's ticket at one level, over the weights it starts from."""

    level: int
    image: MaskImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Lottery:
    """All networks so far, what they say about the hypothesis, and the masks of the first seed.

    `data` says what was learned, and how many images there are to train, validate and test with.
    `verdict` is a sentence computed from `contests`, "" before there is one. `steps_per_second` is
    over all networks, as trained here.
    """

    network: str
    data: str
    images: tuple[int, int, int]
    settings: TrainingSettings
    checkpoints: tuple[int, ...]
    levels: tuple[Level, ...] = ()
    trainings: tuple[Training, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    contests: tuple[Contest, ...] = ()
    masks: tuple[LevelMask, ...] = ()
    verdict: str = ""
    steps_per_second: float | None = None
