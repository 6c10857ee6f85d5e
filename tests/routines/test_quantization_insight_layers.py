"""Noise layer by layer against the direct calculation, and the numbers shown of a layer."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from efficiency.core.quantization import LayerNoise
from efficiency.routines.quantization.compiled import static_pt2e
from efficiency.routines.quantization.folding import norms_after, spread
from efficiency.routines.quantization.graph_noise import graph_noise
from efficiency.routines.quantization.layer_noise import counterparts, layer_noise
from efficiency.routines.quantization.samples import BINS, NUMBERS, layer_samples
from efficiency.routines.subject import Subject
from efficiency.workloads import catalogue
from efficiency.workloads.inputs import random_inputs
from tests.routines.quantized import by_dynamic, by_eager, by_fx, images, network


def decibels(reference: Tensor, other: Tensor) -> float:
    """By hand: ten times the logarithm of the power of the signal over that of the difference."""
    signal, difference = reference.double().flatten(), (reference - other).double().flatten()
    return float(10 * torch.log10(signal.dot(signal) / difference.dot(difference)))


def by_layer(found: tuple[LayerNoise, ...]) -> dict[str, LayerNoise]:
    return {each.layer: each for each in found}


@torch.no_grad()
def test_noise_is_that_of_the_direct_calculation() -> None:
    model, inputs = network(), images()
    quantized = by_fx(model, inputs)
    found = by_layer(layer_noise("static-fx", model, quantized, inputs))
    assert list(found) == ["first.0", "second.0", "third", "head"]
    assert all(each.row == "static-fx" for each in found.values())

    norm = model.first[1]
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    folded = model.first[0].weight * factor[:, None, None, None]
    stored = quantized.get_submodule("first.0").weight().dequantize()
    assert found["first.0"].weight_sqnr_db == pytest.approx(decibels(folded, stored), abs=1e-3)
    stored = quantized.get_submodule("head").weight().dequantize()
    assert found["head"].weight_sqnr_db == pytest.approx(
        decibels(model.head.weight, stored), abs=1e-6
    )

    floats = [F.relu(model.first(inputs))]  # a quantized layer ends after its ReLU
    floats.append(model.second(floats[0]))
    floats.append(F.relu(model.third(floats[1])))
    floats.append(model.head(floats[2].mean((2, 3))))
    integers = first_inputs(quantized, inputs)
    for layer, expected in zip(found, floats, strict=True):
        integers = quantized.get_submodule(layer)(
            integers.mean((2, 3)) if layer == "head" else integers
        )
        direct = decibels(expected, integers.dequantize())
        assert found[layer].output_sqnr_db == pytest.approx(direct, abs=1e-6), layer
        assert direct > 10


def first_inputs(quantized: nn.Module, inputs: Tensor) -> Tensor:
    """The inputs as the first layer gets them."""
    scale, zero_point = quantized.first_0_input_scale_0, quantized.first_0_input_zero_point_0
    return torch.quantize_per_tensor(inputs, float(scale), int(zero_point), torch.quint8)


@torch.no_grad()
def test_unfused_layers_are_compared_where_they_are() -> None:
    model, inputs = network(), images()
    plain = nn.Sequential(copy.deepcopy(model.third), nn.ReLU(), nn.Conv2d(4, 2, 1)).eval()
    inputs = torch.randn(4, 8, 6, 6)
    quantized = by_eager(copy.deepcopy(plain), inputs)
    found = by_layer(layer_noise("static-eager", plain, quantized, inputs))
    assert list(found) == ["0", "2"]
    inside = quantized.inside
    direct = decibels(plain[0](inputs), inside[0](quantized.quant(inputs)).dequantize())
    assert found["0"].output_sqnr_db == pytest.approx(direct, abs=1e-6)


def test_paths_are_found_behind_a_prefix() -> None:
    model = network()
    wrapped = nn.Sequential(model)
    found = counterparts(model, wrapped)
    assert found["first.0"] is model.first[0]
    assert counterparts(model, nn.Linear(1, 1)) == {}


def test_what_cannot_be_compared_is_none() -> None:
    model, inputs = network(), images()
    other = nn.Module()
    other.head = nn.Linear(3, 3)  # of another shape
    other.forward = lambda x: other.head(x.mean((2, 3)))
    found = by_layer(layer_noise("row", model, other, inputs))
    assert set(found) == {"first.0", "first.1", "second.0", "second.1", "third", "head"}
    for each in found.values():
        assert each.weight_sqnr_db is None
        assert each.output_sqnr_db is None
    same = layer_noise("row", model, copy.deepcopy(model), inputs)
    assert all(each.output_sqnr_db is None for each in same)  # exact


@pytest.mark.parametrize("name", ["transformer", "lstm"])
@torch.no_grad()
def test_dynamic_layers_are_compared(name: str) -> None:
    workload = catalogue.get(name)
    torch.manual_seed(0)
    model = workload.build()
    inputs = random_inputs((4, *workload.input_shape[1:]), workload.vocabulary)
    quantized = by_dynamic(model)
    found = by_layer(layer_noise("dynamic-eager", model, quantized, inputs))
    integers = {layer: each for layer, each in found.items() if each.weight_sqnr_db is not None}
    assert {each.module for each in integers.values()} <= {"Linear", "LSTM"}
    assert "head" in integers
    for each in integers.values():
        assert each.weight_sqnr_db is not None
        assert 25 < each.weight_sqnr_db < 60
        assert each.output_sqnr_db is not None
        assert 10 < each.output_sqnr_db < 70
    if name == "lstm":
        names = [f"weight_{part}_l{layer}" for part in ("hh", "ih") for layer in (0, 1)]
        kept = quantized.lstm.get_weight()
        assert integers["lstm"].weight_sqnr_db == pytest.approx(
            decibels(
                torch.cat([getattr(model.lstm, each).flatten() for each in names]),
                torch.cat([kept[each].dequantize().flatten() for each in names]),
            ),
            abs=1e-6,
        )


def test_the_models_are_left_as_they_were() -> None:
    model, inputs = network().train(), images()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    layer_noise("row", model, copy.deepcopy(model), inputs)
    layer_samples(model, inputs)
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())


def test_norms_belong_to_the_layer_right_before() -> None:
    model = network()
    assert norms_after(model, images(1)) == {"first.0": "first.1", "second.0": "second.1"}


def test_samples_are_the_real_folded_numbers() -> None:
    model, inputs = network(), images()
    found = {each.layer: each for each in layer_samples(model, inputs)}
    assert list(found) == ["first.0", "second.0", "third", "head"]
    norm = model.second[1]
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    folded = (model.second[0].weight * factor[:, None, None, None]).flatten(1)
    second = found["second.0"]
    assert (second.channels, second.inputs) == (8, 9)
    assert torch.tensor(second.weights) == pytest.approx(folded.detach(), rel=1e-4)
    first = found["first.0"]
    assert len(first.activations) == BINS
    assert sum(first.activations) == inputs.numel()
    assert first.activation_low == pytest.approx(float(inputs.min()))
    assert first.activation_high == pytest.approx(float(inputs.max()))


def test_large_layers_are_sampled_evenly() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(1000, 1000) for _ in range(6)))
    found = layer_samples(model, torch.randn(2, 1000))
    assert 1 <= len(found) <= 4
    for each in found:
        numbers = sum(len(row) for row in each.weights)
        assert NUMBERS / 2 < numbers <= NUMBERS
        assert (each.channels, each.inputs) == (1000, 1000)
    weight = model[0].weight.detach()
    assert found[0].weights[0][0] == pytest.approx(float(weight[0, 0]), rel=1e-4)
    assert found[0].weights[-1][-1] == pytest.approx(float(weight[-1, -1]), rel=1e-4)


def test_samples_of_models_without_such_layers_or_ranges() -> None:
    assert layer_samples(nn.Sequential(nn.ReLU()), torch.zeros(1, 2)) == ()
    (only,) = layer_samples(nn.Sequential(nn.Linear(2, 2)), torch.zeros(3, 2))
    assert only.activations == ()
    assert only.activation_low is None
    (recurrent, head) = layer_samples(catalogue.get("lstm").build(), torch.zeros(1, 64).long())
    assert (recurrent.layer, recurrent.module, recurrent.channels) == ("lstm", "LSTM", 1024)
    assert head.layer == "head"


def test_the_layer_with_the_widest_spread_is_among_them() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(8, 8) for _ in range(9)))
    with torch.no_grad():
        model[4].weight[3] *= 100
    chosen = [each.layer for each in layer_samples(model, torch.randn(2, 8), 3)]
    assert "4" in chosen
    assert spread(model[4].weight) > 50


@torch.no_grad()
def test_a_graph_is_compared_layer_by_layer() -> None:
    workload = catalogue.get("lenet")
    torch.manual_seed(0)
    model = workload.build()
    split = workload.load_split()
    assert split is not None
    subject = Subject(model=model, workload=workload, split=split, seed=0)
    variant = static_pt2e(subject, split.train_inputs[:16])
    assert variant.program is not None
    inputs = split.held_out_inputs[:8]
    found = by_layer(
        graph_noise("static-pt2e", model, variant.program.module(), variant.tensors, inputs)
    )
    assert list(found) == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    scale = variant.tensors["conv1.weight::scale"][:, None, None, None]
    stored = variant.tensors["conv1.weight"] * scale
    assert found["conv1"].weight_sqnr_db == pytest.approx(
        decibels(model.conv1.weight, stored), abs=1e-4
    )
    # The last layer's outputs are the model's: not rounded again.
    assert found["fc3"].output_sqnr_db == pytest.approx(
        decibels(model(inputs), variant.program.module()(inputs)), abs=1e-4
    )
    for each in found.values():
        assert each.output_sqnr_db is not None
        assert each.output_sqnr_db > 20
