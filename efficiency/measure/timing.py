"""Which candidate is faster, and how sure we are.

Measured one after the other, a model against itself came out between 0.82 and 1.27 times as fast:
clocks, caches and neighbours drift. So every candidate runs in every round, in an order shuffled
for each round, and only times of the same round are compared (`ratio.py`).
"""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random

import torch

from efficiency.core.units import share_text
from efficiency.core.values import Ratio, Timing
from efficiency.measure.blocks import Call, Stopwatch, interruptions
from efficiency.measure.load import LoadMeter, disturbance, load_of_others
from efficiency.measure.ratio import compare_paired, glance_paired
from efficiency.measure.threads import fixed_threads, steady_threads

# Below eight rounds not even smallest and largest ratio enclose the median with 99 % (1 - 2/2^n).
MINIMUM_ROUNDS = 8
# More rounds would shrink the interval below what the addresses of the weights change (ratio.py).
MAXIMUM_ROUNDS = 2000
NARROW = 1.01
SECONDS_PER_CANDIDATE = 1.25
PAUSE_SECONDS = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Times of all candidates, and speed ratios to the first (whose own ratio is None).

    `stopped` says why there were no more rounds; loads are shares (0 to 1) of the machine's CPU
    time used by other processes; `disturbed` is one sentence, None if nothing disturbed. In a look
    at a running comparison a ratio is None while there are too few rounds for an interval.
    """

    timings: dict[str, Timing]
    speedups: dict[str, Ratio | None]
    rounds: int
    calls_per_block: int
    threads: int
    stopped: str
    load_before: float | None
    load_during: float | None
    disturbed: str | None


def compare(
    candidates: Mapping[str, Call],
    *,
    device: str = "cpu",
    budget_seconds: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    on_round: Callable[[Comparison], None] | None = None,
    clock: Callable[[], int] = time.perf_counter_ns,
    interruptions: Callable[[], int] = interruptions,
) -> Comparison:
    """Time the candidates against the first one, the baseline.

    Each call must do the same work every time. Candidates should be made in the same way: a module
    built under `torch.inference_mode` is 4 % faster at LeNet's size than its twin built outside.

    budget_seconds: wall time to stop after; 1.25 s per candidate if left out. Exceeded only where
    the fewest rounds for an interval take longer, and then `stopped` says so.
    threads: CPU threads of PyTorch meanwhile; `steady_threads()` if left out.
    on_round: given the state of things about once a second, outside the timed blocks.
    clock: nanoseconds. interruptions: how often the scheduler has interrupted this thread so far.
    """
    if not candidates:
        raise ValueError("there is nothing to compare")
    budget = budget_seconds or SECONDS_PER_CANDIDATE * len(candidates)
    threads = threads or steady_threads()
    watch = Stopwatch(wait=waiter(device), clock=clock, interruptions=interruptions)
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    with fixed_threads(threads):
        began = clock()
        load_before = load_of_others()
        meter = LoadMeter()
        plan = watch.plan(tuple(candidates.values()), longest_round=budget / MINIMUM_ROUNDS)

        def look(stopped: str, pair: Callable[[Timing, Timing], Ratio | None]) -> Comparison:
            load = meter.share()
            timings = {name: Timing(samples=tuple(taken)) for name, taken in samples.items()}
            baseline = next(iter(timings.values()))
            return Comparison(
                timings=timings,
                speedups={
                    name: None if timing is baseline else pair(baseline, timing)
                    for name, timing in timings.items()
                },
                rounds=len(baseline.samples),
                calls_per_block=plan.calls,
                threads=threads,
                stopped=stopped,
                load_before=load_before,
                load_during=load,
                disturbed=disturbance(load, baseline),
            )

        order = list(candidates)
        shuffle = Random(seed).shuffle  # noqa: S311 - not for secrets
        next_pause = PAUSE_SECONDS
        stopped = ""
        while not stopped:
            shuffle(order)
            with no_garbage_collection():
                for name in order:
                    samples[name].append(watch.sample(candidates[name], plan))
            spent = (clock() - began) / 1e9
            rounds = len(samples[order[0]])
            if spent >= budget and rounds >= MINIMUM_ROUNDS:
                stopped = _out_of_budget(budget, spent)
            elif rounds >= MAXIMUM_ROUNDS:
                stopped = f"{MAXIMUM_ROUNDS} rounds are enough."
            elif spent >= next_pause:
                next_pause = spent + PAUSE_SECONDS
                so_far = look("still measuring", glance_paired)
                if on_round is not None:
                    on_round(so_far)
                if rounds >= MINIMUM_ROUNDS and _narrow(so_far):
                    stopped = f"Every interval is within ±{share_text(NARROW - 1, 0)}."
        return look(stopped, partial(compare_paired, seed=seed))


def waiter(device: str) -> Callable[[], None]:
    """A function that returns when the device has finished what it was given."""
    target = torch.device(device)
    if target.type == "cpu":  # calls return when they are done
        return lambda: None
    return partial(torch.accelerator.synchronize, target)


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """No pause for collecting garbage inside the block; afterwards it is on again if it was."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _narrow(comparison: Comparison) -> bool:
    _, *ratios = comparison.speedups.values()
    return all(
        ratio is not None and ratio.high <= ratio.low * NARROW**2  # None: too few rounds yet
        for ratio in ratios
    )


def _out_of_budget(budget: float, spent: float) -> str:
    if spent > 1.1 * budget:
        return (
            f"The fewest rounds for an interval, {MINIMUM_ROUNDS}, took {spent:.3g} s, "
            f"longer than the budget of {budget:g} s."
        )
    return f"The time budget of {budget:g} s is spent."
