"""Every technique on the CNN, the transformer and the LSTM, each trained for a few steps only.

What they score when trained to the end is in tests/workloads/test_trained.py.
"""

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from efficiency import intake
from efficiency.core.requests import ReportRequest
from efficiency.routines import remeasure, takeaway
from efficiency.routines.recipes import (
    bf16,
    int8_dynamic,
    int8_eager,
    int8_static,
    packing,
    plain,
)
from efficiency.routines.subject import Subject, prepare
from efficiency.routines.techniques import TECHNIQUES
from efficiency.routines.variant import Technique, Variant, model_of
from efficiency.workloads import catalogue, training
from efficiency.workloads.catalogue import Recipe
from efficiency.workloads.inputs import in_chunks

NAMES = ("cnn", "transformer", "lstm")
BRIEF = Recipe(epochs=0.15, batch=16)
RECURRENT = {f"lstm.weight_{part}_l{layer}" for part in ("ih", "hh") for layer in (0, 1)}


@pytest.fixture(scope="module")
def subjects() -> dict[str, Subject]:
    made = {}
    for name in NAMES:
        workload = replace(catalogue.get(name), recipe=BRIEF)
        split = workload.load_split()
        assert split is not None
        few = split._replace(
            train_inputs=split.train_inputs[:512], train_labels=split.train_labels[:512]
        )
        torch.manual_seed(0)
        model = workload.build()
        training.fit(model, few, BRIEF, seed=0)
        made[name] = Subject(model=model, workload=workload, split=few, seed=0)
    return made


@pytest.fixture(scope="module")
def made(subjects: dict[str, Subject]) -> dict[tuple[str, str], Variant]:
    return {
        (name, technique.name): technique.apply(subject)
        for name, subject in subjects.items()
        for technique in TECHNIQUES
    }


@torch.no_grad()
def outputs(model: nn.Module, inputs: Tensor) -> Tensor:
    return in_chunks(model, inputs).float()


@pytest.mark.parametrize("technique", TECHNIQUES, ids=lambda technique: technique.name)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_is_what_its_loader_loads(
    name: str,
    technique: Technique,
    subjects: dict[str, Subject],
    made: dict[tuple[str, str], Variant],
    tmp_path: Path,
) -> None:
    subject, variant = subjects[name], made[name, technique.name]
    folder = tmp_path / technique.name
    takeaway.write(folder, subject.workload, variant, technique.label)
    assert subject.split is not None
    inputs = subject.split.held_out_inputs[:16]
    restored = model_of(variant, subject)
    loaded = remeasure._loader(folder).load()
    found = outputs(loaded, inputs)
    assert torch.equal(found, outputs(restored, inputs))
    expected = outputs(subject.model, inputs)
    if technique.name == "baseline":
        assert torch.equal(found, expected)
    else:
        assert not torch.equal(found, expected)


@pytest.mark.parametrize(
    ("name", "technique", "unit"),
    [
        ("cnn", "int8-static", "accuracy: ([0-9.]+) on 360 held-out digits"),
        ("transformer", "int8-static", "accuracy: ([0-9.]+) on [0-9]+ held-out snippets"),
        ("lstm", "int8-dynamic", "next characters right: ([0-9.]+) on [0-9]+ held-out characters"),
    ],
)
def test_the_folder_stands_alone(
    name: str,
    technique: str,
    unit: str,
    subjects: dict[str, Subject],
    made: dict[tuple[str, str], Variant],
    tmp_path: Path,
) -> None:
    subject, variant = subjects[name], made[name, technique]
    takeaway.write(tmp_path / "out", subject.workload, variant, "any")
    loader = [sys.executable, "-I", "-W", "error", str(tmp_path / "out" / "load_model.py")]
    done = subprocess.run(loader, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = re.fullmatch(unit + "\n", done.stdout)
    assert said
    assert subject.split is not None
    restored = model_of(variant, subject)
    assert float(said[1]) == pytest.approx(training.evaluate(restored, subject.split), abs=1e-6)


def test_who_only_loads_needs_no_data_and_what_it_comes_with(
    subjects: dict[str, Subject], made: dict[tuple[str, str], Variant], tmp_path: Path
) -> None:
    takeaway.write(tmp_path / "out", subjects["cnn"].workload, made["cnn", "baseline"], "any")
    assert "Needs safetensors, torch; to run it, scikit-learn too." in (
        (tmp_path / "out" / "load_model.py").read_text()
    )
    load = "import sys; from load_model import load; load(); print('sklearn' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", load],
        cwd=tmp_path / "out",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


