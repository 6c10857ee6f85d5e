"""Predicted before it is measured, and refused in one sentence before anything long runs."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from efficiency.core.anatomy import Cache, Peak
from efficiency.core.context import QuietContext
from efficiency.core.errors import BadInput
from efficiency.core.mixed import Prediction, TrainingSizes
from efficiency.core.requests import AmpRequest
from efficiency.core.values import PeakMemory
from efficiency.jobs import supervisor
from efficiency.measure.environment import describe
from efficiency.measure.threads import fixed_threads
from efficiency.routines import amp
from efficiency.routines.mixed_precision import checks, room
from efficiency.routines.mixed_precision.candidates import BASELINE, candidates
from efficiency.routines.mixed_precision.forecast import (
    Speeds,
    Steps,
    predict,
    speeds_of,
    step_seconds,
)
from efficiency.routines.mixed_precision.observed import step_peak
from efficiency.routines.mixed_precision.rehearsal import Effort, rehearse
from efficiency.routines.mixed_precision.sizes import sizes_of
from efficiency.routines.mixed_precision.task import task_of
from efficiency.routines.mixed_precision.tried import Tried, try_step

SMALL = AmpRequest(width=128, batch_size=64, batches=4, epochs=3)
BF16 = torch.bfloat16
NOT_SLOW = Tried(examples=4, batch_size=64, baseline=1.0, mixed=1.5)


def one_sentence(caught: pytest.ExceptionInfo[BadInput]) -> str:
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (AmpRequest(width=10**6), "of memory, and"),
        (AmpRequest(width=10**15, layers=10**9), "of memory, and"),
        (AmpRequest(batch_size=10**8), "of memory, and"),
        (AmpRequest(workload="lenet", width=64), "its own width"),
        (AmpRequest(workload="lenet", batch_size=2000), "1437 examples"),
        (AmpRequest(workload="lenet", batch_size=64, batches=23), "1437 examples"),
        (AmpRequest(batches=1, epochs=1), "too few for an interval"),
    ],
)
def test_refused_at_once(request_: AmpRequest, said: str, tmp_path: Path) -> None:
    free = psutil.virtual_memory().available
    began = time.perf_counter()
    with pytest.raises(BadInput, match=said) as caught:
        amp.run(request_, QuietContext(folder=tmp_path))
    one_sentence(caught)
    assert time.perf_counter() - began < 30
    assert psutil.virtual_memory().available > free - 2e9


def test_more_than_the_deadline_allows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"would take about .* stopped after") as caught:
        amp.run(AmpRequest(epochs=10_000), QuietContext(folder=tmp_path))
    one_sentence(caught)


def test_the_deadline_is_the_supervisors() -> None:
    allowed = supervisor.DEADLINE_SECONDS.get("amp", supervisor.DEFAULT_DEADLINE_SECONDS)
    assert allowed == checks.DEADLINE_SECONDS


def test_a_dtype_that_the_device_cannot_do_is_refused() -> None:
    peak = Peak(name="bf16", label="", unit="op", per_second=None, unavailable="no such product")
    with pytest.raises(BadInput, match=r"bfloat16.*no such product.*try float16") as caught:
        checks.check_dtype(SMALL, BF16, (peak,), describe("cpu"))
    one_sentence(caught)
    checks.check_dtype(SMALL, BF16, (replace(peak, per_second=1e9),), describe("cpu"))


def test_what_is_very_slow_must_be_confirmed() -> None:
    slow = Prediction(
        speedup=0.02, reasons=(), seconds=100, needs_confirmation="Training will be slow"
    )
    with pytest.raises(BadInput, match=r"will be slow; confirm it") as caught:
        checks.check_time(slow, confirmed=False)
    one_sentence(caught)
    checks.check_time(slow, confirmed=True)
    with pytest.raises(BadInput, match="would take about"):
        checks.check_time(replace(slow, seconds=1e6), confirmed=True)


SLOW_CPU = """
import sys, tempfile
from pathlib import Path
from efficiency.core.context import QuietContext
from efficiency.core.errors import BadInput
from efficiency.core.requests import AmpRequest
from efficiency.routines import amp
try:
    amp.run(
        AmpRequest(dtype="float16"), QuietContext(folder=Path(tempfile.mkdtemp()))
    )
