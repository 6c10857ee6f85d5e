"""The values that travel from a measurement to a chart: frozen, plain, SI units in their names.

None always means "not available", 0 means "measured, and it was zero".
A Study is the result of one request; all pages and exports read nothing else.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import median, quantiles

from efficiency.core.anatomy import Anatomy
from efficiency.core.lottery import Lottery
from efficiency.core.mixed import MixedPrecision
from efficiency.core.pruning import Pruning
from efficiency.core.quantization import Quantization


class Verdict(StrEnum):
    """What an interval lets us say about a candidate against the baseline."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "no measurable difference"


class Origin(StrEnum):
    """Where a number comes from; shown beside it."""

    MEASURED = "measured here"
    ESTIMATED = "estimated"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds per call of one candidate, one sample per round."""

    samples: tuple[float, ...]

    @property
    def median_seconds(self) -> float:
        """The middle sample."""
        return median(self.samples)

    @property
    def quartiles_seconds(self) -> tuple[float, float]:
        """First and third quartile; both the single sample where there is only one."""
        if len(self.samples) < 2:
            return self.samples[0], self.samples[0]
        first, _, third = quantiles(self.samples, n=4, method="inclusive")
        return first, third

    @property
    def p95_seconds(self) -> float:
        """The time that 95 % of the rounds stayed under."""
        if len(self.samples) < 2:
            return self.samples[0]
        return quantiles(self.samples, n=20, method="inclusive")[-1]


# The interval of a ratio, and how far all of it must lie from 1 before we speak of a difference.
# Why just these: `efficiency.measure.ratio`.
INTERVAL_LEVEL = 0.99
EQUIVALENCE_BAND = 1.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Times as fast as the baseline: the median over rounds of baseline / candidate seconds.

    `low` and `high` enclose it at INTERVAL_LEVEL; the verdict is SAME unless both are outside
    1 / EQUIVALENCE_BAND to EQUIVALENCE_BAND on the same side. Training runs widen the interval by
    that band after the verdict, so that it holds for the next process too.
    """

    ratio: float
    low: float
    high: float
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSpeed:
    """The speed of one candidate at another batch size than the one of the request."""

    batch_size: int
    timing: Timing
    speedup: Ratio | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Joules of one pass; `source` names the counter, or the table behind an estimate.

    `low` and `high` are the range of the source, or the quartiles of what was measured; None where
    there is a single figure.
    """

    joules: float | None
    origin: Origin
    source: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakMemory:
    """Bytes held by tensors at the moment of the peak, split by what they are for."""

    parameters: int
    activations: int
    temporary: int
    gradients: int = 0
    optimizer: int = 0

    @property
    def total(self) -> int:
        """Bytes over all kinds."""
        return self.parameters + self.activations + self.temporary + self.gradients + self.optimizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What a model occupies: numbers in it, bytes of its saved file, bytes while it runs."""

    parameters: int
    nonzero: int
    bytes_on_disk: int | None = None
    bytes_zipped: int | None = None
    peak_bytes: int | None = None
    peak_split: PeakMemory | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFlops:
    """Multiply-accumulates of one layer in one forward pass."""

    layer: str
    macs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flops:
    """Arithmetic of one forward pass; 1 multiply-accumulate = 2 floating-point operations.

    `uncounted` names the operators that did work but have no formula here.
    """

    total: int
    by_layer: tuple[LayerFlops, ...] = ()
    uncounted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A layer that a technique left alone, and why."""

    layer: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Which layers a technique changed, and which it did not."""

    changed: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One candidate of a study. `name` is its short id (and its folder), `label` what people read.

    `timing` and `speedup` are at the study's batch size.
    `unavailable` is the reason why a candidate has no numbers on this machine, else None.
    """

    name: str
    label: str
    timing: Timing | None = None
    speedup: Ratio | None = None
    at_other_batches: tuple[BatchSpeed, ...] = ()
    energy: Energy | None = None
    footprint: Footprint | None = None
    flops: Flops | None = None
    score: float | None = None
    sqnr_db: float | None = None
    coverage: Coverage | None = None
    notes: tuple[str, ...] = ()
    unavailable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionCost:
    """What storing a tensor in another format costs: bytes, and signal-to-quantization-noise."""

    precision: str
    bytes: int
    sqnr_db: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerWeights:
    """One stored tensor: its shape, its distribution, and its cost in each precision.

    The histogram has equal bins from `low` to `high`. Statistics are over finite values and None
    where there are none.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    parameters: int
    zeros: int
    not_finite: int
    mean: float | None
    std: float | None
    low: float | None
    high: float | None
    histogram: tuple[int, ...]
    precisions: tuple[PrecisionCost, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The machine and the software a study was measured with.

    `load_before` and `load_during` are the share (0 to 1) of the machine's CPU time that other
    processes used; `disturbed` says why the times are doubtful, None if they are not.
    """

    measured_at: str
    device: str
    features: tuple[str, ...]
    cpu: str
    cores: int
    threads: int
    memory_bytes: int
    platform: str
    versions: dict[str, str]
    load_before: float | None = None
    load_during: float | None = None
    disturbed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Wall time of one part of a run."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Advice: what was found, the numbers behind it, what to do next."""

    finding: str
    evidence: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The result of one request. rows[0] is always the untouched baseline.

    `caveats` are what people must know before they read the numbers; `notes` are the rest.
    `score` is the share called `score_name` (for example accuracy) of what `score_over` says in
    words ("360 held-out digits"); its interval is that of `score_count` independent trials, which
    may be fewer than there were predictions. `anatomy` has the layers one by one, where a routine
    takes the model apart; `mixed` is what was recorded of mixed precision, `quantized` of
    quantization, `pruned` of pruning, `lottery` of the lottery ticket experiment. `complete` is
    False while rows are still being measured.
    """

    kind: str
    title: str
    request: dict[str, object]
    environment: Environment
    rows: tuple[Row, ...]
    caveats: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    layers: tuple[LayerWeights, ...] = ()
    phases: tuple[Phase, ...] = ()
    score_name: str | None = None
    score_count: int | None = None
    score_over: str | None = None
    batch_size: int = 1
    anatomy: Anatomy | None = None
    mixed: MixedPrecision | None = None
    quantized: Quantization | None = None
    pruned: Pruning | None = None
    lottery: Lottery | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run is: `done` of `total` steps, and the time left if it can be told."""

    step: str
    done: int
    total: int
    seconds_left: float | None = None


def wilson_interval(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share observed in `count` trials (Wilson 1927)."""
    centre = share + z * z / (2 * count)
    spread = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return (centre - spread) / scale, (centre + spread) / scale