def test_a_loader_does_not_score_on_other_data(
    subjects: dict[str, Subject], made: dict[tuple[str, str], Variant], tmp_path: Path
) -> None:
    subject, variant = subjects["lstm"], made["lstm", "baseline"]
    takeaway.write(tmp_path / "out", subject.workload, variant, "any")
    file = tmp_path / "out" / "load_model.py"
    text, count = re.subn(r'^DATA = "\w+"', 'DATA = "other"', file.read_text(), flags=re.M)
    assert count == 1
    file.write_text(text)
    done = subprocess.run([sys.executable, file], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "use Python" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("recipe", [plain, bf16, int8_dynamic, int8_static, int8_eager])
@pytest.mark.parametrize("name", catalogue.names())
def test_no_name_is_defined_twice_in_a_loader(name: str, recipe: ModuleType) -> None:
    text = takeaway.source(catalogue.get(name), Variant(recipe=recipe, tensors={}), "any")
    defined = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.append(node.name)
        elif isinstance(node, ast.Assign):
            names = ast.walk(ast.Tuple(elts=node.targets))
            defined += [each.id for each in names if isinstance(each, ast.Name)]
    assert len(defined) == len(set(defined)), sorted(
        {each for each in defined if defined.count(each) > 1}
    )
    assert {"build", "load", "restore"} <= set(defined)
    assert "efficiency" not in re.findall(r"^(?:from|import) (\w+)", text, flags=re.M)


def test_recurrent_weights_are_packed_bit_for_bit(subjects: dict[str, Subject]) -> None:
    subject = subjects["lstm"]
    assert subject.split is not None
    quantized = int8_dynamic.quantize(subject.model)
    packed = packing.pack(quantized.state_dict())
    restored = int8_dynamic.restore(subject.workload.build(), packed, torch.zeros(1, 64).long())
    inputs = subject.split.held_out_inputs[:16]
    assert torch.equal(outputs(quantized, inputs), outputs(restored, inputs))
    integers = [
        tensor for name, tensor in packed.items() if "lstm" in name and name.endswith("::weight")
    ]
    assert [tensor.dtype for tensor in integers] == [torch.int8] * len(RECURRENT)
    total = sum(parameter.numel() for parameter in subject.model.parameters())
    assert packing.count_values(packed, set())[0] == total


@pytest.mark.parametrize("tuned", [False, True])
def test_recurrent_weights_are_pruned_and_stay_zero(
    subjects: dict[str, Subject], made: dict[tuple[str, str], Variant], tuned: bool
) -> None:
    subject = subjects["lstm"]
    variant = made["lstm", "pruned-80-tuned" if tuned else "pruned-80"]
    matrices = [variant.tensors[name] for name in (*RECURRENT, "head.weight")]
    zeros = sum(int((matrix == 0).sum()) for matrix in matrices)
    assert zeros == pytest.approx(0.8 * sum(matrix.numel() for matrix in matrices), abs=1)
    assert variant.coverage.changed == ("lstm", "head")
    before = subject.model.state_dict()
    for name in RECURRENT:
        left = variant.tensors[name] != 0
        moved = not torch.equal(variant.tensors[name][left], before[name][left])
        assert moved == tuned, name


def test_coverage_says_what_became_of_each_layer(made: dict[tuple[str, str], Variant]) -> None:
    # Batch normalization is folded into the convolution before it, so it is changed, too.
    assert made["cnn", "int8-static"].coverage.skipped == ()
    assert set(made["lstm", "int8-dynamic"].coverage.changed) == {"lstm", "head"}
    static = made["lstm", "int8-static"].coverage
    assert static.changed == ("head",)
    assert {each.layer for each in static.skipped} == {"embedding", "lstm"}
    assert all("leaves it in float32" in each.reason for each in static.skipped)
    transformer = made["transformer", "int8-static"].coverage
    assert {each.layer for each in transformer.skipped} == {"tokens", "positions"}
    assert "layers.0.attention.query" in made["transformer", "int8-dynamic"].coverage.changed


def test_a_file_that_cannot_predict_our_text_is_not_scored(tmp_path: Path) -> None:
    workload = catalogue.get("lstm")
    torch.save(workload.build().state_dict(), tmp_path / "own.pt")
    request = ReportRequest(model=intake.accept(tmp_path / "own.pt", "own.pt").model)
    subject, notes = prepare(request, workload, lambda step, share: None)
    assert subject.split is None
    assert any(note.startswith("On Python's standard library this file scores") for note in notes)
