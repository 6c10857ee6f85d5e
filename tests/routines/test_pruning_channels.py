"""Channels really gone: promised operations, same function, real speed-up, a file of its own."""

import copy
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
import torch_pruning
from torch import Tensor, nn

from efficiency.core.errors import Unavailable
from efficiency.core.pruning import ChannelRemoval
from efficiency.measure.timing import compare
from efficiency.routines import takeaway
from efficiency.routines.pruning.channels import narrow, without_channels
from efficiency.routines.pruning.stacked_lstm import lost_units
from efficiency.routines.recipes import narrowed
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Variant, model_of
from efficiency.workloads import catalogue
from efficiency.workloads.inputs import random_inputs
from efficiency.workloads.training import evaluate
from tests.routines.subjects import bare, trained
from tests.tries import measured

NAMES = ("lenet", "mlp", "cnn", "mobilenet", "transformer", "lstm")


@cache
def without_data(name: str) -> Subject:
    """The workload with random weights, normalization as after some training, and no data."""
    workload = replace(catalogue.get(name), data=None, recipe=None)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = workload.build()
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean = 0.3 * torch.randn(layer.num_features)
                layer.running_var = 0.5 + torch.rand(layer.num_features)
                nn.init.uniform_(layer.weight, 0.5, 1.5)
                nn.init.normal_(layer.bias)
    return Subject(model=model.eval(), workload=workload, split=None, seed=0)


@cache
def half(name: str) -> tuple[Variant, ChannelRemoval]:
    return without_channels(without_data(name), 0.5)


def inputs_for(subject: Subject, count: int) -> Tensor:
    workload = subject.workload
    return random_inputs((count, *workload.input_shape[1:]), workload.vocabulary, seed=5)


@pytest.mark.parametrize("name", NAMES)
def test_the_counted_operations_are_the_promised_ones(name: str) -> None:
    removal = half(name)[1]
    assert removal.macs_after == removal.promised_macs < removal.macs_before
    assert removal.parameters_after < removal.parameters_before
    assert removal.untuned_score is None
    assert removal.row == "channels-50"
    for group in removal.groups:
        assert group.after == group.before - round(group.before / 2)


def test_promises_are_the_textbook_formulas() -> None:
    # LeNet with 3 and 8 channels, then 60, 42 and 10 units: 26 x 26 and 11 x 11 output pixels.
    by_hand = 3 * 9 * 26**2 + 8 * 3 * 9 * 11**2 + 200 * 60 + 60 * 42 + 42 * 10
    assert half("lenet")[1].promised_macs == by_hand
    assert half("mlp")[1].promised_macs == 784 * 392 + 392 * 392 + 392 * 10


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_finite_at_several_batch_sizes(name: str) -> None:
    subject = without_data(name)
    model = model_of(half(name)[0], subject)
    for count in (1, 2, 5):
        inputs = inputs_for(subject, count)
        with torch.inference_mode():
            found, whole = model(inputs), subject.model(inputs)
        assert found.shape == whole.shape
        assert found.isfinite().all()


def test_whole_channels_are_gone_and_layers_say_so() -> None:
    model = model_of(half("cnn")[0], without_data("cnn"))
    block = model.get_submodule("block1")
    shapes = {name: tuple(tensor.shape) for name, tensor in block.named_parameters()}
    assert shapes["first.0.weight"] == (32, 16, 3, 3)
    assert shapes["second.0.weight"] == (32, 32, 3, 3)
    assert shapes["shortcut.0.weight"] == (32, 16, 1, 1)
    assert {len(tensor) for tensor in block.buffers() if tensor.dim()} == {32}
    assert "Conv2d(16, 32, kernel_size=(3, 3)" in repr(block)
    assert "BatchNorm2d(32" in repr(block)
    depthwise = model_of(half("mobilenet")[0], without_data("mobilenet"))
    assert "Conv2d(48, 48, kernel_size=(3, 3)" in repr(depthwise)
    assert "groups=48" in repr(depthwise)