except BadInput as refused:
    print(refused)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="oneDNN's limit is known for x86 on Linux")
def test_float16_on_a_cpu_without_it_is_refused_with_the_time_it_would_take() -> None:
    """Really slow: oneDNN is told to use no instructions for float16."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this PyTorch has no oneDNN")
    limited = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    run = subprocess.run(
        [sys.executable, "-c", SLOW_CPU], capture_output=True, text=True, env=limited, check=True
    )
    assert "times as slow as in float32 here" in run.stdout
    assert "the whole run will take about" in run.stdout


def test_rehearsed_memory_is_that_of_a_real_step() -> None:
    for name in (BASELINE, "amp"):
        (candidate,) = (each for each in candidates("cpu", "bfloat16") if each.name == name)
        sizes = sizes_of(SMALL)
        rehearsed = rehearse(SMALL, sizes, candidate, "bfloat16").peak
        real = step_peak(task_of(SMALL, sizes), candidate, "bfloat16")
        assert rehearsed.parameters == real.parameters
        assert rehearsed.gradients == real.gradients
        assert rehearsed.total == pytest.approx(real.total, rel=0.25)


def test_rehearsed_work_is_the_formula() -> None:
    sizes = TrainingSizes(batch_size=64, batches=4, epochs=3, width=128, layers=3)
    everybody = {each.name: each for each in candidates("cpu", "bfloat16")}
    plain, mixed = (rehearse(SMALL, sizes, everybody[name], "bfloat16") for name in ("fp32", "amp"))
    product = 64 * 128 * 128
    # Three forward, three for weights, two for inputs: the first layer's needs no gradient.
    assert plain.macs == mixed.macs == 8 * product
    assert {each.dtype for each in plain.efforts if each.macs} == {torch.float32}
    assert {each.dtype for each in mixed.efforts if each.macs} == {BF16}
    assert not any(each.converts for each in plain.efforts)
    weights = 3 * (128 * 128 + 128)
    activations = 64 * 128
    # There (4 bytes read, 2 written) and back: weights, input, output and their gradients.
    converted = sum(each.bytes for each in mixed.efforts if each.converts)
    assert converted == 6 * (2 * weights + activations + 2 * activations)


def test_the_roofline_is_the_larger_of_arithmetic_movement_and_start() -> None:
    speeds = Speeds(
        products={torch.float32: 1e9}, memories=((1e6, 1e9), (float("inf"), 1e8)), start=1e-6
    )

    def effort(macs: int, moved: int, dtype: torch.dtype = torch.float32) -> Effort:
        return Effort(macs=macs, dtype=dtype, bytes=moved, converts=False)

    assert step_seconds([effort(10**9, 100)], speeds) == pytest.approx(2.0)
    assert step_seconds([effort(0, 10**6)], speeds) == pytest.approx(1e-3), "from the cache"
    assert step_seconds([effort(0, 10**8)], speeds) == pytest.approx(1.0), "from main memory"
    assert step_seconds([effort(0, 4)], speeds) == pytest.approx(1e-6)
    assert step_seconds([effort(1, 4, BF16)], speeds) is None
    assert step_seconds([effort(0, 4, BF16)], speeds) is not None


def test_speeds_come_from_the_peaks_that_are_known() -> None:
    def peak(name: str, rate: float | None) -> Peak:
        return Peak(name=name, label="", unit="", per_second=rate)

    peaks = (peak("fp32", 1e11), peak("bf16", None), peak("DRAM", 1e10), peak("L2", 1e11))
    found = speeds_of(peaks, (Cache(name="L1 data", bytes=1), Cache(name="L2", bytes=2**21)))
    assert found.products == {torch.float32: 1e11}
    assert found.memories == ((2.0**21, 1e11), (float("inf"), 1e10))


@pytest.mark.parametrize(
    ("bf16", "features", "flag", "faster"),
    [
        (4e11, ("avx512_bf16",), "here that holds", True),
        (0.5e11, ("avx512_bf16",), "here that misleads", False),
        (0.5e11, ("avx2",), "lists no instructions", False),
    ],
)
def test_the_prediction_says_what_it_is_made_of(
    bf16: float, features: tuple[str, ...], flag: str, faster: bool
) -> None:
    sizes = sizes_of(AmpRequest())
    everybody = {each.name: each for each in candidates("cpu", "bfloat16")}
    plain, mixed = (
        rehearse(AmpRequest(), sizes, everybody[name], "bfloat16") for name in ("fp32", "amp")
    )
    speeds = Speeds(products={torch.float32: 1e11, BF16: bf16}, memories=((float("inf"), 1e10),))
    found = predict(plain, mixed, BF16, speeds, features, NOT_SLOW, Steps(baseline=4, mixed=1))
    assert found.speedup is not None
    assert (found.speedup > 1) == faster
    assert found.needs_confirmation is None
    assert found.seconds is not None
    assert f"{bf16 / 1e11:.2f} times as fast" in found.reasons[0]
    assert flag in found.reasons[1]
    assert "8.59 Gop" in found.reasons[2], "8 products of 512 x 1024 x 1024"


def test_a_step_that_was_very_slow_is_the_forecast() -> None:
    sizes = sizes_of(SMALL)
    everybody = {each.name: each for each in candidates("cpu", "bfloat16")}
    plain, mixed = (rehearse(SMALL, sizes, everybody[name], "bfloat16") for name in ("fp32", "amp"))
    speeds = Speeds(products={torch.float32: 1e11, BF16: 2e11}, memories=((float("inf"), 1e10),))
    slow = Tried(examples=4, batch_size=64, baseline=0.01, mixed=0.8)
    found, usual = (
        predict(plain, mixed, BF16, speeds, (), tried, Steps(baseline=10, mixed=10))
        for tried in (slow, NOT_SLOW)
    )
    assert found.speedup == pytest.approx(1 / 80)
    assert found.needs_confirmation is not None
    assert "80 times as slow" in found.needs_confirmation
    assert "800 ms in bfloat16 and 10 ms in float32" in found.reasons[-1]
    assert (usual.speedup or 0) > 1
    assert (found.seconds or 0) > 10 * 0.8 * 64 / 4, "as long for each example of the batch"
    short = predict(plain, mixed, BF16, speeds, (), slow, Steps(baseline=1, mixed=1))
    assert short.speedup == found.speedup
    assert short.needs_confirmation is None, "15 seconds are nothing to be warned of"


def test_a_real_step_is_tried_on_a_few_examples() -> None:
    everybody = {each.name: each for each in candidates("cpu", "bfloat16")}
    with fixed_threads(1):
        tried = try_step(SMALL, sizes_of(SMALL), everybody["fp32"], everybody["amp"])
    assert tried.examples == 4
    assert 0 < tried.baseline < 1
    assert 0 < tried.mixed < 1


def test_room_counts_what_lasts_for_all_and_what_passes_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = TrainingSizes(batch_size=1, batches=1, epochs=9, width=1, layers=1)  # 8 bytes of data
    peak = PeakMemory(parameters=100, gradients=100, optimizer=50, activations=30, temporary=20)
    needed = 100 + 5 * 250 + 50 + 8
    monkeypatch.setattr(room, "free_memory", lambda device: needed / room.ROOM)
    room.check_room("cpu", sizes, 5, (peak,))
    monkeypatch.setattr(room, "free_memory", lambda device: needed / room.ROOM - 2)
    with pytest.raises(BadInput, match=r"5 networks side by side needs about 1.41 kB"):
        room.check_room("cpu", sizes, 5, (peak,))


def test_starting_an_operator_takes_well_under_a_millisecond() -> None:
    with fixed_threads(1):
        assert 0 < checks.start_seconds("cpu") < 1e-3


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no device called 'cuda'") as caught:
        amp.run(replace(SMALL, device="cuda"), QuietContext(folder=tmp_path))
    one_sentence(caught)
