"""Times of layers: ratios only, with wide margins."""

import time

import pytest
import torch
from torch import Tensor, nn

from efficiency.core.errors import BadInput
from efficiency.measure import layer_times as module
from efficiency.measure.layer_times import layer_times
from efficiency.measure.threads import fixed_threads
from tests.tries import measured


def images(size: int) -> Tensor:
    return torch.randn(1, 16, size, size)


@measured
def test_large_layers_add_up_to_the_whole() -> None:
    model = nn.Sequential(*(nn.Conv2d(16, 16, 3, padding=1) for _ in range(4)))
    with fixed_threads(1):
        found = layer_times(model, (images(48),), budget_seconds=1.5)
    assert list(found.layers) == ["", "0", "1", "2", "3"]
    together = sum(each.median for each in found.layers.values())
    assert 0.6 < together / found.whole.median < 1.8
    for each in (*found.layers.values(), found.whole):
        assert 0 < each.low <= each.median <= each.high
    # Equal layers take about as long, and what is between them next to nothing.
    equal = [found.layers[each].median for each in "0123"]
    assert max(equal) < 2 * min(equal)
    assert found.layers[""].median < 0.1 * found.whole.median


def test_passes_that_were_interrupted_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(nn.Module):
        """Every second call takes long, and not for anything of its own."""

        calls = 0
        interruptions = 0

        def forward(self, data: Tensor) -> Tensor:
            self.calls += 1
            if self.calls % 2:
                time.sleep(0.01)
                self.interruptions += 1
            return data

    model = nn.Sequential(Interrupted())
    monkeypatch.setattr(module, "interruptions", lambda: model[0].interruptions)
    found = layer_times(model, (torch.ones(1),), budget_seconds=0.5).layers["0"]
    assert found.high < 0.01


@measured
def test_twenty_times_the_work_takes_several_times_as_long() -> None:
    class Uneven(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.small, self.large = nn.Linear(1024, 64), nn.Linear(1024, 20 * 64)

        def forward(self, data: Tensor) -> Tensor:
            small, large = self.small(data), self.large(data)
            return small.sum() + large.sum()

    with fixed_threads(1):
        found = layer_times(Uneven(), (torch.randn(16, 1024),), budget_seconds=1.0)
    assert found.layers["large"].median > 5 * found.layers["small"].median


@measured
def test_a_layer_used_twice_gets_the_sum_and_a_container_only_its_own() -> None:
    shared, once = nn.Linear(512, 512), nn.Linear(512, 512)
    model = nn.Sequential(nn.Sequential(shared, shared), once)
    with fixed_threads(1):
        found = layer_times(model, (torch.randn(64, 512),), budget_seconds=1.0)
    assert set(found.layers) == {"", "0", "0.0", "1"}
    assert 1.4 < found.layers["0.0"].median / found.layers["1"].median < 2.8
    assert found.layers["0"].median < 0.2 * found.layers["1"].median


@measured
def test_encoder_layers_are_timed_in_parts() -> None:
    """PyTorch's fused encoder layer does not call its parts unless somebody watches them."""
    model = nn.TransformerEncoderLayer(64, 4, batch_first=True, dim_feedforward=512)
    with fixed_threads(1):
        found = layer_times(model, (torch.randn(1, 64, 64),), budget_seconds=0.5)
    assert {"linear1", "linear2", "norm1", "self_attn"} <= found.layers.keys()
    together = sum(each.median for each in found.layers.values())
    assert 0.5 < together / found.whole.median < 2.5
    assert torch.backends.mha.get_fastpath_enabled()


def test_the_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout())
    model[2].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    threads = torch.get_num_threads()
    layer_times(model, (torch.randn(4, 8),), budget_seconds=0.1)
    assert [module.training for module in model.modules()] == [True, True, True, False]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())
    assert torch.get_num_threads() == threads
    assert not torch.is_inference_mode_enabled()


def test_a_wrong_input_shape_is_refused_naming_the_layer() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(4, 8))
    with pytest.raises(BadInput, match=r"shape \(4, 8\): layer 1 stopped"):
        layer_times(model, (torch.randn(4, 8),), budget_seconds=0.1)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
@measured
def test_cuda_layers_pay_for_their_own_work() -> None:
    model = nn.Sequential(nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 4096)).cuda()
    data = torch.randn(4096, 4096, device="cuda")
    found = layer_times(model, (data,), device="cuda", budget_seconds=1.0)
    # Without waiting, the last layer would pay for all of them or the launches be all there is.
    assert 0.5 < found.layers["0"].median / found.layers["2"].median < 2
    together = sum(each.median for each in found.layers.values())
    assert 0.7 < together / found.whole.median < 1.5