def test_what_a_residual_sum_joins_goes_together() -> None:
    removal = half("cnn")[1]
    group = next(each for each in removal.groups if "block1.second.0" in each.layers)
    assert {"block1.shortcut.0", "block1.shortcut.1", "block1.second.1"} < {*group.layers}


def test_the_same_channels_go_as_with_torch_pruning_alone() -> None:
    subject = without_data("cnn")
    model = copy.deepcopy(subject.model)
    torch_pruning.pruner.MagnitudePruner(
        model,
        (inputs_for(subject, 2),),
        importance=torch_pruning.importance.MagnitudeImportance(p=2),
        pruning_ratio=0.5,
        ignored_layers=[model.get_submodule("head")],
        in_channel_groups={},
        out_channel_groups={},
    ).step()
    ours = half("cnn")[0].tensors
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, ours[name]), name


def test_the_model_stays_as_it_was() -> None:
    subject = without_data("lstm")
    before = copy.deepcopy(subject.model.state_dict())
    without_channels(subject, 0.3)
    assert {name: tensor.shape for name, tensor in before.items()} == {
        name: tensor.shape for name, tensor in subject.model.state_dict().items()
    }
    for name, tensor in subject.model.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert not subject.model.get_submodule("lstm")._forward_hooks


def test_attention_is_left_alone_and_says_why() -> None:
    variant, removal = half("transformer")
    assert {each.layers[0] for each in removal.groups} == {"layers.0.linear1", "layers.1.linear1"}
    skipped = {each.layer: each.reason for each in variant.coverage.skipped}
    assert "heads of a fixed size" in skipped["layers.0.attention.query"]
    assert "LayerNorm" in skipped["tokens"]
    assert "layers.0.linear2" in variant.coverage.changed


def test_every_layer_of_an_lstm_loses_its_own_weakest_units() -> None:
    subject = without_data("lstm")
    smaller, plan = narrow(subject, 0.25)
    lstm, small = subject.model.get_submodule("lstm"), smaller.get_submodule("lstm")
    assert isinstance(lstm, nn.LSTM)
    assert isinstance(small, nn.LSTM)
    assert (small.input_size, small.hidden_size) == (192, 192)
    first, second = lost_units(lstm, sorted(plan.lost_outputs["lstm"]))
    assert first != second
    kept = [unit for unit in range(256) if unit not in first]
    rows = [gate * 256 + unit for gate in range(4) for unit in kept]
    assert torch.equal(small.weight_hh_l0, lstm.weight_hh_l0[rows][:, kept])
    assert torch.equal(small.bias_ih_l0, lstm.bias_ih_l0[rows])


class Joined(nn.Module):
    """Two branches concatenated, and a convolution in groups, which is left alone."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 4, 1)
        self.both = nn.Conv2d(12, 16, 3)
        self.grouped = nn.Conv2d(16, 16, 3, groups=4)
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.left(x).relu(), self.right(x)], 1)
        logits: Tensor = self.head(self.grouped(self.both(x).relu()).mean((2, 3)))
        return logits


def test_concatenated_channels_are_found_behind_the_concatenation() -> None:
    torch.manual_seed(0)
    subject = bare(Joined())
    variant, removal = without_channels(subject, 0.5)
    smaller = narrowed.restore(Joined(), variant.tensors, torch.empty(0))
    assert smaller.get_submodule("both").get_parameter("weight").shape == (16, 6, 3, 3)
    assert removal.macs_after == removal.promised_macs
    reasons = {each.layer: each.reason for each in variant.coverage.skipped}
    assert "4 groups of channels" in reasons["grouped"]


def test_a_group_too_small_for_the_share_is_said() -> None:
    variant, removal = without_channels(without_data("lenet"), 0.05)
    assert not any("conv1" in group.layers for group in removal.groups)
    assert any("conv1" in note for note in variant.notes)
    _, almost_all = without_channels(without_data("lenet"), 0.99)
    assert min(group.after for group in almost_all.groups) == 1


class Cut(nn.Module):
    """Gradients do not reach its first layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.second(self.first(x).detach().mean((2, 3)))
        return logits


