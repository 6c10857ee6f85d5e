"""What the time of a model goes into: operator by operator, by what kind of work each does.

Each function of PyTorch that the model calls is timed from outside. PyTorch's own profiler would
look into them, but takes 2.6 microseconds for each operator inside: with LeNet at batch 1 that is
more than half of what it then shows.
"""

import time
from collections import defaultdict
from collections.abc import Iterable
from statistics import mean

import torch
from torch import Tensor, nn

from efficiency.core.quantization import OperatorTime, Work
from efficiency.routines.quantization.functions import INT8, Called, Functions

CALLS, SECONDS = 200, 1.0
FEWEST_CALLS = 6
BETWEEN = "between operators"
CONVERSIONS = ("quantize_per", "dequantize", "choose_qparams", "fake_quantize")

Operator = tuple[str, Work]


@torch.inference_mode()
def operator_times(
    row: str, model: nn.Module, inputs: Tensor, *, seconds: float = SECONDS
) -> tuple[OperatorTime, ...]:
    """Each operator of one call, the longest first. `row` is the name of the model's row.

    What is left of the call, Python and modules calling each other, is BETWEEN; so the sum is the
    time of a call. Not for compiled models, which call nothing of PyTorch. As many threads as
    PyTorch is set to; `seconds` is about how long it takes.
    """
    whole: list[float] = []
    taken: list[dict[Operator, list[float]]] = []
    began = time.perf_counter()
    model(inputs)
    while len(whole) < FEWEST_CALLS or (
        len(whole) < CALLS and time.perf_counter() - began < seconds
    ):
        whole.append(_seconds(model, inputs))
        taken.append(_by_operator(model, inputs))
    call = mean(_quietest(whole))
    totals = [sum(map(sum, each.values())) for each in taken]
    quiet = [taken[place] for place in sorted(range(len(taken)), key=totals.__getitem__)][
        : _third(len(taken))
    ]
    found = [
        OperatorTime(
            row=row,
            operator=name,
            work=work,
            calls=len(each),
            seconds=mean(sum(times[name, work]) for times in quiet if (name, work) in times),
        )
        for (name, work), each in quiet[0].items()
    ]
    between = max(0.0, call - sum(each.seconds for each in found))
    found.append(OperatorTime(row=row, operator=BETWEEN, work=Work.OTHER, calls=1, seconds=between))
    return tuple(sorted(found, key=lambda each: -each.seconds))


def shares(times: Iterable[OperatorTime]) -> dict[Work, float]:
    """Share of a call's time by what it goes into; all 0 where there is none."""
    seconds = dict.fromkeys(Work, 0.0)
    for each in times:
        seconds[each.work] += each.seconds
    whole = sum(seconds.values())
    return {work: spent / whole if whole else 0.0 for work, spent in seconds.items()}


def work_of(called: Called) -> Work:
    """What kind of work a function does.

    Dynamic quantization converts activations inside of its int8 operators, and recurrent layers
    have their float parts in there, too: from outside all of it is int8 arithmetic.
    """
    if called.name.startswith(CONVERSIONS):
        return Work.CONVERSION
    if not called.computes:
        return Work.OTHER
    return Work.INTEGER if called.quantized or INT8 in called.made else Work.FLOAT


def _by_operator(model: nn.Module, inputs: Tensor) -> dict[Operator, list[float]]:
    """Seconds of every function in one call."""
    seen: dict[Operator, list[float]] = defaultdict(list)

    def note(called: Called) -> None:
        if called.made:  # sizes and dimensions are part of what lies between
            seen[called.name, work_of(called)].append(called.seconds)

    with Functions(note):
        model(inputs)
    return seen


def _seconds(model: nn.Module, inputs: Tensor) -> float:
    began = time.perf_counter()
    model(inputs)
    return time.perf_counter() - began


def _quietest(times: list[float]) -> list[float]:
    """The shortest third: nobody else was at work meanwhile."""
    return sorted(times)[: _third(len(times))]


def _third(count: int) -> int:
    return -(-count // 3)
