"""What a sweep over batch sizes and widths says, in sentences with the measured numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from efficiency.core.mixed import SweepPoint
from efficiency.core.values import Finding

EIGHT = 8
NEAR = 3  # a width that is no multiple of 8 is compared with one that is and no further away


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A point that was measured."""

    batch_size: int
    width: int
    speedup: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """The ratio with its interval."""
        return f"{self.speedup:.2f}× [{self.low:.2f}, {self.high:.2f}]"


def findings(sweep: Sequence[SweepPoint]) -> Iterator[Finding]:
    """From which size on it pays, and whether multiples of 8 matter; nothing without a sweep."""
    measured = list(_measured(sweep))
    if measured:
        yield _crossing(measured)
        yield from _eights(measured)


def _measured(sweep: Sequence[SweepPoint]) -> Iterator[Measured]:
    for point in sweep:
        if point.speedup is not None and point.low is not None and point.high is not None:
            yield Measured(
                batch_size=point.batch_size,
                width=point.width,
                speedup=point.speedup,
                low=point.low,
                high=point.high,
            )


def _crossing(measured: Sequence[Measured]) -> Finding:
    """The smallest size, by the work in it, whose whole interval is faster."""
    paying = [point for point in measured if point.low > 1]
    best = max(measured, key=lambda point: point.speedup)
    evidence = (
        f"{len(measured)} sizes were compared; the best was {best.text} at batch "
        f"{best.batch_size} and width {best.width}."
    )
    if not paying:
        return Finding(
            finding="There is no size from which on mixed precision pays: none on this machine.",
            evidence=evidence,
            next_step="Run the same sweep on a device with faster low-precision arithmetic.",
        )
    first = min(paying, key=lambda point: point.batch_size * point.width**2)
    return Finding(
        finding=f"Mixed precision pays from batch {first.batch_size} and width {first.width} on.",
        evidence=f"{evidence} It paid at {len(paying)} of them.",
        next_step="Below that the device waits for the program, whatever the precision.",
    )


def _eights(measured: Sequence[Measured]) -> Iterator[Finding]:
    """Every width that is no multiple of 8 beside its neighbour that is one."""
    pairs = [
        (odd, even)
        for odd in measured
        for even in measured
        if odd.width % EIGHT
        and not even.width % EIGHT
        and odd.batch_size == even.batch_size
        and abs(odd.width - even.width) <= NEAR
    ]
    if not pairs:
        return
    worse = [odd for odd, even in pairs if odd.high < even.low]
    yield Finding(
        finding=(
            f"Widths that are no multiples of {EIGHT} gain less here."
            if len(worse) > len(pairs) / 2
            else f"Multiples of {EIGHT} make no clear difference to the gain here."
        ),
        evidence="; ".join(
            f"width {odd.width}: {odd.text}, width {even.width}: {even.text}" for odd, even in pairs
        )
        + ".",
        next_step=f"Tensor cores need multiples of {EIGHT}; elsewhere choose what the task needs.",
    )
