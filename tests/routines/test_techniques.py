"""Every technique on a trained LeNet, saved and loaded again by the loader in a fresh process."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from efficiency.core.errors import Unavailable
from efficiency.routines import takeaway, techniques
from efficiency.routines.pruning.selection import prunable
from efficiency.routines.recipes import packing
from efficiency.routines.subject import Subject
from efficiency.routines.techniques import TECHNIQUES
from efficiency.routines.variant import Technique, Variant, model_of
from efficiency.workloads import catalogue, training


@pytest.fixture(scope="module")
def subject(home: Path) -> Subject:
    workload = catalogue.get("lenet")
    model = workload.build()
    model.load_state_dict(training.trained(workload, 0))
    return Subject(model=model, workload=workload, split=workload.load_split(), seed=0)


@pytest.fixture(scope="module")
def made(subject: Subject) -> dict[str, Variant]:
    """Every technique applied once; some of them train."""
    return {technique.name: technique.apply(subject) for technique in TECHNIQUES}


def test_techniques_leave_the_subject_alone(
    subject: Subject, made: dict[str, Variant], home: Path
) -> None:
    before = training.trained(subject.workload, 0)
    after = subject.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.fixture(scope="module")
def printed(
    subject: Subject, made: dict[str, Variant], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What each loader prints, all run one after another in one fresh process elsewhere."""
    folder = tmp_path_factory.mktemp("files")
    for technique in TECHNIQUES:
        variant = made[technique.name]
        takeaway.write(folder / technique.name, subject.workload, variant, technique.label)
    paths = [str(folder / technique.name / "load_model.py") for technique in TECHNIQUES]
    code = "import runpy, sys\nfor path in sys.argv[1:]: runpy.run_path(path, run_name='__main__')"
    run = [sys.executable, "-W", "error", "-c", code, *paths]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return dict(zip((each.name for each in TECHNIQUES), lines, strict=True))


@pytest.mark.parametrize("technique", TECHNIQUES, ids=lambda technique: technique.name)
def test_saved_file_scores_the_same_in_a_fresh_process(
    technique: Technique,
    subject: Subject,
    made: dict[str, Variant],
    printed: dict[str, str],
) -> None:
    restored = model_of(made[technique.name], subject)
    assert subject.split is not None
    here = training.evaluate(restored, subject.split)
    found = re.fullmatch(r"accuracy: ([\d.]+) on 360 held-out digits", printed[technique.name])
    assert found
    assert float(found[1]) == pytest.approx(here, abs=1e-6)
    assert here > 0.8 or technique.name in ("pruned-80", "pruned-90")


def test_loader_imports_nothing_of_ours(subject: Subject, made: dict[str, Variant]) -> None:
    for variant in made.values():
        text = takeaway.source(subject.workload, variant, "any")
        assert "efficiency" not in re.findall(r"(?:from|import) (\w+)", text)


def test_packed_integers_are_the_rounded_weights(
    subject: Subject, made: dict[str, Variant]
) -> None:
    packed = made["int8-static"].tensors
    weight = subject.model.state_dict()["conv1.weight"]
    scale = packed["conv1.weight::scale"][:, None, None, None]
    # round(weight / scale), but for ties, which float32 may round either way
    distance = (packed["conv1.weight"] - (weight / scale).clamp(-128, 127)).abs()
    assert float(distance.max()) <= 0.5 + 1e-4


@pytest.mark.parametrize("percent", [50, 80, 90])
@pytest.mark.parametrize("tuned", [False, True])
def test_pruning_leaves_the_share_asked_for(
    subject: Subject, made: dict[str, Variant], percent: int, tuned: bool
) -> None:
    tensors = made[f"pruned-{percent}-tuned" if tuned else f"pruned-{percent}"].tensors
    weights = [tensors[name] for name in prunable(subject.model)]
    zeros = sum(int((weight == 0).sum()) for weight in weights)
    assert zeros == pytest.approx(percent / 100 * sum(w.numel() for w in weights), abs=1)


def test_counted_values_are_those_of_the_model(subject: Subject, made: dict[str, Variant]) -> None:
    total = sum(parameter.numel() for parameter in subject.model.parameters())
    for name, variant in made.items():
        parameters, nonzero = packing.count_values(variant.tensors, set())
        assert parameters == total, name
        assert nonzero <= parameters


def test_what_cannot_be_done_says_why() -> None:
    convolution = nn.Sequential(nn.Conv2d(1, 1, 1))
    bare = Subject(model=convolution, workload=catalogue.get("resnet50"), split=None, seed=0)
    with pytest.raises(Unavailable, match="no linear or recurrent layer"):
        techniques.to_int8_dynamic(bare)
    with pytest.raises(Unavailable, match="no data"):
        techniques.to_int8_static(bare)
    with pytest.raises(Unavailable, match="training data"):
        techniques.pruned(bare, 0.5, fine_tuned=True)


def test_coverage_names_every_layer_with_parameters(made: dict[str, Variant]) -> None:
    layers = {"conv1", "conv2", "fc1", "fc2", "fc3"}
    for name, variant in made.items():
        coverage = variant.coverage
        covered = {*coverage.changed, *(skipped.layer for skipped in coverage.skipped)}
        assert covered == (set() if name == "baseline" else layers)
    dynamic = made["int8-dynamic"].coverage
    assert {skipped.layer for skipped in dynamic.skipped} == {"conv1", "conv2"}
