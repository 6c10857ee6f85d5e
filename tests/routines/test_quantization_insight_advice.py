"""Which method is advised, why, and whether the measurement agreed."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from efficiency.core.quantization import MethodAdvice
from efficiency.core.values import Ratio, Row, Verdict
from efficiency.measure.threads import fixed_threads
from efficiency.routines.quantization.advisor import (
    BEST,
    Kind,
    Makeup,
    Starts,
    advice_for,
    advise,
    forecast,
    makeup,
    start_seconds,
)
from efficiency.routines.quantization.outcome import outcome

NOTHING = dict.fromkeys(Kind, 0)
CNN = Makeup(
    seconds={**NOTHING, Kind.CONVOLUTION: 8e-3, Kind.LINEAR: 1e-3, Kind.OTHER: 1e-3},
    weights={**NOTHING, Kind.CONVOLUTION: 1000},
    moved=10_000,
    static_seconds=3e-3,
    dynamic_seconds=9e-3,
    starts=Starts(static=30e-6, dynamic=20e-6),
    batch_size=1,
)
LSTM = replace(
    CNN,
    seconds={**NOTHING, Kind.RECURRENT: 9e-3, Kind.LINEAR: 1e-3},
    weights={**NOTHING, Kind.RECURRENT: 9000},
    dynamic_seconds=3e-3,
)


def advised(found: Makeup, granularity: str = "per-channel", *, trainable: bool = True) -> str:
    advice = advice_for(found, granularity=granularity, trainable=trainable)
    assert advice.held is None
    assert len(advice.reasons) >= 3
    assert all(reason.endswith(".") for reason in advice.reasons)
    return advice.method


def test_the_table_goes_by_what_takes_the_time() -> None:
    assert advised(CNN) == "static"
    assert advised(LSTM) == "dynamic"
    first = advice_for(CNN, granularity="per-channel", trainable=True).reasons[0]
    assert "80.0 % in convolutions, 10.0 % in linear layers" in first
    second = advice_for(LSTM, granularity="per-channel", trainable=True).reasons[1]
    assert "36 kB of weights are 90.0 %" in second


def test_none_where_the_forecast_is_no_gain() -> None:
    slow = replace(CNN, static_seconds=9.9e-3)
    assert advised(slow) == "none"
    last = advice_for(slow, granularity="per-channel", trainable=True).reasons[-1]
    assert "30.0 µs" in last
    assert "take static" in last


def test_qat_where_one_scale_leaves_too_few_steps() -> None:
    wide = replace(CNN, spread=128.0)
    assert advised(wide, "per-tensor") == "qat"
    assert advised(wide, "per-channel") == "static"
    assert advised(wide, "per-tensor", trainable=False) == "static"
    assert advised(replace(CNN, spread=4.0), "per-tensor") == "static"
    reasons = advice_for(wide, granularity="per-tensor", trainable=True).reasons
    assert "2 of 256 steps" in reasons[-1]


def test_the_forecast_is_the_sum_of_the_layers() -> None:
    kinds = {
        "conv": Kind.CONVOLUTION,
        "norm": Kind.NORM,
        "tiny": Kind.LINEAR,
        "": Kind.OTHER,
    }
    seconds = {"conv": 4e-3, "norm": 1e-3, "tiny": 1e-6, "": 2e-3}
    static = forecast(kinds, seconds, (Kind.CONVOLUTION, Kind.LINEAR), start=30e-6)
    assert static == pytest.approx(4e-3 / BEST + 30e-6 + 2e-3 / BEST)
    dynamic = forecast(kinds, seconds, (Kind.LINEAR, Kind.RECURRENT), start=20e-6)
    assert dynamic == pytest.approx(4e-3 + 1e-3 + 20e-6 + 2e-3)


def test_a_real_model_is_taken_apart() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(8, 64, 3, padding=1),
        nn.BatchNorm2d(64),
        nn.Conv2d(64, 64, 3, padding=1, groups=64),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 2),
    ).eval()
    inputs = torch.randn(4, 8, 32, 32)
    with fixed_threads(1):
        found = makeup(model, inputs)
    assert found.share(Kind.CONVOLUTION) > found.share(Kind.LINEAR) > 0
    assert found.weights[Kind.CONVOLUTION] == 64 * 8 * 9 + 64 + 64 * 9 + 64
    assert found.weights[Kind.RECURRENT] == 0
    assert found.batch_size == 4
    depthwise = model[2].weight.detach().flatten(1).abs().amax(1)
    assert found.spread == pytest.approx(float(depthwise.max() / depthwise.median()))
    assert 0 < found.static_seconds < found.whole
    assert not model.training


@pytest.mark.parametrize(
    ("model", "inputs", "method"),
    [
        (nn.Linear(2, 2), torch.randn(1, 2), "none"),
        (
            nn.Sequential(*(nn.Linear(1024, 1024) for _ in range(3))),
            torch.randn(8, 1024),
            "dynamic",
        ),
        (
            nn.Sequential(*(nn.Conv2d(32, 32, 3) for _ in range(3))),
            torch.randn(8, 32, 32, 32),
            "static",
        ),
    ],
)
def test_what_is_large_gets_the_method_of_the_table(
    model: nn.Module, inputs: torch.Tensor, method: str
) -> None:
    with fixed_threads(1):
        assert advise(model.eval(), inputs).method == method


def test_starting_an_operator_takes_microseconds() -> None:
    with fixed_threads(1):
        starts = start_seconds(0.1)
    assert 1e-7 < starts.static < 1e-2
    assert 1e-7 < starts.dynamic < 1e-2


def ratio(value: float) -> Ratio:
    verdict = Verdict.FASTER if value > 1.05 else Verdict.SLOWER if value < 0.95 else Verdict.SAME
    return Ratio(ratio=value, low=value * 0.98, high=value * 1.02, verdict=verdict)


def row(name: str, speed: float | None, score: float | None = 0.97) -> Row:
    return Row(
        name=name, label=f"<{name}>", score=score, speedup=None if speed is None else ratio(speed)
    )


BASELINE = row("baseline", None)


@pytest.mark.parametrize(
    ("method", "rows", "held"),
    [
        ("static", [row("static-fx", 3.0), row("dynamic-eager", 1.2)], True),
        ("static", [row("static-fx", 3.0), row("dynamic-eager", 4.0)], False),
        ("static", [row("static-fx", 3.0), row("dynamic-eager", 4.0, score=0.5)], True),
        ("static", [row("static-fx", 3.0, score=0.5), row("dynamic-eager", 1.2)], False),
        ("static", [row("static-fx", 0.5), row("dynamic-eager", 0.4)], False),
        ("static", [row("static-fx", 3.0), row("qat-fx", 3.5)], True),  # the same arithmetic
        ("static", [row("static-fx", 3.0), row("static-pt2e", 5.0)], True),
        ("static", [row("dynamic-eager", 2.0)], None),
        ("dynamic", [row("dynamic-eager", 3.0), row("static-fx", 2.0)], True),
        ("none", [row("static-fx", 0.4), row("dynamic-eager", 1.0)], True),
        ("none", [row("static-fx", 1.5), row("dynamic-eager", 1.0)], False),
        ("none", [row("static-fx", 1.5, score=0.5)], True),
        # As fast as the float model through the same compiler: that is the compiler's doing.
        ("none", [row("compiled", 2.0), row("static-pt2e", 2.0)], True),
        ("none", [row("compiled", 2.0), row("static-pt2e", 3.0)], False),
        ("none", [], None),
        ("qat", [row("static-fx", 1.0, score=0.6), row("qat-fx", 1.0, score=0.95)], True),
        ("qat", [row("static-fx", 1.0, score=0.97), row("qat-fx", 1.0)], False),
        ("qat", [row("static-fx", 1.0, score=0.6), row("qat-fx", 1.0, score=0.5)], False),
        ("qat", [row("static-fx", 1.0, score=0.6)], None),
    ],
)
def test_the_outcome_follows_from_the_rows(method: str, rows: list[Row], held: bool | None) -> None:
    told = outcome(MethodAdvice(method=method, reasons=("why",)), (BASELINE, *rows))
    assert told.held is held
    assert told.reasons == ("why",)
    begins = {True: "It held", False: "It did not hold", None: "It cannot be told"}
    assert told.outcome.startswith(begins[held])
    assert told.outcome.endswith(".")


def test_rows_without_numbers_decide_nothing() -> None:
    gap = Row(name="static-fx", label="static", unavailable="no data")
    advice = MethodAdvice(method="static", reasons=("why",))
    assert outcome(advice, (BASELINE, gap)).held is None


def test_without_a_score_speed_decides_and_the_gap_is_said() -> None:
    """Random weights have no accuracy to keep; before, noise alone called the advice wrong."""
    untrained = row("baseline", None, score=None)
    rows = (untrained, row("static-pt2e", 4.8, score=None), row("dynamic-eager", 1.0, score=None))
    told = outcome(MethodAdvice(method="static", reasons=("why",)), rows)
    assert told.held is True
    assert "accuracy is not known" in told.outcome
