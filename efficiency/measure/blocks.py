"""One sample of a time: a block of calls in a row, long enough for the clock, short enough to
escape the scheduler, and measured again if it did not.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from math import ceil
from operator import itemgetter

if sys.platform == "linux":
    import resource

Call = Callable[[], object]

# Long enough for the clock (a read costs 0.1 µs, and the same for all), and far shorter than the
# milliseconds a scheduler lets a process run: a block that is interrupted tells nothing. On two
# cores used to 90 % by others, 2 s of blocks of 0.2 ms gave an interval of ±0.5 %, of 0.8 ms ±3 %,
# and of 1.5 ms and more ±10 to 150 %.
BLOCK_SECONDS = 2e-4
# A block that the scheduler interrupted is measured again, at most so often; hopeless where a block
# is longer than the time that a scheduler gives a process at a stretch. With blocks of 2 ms on
# cores used to 85 % by others this took the interval from ±12 % to ±5 %.
ATTEMPTS = 3
STRETCH_SECONDS = 5e-3
# A call this long does not notice that the caches were filled by another candidate.
LONG_CALL_SECONDS = 0.05
WARM_UP_SECONDS = 0.05


def interruptions() -> int:
    """How often the scheduler has taken the CPU from this thread; always 0 where nobody counts."""
    if sys.platform != "linux":
        return 0
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a block is. The same for all candidates, so that what it costs beside its calls cancels.

    lead_in: an untimed call at the start, because the caches still hold the candidate before.
    """

    calls: int
    lead_in: bool
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopwatch:
    """Times calls. `wait` returns when the device has finished what it was given."""

    wait: Callable[[], None]
    clock: Callable[[], int] = time.perf_counter_ns
    interruptions: Callable[[], int] = interruptions

    def plan(self, candidates: Sequence[Call], longest_round: float) -> Plan:
        """Warm up every candidate; plan blocks for the fastest, rounds within `longest_round` s."""
        seconds = [self._warm_up(call) for call in candidates]
        fastest = min(seconds)
        calls = min(ceil(BLOCK_SECONDS / fastest), int(longest_round / sum(seconds)))
        calls = max(1, calls)
        return Plan(
            calls=calls,
            lead_in=fastest < LONG_CALL_SECONDS,
            attempts=ATTEMPTS if calls * fastest < STRETCH_SECONDS else 1,
        )

    def sample(self, call: Call, plan: Plan) -> float:
        """Seconds per call, from the least interrupted attempt at a block."""
        attempts: list[tuple[int, float]] = []
        for _ in repeat(None, plan.attempts):
            if plan.lead_in:
                call()
            self.wait()
            interrupted = self.interruptions()
            began = self.clock()
            for _ in repeat(None, plan.calls):
                call()
            self.wait()
            seconds = (self.clock() - began) / plan.calls / 1e9
            attempts.append((self.interruptions() - interrupted, seconds))
            if attempts[-1][0] == 0:
                break
        return min(attempts, key=itemgetter(0))[1]

    def _warm_up(self, call: Call) -> float:
        """Call at least twice and for a while; seconds of the fastest call but the first."""
        call()
        self.wait()
        began = now = self.clock()
        times: list[int] = []
        while not times or now - began < WARM_UP_SECONDS * 1e9:
            before = now
            call()
            self.wait()
            now = self.clock()
            times.append(now - before)
        return max(1, min(times)) / 1e9
