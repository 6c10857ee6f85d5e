"""Energy of one pass, counted by the hardware: what running it draws, less what idling draws.

First nothing runs, then the same call again and again, in windows one after the other. A window
ends when a counter has just moved, so the pace of the counter (1 ms for RAPL, 100 ms for NVML) does
not matter: an edge is exact to one step of STEP_SECONDS, or to one call if that is longer.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import quantiles

from efficiency.core.anatomy import MeterReading, Spread
from efficiency.core.errors import Unavailable
from efficiency.measure.blocks import Call
from efficiency.measure.counters import Counter
from efficiency.measure.nvml import nvml_counters
from efficiency.measure.rapl import rapl_counters
from efficiency.measure.timing import waiter

SECONDS = 4.0
# Where running draws no more than idling, the quartiles of 8 windows and of 8 others lie apart in
# the direction that pretends it does in 3 % of all cases (drawn 100,000 times).
WINDOWS = 8
# What the edges of a window can pretend: 1 ms at each end of the 250 ms of an idle one.
NOTICEABLE = 1.01
MINIMUM_WINDOWS = 3  # where a single call takes longer than a window should
WARM_UP_SECONDS = 0.5
# Between two looks at the counters; a look costs microseconds.
STEP_SECONDS = 0.01
# A counter that has not moved for so long stands still: ten times the pace of the slowest.
STILL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edge:
    """A moment between two windows: the clock, passes so far, and what each counter shows."""

    seconds: float
    passes: int
    shown: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """What one counter counted between two edges."""

    seconds: float
    passes: int
    joules: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Silence:
    """Why a counter tells nothing, and what to do about it."""

    why: str
    remedy: str


def find_counters(device: str) -> tuple[Counter, ...]:
    """The energy counters of a device. Raises Unavailable with the reason and what to do."""
    return rapl_counters() if device == "cpu" else nvml_counters(device)


def read_meters(
    call: Call,
    *,
    device: str = "cpu",
    seconds: float = SECONDS,
    counters: Sequence[Counter] | None = None,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[MeterReading, ...]:
    """Joules of one call by each counter of the device that can tell them.

    seconds: how long the call is repeated, longer only where three calls take longer; idling is
    watched for half of it. counters, clock, sleep: the device's own and the real ones if left out.

    Raises Unavailable where there is no counter, where they stand still, and where running draws
    no more than idling. If only one of several is silent, the text of the first other says why.
    A counter must not go round twice in a window: with the smallest, 500 W take two minutes.
    """
    found = tuple(find_counters(device) if counters is None else counters)
    wait = waiter(device)

    def rest() -> int:
        sleep(STEP_SECONDS)
        return 0

    def run() -> int:
        for _ in range(calls):
            call()
        wait()
        return calls

    wait()
    idle = _edges(rest, found, seconds / 2, clock)
    calls = _warm_up(call, wait, clock)
    busy = _edges(run, found, seconds, clock)
    results = [
        _reading(counter, _windows(idle, counter, index), _windows(busy, counter, index))
        for index, counter in enumerate(found)
    ]
    readings = [each for each in results if isinstance(each, MeterReading)]
    silences = [each for each in results if isinstance(each, _Silence)]
    if not readings:
        raise _unavailable(silences[0])
    left_out = "".join(f"; not counted: {each.why}" for each in silences)
    readings[0] = replace(readings[0], counter=readings[0].counter + left_out)
    return tuple(readings)


def _warm_up(call: Call, wait: Callable[[], None], clock: Callable[[], float]) -> int:
    """Run until clocks and caches are as they will be; the number of calls that fill one step."""
    call()
    wait()
    began, calls = clock(), 0
    while clock() - began < WARM_UP_SECONDS:
        call()
        wait()
        calls += 1
    return max(1, round(STEP_SECONDS * calls / (clock() - began)))


def _edges(
    step: Callable[[], int],
    counters: Sequence[Counter],
    seconds: float,
    clock: Callable[[], float],
) -> list[_Edge]:
    """Repeat the step, which returns how many passes it made; about so many seconds in all.

    An edge is the end of a step in which a counter moved. Raises Unavailable if none moves.
    """

    def look() -> _Edge:
        return _Edge(seconds=clock(), passes=passes, shown=tuple(each.read() for each in counters))

    passes = 0
    edges: list[_Edge] = []
    now = look()
    window = seconds / WINDOWS
    due, end = now.seconds, now.seconds + seconds + window
    while len(edges) <= MINIMUM_WINDOWS or (len(edges) <= WINDOWS and now.seconds < end):
        before = now
        passes += step()
        now = look()
        if now.seconds < due:
            continue
        if now.shown != before.shown:
            edges.append(now)
            due = now.seconds + window
        elif now.seconds >= due + STILL_SECONDS:
            raise _unavailable(_stands_still(counters[0], now.seconds - due))
    return edges


def _windows(edges: Sequence[_Edge], counter: Counter, index: int) -> list[_Window]:
    """What the counter, the one at that index, counted from each edge to the next."""
    return [
        _Window(
            seconds=last.seconds - first.seconds,
            passes=last.passes - first.passes,
            joules=counter.joules(first.shown[index], last.shown[index]),
        )
        for first, last in pairwise(edges)
    ]


def _reading(
    counter: Counter, idle: Sequence[_Window], busy: Sequence[_Window]
) -> MeterReading | _Silence:
    longest = max((each.seconds for each in (*idle, *busy) if not each.joules), default=None)
    if longest is not None:
        return _stands_still(counter, longest)
    idle_watts, busy_watts = (
        _spread(each.joules / each.seconds for each in windows) for windows in (idle, busy)
    )
    joules = _spread(
        (each.joules - idle_watts.median * each.seconds) / each.passes for each in busy
    )
    if busy_watts.low <= NOTICEABLE * idle_watts.high or joules.low <= 0:
        return _no_difference(counter, idle_watts, busy_watts)
    return MeterReading(
        counter=f"{counter.part} ({counter.note})",
        joules=joules,
        idle_watts=idle_watts.median,
        busy_watts=busy_watts.median,
        passes=sum(each.passes for each in busy),
        seconds=sum(each.seconds for each in busy),
    )


def _spread(values: Iterable[float]) -> Spread:
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Spread(median=middle, low=low, high=high)


def _stands_still(counter: Counter, seconds: float) -> _Silence:
    return _Silence(
        why=f"the counter of the {counter.part} stood still for {seconds:.2f} s",
        remedy="some virtual machines and boards have such counters, so measure on another machine",
    )


def _no_difference(counter: Counter, idle: Spread, busy: Spread) -> _Silence:
    def text(watts: Spread) -> str:
        return f"{watts.median:.2f} W ({watts.low:.2f} to {watts.high:.2f})"

    return _Silence(
        why=f"the {counter.part} drew {text(busy)} with the model running and {text(idle)} without",
        remedy="measure again when nothing else runs, or with a larger batch",
    )


def _unavailable(silence: _Silence) -> Unavailable:
    return Unavailable(f"Joules cannot be told: {silence.why}; {silence.remedy}.")
