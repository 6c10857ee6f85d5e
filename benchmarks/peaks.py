"""Does finding the machine's peaks agree with itself, and in what time?

    python -m benchmarks.peaks [--runs 5] [--device cpu] [--pause 5]

Each run stands alone, with as many threads as every measurement uses. The spread is the largest of
them divided by the smallest, less one. A processor's theoretical peak is not printed: it needs the
number of its multiply-add units and its clock under load, and no processor tells these.
"""

import argparse
import sys
import time

from efficiency.core.anatomy import Peak
from efficiency.core.units import rate_text
from efficiency.measure.device import find_device
from efficiency.measure.load import LoadMeter
from efficiency.measure.peaks import find_peaks
from efficiency.measure.threads import fixed_threads, steady_threads

ALLOWED_SPREAD = 0.10
ALLOWED_SECONDS = 10.0


def main() -> None:
    """Print the figures; exit 1 if one is over what is allowed."""
    parser = argparse.ArgumentParser(description="Do the peaks agree with themselves?")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--pause", type=float, default=5.0, help="seconds between runs")
    options = parser.parse_args()
    here = find_device(options.device)
    threads = steady_threads()
    print(f"{here.label}, {here.cores} cores; {threads} CPU thread(s)")
    runs: list[tuple[Peak, ...]] = []
    seconds: list[float] = []
    for seed in range(options.runs):
        time.sleep(options.pause if seed else 0)
        load, began = LoadMeter(), time.perf_counter()
        with fixed_threads(threads):
            runs.append(find_peaks(options.device, seed=seed))
        seconds.append(time.perf_counter() - began)
        print(f"run {seed + 1}: {seconds[-1]:.1f} s, others' CPU load {load.share() or 0:.0%}")
    widest = max(report(same) for same in zip(*runs, strict=True))
    print(f"largest spread {widest:.1%} (allowed {ALLOWED_SPREAD:.0%});", end=" ")
    print(f"longest run {max(seconds):.1f} s (allowed {ALLOWED_SECONDS:.0f} s)")
    sys.exit(widest > ALLOWED_SPREAD or max(seconds) > ALLOWED_SECONDS)


def report(same: tuple[Peak, ...]) -> float:
    """Print one peak in all runs; its spread, 0 where it cannot be told."""
    rates = [peak.per_second for peak in same if peak.per_second]
    if len(rates) < len(same):
        print(f"{same[0].name:>5}: {same[0].unavailable}")
        return 0.0
    spread = max(rates) / min(rates) - 1
    texts = " ".join(f"{rate_text(rate, same[0].unit):>12}" for rate in rates)
    print(f"{same[0].name:>5}: {texts}   spread {spread:.1%}   {same[0].label}")
    return spread


if __name__ == "__main__":
    main()
