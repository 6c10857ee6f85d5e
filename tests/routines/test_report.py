"""The report on real models: every row measured from its file, every gap with its reason."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from efficiency import intake
from efficiency.core import units
from efficiency.core.errors import BadInput
from efficiency.core.requests import ReportRequest
from efficiency.core.values import Origin, Study
from efficiency.routines import remeasure, report
from efficiency.routines.subject import prepare
from efficiency.routines.techniques import TECHNIQUES
from efficiency.workloads import catalogue, training
from tests.routines.listening import Listening

QUICK = 3.0


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Listening:
    return Listening(folder=tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def study(context: Listening) -> Study:
    return report.run(ReportRequest(workload="lenet", budget_seconds=QUICK), context)


def test_every_technique_is_a_row_with_every_number(study: Study) -> None:
    assert [row.name for row in study.rows] == [technique.name for technique in TECHNIQUES]
    for row in study.rows:
        assert row.unavailable is None
        assert row.timing is not None
        assert len(row.timing.samples) >= 8
        assert (row.speedup is None) == (row is study.rows[0])
        assert row.score is not None
        assert row.footprint is not None
        assert row.footprint.peak_bytes
        assert row.energy is not None
        assert row.energy.origin is Origin.ESTIMATED
        # How large the other batch can be is a matter of time, which others at work take away.
        (other,) = row.at_other_batches
        assert other.batch_size in (4, 8, 16, 32, remeasure.LARGE_BATCH)
        assert other.batch_size == study.rows[0].at_other_batches[0].batch_size
        assert (row.sqnr_db is None) == (row is study.rows[0])


def test_sizes_are_those_of_the_files(study: Study, context: Listening) -> None:
    rows = {row.name: row for row in study.rows}
    for row in study.rows:
        assert row.footprint is not None
        weights = context.folder / row.name / "weights.safetensors"
        assert row.footprint.bytes_on_disk == weights.stat().st_size

    def stored(name: str) -> int:
        footprint = rows[name].footprint
        assert footprint is not None
        return footprint.bytes_on_disk or 0

    def zipped(name: str) -> int:
        footprint = rows[name].footprint
        assert footprint is not None
        return footprint.bytes_zipped or 0

    assert stored("baseline") / stored("bf16") == pytest.approx(2, rel=0.05)
    assert stored("baseline") / stored("int8-static") > 3.2
    assert stored("pruned-90") == stored("baseline")
    assert zipped("pruned-90") < zipped("pruned-80") < zipped("pruned-50") < zipped("baseline")


def test_energy_follows_the_precision_of_the_layers(study: Study) -> None:
    joules = {row.name: row.energy.joules for row in study.rows if row.energy and row.energy.joules}
    # Arithmetic of a multiply-accumulate: fp32 3.7 + 0.9, bf16 1.1 + 0.9, int8 0.2 + 0.1 pJ (sums
    # in 32 bits). Bytes moved: a half, and a quarter. Most of the energy is movement.
    assert 2 < joules["baseline"] / joules["bf16"] < 4.6 / 2.0
    assert 4 < joules["baseline"] / joules["int8-static"] < 4.6 / 0.3
    assert joules["int8-static"] < joules["int8-dynamic"] < joules["baseline"]
    assert joules["pruned-90"] == joules["baseline"]


def test_the_file_taken_away_prints_the_score_of_its_row(study: Study, context: Listening) -> None:
    for row in (study.rows[0], study.rows[3], study.rows[-1]):
        loader = [sys.executable, str(context.folder / row.name / "load_model.py")]
        done = subprocess.run(loader, capture_output=True, text=True, check=True)
        found = re.match(r"accuracy: ([\d.]+)", done.stdout)
        assert found
        assert float(found[1]) == pytest.approx(row.score, abs=1e-6)


def test_rows_grow_and_progress_never_goes_back(study: Study, context: Listening) -> None:
    counts = [len(partial.rows) for partial in context.studies]
    assert counts == sorted(counts)
    assert counts[0] == 1
    assert not any(partial.complete for partial in context.studies)
    done = [step.done for step in context.steps]
    assert done == sorted(done)
    assert all(step.done <= step.total for step in context.steps)
    assert study.complete


def test_phases_add_up_and_findings_carry_evidence(study: Study) -> None:
    names = {phase.name for phase in study.phases}
    assert {"training", "calibration", "timing loops", "process starts", "rest"} <= names
    timing = next(phase.seconds for phase in study.phases if phase.name == "timing loops")
    assert timing > QUICK / 2
    assert study.findings
    smallest = study.findings[0]
    sizes = [row.footprint.bytes_on_disk for row in study.rows if row.footprint]
    assert units.bytes_text(min(each for each in sizes if each)) in smallest.evidence


def saved(folder: Path, state: dict[str, torch.Tensor], name: str = "model.pt") -> str:
    torch.save(state, folder / name)
    return intake.accept(folder / name, name).model


def test_uploaded_file_is_the_baseline(home: Path, tmp_path: Path, study: Study) -> None:
    state = training.trained(catalogue.get("lenet"), 0)
    request = ReportRequest(model=saved(tmp_path, state), budget_seconds=1)
    (tmp_path / "run").mkdir()
    uploaded = report.run(request, Listening(folder=tmp_path / "run"))
    for ours, theirs in zip(study.rows, uploaded.rows, strict=True):
        assert replace(ours.footprint, peak_split=None) == replace(
            theirs.footprint, peak_split=None
        )
        assert ours.score == theirs.score
        assert ours.sqnr_db == theirs.sqnr_db


def test_a_file_of_other_data_is_not_scored_or_trained_on_ours(tmp_path: Path) -> None:
    model = saved(tmp_path, catalogue.get("lenet").build().state_dict())
    (tmp_path / "run").mkdir()
    context = Listening(folder=tmp_path / "run")
    found = report.run(ReportRequest(model=model, budget_seconds=1), context)
    assert [row.score for row in found.rows] == [None] * len(found.rows)
    assert any("trained on something else" in note for note in found.caveats)
    rows = {row.name: row for row in found.rows}
    assert "no data" in str(rows["int8-static"].unavailable)
    assert "no linear" not in str(rows["pruned-50-tuned"].unavailable)
    assert rows["int8-dynamic"].sqnr_db is not None


def test_a_file_with_nan_says_so(tmp_path: Path) -> None:
    state = training.trained(catalogue.get("lenet"), 0)
    model = saved(tmp_path, {**state, "fc3.bias": torch.full((10,), float("nan"))})
    request = ReportRequest(model=model, budget_seconds=1)
    subject, notes = prepare(request, catalogue.get("lenet"), lambda step, share: None)
    assert subject.split is None
    assert any("fc3.bias" in note for note in notes)
    assert any("outputs are NaN" in note for note in notes)


def test_tensors_left_over_are_left_out_and_counted(tmp_path: Path) -> None:
    state = training.trained(catalogue.get("lenet"), 0)
    model = saved(tmp_path, {**state, "ema.weight": torch.ones(3)})
    request = ReportRequest(model=model, architecture="lenet", budget_seconds=1)
    subject, notes = prepare(request, catalogue.get("lenet"), lambda step, share: None)
    assert "1 tensors that LeNet does not have were left out." in notes
    assert all(torch.equal(subject.model.state_dict()[name], state[name]) for name in state)


def test_a_half_precision_file_is_told_its_own_size(tmp_path: Path) -> None:
    state = training.trained(catalogue.get("lenet"), 0)
    model = saved(tmp_path, {name: tensor.half() for name, tensor in state.items()})
    request = ReportRequest(model=model, budget_seconds=1)
    subject, notes = prepare(request, catalogue.get("lenet"), lambda step, share: None)
    size = units.bytes_text(intake.weights_path(model).stat().st_size)
    assert any("float16" in note and size in note for note in notes)
    assert subject.split is not None


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_cuda_is_measured_on_cuda(context: Listening, tmp_path: Path) -> None:
    request = ReportRequest(workload="lenet", device="cuda", budget_seconds=QUICK)
    found = report.run(request, Listening(folder=tmp_path))
    rows = {row.name: row for row in found.rows}
    assert "CPUs only" in str(rows["int8-static"].unavailable)
    assert rows["bf16"].timing is not None
    assert (
        "cuda" in found.environment.device.lower() or "nvidia" in found.environment.device.lower()
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"architecture": "mlp"}, "does not fit MLP"),
        ({"input_shape": (1, 1, 5, 5)}, "its own shape is"),
        ({"architecture": "lenett"}, "lenet"),
    ],
)
def test_what_cannot_run_is_told_in_one_sentence(
    tmp_path: Path, fields: dict[str, object], sentence: str
) -> None:
    model = saved(tmp_path, catalogue.get("lenet").build().state_dict())
    request = ReportRequest(model=model, **fields)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=re.escape(sentence)):
        report.run(request, Listening(folder=tmp_path))


def test_unknown_architecture_gets_the_weights_report(tmp_path: Path) -> None:
    model = saved(tmp_path, nn.Linear(7, 3).state_dict())
    found = report.run(ReportRequest(model=model), Listening(folder=tmp_path))
    assert {layer.name for layer in found.layers} == {"weight", "bias"}
    assert [row.timing for row in found.rows] == [None] * len(found.rows)
    assert "int8" in {row.name for row in found.rows}
    assert found.findings[0].next_step
