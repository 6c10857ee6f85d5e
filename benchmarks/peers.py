"""Our int8 beside what somebody would take instead: same weights, interleaved in one process.

    pip install -r benchmarks/requirements.txt
    python -m benchmarks.peers [--models bert resnet50] [--seconds 40]

One table a model: milliseconds a call, times as fast as PyTorch's eager float32 and as
ONNX Runtime's int8 (99 % intervals of the medians of paired ratios), and the SQNR of the outputs
against float32, without which speed says nothing. Below it the goals, and where one is missed, what
our time goes into. A peer that is not installed has its reason in its place.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.peer_runtimes import ORT_FP32, ORT_INT8, Call, Peers, made
from benchmarks.wide_lstm import WIDE_LSTM
from efficiency.core.errors import Unavailable
from efficiency.core.units import ratio_text
from efficiency.core.values import Ratio
from efficiency.measure.device import find_device
from efficiency.measure.fidelity import sqnr_db
from efficiency.measure.outputs import output_tensor
from efficiency.measure.ratio import compare_paired
from efficiency.measure.threads import fixed_threads, steady_threads
from efficiency.measure.timing import Comparison, compare
from efficiency.routines.quantization import classic, compiled
from efficiency.routines.quantization.calibration import calibration_inputs
from efficiency.routines.quantization.kernels import usual_engine
from efficiency.routines.quantization.settings import Settings
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Variant, model_of
from efficiency.workloads import catalogue
from efficiency.workloads.training import trained

MODELS = {**catalogue.WORKLOADS, WIDE_LSTM.name: WIDE_LSTM}
EAGER = "PyTorch eager fp32"
COMPILED = "PyTorch compiled fp32"
SAMPLES = 16  # batches of calibration inputs; as many others are compared
BATCH = {"cnn": 64}  # one input at a time, this CNN is nearly all overhead; the others take 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Our best int8 must be `times` as fast as the candidate called `over`."""

    model: str
    over: str
    times: float


GOALS = (
    Goal(model="bert", over=ORT_INT8, times=1.0),
    Goal(model="resnet50", over=EAGER, times=4.0),
    Goal(model="resnet50", over=ORT_INT8, times=0.85),
    Goal(model="mobilenetv2", over=EAGER, times=2.7),
    Goal(model="cnn", over=EAGER, times=4.0),
    Goal(model="lstm-wide", over=EAGER, times=3.0),
)


def ours(subject: Subject, calibration: Tensor) -> Mapping[str, Callable[[], Variant]]:
    """Our ways to int8 that suit the model."""
    settings = Settings(engine=usual_engine())
    static = {
        "static (FX)": partial(classic.static_fx, subject, settings, calibration),
        "static (pt2e, compiled)": partial(compiled.static_pt2e, subject, calibration),
    }
    dynamic = {
        "dynamic (eager)": partial(classic.dynamic, subject, settings),
        "dynamic (pt2e, compiled)": partial(compiled.dynamic_pt2e, subject),
        "static (pt2e, compiled)": static["static (pt2e, compiled)"],
    }
    return static if subject.workload.vocabulary is None else dynamic


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All about one model. `missing` has the reasons of what could not be made."""

    example: Tensor
    calls: dict[str, Call]
    own: tuple[str, ...]
    sqnr: dict[str, float | None]
    missing: dict[str, str]
    comparison: Comparison

    def over(self, name: str, baseline: str) -> Ratio | None:
        """How many times as fast one candidate is as another."""
        timings = self.comparison.timings
        if name == baseline or not {name, baseline} <= timings.keys():
            return None
        return compare_paired(timings[baseline], timings[name])

    @property
    def best(self) -> str:
        """The fastest of our int8 models; how noisy it is stands beside it."""
        return min(self.own, key=lambda name: self.comparison.timings[name].median_seconds)


def main() -> None:
    """Measure and print. Exit 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description="Our int8 beside other runtimes.")
    goals = tuple(dict.fromkeys(goal.model for goal in GOALS))
    parser.add_argument("--models", nargs="+", default=goals, choices=tuple(MODELS))
    parser.add_argument("--seconds", type=float, default=40.0, help="of timing for each model")
    parser.add_argument("--threads", type=int, default=steady_threads())
    options = parser.parse_args()
    here = find_device("cpu")
    print(f"{here.label}, {here.cores} cores; {options.threads} thread(s)")
    missed = 0
    with fixed_threads(options.threads):
        for name in options.models:
            found = look_at(name, options.seconds, options.threads)
            show(name, found)
            missed += sum(not reached(goal, found) for goal in GOALS if goal.model == name)
    raise SystemExit(1 if missed else 0)


