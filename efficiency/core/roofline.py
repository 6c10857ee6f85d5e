"""The roofline: which layers wait for numbers, and which for arithmetic.

S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for
multicore architectures", CACM 52(4), 2009. A layer that does `i` operations for each byte it moves
can do at most min(peak, i x bandwidth) operations a second; where both are equal is the ridge.
A small layer comes near neither roof: its time is what calling an operator costs, however little
the operator does.
"""

from dataclasses import dataclass
from enum import StrEnum

from efficiency.core.anatomy import Anatomy, LayerWork, Peak
from efficiency.core.energy import PRECISIONS

AS_RUN = PRECISIONS["fp32"]  # layers are timed as they are: in fp32
MAIN_MEMORY = "DRAM"
# A layer that takes more than so many times what both roofs ask for is limited by neither.
FAR_BELOW = 4.0


class Limit(StrEnum):
    """What a layer's time goes into."""

    ARITHMETIC = "arithmetic"
    MEMORY = "memory"
    CALLS = "fixed costs of calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A timed layer under its roof: the lowest one that it stays under.

    That is main memory's, or a cache's for a layer that is faster than main memory allows, or the
    arithmetic's. `roof` and `share` (achieved / allowed) are None where no peak is known.
    """

    work: LayerWork
    intensity: float
    achieved: float
    roof: Peak | None
    share: float | None


def operations(work: LayerWork) -> int:
    """Multiplications and additions of a layer."""
    return work.multiplications + work.additions


def bytes_moved(work: LayerWork) -> int:
    """Bytes that the operators of a layer read and write, as it was run."""
    return AS_RUN.weight_bytes * (work.weights + work.inputs + work.outputs)


def arithmetic_peaks(anatomy: Anatomy) -> tuple[Peak, ...]:
    """The peaks of arithmetic that are known here, in operations a second."""
    return tuple(each for each in _known(anatomy) if each.unit == "op")


def memory_peaks(anatomy: Anatomy) -> tuple[Peak, ...]:
    """The bandwidths that are known here, in bytes a second, the slowest first."""
    found = [each for each in _known(anatomy) if each.unit == "B"]
    return tuple(sorted(found, key=_rate))


def peak(anatomy: Anatomy, name: str) -> float | None:
    """What the machine does a second of one thing; None if that is not known."""
    return next((each.per_second for each in _known(anatomy) if each.name == name), None)


def ridge(anatomy: Anatomy) -> float | None:
    """Operations a byte from which on arithmetic bounds a layer, not main memory."""
    fastest, bandwidth = peak(anatomy, AS_RUN.name), peak(anatomy, MAIN_MEMORY)
    return None if fastest is None or bandwidth is None else fastest / bandwidth


def points(anatomy: Anatomy) -> tuple[Point, ...]:
    """Every layer that was timed, does counted operations and moves bytes."""
    return tuple(
        _point(anatomy, each, each.seconds.median)
        for each in anatomy.layers
        if each.seconds is not None
        and each.seconds.median > 0
        and operations(each)
        and bytes_moved(each)
    )


def limit(anatomy: Anatomy, work: LayerWork) -> Limit | None:
    """What bounds a timed layer, judged against fp32 arithmetic and main memory.

    None where it was not timed or the peaks are not known.
    """
    arithmetic, bandwidth = peak(anatomy, AS_RUN.name), peak(anatomy, MAIN_MEMORY)
    if work.seconds is None or arithmetic is None or bandwidth is None:
        return None
    computing, moving = operations(work) / arithmetic, bytes_moved(work) / bandwidth
    if work.seconds.median > FAR_BELOW * max(computing, moving):
        return Limit.CALLS
    return Limit.MEMORY if moving > computing else Limit.ARITHMETIC


def time_shares(anatomy: Anatomy) -> dict[Limit, float] | None:
    """Share of the layers' time by what bounds them; None where that is not known."""
    seconds = dict.fromkeys(Limit, 0.0)
    for each in anatomy.layers:
        bound = limit(anatomy, each)
        if bound is not None and each.seconds is not None:
            seconds[bound] += each.seconds.median
    whole = sum(seconds.values())
    return {bound: spent / whole for bound, spent in seconds.items()} if whole else None


def _point(anatomy: Anatomy, work: LayerWork, seconds: float) -> Point:
    intensity = operations(work) / bytes_moved(work)
    achieved = operations(work) / seconds
    roofs = sorted(_roofs(anatomy, intensity), key=lambda roof: roof[1])
    roof, allowed = next((each for each in roofs if each[1] >= achieved), (None, None))
    if roof is None and roofs:
        roof, allowed = roofs[-1]
    return Point(
        work=work,
        intensity=intensity,
        achieved=achieved,
        roof=roof,
        share=None if allowed is None else achieved / allowed,
    )


def _roofs(anatomy: Anatomy, intensity: float) -> list[tuple[Peak, float]]:
    """The roofs over this intensity: of each memory as far as arithmetic is above it, and that."""
    top = next((each for each in _known(anatomy) if each.name == AS_RUN.name), None)
    slanted = [(each, _rate(each) * intensity) for each in memory_peaks(anatomy)]
    if top is None:
        return slanted
    return [*((each, rate) for each, rate in slanted if rate < _rate(top)), (top, _rate(top))]


def _known(anatomy: Anatomy) -> tuple[Peak, ...]:
    return tuple(each for each in anatomy.peaks if each.per_second)


def _rate(found: Peak) -> float:
    return found.per_second or 0.0
