"""The steps of a model, and what the time of a call goes into."""

import time
from statistics import fmean, median

import pytest
import torch
from torch import Tensor, nn

from efficiency.core.quantization import GraphStep, OperatorTime, Work
from efficiency.measure.threads import fixed_threads
from efficiency.routines.quantization.functions import Called, Functions
from efficiency.routines.quantization.graphs import graph_steps
from efficiency.routines.quantization.operator_times import (
    BETWEEN,
    operator_times,
    shares,
    work_of,
)
from tests.routines.quantized import by_dynamic, by_eager, by_fx, images, network
from tests.tries import measured


def told(steps: tuple[GraphStep, ...]) -> list[tuple[str, str, str]]:
    return [(each.operator, each.precision, each.layer) for each in steps]


def test_steps_before_and_after_show_what_was_fused() -> None:
    model, inputs = network(), images()
    assert told(graph_steps(model, inputs[:1])) == [
        ("conv2d", "float32", "first.0"),
        ("batch_norm", "float32", "first.1"),
        ("relu", "float32", ""),
        ("conv2d", "float32", "second.0"),
        ("batch_norm", "float32", "second.1"),
        ("conv2d", "float32", "third"),
        ("relu", "float32", ""),
        ("mean", "float32", ""),
        ("linear", "float32", "head"),
    ]
    assert told(graph_steps(by_fx(model, inputs), inputs[:1])) == [
        ("quantize_per_tensor", "float32 → int8", ""),
        ("conv2d_relu", "int8", "first.0"),
        ("conv2d", "int8", "second.0"),
        ("conv2d_relu", "int8", "third"),
        ("mean", "int8", ""),
        ("linear", "int8", "head"),
        ("dequantize", "int8 → float32", ""),
    ]


def test_steps_of_dynamic_and_of_eager_quantization() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    dynamic = by_dynamic(model)
    assert told(graph_steps(dynamic, torch.randn(1, 4))) == [
        ("linear_dynamic", "int8, float32 outside", "0"),
        ("relu", "float32", "1"),
    ]
    eager = by_eager(model, torch.randn(8, 4))
    assert told(graph_steps(eager, torch.randn(1, 4))) == [
        ("quantize_per_tensor", "float32 → int8", "quant"),
        ("linear", "int8", "inside.0"),
        ("relu", "int8", "inside.1"),
        ("dequantize", "int8 → float32", "dequant"),
    ]


class Untraceable(nn.Module):
    """torch.fx cannot follow a condition on data."""

    def forward(self, ids: Tensor) -> Tensor:
        """Takes ids, which are positions, not numbers to compute with."""
        x = nn.functional.one_hot(ids, 4).float()
        return (x * 2 if bool(ids.sum() > 0) else x).flatten(1)


def test_steps_without_arithmetic_on_numbers_are_left_out() -> None:
    found = told(graph_steps(Untraceable(), torch.ones(2, 3).long()))
    assert found == [("mul", "float32", "")]


def by_name(times: tuple[OperatorTime, ...]) -> dict[str, OperatorTime]:
    assert len({each.operator for each in times}) == len(times)
    return {each.operator: each for each in times}


@measured
def test_time_goes_where_the_work_is() -> None:
    model = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 8)).eval()
    inputs = torch.randn(256, 512)
    with fixed_threads(1):
        found = by_name(operator_times("row", model, inputs, seconds=0.3))
    assert set(found) == {"linear", "relu", BETWEEN}
    assert found["linear"].calls == 2
    assert found["linear"].work is found["relu"].work is Work.FLOAT
    assert found["linear"].seconds > 3 * found["relu"].seconds > 0
    assert found[BETWEEN].work is Work.OTHER
    assert next(iter(found)) == "linear"
    assert all(each.row == "row" for each in found.values())


@measured
def test_conversions_and_integers_are_told_apart() -> None:
    inputs = images()
    with fixed_threads(1):
        found = by_name(operator_times("row", by_fx(network(), inputs), inputs, seconds=0.1))
    assert {name: each.work for name, each in found.items()} == {
        "quantize_per_tensor": Work.CONVERSION,
        "conv2d_relu": Work.INTEGER,
        "conv2d": Work.INTEGER,
        "mean": Work.INTEGER,
        "linear": Work.INTEGER,
        "dequantize": Work.CONVERSION,
        BETWEEN: Work.OTHER,
    }
    assert found["conv2d_relu"].calls == 2
    parts = shares(found.values())
    assert sum(parts.values()) == pytest.approx(1)
    assert parts[Work.INTEGER] > parts[Work.CONVERSION] > 0
    assert parts[Work.FLOAT] == 0
    assert set(shares(()).values()) == {0}


def test_dynamic_operators_are_integers_between_floats() -> None:
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
    dynamic = by_dynamic(model)
    found = by_name(operator_times("row", dynamic, torch.randn(4, 64), seconds=0.05))
    assert found["linear_dynamic"].work is Work.INTEGER
    assert found["relu"].work is Work.FLOAT


@measured
def test_the_sum_is_the_time_of_a_call() -> None:
    """With large operators, so that watching them costs next to nothing.

    Both are taken in turn and compared in pairs: others at work make both of a pair longer.
    """
    model, inputs = nn.Sequential(*(nn.Linear(512, 512) for _ in range(4))), torch.randn(256, 512)
    ratios = []
    with fixed_threads(1), torch.inference_mode():
        for _ in range(7):
            found = operator_times("row", model, inputs, seconds=0.1)
            ratios.append(sum(each.seconds for each in found) / call_seconds(model, inputs))
    assert 0.5 < median(ratios) < 2


def call_seconds(model: nn.Module, inputs: Tensor) -> float:
    """Seconds of a call, the mean of the shortest third of several."""
    seen = []
    for _ in range(15):
        began = time.perf_counter()
        model(inputs)
        seen.append(time.perf_counter() - began)
    return fmean(sorted(seen)[:5])


def test_functions_tell_formats_once() -> None:
    seen: list[Called] = []
    with Functions(seen.append):
        torch.add(torch.zeros(2, dtype=torch.float16), torch.zeros(2))
        torch.zeros(2).view(1, 2)
    add, view = (each for each in seen if each.name in ("add", "view"))
    assert add.given == ("float16", "float32")
    assert add.made == ("float32",)
    assert add.computes
    assert not view.computes
    assert work_of(view) is Work.OTHER
