"""Exported graphs in int8: what is in them, what is said of them, and the way without a compiler.

Nothing is compiled here; `test_quantization_inductor.py` does that.
"""

import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from efficiency.core.errors import BadInput, Unavailable
from efficiency.measure.fidelity import sqnr_db
from efficiency.routines import takeaway
from efficiency.routines.quantization import compiled, inductor
from efficiency.routines.recipes import packing
from efficiency.routines.remeasure import Task, remeasured
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Variant, model_of
from efficiency.workloads import catalogue
from efficiency.workloads.inputs import CHUNK, in_chunks

ROOT = Path(__file__).parents[2]
LAYERS = {"conv1", "conv2", "fc1", "fc2", "fc3"}
LINEAR = {"fc1", "fc2", "fc3"}


@pytest.fixture(scope="module")
def subject(home: Path) -> Subject:
    workload = catalogue.get("lenet")
    torch.manual_seed(0)
    return Subject(model=workload.build(), workload=workload, split=workload.load_split(), seed=0)


@pytest.fixture(scope="module")
def calibration(subject: Subject) -> Tensor:
    assert subject.split is not None
    return subject.split.train_inputs[:64]


@pytest.fixture(scope="module")
def made(subject: Subject, calibration: Tensor) -> dict[str, Variant]:
    return {
        "static-pt2e": compiled.static_pt2e(subject, calibration),
        "dynamic-pt2e": compiled.dynamic_pt2e(subject),
        "dynamic-torchao": compiled.dynamic_torchao(subject),
        "compiled": compiled.fp32_compiled(subject),
    }


@pytest.fixture
def no_compiler() -> Iterator[None]:
    with torch._inductor.config.patch("cpp.cxx", (None, "no-such-compiler")):
        yield


@pytest.mark.parametrize(
    ("name", "layers"),
    [("static-pt2e", LAYERS), ("dynamic-pt2e", LINEAR), ("dynamic-torchao", LINEAR)],
)
def test_integers_are_the_rounded_weights(
    subject: Subject, made: dict[str, Variant], name: str, layers: set[str]
) -> None:
    tensors = made[name].tensors
    for layer in layers:
        weight = subject.model.get_parameter(f"{layer}.weight").detach()
        scale = tensors[f"{layer}.weight::scale"]
        assert scale.shape == weight.shape[:1]  # one for each output channel
        zero_point = tensors[f"{layer}.weight::zero_point"]
        assert zero_point.shape == scale.shape
        assert torch.equal(zero_point, torch.zeros_like(zero_point))
        rounded = weight / scale.reshape(-1, *[1] * (weight.ndim - 1))
        distance = (tensors[f"{layer}.weight"] - rounded.clamp(-128, 127)).abs()
        assert tensors[f"{layer}.weight"].dtype == torch.int8
        assert float(distance.max()) <= 0.5 + 1e-4  # ties may go either way in float32
    scaled = {key.partition(".")[0] for key in tensors if key.endswith("::scale")}
    assert scaled == layers


def test_coverage_names_every_layer_and_why_not(made: dict[str, Variant]) -> None:
    static = made["static-pt2e"].coverage
    assert set(static.changed) == LAYERS
    assert not static.skipped
    for name in ("dynamic-pt2e", "dynamic-torchao"):
        coverage = made[name].coverage
        assert set(coverage.changed) == LINEAR
        assert {each.layer for each in coverage.skipped} == LAYERS - LINEAR
        assert all("linear layers only" in each.reason for each in coverage.skipped)


def test_counted_values_are_those_of_the_model(subject: Subject, made: dict[str, Variant]) -> None:
    total = sum(parameter.numel() for parameter in subject.model.parameters())
    for variant in made.values():
        assert packing.count_values(variant.tensors, set())[0] == total


def test_normalization_is_folded_into_int8_but_not_into_float() -> None:
    workload = catalogue.get("cnn")
    subject = Subject(model=workload.build(), workload=workload, split=None, seed=0)
    norms = {
        name for name, each in subject.model.named_modules() if isinstance(each, nn.BatchNorm2d)
    }
    static = compiled.static_pt2e(subject, torch.randn(8, *workload.input_shape[1:]))
    assert norms <= set(static.coverage.changed)
    dynamic = compiled.dynamic_pt2e(subject)
    assert norms <= {each.layer for each in dynamic.coverage.skipped}


@pytest.mark.parametrize("name", ["static-pt2e", "dynamic-pt2e", "dynamic-torchao", "compiled"])
def test_without_a_compiler_the_graph_runs_as_it_is(
    subject: Subject, made: dict[str, Variant], calibration: Tensor, name: str, no_compiler: None
) -> None:
    model = model_of(made[name], subject)
    outputs = model(calibration)
    assert "no C++ compiler" in model.uncompiled
    with torch.no_grad():
        reference = subject.model(calibration)
    noise = sqnr_db(reference, outputs)
    assert noise is None if name == "compiled" else noise is not None and 25 < noise < 80
    if name != "dynamic-pt2e":  # there, all rows of a batch share one scale
        rows = torch.cat([model(row[None]) for row in calibration[:3]])
        torch.testing.assert_close(rows, outputs[:3])


