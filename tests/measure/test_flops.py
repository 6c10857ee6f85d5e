"""Counted operations against closed forms."""

import pytest
import torch
from torch import Tensor, nn

from efficiency.core.errors import BadInput
from efficiency.measure.flops import count_flops


def macs(model: nn.Module, *inputs: Tensor) -> int:
    found = count_flops(model, inputs)
    assert found.total == 2 * sum(each.macs for each in found.by_layer)
    return found.total // 2


@pytest.mark.parametrize("batch", [1, 7])
def test_linear(batch: int) -> None:
    assert macs(nn.Linear(30, 20), torch.randn(batch, 30)) == batch * 30 * 20


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_convolution(stride: int, groups: int, dilation: int) -> None:
    size, kernel, padding = 17, 3, 1
    out = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    layer = nn.Conv2d(
        6, 12, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    expected = 2 * 12 * out * out * (6 // groups) * kernel * kernel
    assert macs(layer, torch.randn(2, 6, size, size)) == expected


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3)
        self.conv2 = nn.Conv2d(6, 16, 3)
        self.fc = nn.Sequential(nn.Linear(16 * 5 * 5, 120), nn.ReLU(), nn.Linear(120, 10))

    def forward(self, images: Tensor) -> Tensor:
        images = nn.functional.max_pool2d(torch.relu(self.conv1(images)), 2)
        images = nn.functional.max_pool2d(torch.relu(self.conv2(images)), 2)
        return torch.softmax(self.fc(images.flatten(1)), 1)


def test_lenet_layer_by_layer_and_what_was_not_counted() -> None:
    found = count_flops(LeNet(), (torch.randn(1, 1, 28, 28),))
    assert {each.layer: each.macs for each in found.by_layer} == {
        "conv1": 6 * 26 * 26 * 9,
        "conv2": 16 * 11 * 11 * 6 * 9,
        "fc.0": 400 * 120,
        "fc.2": 120 * 10,
    }
    assert found.uncounted == ("_softmax", "max_pool2d_with_indices", "relu")


def test_the_same_under_inference_mode() -> None:
    class Quick(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = LeNet()

        @torch.inference_mode()
        def forward(self, images: Tensor) -> Tensor:
            return self.inner(images)

    image = torch.randn(1, 1, 28, 28)
    plain, quick = count_flops(LeNet(), (image,)), count_flops(Quick(), (image,))
    assert quick.total == plain.total
    assert quick.uncounted == plain.uncounted
    assert [each.layer for each in quick.by_layer] == [f"inner.{e.layer}" for e in plain.by_layer]


def test_a_layer_used_twice_counts_twice() -> None:
    shared = nn.Linear(8, 8)
    found = count_flops(nn.Sequential(shared, shared), (torch.randn(1, 8),))
    assert [(each.layer, each.macs) for each in found.by_layer] == [("0", 2 * 64)]


def test_work_of_the_model_itself_has_no_layer_name() -> None:
    class Product(nn.Module):
        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            return left @ right

    found = count_flops(Product(), (torch.randn(3, 4), torch.randn(4, 5)))
    assert [(each.layer, each.macs) for each in found.by_layer] == [("", 60)]
    assert macs(Product(), torch.randn(3, 4), torch.randn(4)) == 12
    assert macs(Product(), torch.randn(4), torch.randn(4)) == 4


def test_attention_and_encoder_layers() -> None:
    heads, length, width, batch = 4, 10, 32, 2
    layer = nn.TransformerEncoderLayer(width, heads, dim_feedforward=64, batch_first=True)
    projections = 4 * batch * length * width * width
    products = 2 * batch * length * length * width
    feedforward = 2 * batch * length * width * 64
    found = macs(layer, torch.randn(batch, length, width))
    assert found == projections + products + feedforward
    assert torch.backends.mha.get_fastpath_enabled()


def test_lstm() -> None:
    length, batch, inputs, hidden = 5, 3, 8, 16
    expected = length * batch * 4 * hidden * (inputs + hidden)
    assert macs(nn.LSTM(inputs, hidden), torch.randn(length, batch, inputs)) == expected


def test_the_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3), nn.Dropout())
    model[2].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    count_flops(model, (torch.randn(2, 3, 8, 8),))
    assert [module.training for module in model.modules()] == [True, True, True, False]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())


def test_a_wrong_input_shape_is_refused_naming_the_layer() -> None:
    model = LeNet()
    with pytest.raises(BadInput, match=r"^[^\n]*\(1, 3, 28, 28\): layer conv1 stopped[^\n]*\.$"):
        count_flops(model, (torch.randn(1, 3, 28, 28),))
    with pytest.raises(BadInput, match=r"layer fc\.0 stopped"):
        count_flops(model, (torch.randn(1, 1, 40, 40),))
    assert model.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
