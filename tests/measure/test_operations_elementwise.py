"""Elementwise operators, sums and pooling; what is named instead of counted; what moves."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from efficiency.core.anatomy import Stage
from tests.measure.counted import Calls, arithmetic, count, moved, work

A, B = torch.randn(3, 4), torch.randn(4)
N = 12


@pytest.mark.parametrize(
    ("function", "multiplications", "additions"),
    [
        (lambda a, b: a + b, 0, N),
        (lambda a, b: a - b, 0, N),
        (lambda a, b: 1 - a, 0, N),
        (lambda a, b: torch.add(a, b, alpha=2), N, N),
        (lambda a, b: a * b, N, 0),
        (lambda a, b: a / 3, N, 0),  # times a third
        (lambda a, b: a.square(), N, 0),
        (lambda a, b: a**3, 2 * N, 0),
        (lambda a, b: torch.lerp(a, a + b, 0.5), N, N + 2 * N),
        (lambda a, b: torch.addcmul(a, a, a), N, N),
        (lambda a, b: torch.addcmul(a, a, a, value=0.1), 2 * N, N),
        (lambda a, b: a.sum(), 0, N - 1),
        (lambda a, b: a.sum(1), 0, N - 3),
        (lambda a, b: a.mean(0), 4, N - 4),
        (lambda a, b: a.cumsum(1), 0, N - 3),
        (lambda a, b: a.var(1), 3 + N + 3, (N - 3) + N + (N - 3)),
        (lambda a, b: F.avg_pool2d(a.view(1, 1, 3, 4), (3, 2)), 2, 2 * 5),
        # Windows of 2, 3 and 2 rows; 2 and 2 columns.
        (lambda a, b: F.adaptive_avg_pool2d(a.view(1, 1, 4, 3), (3, 2)), 6, 6 * 4 - 6),
        (lambda a, b: torch.zeros(3).index_add(0, torch.tensor([0, 0, 2, 1]), b), 0, 4),
        (lambda a, b: a.clone().relu_().add_(b), 0, N),
        (lambda a, b: torch.cat([a, a]).t().contiguous()[0], 0, 0),
    ],
)
def test_arithmetic(
    function: Callable[[Tensor, Tensor], Tensor], multiplications: int, additions: int
) -> None:
    found = work(count(Calls(function), A, B))
    assert arithmetic(found) == (0, multiplications, additions)


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda a: a.relu(), "relu"),
        (lambda a: a.clone().relu_(), "relu"),
        (lambda a: a.tanh(), "tanh"),
        (lambda a: a.exp(), "exp"),
        (lambda a: a / a, "div"),
        (lambda a: 1 / a, "reciprocal"),
        (lambda a: a.sqrt(), "sqrt"),
        (lambda a: a**0.5, "pow"),
        (lambda a: torch.softmax(a, 1), "_softmax"),
        (lambda a: F.max_pool2d(a.view(1, 1, 3, 4), 2), "max_pool2d_with_indices"),
        (lambda a: a > 0, "gt"),
        (lambda a: a.std(1), "root in std"),
        (lambda a: torch.addcdiv(a, a, a), "division in addcdiv"),
    ],
)
def test_what_is_not_counted_is_named(function: Callable[[Tensor], Tensor], named: str) -> None:
    assert count(Calls(function), A).uncounted == (named,)


@pytest.mark.filterwarnings("ignore")
def test_quantized_layers_are_named() -> None:
    model = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 2)), {nn.Linear})
    operations = count(model, A)
    assert operations.uncounted == ("quantized.linear_dynamic",)
    assert moved(work(operations, layer="0")) == (0, N, 6)


@pytest.mark.parametrize(
    ("function", "inputs", "outputs"),
    [
        (lambda a, b: a.view(2, 6).t()[:3] + 1, 6, 6),
        (lambda a, b: a * a, N, N),  # one operand
        (lambda a, b: a + b, N + 4, N),
        (lambda a, b: a + b.expand(3, 4), N + 4, N),  # as many numbers as there are
        (lambda a, b: torch.empty(3, 4).copy_(b), 4, N),
        (lambda a, b: a[torch.tensor([2, 2, 0, 0])], 16, 16),
        (lambda a, b: torch.zeros(100), 0, 0),
        (lambda a, b: torch.arange(5) + 2 * torch.ones(5, dtype=torch.int64), 0, 0),
        (lambda a, b: torch.stack([b, b + 1]), 4 + 8, 4 + 8),
    ],
)
def test_numbers_moved(
    function: Callable[[Tensor, Tensor], Tensor], inputs: int, outputs: int
) -> None:
    found = count(Calls(function), A, B).layers
    assert sum(each.inputs for each in found) == inputs
    assert sum(each.outputs for each in found) == outputs


def test_numbers_of_parameters_and_buffers_are_weights() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(2, 4))
            self.register_buffer("shift", torch.ones(4))

        def forward(self, data: Tensor) -> Tensor:
            return data * self.scale[1] + self.shift

    assert moved(work(count(Scale(), A))) == (4 + 4, N + N, N + N)


def terms(sums: Tensor) -> int:
    """Additions behind sums of ones."""
    return int((sums - 1).clamp(min=0).sum())


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_gradient_of_average_pooling(stride: int) -> None:
    data = torch.ones(2, 3, 7, 7, requires_grad=True)
    model = Calls(lambda images: F.avg_pool2d(images, 2, stride))
    outputs = model(data)
    found = work(count(model, data, training=True), Stage.BACKWARD)
    (spread,) = torch.autograd.grad(4 * outputs.sum(), data)
    assert arithmetic(found) == (0, outputs.numel(), terms(spread))


def test_gradient_of_adaptive_pooling() -> None:
    data = torch.ones(2, 3, 7, 5, requires_grad=True)
    model = Calls(lambda images: F.adaptive_avg_pool2d(images, (3, 2)))
    found = work(count(model, data, training=True), Stage.BACKWARD)
    # 3 windows of 3 rows over 7, 2 windows of 3 columns over 5.
    assert arithmetic(found) == (0, 36, 6 * (3 * 3 * 2 * 3) - data.numel())


def test_gradients_of_activations() -> None:
    data = torch.randn(3, 4, requires_grad=True)
    for function in (torch.tanh, torch.sigmoid):
        found = work(count(Calls(function), data, training=True), Stage.BACKWARD)
        assert arithmetic(found) == (0, 2 * N, N)
    softmax = count(Calls(lambda a: a.softmax(1)), data, training=True)
    # output * (gradient - sum(output * gradient)), in three rows
    assert arithmetic(work(softmax, Stage.BACKWARD)) == (0, 2 * N, N - 3 + N)
