"""Can the verdicts be trusted? LeNet's size, default budget, every other core kept busy.

    python -m benchmarks.timing [--comparisons 200] [--quiet]

Asked in turn, each so many times, with freshly built models:
a copy of the model (same weights, other addresses) and the very same object, where there is no
difference to find; and 10 % more of the same work, where there is one: eleven equal layers against
ten, and eleven forward passes in a call against ten.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import psutil
import torch
from torch import nn

from efficiency.core.values import EQUIVALENCE_BAND, INTERVAL_LEVEL, Verdict
from efficiency.measure.blocks import Call
from efficiency.measure.threads import steady_threads
from efficiency.measure.timing import SECONDS_PER_CANDIDATE, Comparison, compare

INPUT = torch.randn(1, 1, 28, 28)


def build() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(16 * 6 * 6, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    ).eval()


def twin(model: nn.Module) -> nn.Module:
    other = build()
    other.load_state_dict(model.state_dict())
    return other


def inference(model: nn.Module, times: int = 1) -> Call:
    def call() -> None:
        with torch.inference_mode():
            for _ in range(times):
                model(INPUT)

    return call


def copy() -> dict[str, Call]:
    model = build()
    return {"model": inference(model), "candidate": inference(twin(model))}


def same() -> dict[str, Call]:
    model = build()
    return {"model": inference(model), "candidate": inference(model)}


def tenth_more_layers() -> dict[str, Call]:
    def layers(count: int) -> nn.Module:
        return nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(count))).eval()

    return {"model": inference(layers(10)), "candidate": inference(layers(11))}


def tenth_more_passes() -> dict[str, Call]:
    model = build()
    return {"model": inference(model, 10), "candidate": inference(twin(model), 11)}


@contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """Real processes that compute; orphaned, so that they count as others and not as ours."""
    spin = "import time\nend = time.time() + 7200\nwhile time.time() < end: pass"
    orphan = (
        "import subprocess, sys; "
        "print(subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=2).pid)"
    )
    command = [sys.executable, "-c", orphan, spin]
    pids = [int(subprocess.check_output(command)) for _ in range(count)]
    try:
        yield
    finally:
        for pid in pids:
            psutil.Process(pid).kill()


def ask(make: Callable[[], dict[str, Call]], seed: int) -> tuple[Comparison, float]:
    began = time.perf_counter()
    return compare(make(), seed=seed), time.perf_counter() - began


def autocorrelation(comparison: Comparison) -> float:
    """Lag 1, of the signs about the median: interrupted rounds do not drown the rest."""
    one, other = (np.array(timing.samples) for timing in comparison.timings.values())
    signs = np.sign(one / other - np.median(one / other))
    return float((signs[1:] * signs[:-1]).mean())


def report(name: str, asked: list[tuple[Comparison, float]]) -> None:
    comparisons = [comparison for comparison, _ in asked]
    count = len(asked)
    found = [each for each in (c.speedups["candidate"] for c in comparisons) if each is not None]
    ratios = np.array([each.ratio for each in found])
    verdicts = {v: sum(each.verdict is v for each in found) / count for v in Verdict}
    without_one = sum(each.low > 1 or each.high < 1 for each in found) / count
    width = np.median([np.sqrt(each.high / each.low) - 1 for each in found])
    seconds = [each for _, each in asked]
    loads = [c.load_during for c in comparisons if c.load_during is not None]
    disturbed = sum(c.disturbed is not None for c in comparisons) / count
    rounds = np.median([c.rounds for c in comparisons])
    lag = np.mean([autocorrelation(c) for c in comparisons])
    narrow = sum("within" in c.stopped for c in comparisons) / count
    print(f"\n{name}: {count} comparisons")
    print(
        "  verdict          ", ", ".join(f"{v.value} {share:.1%}" for v, share in verdicts.items())
    )
    print(f"  interval misses 1 {without_one:.1%} (would be the verdicts without the band)")
    print(f"  ratio             median {np.median(ratios):.4f}, {ratios.min():.4f} to", end=" ")
    print(f"{ratios.max():.4f}, standard deviation {ratios.std():.2%}")
    print(f"  interval          ±{width:.2%} in the median;", end=" ")
    print(f"level {INTERVAL_LEVEL:.0%}, band {EQUIVALENCE_BAND}")
    print(f"  rounds            {rounds:.0f} in the median; autocorrelation at lag 1 {lag:+.3f}")
    print(f"  wall time         {np.median(seconds):.2f} s in the median,", end=" ")
    print(f"{max(seconds):.2f} s at most, budget {2 * SECONDS_PER_CANDIDATE} s", end="; ")
    print(f"narrow before that {narrow:.0%}")
    print(f"  others' CPU load  {np.median(loads):.0%} in the median,", end=" ")
    print(f"{min(loads):.0%} to {max(loads):.0%}; called disturbed {disturbed:.0%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="How often the verdicts are wrong.")
    parser.add_argument("--comparisons", type=int, default=200, help="per question")
    parser.add_argument("--quiet", action="store_true", help="keep no core busy")
    options = parser.parse_args()
    questions = {
        "A copy": copy,
        "The same object": same,
        "Eleven layers against ten": tenth_more_layers,
        "Eleven passes against ten": tenth_more_passes,
    }
    asked: dict[str, list[tuple[Comparison, float]]] = {name: [] for name in questions}
    cores = psutil.cpu_count() or 1
    busy = 0 if options.quiet else max(1, cores - 1)
    print(f"{cores} cores, {busy} kept busy; {steady_threads()} thread(s)", flush=True)
    with busy_cores(busy):
        for seed in range(options.comparisons):
            for name, make in questions.items():
                asked[name].append(ask(make, seed))
    for name in questions:
        report(name, asked[name])


if __name__ == "__main__":
    main()
