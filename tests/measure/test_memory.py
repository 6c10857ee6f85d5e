"""Peak memory against sums done by hand on stacks of linear layers, and on real quantized ones."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
import torch
from torch import Tensor, nn

from efficiency.core.values import PeakMemory
from efficiency.measure.memory import peak_memory

FLOAT = 4
BATCH = 64
PARAMETERS = (256 * 512 + 512 + 512 * 128 + 128) * FLOAT
INPUT, HIDDEN, OUTPUT = BATCH * 256 * FLOAT, BATCH * 512 * FLOAT, BATCH * 128 * FLOAT


def stack(device: str = "cpu") -> nn.Sequential:
    return nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 128)).to(device)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_inference_holds_two_neighbouring_results_at_a_time(
    mode: Callable[[], AbstractContextManager[None]],
) -> None:
    model, batch = stack(), torch.randn(BATCH, 256)

    def call() -> Tensor:
        with mode():
            return model(batch)

    # At the ReLU: its input (the result of the first layer) and its own result.
    assert peak_memory(call, model) == PeakMemory(
        parameters=PARAMETERS, activations=INPUT + 2 * HIDDEN, temporary=0
    )


def test_autograd_keeps_what_the_backward_pass_needs() -> None:
    model, batch = stack(), torch.randn(BATCH, 256)
    # ReLU needs its result, which the second layer needs too; the first layer's is let go.
    assert peak_memory(lambda: model(batch), model) == PeakMemory(
        parameters=PARAMETERS, activations=INPUT + 2 * HIDDEN, temporary=0
    )
    wide = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 1024), nn.ReLU())
    found = peak_memory(lambda: wide(batch), wide)
    # The first ReLU's result is still there when the second one writes its own.
    assert found.activations == INPUT + HIDDEN + 2 * BATCH * 1024 * FLOAT


def test_a_training_step_with_momentum_has_all_five_kinds() -> None:
    model = nn.Sequential(nn.Linear(1024, 1024, bias=False), nn.Linear(1024, 1024, bias=False))
    weight = 1024 * 1024 * FLOAT
    result = 8 * 1024 * FLOAT
    batch = torch.randn(8, 1024)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, foreach=False)

    def step() -> None:
        optimizer.zero_grad()
        model(batch).sum().backward()
        optimizer.step()

    first = peak_memory(step, model)
    # Momentum is made by the first step, as copies of the gradients.
    assert (first.parameters, first.gradients, first.optimizer) == (
        2 * weight,
        2 * weight,
        2 * weight,
    )
    assert first.activations == result  # of the forward pass nothing but the batch is left
    later = peak_memory(step, model)
    # Now it is there from the beginning, and the peak is inside the backward pass.
    assert later.optimizer == 2 * weight
    assert later.gradients == 2 * weight
    assert later.total >= first.total
    assert later.temporary > 0


def test_gradients_that_are_there_before_count() -> None:
    model, batch = stack(), torch.randn(BATCH, 256)
    model(batch).sum().backward()

    def call() -> Tensor:
        with torch.no_grad():
            return model(batch)

    assert peak_memory(call, model).gradients == PARAMETERS


def test_tied_weights_and_views_count_once() -> None:
    model = nn.Sequential(nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False))
    model[1].weight = model[0].weight
    batch = torch.randn(1, 64)

    def call() -> Tensor:
        with torch.no_grad():
            return model(batch).view(8, 8).t()

    found = peak_memory(call, model)
    assert found.parameters == 64 * 64 * FLOAT
    assert found.activations == 3 * 64 * FLOAT


def test_a_batch_is_not_charged_with_its_data_set() -> None:
    model, data = stack(), torch.randn(100 * BATCH, 256)

    def call() -> Tensor:
        with torch.no_grad():
            return model(data[:BATCH])

    batch = data[:BATCH]

    def call_with_slice() -> Tensor:
        with torch.no_grad():
            return model(batch)

    assert peak_memory(call_with_slice, model).activations == INPUT + 2 * HIDDEN
    assert peak_memory(call, model).total > 100 * INPUT  # here the call itself uses all of it


def test_what_a_call_drops_is_not_in_the_peak() -> None:
    model, batch = stack(), torch.randn(BATCH, 256)

    def calls(count: int) -> Callable[[], None]:
        def call() -> None:
            with torch.no_grad():
                for _ in range(count):
                    model(batch)

        return call

    assert peak_memory(calls(5), model) == peak_memory(calls(1), model)


def test_the_model_keeps_no_hooks() -> None:
    model, batch = stack(), torch.randn(BATCH, 256)
    peak_memory(lambda: model(batch).sum().backward(), model)
    assert not any(parameter._post_accumulate_grad_hooks for parameter in model.parameters())
    with pytest.raises(RuntimeError):
        peak_memory(lambda: model(torch.randn(1, 3)), model)
    assert not any(parameter._post_accumulate_grad_hooks for parameter in model.parameters())


@pytest.fixture
def x86() -> Iterator[None]:
    before = torch.backends.quantized.engine
    if "x86" not in torch.backends.quantized.supported_engines:
        pytest.skip("this build of PyTorch has no x86 engine for quantized operators")
    torch.backends.quantized.engine = "x86"
    yield
    torch.backends.quantized.engine = before


@pytest.mark.usefixtures("x86")
@pytest.mark.filterwarnings("ignore")
def test_packed_weights_of_quantized_layers_are_parameters() -> None:
    model = torch.ao.quantization.quantize_dynamic(stack().eval(), {nn.Linear})
    batch = torch.randn(BATCH, 256)

    def call() -> Tensor:
        with torch.no_grad():
            return model(batch)

    found = peak_memory(call, model)
    weights, biases = 256 * 512 + 512 * 128, (512 + 128) * FLOAT
    assert weights + biases <= found.parameters <= weights + biases + 100  # scales, zero points
    assert found.activations == INPUT + 2 * HIDDEN


@pytest.mark.usefixtures("x86")
@pytest.mark.filterwarnings("ignore")
def test_weights_hidden_in_quantized_recurrent_layers_are_parameters() -> None:
    recurrent = nn.Sequential(nn.LSTM(32, 64, num_layers=2)).eval()
    model = torch.ao.quantization.quantize_dynamic(recurrent, {nn.LSTM})
    batch = torch.randn(5, 1, 32)

    def call() -> object:
        with torch.no_grad():
            return model(batch)

    # Four gates: each has weights for the input and for the state, and two biases.
    weights, biases = 4 * 64 * (32 + 64 + 64 + 64), 2 * 2 * 4 * 64 * FLOAT
    found = peak_memory(call, model).parameters
    assert weights + biases <= found <= weights + biases + 100  # scales, zero points


@pytest.mark.usefixtures("x86")
@pytest.mark.filterwarnings("ignore")
def test_per_channel_scales_count_too() -> None:
    model = nn.Sequential(torch.ao.quantization.QuantStub(), nn.Conv2d(3, 16, 3)).eval()
    model.qconfig = torch.ao.quantization.get_default_qconfig("x86")
    prepared = torch.ao.quantization.prepare(model)
    image = torch.randn(1, 3, 8, 8)
    prepared(image)
    converted = torch.ao.quantization.convert(prepared)
    found = peak_memory(lambda: converted(image), converted)
    weight, bias, scales = 3 * 16 * 9, 16 * FLOAT, 16 * (8 + 8)
    assert weight + bias + scales <= found.parameters <= weight + bias + scales + 100


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_cuda_peak_is_the_same_by_tensors_and_within_the_allocators() -> None:
    model, batch = stack("cuda"), torch.randn(BATCH, 256, device="cuda")

    def call() -> Tensor:
        with torch.no_grad():
            return model(batch)

    call()  # libraries allocate their workspace
    torch.cuda.reset_peak_memory_stats()
    found = peak_memory(call, model)
    assert (found.parameters, found.activations) == (PARAMETERS, INPUT + 2 * HIDDEN)
    assert found.total <= torch.cuda.max_memory_allocated()