class Twice(nn.Module):
    """One layer that runs two times."""

    def __init__(self) -> None:
        super().__init__()
        self.again, self.head = nn.Linear(224, 224), nn.Linear(224, 10)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.again(self.again(x)))
        return logits


class Mixed(nn.Module):
    """Turns its channels round, which looks like something done to each by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 10, 3)

    def forward(self, x: Tensor) -> Tensor:
        features = self.first(x)
        # Each channel plus the mean of all of them.
        logits: Tensor = self.second(features + features.mean(1, keepdim=True))
        return logits


class Output(nn.Module):
    """All its channels are outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.only = nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.only(x).softmax(1)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Cut(), "none leads from the output back to first"),
        (Twice(), "again runs more than once"),
        (Mixed(), "something mixes its channels"),
        (Output(), "network's outputs"),
    ],
)
def test_what_cannot_be_narrowed_gets_one_sentence(model: nn.Module, said: str) -> None:
    with pytest.raises(Unavailable, match=said) as caught:
        without_channels(bare(model), 0.5)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@measured
def test_half_of_the_channels_is_several_times_as_fast() -> None:
    subject = without_data("cnn")
    models = {
        "whole": narrowed.restore(
            subject.workload.build(), subject.model.state_dict(), torch.empty(0)
        ),
        "half": model_of(half("cnn")[0], subject),
    }
    example = inputs_for(subject, 4)
    with torch.inference_mode():
        found = compare(
            {name: lambda model=model: model(example) for name, model in models.items()},
            budget_seconds=6,  # beside other tests one second gave [1.01, 5.05]
        )
    speedup = found.speedups["half"]
    assert speedup is not None
    assert speedup.low > 1.2  # about three; a quarter of the operations is left


def test_a_network_that_is_broken_already_says_so() -> None:
    torch.manual_seed(0)
    model = Joined()
    nn.init.constant_(model.head.bias, float("nan"))
    with pytest.raises(Unavailable, match="NaN or infinite"):
        without_channels(bare(model), 0.5)


def test_fine_tuning_brings_the_score_back() -> None:
    subject = trained("lenet")
    variant, removal = without_channels(subject, 0.5, epochs=2)
    assert subject.split is not None
    assert removal.untuned_score is not None
    tuned = evaluate(model_of(variant, subject), subject.split)
    assert tuned > removal.untuned_score
    assert any("Fine-tuned for 46 steps" in note for note in variant.notes)
    untuned, _ = without_channels(subject, 0.5, epochs=0)
    assert evaluate(model_of(untuned, subject), subject.split) == removal.untuned_score


LOAD = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
import torch
for folder in sys.argv[1:]:
    spec = spec_from_file_location(Path(folder).name, folder + "/load_model.py")
    loader = module_from_spec(spec)
    spec.loader.exec_module(loader)
    with torch.inference_mode():
        torch.save(loader.load()(loader.example_inputs(3)), folder + "/outputs.pt")
assert not {"efficiency", "torch_pruning"} & sys.modules.keys()
"""


def test_the_file_loads_without_our_code_and_computes_the_same(tmp_path: Path) -> None:
    names = ("lenet", "mobilenet", "lstm")
    for name in names:
        takeaway.write(tmp_path / name, without_data(name).workload, half(name)[0], "half")
    folders = [str(tmp_path / name) for name in names]
    command = [sys.executable, "-I", "-W", "error", "-c", LOAD, *folders]
    subprocess.run(command, check=True, cwd=tmp_path, timeout=120)
    for name in names:
        subject = without_data(name)
        workload = subject.workload
        inputs = random_inputs((3, *workload.input_shape[1:]), workload.vocabulary)
        smaller, _ = narrow(subject, 0.5)  # as torch-pruning left it
        with torch.inference_mode():
            assert torch.equal(smaller(inputs), torch.load(tmp_path / name / "outputs.pt"))