def look_at(name: str, seconds: float, threads: int) -> Found:
    """Make every candidate of a model and measure them."""
    workload = MODELS[name]
    torch.manual_seed(0)
    model = workload.build()
    if name in catalogue.names():
        model.load_state_dict(trained(workload, 0))
    subject = Subject(model=model, workload=workload, split=workload.load_split(), seed=0)
    size = BATCH.get(name, 1)
    calibration = calibration_inputs(subject, SAMPLES * size, seed=0)
    batches = calibration_inputs(subject, SAMPLES * size, seed=1).split(size)

    def restored(make: Callable[[], Variant]) -> Call:
        restored = model_of(make(), subject)
        return lambda x: output_tensor(restored(x))

    own = ours(subject, calibration)
    makers: dict[str, Callable[[], Call]] = {
        COMPILED: partial(restored, partial(compiled.fp32_compiled, subject)),
        **{label: partial(restored, make) for label, make in own.items()},
    }
    calls: dict[str, Call] = {EAGER: lambda x: output_tensor(model(x))}
    sqnr: dict[str, float | None] = {}
    missing: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        makers |= Peers(model, workload, calibration.split(size), threads, Path(folder)).makers()
        reference = torch.cat([calls[EAGER](each) for each in batches]).reshape(-1)
        for label, maker in makers.items():
            print(f"{name}: making {label}", file=sys.stderr, flush=True)
            try:
                call = made(maker)
                outputs = torch.cat([call(each).reshape(-1) for each in batches])
            except Unavailable as reason:
                missing[label] = str(reason)
                continue
            calls[label], sqnr[label] = call, sqnr_db(reference, outputs)
        comparison = compare(
            {label: partial(call, batches[0]) for label, call in calls.items()},
            budget_seconds=seconds,
            threads=threads,
        )
    made_here = tuple(label for label in own if label in calls)
    return Found(
        example=batches[0],
        calls=calls,
        own=made_here,
        sqnr=sqnr,
        missing=missing,
        comparison=comparison,
    )


def show(name: str, found: Found) -> None:
    """Print the table of a model, and how far each goal is reached."""
    workload = MODELS[name]
    size, rounds = BATCH.get(name, 1), found.comparison.rounds
    print(f"\n{workload.label}, batch {size}: {rounds} rounds. {found.comparison.stopped}")
    print(f"{'':27}{'ms':>9}  {'of eager fp32':<26}{'of ' + ORT_INT8:<26}{'SQNR':>8}")
    for label, timing in found.comparison.timings.items():
        to_eager, to_peer = found.over(label, EAGER), found.over(label, ORT_INT8)
        noise = found.sqnr.get(label)
        best = " <- our best" if label == found.best else ""
        print(
            f"{label:27}{timing.median_seconds * 1e3:9.3f}  {interval(to_eager):<26}"
            f"{interval(to_peer):<26}{'' if noise is None else f'{noise:.1f} dB':>8}{best}"
        )
    for label, reason in found.missing.items():
        print(f"{label:27}   left out: {reason}")
    if found.comparison.disturbed:
        print(found.comparison.disturbed)
    for goal in GOALS:
        if goal.model == name:
            print(verdict(goal, found))


def interval(ratio: Ratio | None) -> str:
    """The ratio and its interval, short."""
    return "" if ratio is None else f"{ratio.ratio:.2f}x ({ratio.low:.2f} to {ratio.high:.2f})"


def reached(goal: Goal, found: Found) -> bool:
    """Whether our best is fast enough; also where there is nothing to compare with."""
    ratio = found.over(found.best, goal.over)
    return ratio is None or ratio.ratio >= goal.times


def verdict(goal: Goal, found: Found) -> str:
    """One line on a goal, and a second on the reason where it is missed."""
    ratio = found.over(found.best, goal.over)
    wanted = f"Goal: {goal.times:g} times as fast as {goal.over}."
    if ratio is None:
        return f"{wanted} Not measured: {found.missing.get(goal.over, 'it is not here')}."
    share = ratio.ratio / goal.times - 1
    if share >= 0:
        return f"{wanted} Reached with {ratio_text(ratio)}, {share:.0%} above it."
    close = " (its interval reaches it)" if ratio.high >= goal.times else ""
    return f"{wanted} MISSED by {-share:.0%}{close}: {ratio_text(ratio)}.\n{why(goal, found)}"


def why(goal: Goal, found: Found) -> str:
    """What the time of our best goes into, and whether the peer is ahead without int8, too."""
    text = f"  A call of our best: {spent(partial(found.calls[found.best], found.example))}."
    floats = found.over(ORT_FP32, COMPILED)
    if goal.over != ORT_INT8 or floats is None:
        return text
    return f"{text}\n  In float32, {ORT_FP32} over {COMPILED} is {interval(floats)}."


def spent(call: Callable[[], object], calls: int = 10, shown: int = 4) -> str:
    """Shares of the operators in the time of a call, the largest first."""
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU]) as profiler:
        began = time.perf_counter()
        for _ in range(calls):
            call()
        wall = time.perf_counter() - began
    seconds: dict[str, float] = defaultdict(float)
    for event in profiler.key_averages():
        seconds[event.key] += event.self_cpu_time_total / 1e6
    largest = sorted(seconds, key=seconds.__getitem__, reverse=True)[:shown]
    shares = [f"{seconds[name] / wall:.0%} {name}" for name in largest]
    rest = max(0.0, 1 - sum(seconds[name] for name in largest) / wall)
    return f"{', '.join(shares)}, {rest:.0%} all else"


if __name__ == "__main__":
    main()
