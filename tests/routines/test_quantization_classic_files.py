"""int8 files of the classic back end in a fresh process, and training with fake quantization."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from efficiency.core.errors import Unavailable
from efficiency.routines import takeaway
from efficiency.routines.quantization import classic, qat
from efficiency.routines.quantization.calibration import calibration_inputs
from efficiency.routines.quantization.kernels import engines, using
from efficiency.routines.quantization.settings import Settings
from efficiency.routines.recipes import int8_dynamic, packing
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Variant, model_of
from efficiency.workloads import catalogue, training
from efficiency.workloads.inputs import random_inputs
from tests.routines.subjects import bare, trained, untrained

# Ranges do not matter for whether files compute the same; histograms take most of the time.
DEFAULT = Settings(engine=engines()[0], observer="minmax")

# Loads every folder it is given, runs it, and prints the hash of all bits of its outputs.
HASHES = """
import hashlib, sys, torch
from importlib.util import module_from_spec, spec_from_file_location
for folder in sys.argv[1:]:
    spec = spec_from_file_location("loader", folder + "/load_model.py")
    loader = module_from_spec(spec)
    spec.loader.exec_module(loader)
    with torch.no_grad():
        outputs = loader.load()(loader.example_inputs(5))
    print(hashlib.sha256(outputs.numpy().tobytes()).hexdigest())
