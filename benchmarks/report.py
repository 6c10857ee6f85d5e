"""Where the wall time of a LeNet report goes, from the question to the stored result.

    python -m benchmarks.report [--workload NAME] [--runs 1]

A new, empty home each time, so that training and process starts are part of it.
"""

import argparse
import os
import tempfile
import time
from collections import defaultdict

from efficiency import jobs
from efficiency.core.requests import ReportRequest
from efficiency.jobs.runner import STARTS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workload", default="lenet")
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
            os.environ["EFFICIENCY_HOME"] = home
            split(options.workload)


def split(workload: str) -> None:
    """One report, and its seconds by kind."""
    began = time.perf_counter()
    run = jobs.wait(jobs.submit(ReportRequest(workload=workload)).id)
    wall = time.perf_counter() - began
    if run.study is None or run.error:
        raise SystemExit(f"{run.state}: {run.error}")
    seconds: dict[str, float] = defaultdict(float)
    for phase in run.study.phases:
        seconds[phase.name] += phase.seconds
    # The runner's start is a phase of the study; before it, the supervisor was started.
    if run.started is not None:
        seconds[STARTS] += run.started - run.created
    # Nobody has timed these: imports of this process, the way of the last word to the store,
    # and the time until this process looks again.
    seconds["unaccounted"] = wall - sum(seconds.values())
    for name, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"{name:<28}{spent:7.2f} s {100 * spent / wall:6.1f} %")
    named = ("training", "calibration", "timing loops", STARTS)
    rest = wall - sum(seconds[name] for name in named)
    print(f"{'wall':<28}{wall:7.2f} s   (under 90 s: {'yes' if wall < 90 else 'NO'})")
    print(
        f"{'besides ' + ', '.join(named)}: {rest:.2f} s, {100 * rest / wall:.1f} % "
        f"(at most 10 %: {'yes' if rest <= 0.1 * wall else 'NO'})"
    )


if __name__ == "__main__":
    main()
