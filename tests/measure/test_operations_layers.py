"""Which layer and which stage an operator is given to, and that the model is left as it was."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from efficiency.core.anatomy import Stage
from efficiency.core.errors import BadInput
from efficiency.workloads import lenet
from tests.measure.counted import Calls, arithmetic, count, in_all, moved, work

IMAGES = torch.randn(2, 1, 28, 28)


def layers(operations_of: Stage, model: nn.Module, *inputs: Tensor) -> list[str]:
    operations = count(model, *inputs, training=True)
    return [each.layer for each in operations.layers if each.stage is operations_of]


def test_a_training_step_of_linear_layers() -> None:
    model = nn.Sequential(nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 10, bias=False))
    operations = count(model, torch.randn(7, 30), training=True)
    first, second = 7 * 30 * 20, 7 * 20 * 10
    assert work(operations, layer="0").macs == first
    assert work(operations, layer="2").macs == second
    # Gradient of the weight, sums over the batch, and of the bias; the data needs none.
    assert arithmetic(work(operations, Stage.BACKWARD, "0")) == (
        first,
        first,
        first - 30 * 20 + 7 * 20 - 20,
    )
    # Gradients of the weight and of the input, which is a sum over outputs.
    assert arithmetic(work(operations, Stage.BACKWARD, "2")) == (
        2 * second,
        2 * second,
        second - 20 * 10 + second - 7 * 20,
    )
    # weight - learning rate * gradient: reads both, writes one.
    for layer, parameters in (("0", 30 * 20 + 20), ("2", 20 * 10)):
        found = work(operations, Stage.UPDATE, layer)
        assert arithmetic(found) == (0, parameters, parameters)
        assert moved(found) == (parameters, parameters, parameters)
    assert operations.uncounted == ("relu", "threshold_backward")


def test_a_training_step_of_lenet_backward_is_twice_forward_but_for_the_first_layer() -> None:
    operations = count(lenet.build(), IMAGES, training=True)
    for layer, times in (("conv1", 1), ("conv2", 2), ("fc1", 2), ("fc2", 2), ("fc3", 2)):
        forward = work(operations, layer=layer).macs
        assert work(operations, Stage.BACKWARD, layer).macs == times * forward
    assert in_all(operations, Stage.UPDATE)[1] == sum(p.numel() for p in lenet.build().parameters())


def test_every_layer_has_its_own_backward_operators() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)

        def forward(self, data: Tensor) -> Tensor:
            return F.relu(self.norm(self.conv(data))) + data

    model = nn.Sequential(Block(), Block(), nn.Flatten(), nn.Linear(192, 4))
    operations = count(model, torch.randn(2, 3, 8, 8), training=True)
    forward = [each.layer for each in operations.layers if each.stage is Stage.FORWARD]
    assert forward == ["0.conv", "0.norm", "0", "1.conv", "1.norm", "1", "3"]
    backward = [each.layer for each in operations.layers if each.stage is Stage.BACKWARD]
    assert backward == ["3", "1", "1.norm", "1.conv", "0", "0.norm", "0.conv"]
    # Where the input of a block went two ways, its two gradients are added up: once, in block 1.
    forked = 2 * 3 * 64
    outside = sum(work(operations, Stage.BACKWARD, each).additions for each in ("0", "1"))
    conv = [work(operations, Stage.BACKWARD, f"{each}.conv").additions for each in (0, 1)]
    macs = 2 * 3 * 64 * 27
    own = macs - 81 + 2 * 3 * 64 - 3, macs - 81 + 2 * 3 * 64 - 3 + macs - 2 * 3 * 100
    assert outside == 0
    assert conv == [own[0], own[1] + forked]


def test_a_layer_used_twice_adds_up() -> None:
    shared = nn.Linear(8, 8, bias=False)
    operations = count(nn.Sequential(shared, nn.Tanh(), shared), torch.randn(1, 8), training=True)
    assert work(operations, layer="0").macs == 2 * 64
    assert work(operations, layer="0").weights == 2 * 64
    found = work(operations, Stage.BACKWARD, "0")
    assert found.macs == 3 * 64
    # Products of one row need no additions for the weight; its two gradients are added up.
    assert found.additions == 64 - 8 + 64
    assert work(operations, Stage.UPDATE, "0").additions == 64


def test_tied_weights_belong_to_the_first_layer_that_has_them() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(50, 8)
            self.head = nn.Linear(8, 50, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, ids: Tensor) -> Tensor:
            return self.head(self.embedding(ids))

    operations = count(Tied(), torch.tensor([[1, 2, 3]]), training=True)
    assert work(operations, Stage.BACKWARD, "head").macs == 2 * 3 * 8 * 50
    updates = [each.layer for each in operations.layers if each.stage is Stage.UPDATE]
    assert updates == ["embedding"]


def test_a_forward_pass_done_again_is_backward_work_of_its_layer() -> None:
    class Remade(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(8, 8)
            self.rest = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8))

        def forward(self, data: Tensor) -> Tensor:
            return checkpoint(self.rest, torch.relu(self.first(data)), use_reentrant=False)

    operations = count(Remade(), torch.randn(3, 8), training=True)
    assert [work(operations, layer=each).macs for each in ("rest.0", "rest.2")] == [3 * 64] * 2
    # Once more and two gradients; nothing needs the result of the last layer again; one gradient.
    macs = [work(operations, Stage.BACKWARD, each).macs for each in ("rest.0", "rest.2", "first")]
    assert macs == [3 * 3 * 64, 2 * 3 * 64, 3 * 64]


def test_collecting_a_gradient_belongs_to_the_layer_of_the_parameter() -> None:
    class Shift(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shift = nn.Parameter(torch.ones(4))

        def forward(self, data: Tensor) -> Tensor:
            return data * self.shift.sum()

    operations = count(nn.Sequential(Shift()), torch.randn(2, 3), training=True)
    # Gradient times data, its sum, and the same number written for each parameter.
    assert moved(work(operations, Stage.BACKWARD, "0")) == (0, 2 * 6 + 6 + 1, 6 + 1 + 4)


def test_the_loss_belongs_to_no_layer() -> None:
    identity = Calls(lambda data: data.view(-1))
    operations = count(identity, torch.randn(3, 4, requires_grad=True), training=True)
    assert operations.layers == ()
    assert operations.uncounted == ()


def test_outputs_with_names_and_several_outputs_can_be_trained() -> None:
    layer = nn.Linear(4, 2)
    for wrap in (lambda out: {"logits": out}, lambda out: (out, None), lambda out: [out]):

        class Wrapped(nn.Module):
            def __init__(self, wrap: Callable[[Tensor], object]) -> None:
                super().__init__()
                self.layer, self.wrap = layer, wrap

            def forward(self, data: Tensor) -> object:
                return self.wrap(self.layer(data))

        found = count(Wrapped(wrap), torch.randn(3, 4), training=True)
        assert work(found, Stage.BACKWARD, "layer").macs == 3 * 8


@pytest.mark.parametrize("training", [False, True])
def test_the_model_is_left_as_it_was(training: bool) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten())
    model[1].eval()
    data = torch.randn(2, 3, 8, 8, requires_grad=True)
    model[0](data).sum().backward()
    gradient, data_gradient = model[0].weight.grad, data.grad
    assert gradient is not None
    assert data_gradient is not None
    before, gradient_before = copy.deepcopy(model.state_dict()), gradient.clone()
    random_state = torch.get_rng_state()

    count(model, data, training=training)

    assert [module.training for module in model.modules()] == [True, True, False, True, True]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())
    assert model[0].weight.grad is gradient
    assert torch.equal(gradient, gradient_before)
    assert model[1].weight.grad is None
    assert data.grad is data_gradient
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.is_grad_enabled()


def test_the_same_under_inference_mode() -> None:
    class Quick(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = lenet.build()

        @torch.inference_mode()
        def forward(self, images: Tensor) -> Tensor:
            return self.inner(images)

    plain, quick = count(lenet.build(), IMAGES), count(Quick(), IMAGES)
    assert quick.uncounted == plain.uncounted
    assert [each.layer for each in quick.layers] == [
        f"inner.{each.layer}".rstrip(".") for each in plain.layers
    ]
    assert list(map(arithmetic, quick.layers)) == list(map(arithmetic, plain.layers))
    assert list(map(moved, quick.layers)) == list(map(moved, plain.layers))


@pytest.mark.parametrize("training", [False, True])
def test_a_wrong_input_shape_is_refused_naming_the_layer(training: bool) -> None:
    model = lenet.build()
    with pytest.raises(BadInput, match=r"^[^\n]*\(1, 3, 28, 28\): layer conv1 stopped[^\n]*\.$"):
        count(model, torch.randn(1, 3, 28, 28), training=training)
    with pytest.raises(BadInput, match=r"layer fc1 stopped"):
        count(model, torch.randn(1, 1, 40, 40), training=training)
    assert model.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(BadInput, match=r"Nothing in this model can be trained; .*inference"):
        count(nn.ReLU(), IMAGES, training=True)
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784))
    with pytest.raises(BadInput, match=r"layer 1 stopped .*a batch that it can be trained on"):
        count(model, IMAGES[:1], training=True)