assert "efficiency" not in sys.modules
"""


@dataclass(frozen=True)
class Case:
    """A model quantized in this process, before it is packed, and the variant to be saved."""

    name: str
    subject: Subject
    settings: Settings
    make: Callable[[Subject, Settings], tuple[nn.Module, Variant]]


def dynamic(subject: Subject, settings: Settings) -> tuple[nn.Module, Variant]:
    return classic.dynamic_model(subject, settings), classic.dynamic(subject, settings)


def static_eager(subject: Subject, settings: Settings) -> tuple[nn.Module, Variant]:
    inputs = calibration_inputs(subject, 16, 0)
    quantized = classic.eager_model(subject, settings, inputs)[0]
    return quantized, classic.static_eager(subject, settings, inputs)


def static_fx(subject: Subject, settings: Settings) -> tuple[nn.Module, Variant]:
    inputs = calibration_inputs(subject, 16, 0)
    return classic.fx_model(subject, settings, inputs), classic.static_fx(subject, settings, inputs)


def few_steps(subject: Subject, settings: Settings) -> tuple[nn.Module, Variant]:
    made: list[GraphModule] = []

    def kept(subject: Subject, settings: Settings, prepared: GraphModule) -> GraphModule:
        made.append(converted(subject, settings, prepared))
        return made[0]

    converted = classic.converted
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(qat, "converted", kept)
        variant = qat.qat_fx(subject, settings, 0.1)
    return made[0], variant


def cases() -> list[Case]:
    lenet, mlp, cnn, lstm, transformer = map(
        untrained, ("lenet", "mlp", "cnn", "lstm", "transformer")
    )
    last = replace(DEFAULT, engine=engines()[-1])
    second = replace(DEFAULT, engine=engines()[min(1, len(engines()) - 1)])
    tensor = replace(DEFAULT, granularity="per-tensor")
    symmetric = replace(second, scheme="symmetric")
    single = replace(DEFAULT, fusion=False)
    return [
        Case("dynamic-lstm", lstm, DEFAULT, dynamic),
        Case("dynamic-lstm-per-tensor", lstm, tensor, dynamic),
        Case("dynamic-lstm-second-engine", lstm, second, dynamic),
        Case("dynamic-lstm-last-engine", lstm, last, dynamic),
        Case("dynamic-transformer", transformer, second, dynamic),
        Case("eager-mlp", mlp, DEFAULT, static_eager),
        Case("eager-lenet-last-engine", lenet, last, static_eager),
        Case("eager-cnn", cnn, second, static_eager),
        Case("eager-cnn-single", cnn, single, static_eager),
        Case("fx-cnn", cnn, replace(DEFAULT, observer="histogram"), static_fx),
        Case("fx-cnn-per-tensor", cnn, tensor, static_fx),
        Case("fx-cnn-symmetric", cnn, symmetric, static_fx),
        Case("fx-cnn-single", cnn, single, static_fx),
        Case("fx-cnn-last-engine", cnn, last, static_fx),
        Case("fx-transformer", transformer, DEFAULT, static_fx),
        Case("qat-cnn", cnn, DEFAULT, few_steps),
        Case("qat-transformer", transformer, DEFAULT, few_steps),
        Case("qat-lenet-single", lenet, replace(second, fusion=False), few_steps),
    ]


def test_files_compute_the_same_bits_in_a_fresh_process(home: Path, tmp_path: Path) -> None:
    names, expected = [], []
    for case in cases():
        quantized, variant = case.make(case.subject, case.settings)
        workload = case.subject.workload
        inputs = random_inputs((5, *workload.input_shape[1:]), workload.vocabulary)
        with using(case.settings.engine), torch.no_grad():
            outputs = quantized(inputs)
            assert torch.equal(outputs, model_of(variant, case.subject)(inputs)), case.name
        names.append(case.name)
        expected.append(hashlib.sha256(outputs.numpy().tobytes()).hexdigest())
        takeaway.write(tmp_path / case.name, workload, variant, case.name)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", HASHES, *names],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert dict(zip(names, done.stdout.split(), strict=True)) == dict(
        zip(names, expected, strict=True)
    )


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_recurrent_layers_in_both_directions_are_restored(
    kind: type[nn.LSTM | nn.GRU], per_channel: bool
) -> None:
    layer = kind(8, 12, num_layers=2, bidirectional=True, batch_first=True)
    quantized = int8_dynamic.quantize(nn.Sequential(layer), per_channel=per_channel)
    tensors = packing.pack(quantized.state_dict())
    x = torch.randn(3, 5, 8)
    fresh = nn.Sequential(kind(8, 12, num_layers=2, bidirectional=True, batch_first=True))
    restored = int8_dynamic.restore(fresh, tensors, x)
    assert torch.equal(quantized(x)[0], restored(x)[0])


class Zoo(nn.Module):
    """Layers that the examples do not have, between two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 8, 2, stride=2)
        self.depthwise = nn.Conv2d(8, 8, 3, groups=8)
        self.instance, self.layer = nn.InstanceNorm2d(8, affine=True), nn.LayerNorm(8)
        self.last = nn.Conv1d(8, 4, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.leaky_relu(self.norm(self.first(x)))
        x = nn.functional.hardswish(self.up(x))
        y = self.instance(self.depthwise(x))
        x = torch.sigmoid(y) * y + nn.functional.relu6(y)
        x = self.layer(x.mean((2, 3)))
        out: Tensor = self.last(x.unsqueeze(2).expand(-1, -1, 5))
        return out


@pytest.mark.parametrize("fusion", [True, False])
@pytest.mark.parametrize("granularity", ["per-channel", "per-tensor"])
@pytest.mark.parametrize("engine", [each for each in engines() if each != "fbgemm"])
def test_layers_of_all_kinds_are_restored(engine: str, granularity: str, fusion: bool) -> None:
    """Not fbgemm, whose transposed convolution leaves part of its output unwritten."""
    zoo = bare(Zoo())
    small = replace(zoo, workload=replace(zoo.workload, input_shape=(1, 3, 16, 16)))
    inputs = calibration_inputs(small, 8, 0)
    settings = Settings(engine=engine, observer="minmax", granularity=granularity, fusion=fusion)
    for make in (static_fx, static_eager):
        quantized, variant = make(small, settings)
        with using(engine), torch.no_grad():
            restored = variant.recipe.restore(
                Zoo(), variant.tensors, inputs[:1], **variant.settings
            )
            assert torch.equal(quantized(inputs), restored(inputs))


# --- quantization-aware training -----------------------------------------------------------------


@pytest.fixture(scope="module")
def lenet(home: Path) -> Subject:
    return trained("lenet")


@pytest.mark.parametrize("granularity", ["per-channel", "per-tensor"])
@pytest.mark.parametrize("scheme", ["affine", "symmetric"])
def test_what_was_trained_is_what_is_converted(
    lenet: Subject, monkeypatch: pytest.MonkeyPatch, granularity: str, scheme: str
) -> None:
    """The fake-quantized network in float32 and its int8 conversion agree but for rounding."""
    seen: list[Tensor] = []
    converted = classic.converted
    assert lenet.split is not None
    inputs = lenet.split.held_out_inputs

    def noted(subject: Subject, settings: Settings, prepared: GraphModule) -> nn.Module:
        with torch.no_grad():
            seen.append(prepared(inputs))
        return converted(subject, settings, prepared)

    monkeypatch.setattr(qat, "converted", noted)
    settings = replace(DEFAULT, granularity=granularity, scheme=scheme)
    variant = qat.qat_fx(lenet, settings, 0.5)
    with torch.no_grad():
        steps = (seen[0] - model_of(variant, lenet)(inputs)) / variant.tensors["fc3.scale"]
    assert (steps.abs() < 0.5).float().mean() > 0.9
    assert steps.abs().max() < 3.5
    weights = variant.tensors["fc1._packed_params._packed_params::weight::scale"]
    assert weights.ndim == (1 if granularity == "per-channel" else 0)


def test_training_is_repeatable_told_and_leaves_the_subject_alone(lenet: Subject) -> None:
    before = {name: tensor.clone() for name, tensor in lenet.model.state_dict().items()}
    told: list[int] = []
    first = qat.qat_fx(lenet, DEFAULT, 1.0, told.append)
    again = qat.qat_fx(lenet, DEFAULT, 1.0)
    assert first.tensors.keys() == again.tensors.keys()
    assert all(torch.equal(first.tensors[name], again.tensors[name]) for name in first.tensors)
    assert told[-1] == 100
    assert "Trained for 23 steps of 64 inputs" in first.notes[0]
    assert all(torch.equal(before[n], tensor) for n, tensor in lenet.model.state_dict().items())
    assert not lenet.model.training
    static = classic.static_fx(lenet, DEFAULT, calibration_inputs(lenet, 64, 0))
    assert static.tensors.keys() == first.tensors.keys()
    assert not torch.equal(static.tensors["conv1.weight"], first.tensors["conv1.weight"])


def test_training_wins_back_what_too_few_levels_lose(lenet: Subject) -> None:
    """With one output channel a hundred times as loud, one scale per tensor is ruinous."""
    model = catalogue.get("lenet").build()
    model.load_state_dict(lenet.model.state_dict())
    with torch.no_grad():  # the same function: what conv2 makes loud, fc1 makes quiet again
        model.get_parameter("conv2.weight")[0] *= 100
        model.get_parameter("conv2.bias")[0] *= 100
        model.get_parameter("fc1.weight")[:, :25] /= 100
    loud = replace(lenet, model=model)
    assert loud.split is not None
    settings = replace(DEFAULT, granularity="per-tensor")
    assert training.evaluate(model, loud.split) == training.evaluate(lenet.model, loud.split)
    static = classic.static_fx(loud, settings, calibration_inputs(loud, 256, 0))
    retrained = qat.qat_fx(loud, settings, 2.0)
    after, tuned = (
        training.evaluate(model_of(each, loud), loud.split) for each in (static, retrained)
    )
    assert after < 0.9
    assert tuned > after + 0.02


def test_training_needs_data_and_a_model_that_can_be_traced(lenet: Subject) -> None:
    with pytest.raises(Unavailable, match="needs training data"):
        qat.qat_fx(replace(lenet, split=None), DEFAULT, 1.0)

    with pytest.raises(Unavailable, match="no fake quantization for recurrent layers"):
        qat.qat_fx(untrained("lstm"), DEFAULT, 1.0)

    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(28, 10)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.fc(x) if x.sum() > 0 else x
            return y

    with pytest.raises(Unavailable, match="cannot trace"):
        qat.qat_fx(replace(lenet, model=Branching()), DEFAULT, 1.0)
