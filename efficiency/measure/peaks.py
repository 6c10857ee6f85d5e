"""The most that this machine does of one thing: products of matrices, and bytes to and from memory.

Layers are judged against these; a data sheet does not know what a virtual machine gets. Others who
share the processor only ever take away from a sample, so the maximum is what is meant, if samples
are short enough to fall between their work and come from all over the time: beside three busy
processes on two cores, the maxima of six runs agreed within 1 to 4 %, the medians within 5 to 11 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import torch

from efficiency.core.anatomy import Peak
from efficiency.measure.blocks import Plan, Stopwatch
from efficiency.measure.device import find_device
from efficiency.measure.probes import Load, Probe, probes
from efficiency.measure.timing import waiter

SECONDS = 6.0
MINIMUM_ROUNDS = 5
# Sizes grow until one call takes so long: larger ones were not faster, only disturbed more often.
LONG_CALL_SECONDS = 1.5e-3
LOOKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """One size of a probe, and what it did a second in each sample so far."""

    load: Load
    plan: Plan
    rates: list[float] = field(default_factory=list)

    def sample(self, watch: Stopwatch) -> float:
        """Take one more sample; seconds of one call."""
        seconds = watch.sample(self.load.call, self.plan)
        self.rates.append(self.load.amount / seconds)
        return seconds


def find_peaks(
    device: str = "cpu", *, seed: int = 0, budget_seconds: float = SECONDS
) -> tuple[Peak, ...]:
    """The peaks of a device with as many threads as PyTorch is set to now.

    What cannot be done has no figure, but the reason. Raises Unavailable if there is no such
    device. budget_seconds: all in all.
    """
    here = find_device(device)
    before = torch.backends.cuda.matmul.fp32_precision
    try:
        return best_of(
            probes(here, seed=seed),
            Stopwatch(wait=waiter(device)),
            budget_seconds=budget_seconds,
            seed=seed,
        )
    finally:
        torch.backends.cuda.matmul.fp32_precision = before


def best_of(
    things: Sequence[Probe], watch: Stopwatch, *, budget_seconds: float = SECONDS, seed: int = 0
) -> tuple[Peak, ...]:
    """The best that was seen of each thing."""
    end = watch.clock() + budget_seconds * 1e9
    tried = [_sizes(probe, watch) for probe in things]
    everything = [size for sizes, _ in tried for size in sizes]
    shuffle = Random(seed).shuffle  # noqa: S311 - not for secrets
    rounds = 0
    while rounds < MINIMUM_ROUNDS or watch.clock() < end:
        shuffle(everything)
        for size in everything:
            size.sample(watch)
        rounds += 1
    return tuple(
        Peak(
            name=probe.name,
            label=probe.label,
            unit=probe.unit,
            per_second=max((max(size.rates) for size in sizes), default=None),
            unavailable=None if sizes else f"PyTorch cannot do this here: {reason}",
        )
        for probe, (sizes, reason) in zip(things, tried, strict=True)
    )


def _sizes(probe: Probe, watch: Stopwatch) -> tuple[list[_Size], str | None]:
    """All sizes up to a long call, warmed up; and what PyTorch said if it could not go that far."""
    sizes: list[_Size] = []
    for number in probe.sizes:
        try:
            load = probe.load(number)
            plan = watch.plan((load.call,), longest_round=1.0)
        except RuntimeError as error:  # no such operator here, or not enough memory
            return sizes, str(error).partition("\n")[0]
        sizes.append(_Size(load=load, plan=plan))
        if min(sizes[-1].sample(watch) for _ in range(LOOKS)) > LONG_CALL_SECONDS:
            break
    return sizes, None
