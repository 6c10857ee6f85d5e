"""What mixed precision can gain here, said before it is measured: the roofline of one step.

Every operator of the rehearsed step takes at least as long as its multiplications do at the speed
that products of its dtype were just seen to have, as its bytes do at the speed of the memory that
holds them, and as it takes to start any operator at all.
Williams, Waterman, Patterson, "Roofline", CACM 52(4), 2009.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from efficiency.core.anatomy import Cache, Peak
from efficiency.core.mixed import Prediction
from efficiency.core.roofline import MAIN_MEMORY
from efficiency.core.units import bytes_text, rate_text, seconds_text, share_text
from efficiency.routines.mixed_precision.rehearsal import Effort, Rehearsal
from efficiency.routines.mixed_precision.tried import Tried

PEAKS = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}
# Times as slow as float32 from which on nobody is let in without a warning.
VERY_SLOW = 3.0
LONG_SECONDS = 60.0  # what is over sooner needs none
# A whole step takes about so many times as long as its roofline.
ABOVE_ROOFLINE = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Speeds:
    """Operations a second of matrix products by dtype; memories, smallest first, as their size in
    bytes and bytes a second; seconds to start an operator."""

    products: dict[torch.dtype, float]
    memories: tuple[tuple[float, float], ...]
    start: float = 0.0


def speeds_of(peaks: Iterable[Peak], caches: Iterable[Cache] = (), start: float = 0.0) -> Speeds:
    """The speeds that this forecast needs, as far as they are known."""
    known = {peak.name: peak.per_second for peak in peaks if peak.per_second}
    sizes = {cache.name: float(cache.bytes) for cache in caches} | {MAIN_MEMORY: float("inf")}
    return Speeds(
        products={dtype: known[name] for dtype, name in PEAKS.items() if name in known},
        memories=tuple(
            sorted((size, known[name]) for name, size in sizes.items() if name in known)
        ),
        start=start,
    )


def step_seconds(efforts: Iterable[Effort], speeds: Speeds) -> float | None:
    """The least that these operators can take one after the other; None for an unknown dtype."""
    total = 0.0
    for each in efforts:
        rate = speeds.products.get(each.dtype)
        if each.macs and rate is None:
            return None
        arithmetic = 2 * each.macs / rate if rate else 0.0
        # What an operator touches was touched just before: it is in the smallest memory it fits in.
        bandwidth = next((rate for size, rate in speeds.memories if each.bytes <= size), None)
        movement = each.bytes / bandwidth if bandwidth else 0.0
        total += max(arithmetic, movement, speeds.start)
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """How many steps are taken in all: in float32, and in the lower precision."""

    baseline: int
    mixed: int


def predict(
    baseline: Rehearsal,
    mixed: Rehearsal,
    dtype: torch.dtype,
    speeds: Speeds,
    features: Sequence[str],
    tried: Tried,
    steps: Steps,
) -> Prediction:
    """The forecast, with its reasons. features: of the device.

    Where the step that was tried is very slow, that is the forecast: the roofline cannot know.
    """
    before, after = (step_seconds(each.efforts, speeds) for each in (baseline, mixed))
    if before is None or after is None:
        reason = f"How fast {name(dtype)} products are here is not known."
        return Prediction(speedup=None, reasons=(reason,))
    reasons = list(_reasons(baseline, mixed, dtype, speeds, features))
    speedup = before / after
    if tried.slowdown > VERY_SLOW * max(1.0, after / before):
        speedup, after = 1 / tried.slowdown, tried.mixed_batch
        reasons.append(
            f"A step on {tried.examples} examples was tried: {seconds_text(tried.mixed)} in "
            f"{name(dtype)} and {seconds_text(tried.baseline)} in float32. PyTorch has no fast "
            f"kernels here for some of its operators in {name(dtype)}, and that outweighs the rest."
        )
    seconds = ABOVE_ROOFLINE * (steps.baseline * before + steps.mixed * after)
    return Prediction(
        speedup=speedup,
        reasons=tuple(reasons),
        seconds=seconds,
        needs_confirmation=_warning(dtype, speedup, seconds),
    )


def name(dtype: torch.dtype) -> str:
    """As people write it: float16."""
    return str(dtype).removeprefix("torch.")


def _reasons(
    baseline: Rehearsal,
    mixed: Rehearsal,
    dtype: torch.dtype,
    speeds: Speeds,
    features: Sequence[str],
) -> Iterable[str]:
    rate, lower = speeds.products[torch.float32], speeds.products[dtype]
    yield (
        f"Matrix products were measured just now: {rate_text(rate, 'op')} in float32 and "
        f"{rate_text(lower, 'op')} in {name(dtype)}, {lower / rate:.2f} times as fast."
    )
    yield _flags(dtype, lower / rate, features)
    whole = step_seconds(baseline.efforts, speeds) or 0.0
    products = step_seconds((each for each in baseline.efforts if each.macs), speeds) or 0.0
    share = products / whole if whole else 0.0
    yield (
        f"A step in float32 does {rate_text(2 * baseline.macs, 'op')[:-2]} in matrix products and "
        f"moves {bytes_text(baseline.bytes)}: at these speeds products are {share_text(share)} of "
        "its time, and only they change their speed with the dtype."
    )
    converting = sum(each.bytes for each in mixed.efforts if each.converts)
    yield (
        f"Autocast converts weights and activations back and forth, {bytes_text(converting)} a "
        f"step; in all the step then moves {bytes_text(mixed.bytes)}."
    )


def _flags(dtype: torch.dtype, ratio: float, features: Sequence[str]) -> str:
    """What the hardware's flags promise, and whether that is what was measured."""
    words = {torch.bfloat16: ("bf16",), torch.float16: ("fp16", "sm_7")}.get(dtype, ())
    found = [each for each in features if any(word in each for word in words)]
    if not found:
        kept = "holds" if ratio <= 1 else "misleads"
        return (
            f"The device lists no instructions for {name(dtype)}, which promises nothing; here "
            f"that {kept}: its products are {ratio:.2f} times as fast."
        )
    kept = "holds" if ratio > 1.1 else "misleads"
    return (
        f"The device lists {', '.join(found)}, which promises faster {name(dtype)}; here that "
        f"{kept}: its products are {ratio:.2f} times as fast."
    )


def _warning(dtype: torch.dtype, speedup: float, seconds: float) -> str | None:
    if speedup * VERY_SLOW >= 1 or seconds < LONG_SECONDS:
        return None
    return (
        f"Training in {name(dtype)} will be about {1 / speedup:.0f} times as slow as in float32 "
        f"here, and the whole run will take about {seconds_text(seconds)}"
    )