def test_the_row_says_that_it_is_not_compiled(
    subject: Subject, made: dict[str, Variant], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    untold = replace(subject.workload, data=None)
    takeaway.write(tmp_path / "compiled", untold, made["compiled"], "fp32")
    task = Task(
        folder=str(tmp_path),
        names=("compiled",),
        batch_size=1,
        budget_seconds=1,
        seed=0,
        device="cpu",
    )
    (facts,) = [message.facts for message in remeasured(task) if message.facts is not None]
    assert len(facts.notes) == 1
    assert "Not compiled" in facts.notes[0]
    assert "no C++ compiler" in facts.notes[0]
    assert facts.peak is not None  # what runs as it is written can be watched


def test_a_compiler_that_fails_is_told(
    subject: Subject, made: dict[str, Variant], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "g++"  # says who it is, and no more
    broken.write_text("#!/bin/sh\ntest $1 = --version && echo 'g++ (GCC) 12.2.0'\n")
    broken.chmod(0o755)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "empty"))
    model = model_of(made["static-pt2e"], subject)
    assert model.uncompiled is None
    x = torch.randn(2, 1, 28, 28)
    program = made["static-pt2e"].program
    assert program is not None
    with torch._inductor.config.patch("cpp.cxx", (None, str(broken))):
        torch.testing.assert_close(model(x), program.module()(x))
    assert "does not compile" in model.uncompiled


def test_the_file_holds_int8_and_nothing_of_this_machine(
    subject: Subject, made: dict[str, Variant], tmp_path: Path
) -> None:
    for name, variant in made.items():
        file = takeaway.write(tmp_path / name, subject.workload, variant, name)
        assert file.name == takeaway.PROGRAM
        with zipfile.ZipFile(file) as zipped:
            parts = {part: zipped.read(part) for part in zipped.namelist()}
        weights = [len(part) for key, part in parts.items() if "/weights/weight_" in key]
        stored = sum(tensor.nbytes for tensor in variant.tensors.values())
        assert sum(weights) == pytest.approx(stored, rel=0.02), name
        assert not any(str(ROOT).encode() in part for part in parts.values())
        loader = (tmp_path / name / "load_model.py").read_text()
        assert "efficiency" not in loader.replace("Efficiency Lab", "")
        assert "torchao" not in loader.partition('"""\n')[2]
        assert "class LeNet" not in loader


def test_nothing_is_left_changed(subject: Subject, calibration: Tensor) -> None:
    def settings() -> dict[str, object]:
        known = torch._inductor.config.get_config_copy()
        return {name: each for name, each in known.items() if isinstance(each, bool | int | str)}

    before, precision = settings(), torch.get_float32_matmul_precision()
    weights = {name: tensor.clone() for name, tensor in subject.model.state_dict().items()}
    compiled.static_pt2e(subject, calibration)
    compiled.dynamic_torchao(subject)
    assert torch.get_float32_matmul_precision() == precision
    assert settings() == before
    after = subject.model.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in weights.items())
    assert not any(module.training for module in subject.model.modules())


def test_torchao_is_imported_without_a_word() -> None:
    code = "import efficiency.routines.quantization.torchao"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")


class Undecided(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.sum()) > 0 else -x


@pytest.mark.parametrize(
    ("model", "make", "sentence"),
    [
        (nn.Sequential(nn.Conv2d(1, 1, 1)), compiled.dynamic_pt2e, "no linear layer"),
        (nn.Sequential(nn.Conv2d(1, 1, 1)), compiled.dynamic_torchao, "no linear layer"),
        (nn.Sequential(nn.Linear(28, 1), Undecided()), compiled.dynamic_pt2e, "no graph"),
        (Undecided(), compiled.fp32_compiled, "no graph"),
    ],
)
def test_what_cannot_be_done_says_why(
    subject: Subject, model: nn.Module, make: Callable[[Subject], Variant], sentence: str
) -> None:
    with pytest.raises(Unavailable, match=sentence):
        make(replace(subject, model=model))


def test_calibration_must_fit(subject: Subject) -> None:
    with pytest.raises(BadInput, match="do not fit"):
        compiled.static_pt2e(subject, torch.randn(4, 3, 28, 28))


def test_compiled_code_is_kept_in_our_folder(home: Path) -> None:
    assert Path(inductor.environment()["TORCHINDUCTOR_CACHE_DIR"]) == home / "compiled"


@pytest.mark.parametrize("count", [1, CHUNK, CHUNK + 1, 3 * CHUNK - 1])
def test_chunks_have_one_size_and_give_every_output_once(count: int) -> None:
    sizes = []

    def model(chunk: Tensor) -> Tensor:
        sizes.append(len(chunk))
        return 2 * chunk

    inputs = torch.arange(count)
    assert torch.equal(in_chunks(model, inputs), 2 * inputs)
    assert len(set(sizes)) == 1
