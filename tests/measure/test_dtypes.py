"""Which dtype operators ran in, on real steps; and PyTorch's lists against what PyTorch does."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from efficiency.core.mixed import OperatorDtype
from efficiency.measure.autocast_lists import FLOAT32, LISTS, LOWER, WIDEST, listed
from efficiency.measure.dtypes import operator_dtypes


def step(dtype: torch.dtype | None) -> Callable[[], object]:
    """A training step of two linear layers, under autocast unless the dtype is None."""
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 8))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = torch.randn(4, 16), torch.randn(4, 8)

    def call() -> None:
        with torch.autocast("cpu", dtype=dtype or torch.bfloat16, enabled=dtype is not None):
            loss = F.mse_loss(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return call


def find(seen: tuple[OperatorDtype, ...], operator: str) -> OperatorDtype:
    (found,) = (each for each in seen if each.operator == operator)
    return found


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_two_assertions_of_the_tutorial(dtype: torch.dtype) -> None:
    lower = str(dtype).removeprefix("torch.")
    seen = operator_dtypes(step(dtype), "cpu")
    linear, loss = find(seen, "addmm"), find(seen, "mse_loss")
    assert (linear.function, linear.dtype, linear.forward) == ("linear", lower, 2)
    assert (loss.function, loss.dtype, loss.forward) == ("mse_loss", "float32", 1)
    assert (linear.listed, loss.listed) == (LOWER, FLOAT32)


def test_backward_runs_in_the_dtype_of_forward_and_the_update_in_float32() -> None:
    seen = operator_dtypes(step(torch.bfloat16), "cpu")
    products = find(seen, "mm")
    # One for the weights of each layer, one for the input of the second.
    assert (products.dtype, products.forward, products.backward) == ("bfloat16", 0, 3)
    assert find(seen, "mse_loss_backward").dtype == "float32"
    update = find(seen, "add_")
    assert (update.dtype, update.forward, update.backward, update.update) == ("float32", 0, 0, 4)


def test_conversions_say_from_what_to_what() -> None:
    seen = operator_dtypes(step(torch.bfloat16), "cpu")
    conversions = {
        (each.function, each.dtype): (each.forward, each.backward, each.listed)
        for each in seen
        if each.operator == "_to_copy"
    }
    assert conversions == {
        ("linear", "float32 → bfloat16"): (5, 0, None),  # the input, two weights, two biases
        ("mse_loss", "bfloat16 → float32"): (1, 0, None),
        (None, "float32 → bfloat16"): (0, 1, None),
        (None, "bfloat16 → float32"): (0, 4, None),  # gradients of all parameters
    }


def test_without_autocast_all_is_float32() -> None:
    seen = operator_dtypes(step(None), "cpu")
    assert {each.dtype for each in seen} == {"float32"}
    assert find(seen, "addmm").forward == 2


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("linear", lambda x: F.linear(x, x)),
        ("mm", lambda x: torch.mm(x, x)),
        ("conv2d", lambda x: F.conv2d(x.reshape(1, 1, 4, 4), x[:2, :2].reshape(1, 1, 2, 2))),
        ("prelu", lambda x: F.prelu(x, x[0, :1])),
        ("mse_loss", lambda x: F.mse_loss(x.bfloat16(), x.bfloat16())),
        ("cross_entropy", lambda x: F.cross_entropy(x.bfloat16(), torch.zeros(4).long())),
        ("prod", lambda x: x.bfloat16().prod()),
        ("cdist", lambda x: torch.cdist(x.bfloat16(), x.bfloat16())),
        ("cat", lambda x: torch.cat([x.bfloat16(), x])),
        ("stack", lambda x: torch.stack([x, x.bfloat16()])),
    ],
)
def test_the_list_for_cpus_is_what_pytorch_does(
    name: str, call: Callable[[Tensor], Tensor]
) -> None:
    numbers = torch.rand(4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = call(numbers).dtype
    expected = {LOWER: torch.bfloat16, FLOAT32: torch.float32, WIDEST: torch.float32}
    assert found is expected[str(listed("cpu", name))]


def test_an_operator_that_is_in_no_list_follows_its_input() -> None:
    assert listed("cpu", "relu") is None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert F.relu(torch.rand(2)).dtype is torch.float32
        assert F.relu(torch.rand(2).bfloat16()).dtype is torch.bfloat16


def test_lists_name_no_operator_twice() -> None:
    from efficiency.measure import autocast_lists

    for lists in (autocast_lists._CPU, autocast_lists._CUDA):
        names = [name for each in lists.values() for name in each.split()]
        assert len(names) == len(set(names))
    assert LISTS["cuda"]["layer_norm"] == FLOAT32
    assert listed("cpu", "layer_norm") is None, "the two lists differ, and so do the devices"
    assert listed("cuda", None, "addmm") == LOWER
