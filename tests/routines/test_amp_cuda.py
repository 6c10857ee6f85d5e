"""Mixed precision on a GPU: float16 with loss scaling, skipped steps, TF32, memory."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from efficiency.core.context import QuietContext
from efficiency.core.requests import AmpRequest
from efficiency.core.values import Row, Study, Verdict
from efficiency.routines import amp
from efficiency.routines.mixed_precision.candidates import candidates
from efficiency.routines.mixed_precision.observed import step_peak
from efficiency.routines.mixed_precision.scaler_life import scaler_life
from efficiency.routines.mixed_precision.sizes import sizes_of
from efficiency.routines.mixed_precision.task import task_of
from efficiency.routines.mixed_precision.trainer import Trainer, float32_as

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]

REQUEST = AmpRequest(
    device="cuda", dtype="float16", width=1024, batch_size=256, batches=10, epochs=2
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return amp.run(REQUEST, QuietContext(folder=tmp_path_factory.mktemp("run")))


def row(study: Study, name: str) -> Row:
    return next(each for each in study.rows if each.name == name)


def tensor_cores(kind: str) -> bool:
    least = {"fp16": (7, 0), "tf32": (8, 0)}[kind]
    return torch.cuda.get_device_capability() >= least


def test_every_piece_is_measured(study: Study) -> None:
    names = ["fp32", "amp", "autocast", "scaler", "disabled", "zero-grad", "tf32"]
    assert [each.name for each in study.rows] == names
    for each in study.rows:
        assert each.unavailable is None
        assert each.timing is not None
        assert len(each.timing.samples) == 20
    assert any("those of fp32, bit by bit" in note for note in row(study, "disabled").notes)


def test_linear_ran_in_half_and_the_loss_in_float32(study: Study) -> None:
    assert study.mixed is not None
    operators = {(each.operator, each.function): each for each in study.mixed.operators}
    assert operators["addmm", "linear"].dtype == "float16"
    assert operators["mse_loss", "mse_loss"].dtype == "float32"
    assert operators["addmm", "linear"].listed == "lower precision"


def test_tensor_cores_pay_when_the_gpu_is_saturated(tmp_path: Path) -> None:
    if not tensor_cores("fp16"):
        pytest.skip("this GPU has no tensor cores for float16")
    large = replace(REQUEST, width=4096, batch_size=512)
    found = amp.run(large, QuietContext(folder=tmp_path))
    speedup = row(found, "amp").speedup
    assert speedup is not None
    assert speedup.verdict is Verdict.FASTER
    assert found.mixed is not None
    assert (found.mixed.prediction.speedup or 0) > 1


def test_tf32_is_on_for_its_row_alone() -> None:
    if not tensor_cores("tf32"):
        pytest.skip("this GPU has no tensor cores for TF32")
    numbers = torch.randn(1024, 1024, device="cuda")
    exact = numbers.double() @ numbers.double()

    def error(precision: str) -> float:
        with float32_as(precision):
            return float(((numbers @ numbers).double() - exact).abs().max())

    before = torch.backends.cuda.matmul.fp32_precision
    assert error("tf32") > 10 * error("ieee")
    assert torch.backends.cuda.matmul.fp32_precision == before


def test_real_overflow_skips_steps_and_backs_off() -> None:
    task = task_of(REQUEST, sizes_of(REQUEST))
    steps = scaler_life(task)
    assert steps[0].skipped
    assert any(step.next_scale > step.scale for step in steps)
    for step in steps:
        if step.skipped:
            assert step.next_scale == step.scale / 2


def test_a_step_that_overflows_leaves_the_weights_alone() -> None:
    task = task_of(REQUEST, sizes_of(REQUEST))
    (candidate,) = (each for each in candidates("cuda", "float16") if each.name == "amp")
    scaler = torch.amp.GradScaler("cuda", init_scale=2.0**40)
    trainer = Trainer(task, candidate, "float16", scaler)
    before = [each.detach().clone() for each in trainer.model.parameters()]
    trainer.step(*next(task.batches()))
    assert scaler.get_scale() == 2.0**39
    for old, new in zip(before, trainer.model.parameters(), strict=True):
        assert torch.equal(old, new)


def test_memory_by_tensors_is_within_the_allocators() -> None:
    task = task_of(REQUEST, sizes_of(REQUEST))
    for candidate in candidates("cuda", "float16"):
        torch.cuda.reset_peak_memory_stats()
        peak = step_peak(task, candidate, "float16")
        assert peak.gradients > 0
        assert 0 < peak.total <= torch.cuda.max_memory_allocated()


def test_bfloat16_needs_no_scaler(tmp_path: Path) -> None:
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        pytest.skip("this GPU has no bfloat16")
    found = amp.run(replace(REQUEST, dtype="bfloat16"), QuietContext(folder=tmp_path))
    assert row(found, "amp").speedup is not None
    assert row(found, "autocast").unavailable is not None
