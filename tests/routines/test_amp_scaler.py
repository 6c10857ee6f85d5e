"""The life of a real GradScaler over a run in which gradients really overflow."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from efficiency.core.mixed import ScalerStep
from efficiency.core.requests import AmpRequest
from efficiency.measure.threads import fixed_threads
from efficiency.routines.mixed_precision import scaler_life as life
from efficiency.routines.mixed_precision.gradients import gradients_of
from efficiency.routines.mixed_precision.sizes import sizes_of
from efficiency.routines.mixed_precision.task import Task, task_of

REQUESTS = {
    "mlp": AmpRequest(width=64, batch_size=32, batches=6, epochs=4),
    "lenet": AmpRequest(workload="lenet"),
}


def task_named(name: str) -> Task:
    return task_of(REQUESTS[name], sizes_of(REQUESTS[name]))


@pytest.fixture(scope="module", params=REQUESTS)
def steps(request: pytest.FixtureRequest) -> tuple[ScalerStep, ...]:
    with fixed_threads(1):
        return life.scaler_life(task_named(request.param))


def test_growth_overflow_skip_and_backoff_all_happen(steps: tuple[ScalerStep, ...]) -> None:
    assert len(steps) == life.STEPS
    assert steps[0].skipped, "it starts too high"
    assert any(step.next_scale > step.scale for step in steps)
    grown = [b for a, b in pairwise(steps) if a.next_scale > a.scale]
    assert any(step.skipped for step in grown) or any(
        step.skipped for step in steps[len(steps) // 2 :]
    ), "overflow must come back after growth"


def test_the_scale_follows_the_rules(steps: tuple[ScalerStep, ...]) -> None:
    """Halved after an overflow; doubled after GROWTH_INTERVAL steps without; else kept."""
    clean = 0
    for step, following in pairwise(steps):
        clean = 0 if step.skipped else clean + 1
        if step.skipped:
            assert step.next_scale == step.scale / 2
        elif clean == life.GROWTH_INTERVAL:
            assert step.next_scale == step.scale * 2
            clean = 0
        else:
            assert step.next_scale == step.scale
        assert following.scale == step.next_scale


def test_a_skipped_step_leaves_the_weights_alone_and_any_other_changes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The weights after every step, taken where the scaler decides."""
    snapshots: list[torch.Tensor] = []
    update = torch.amp.GradScaler.update

    def watched(scaler: torch.amp.GradScaler) -> None:
        (state,) = scaler._per_optimizer_states.values()
        assert state["found_inf_per_device"]
        update(scaler)

    real_step = torch.amp.GradScaler.step

    def stepping(
        scaler: torch.amp.GradScaler, optimizer: torch.optim.Optimizer, *args: object
    ) -> float | None:
        weights = optimizer.param_groups[0]["params"][0]
        if not snapshots:
            snapshots.append(weights.detach().clone())
        result = real_step(scaler, optimizer, *args)
        snapshots.append(weights.detach().clone())
        return result

    monkeypatch.setattr(torch.amp.GradScaler, "update", watched)
    monkeypatch.setattr(torch.amp.GradScaler, "step", stepping)
    with fixed_threads(1):
        steps = life.scaler_life(task_named("mlp"))
    assert len(snapshots) == len(steps) + 1
    for step, (before, after) in zip(steps, pairwise(snapshots), strict=True):
        assert torch.equal(before, after) == step.skipped


def test_gradients_are_really_rounded() -> None:
    parameter = nn.Parameter(torch.zeros(5))
    parameter.grad = torch.tensor([2.0**-25, 2.0**-24, 65519.0, 65520.0, 1 + 2.0**-12])
    life.round_to_half(parameter)
    assert parameter.grad.tolist() == [0.0, 2.0**-24, 65504.0, float("inf"), 1.0]
    assert parameter.grad.dtype is torch.float32


def test_it_starts_a_few_doublings_above_what_the_first_step_bears() -> None:
    task = task_named("mlp")
    own, _ = gradients_of(task.model, task.loss, next(task.batches()))
    bearable = max(k for k, count in enumerate(own.overflowed) if not count)
    assert life.starting_scale(task) == 2.0 ** (bearable + life.TOO_HIGH)


def test_looking_at_gradients_leaves_the_model_alone() -> None:
    task = task_named("lenet")
    before = {name: tensor.clone() for name, tensor in task.model.state_dict().items()}
    own, flowing = gradients_of(task.model, task.loss, next(task.batches()))
    assert own.total == 60_074
    # Outputs of the five layers of LeNet for 64 images.
    assert flowing.total == 64 * (6 * 26 * 26 + 16 * 11 * 11 + 120 + 84 + 10)
    assert all(torch.equal(before[name], each) for name, each in task.model.state_dict().items())
    assert all(each.grad is None for each in task.model.parameters())
    assert not any(module._forward_hooks for module in task.model.modules())
