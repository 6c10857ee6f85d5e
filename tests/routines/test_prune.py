"""The pruning study from request to numbers, on real models."""

import pytest

from efficiency.core import serial
from efficiency.core.errors import BadInput
from efficiency.core.pruning import Pruning
from efficiency.core.requests import PruneRequest
from efficiency.core.values import Row, Study
from efficiency.jobs.runner import ROUTINES, find
from efficiency.routines import prune
from efficiency.routines.pruning.techniques import ZEROS
from tests.routines.listening import Listening

LENET = PruneRequest(workload="lenet", amount="0.8", budget_seconds=4)
ZERO_ROWS = tuple(f"zeros-{100 * share:.0f}" for share in ZEROS)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Listening:
    return Listening(folder=tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def study(context: Listening) -> Study:
    return prune.run(LENET, context)


def rows(study: Study) -> dict[str, Row]:
    return {row.name: row for row in study.rows}


def found(study: Study) -> Pruning:
    assert study.pruned is not None
    return study.pruned


def nonzero(row: Row) -> int:
    assert row.footprint is not None
    return row.footprint.nonzero


def disk(row: Row) -> int:
    assert row.footprint is not None
    assert row.footprint.bytes_on_disk is not None
    return row.footprint.bytes_on_disk


def test_it_is_the_routine_of_its_kind() -> None:
    assert find(ROUTINES["prune"]) is prune.run


def test_every_row_is_there_with_every_number(study: Study) -> None:
    assert tuple(rows(study)) == (
        "baseline",
        "pruned",
        "pruned-tuned",
        *ZERO_ROWS,
        "csr-90",
        "channels-50",
        "semi-structured",
    )
    *measured, half = study.rows
    assert half.unavailable is not None
    for row in measured:
        assert row.unavailable is None
        assert row.timing is not None
        assert row.score is not None
        assert row.footprint is not None
        assert row.footprint.bytes_zipped
        assert (row.speedup is None) == (row.name == "baseline")


def test_zeros_leave_the_dense_file_as_large_as_it_was(study: Study) -> None:
    before = rows(study)["baseline"]
    for name in ("pruned", *ZERO_ROWS):
        assert disk(rows(study)[name]) == disk(before)
    zipped = [
        row.footprint.bytes_zipped
        for name in ("baseline", *ZERO_ROWS)
        if (row := rows(study)[name]).footprint is not None
    ]
    assert zipped == sorted(zipped, key=lambda size: -(size or 0))
    assert disk(rows(study)["csr-90"]) < disk(before) / 3


def test_the_same_amount_is_pruned_everywhere_and_stays_when_tuned(study: Study) -> None:
    weights = sum(image.parameters for image in found(study).masks)
    left = sum(image.nonzero for image in found(study).masks)
    assert abs(left - 0.2 * weights) <= len(found(study).masks)
    lost = nonzero(rows(study)["baseline"]) - nonzero(rows(study)["pruned"])
    assert lost == weights - left
    assert nonzero(rows(study)["pruned-tuned"]) <= nonzero(rows(study)["pruned"])


def test_channels_are_really_gone(study: Study) -> None:
    before, row, removal = rows(study)["baseline"], rows(study)["channels-50"], found(study).removal
    assert removal is not None
    assert removal.row == row.name
    assert row.flops is not None
    assert before.flops is not None
    assert row.flops.total < before.flops.total / 2
    assert removal.promised_macs == removal.macs_after < removal.macs_before
    assert row.footprint is not None
    assert row.footprint.parameters == removal.parameters_after < removal.parameters_before / 2
    assert disk(row) < disk(before) / 2


def test_what_is_inside_is_told(study: Study) -> None:
    inside = found(study)
    assert [each.module for each in inside.anatomies] == ["conv1", "conv1"]
    assert [point.sparsity for point in inside.curve] == [0.0, *ZEROS]
    assert all(point.tuned_score is not None for point in inside.curve)
    assert inside.tuning_steps
    stored = {each.row: each for each in inside.stored}
    assert set(stored) >= {"baseline", "pruned", *ZERO_ROWS}
    for share, name in zip(ZEROS, ZERO_ROWS, strict=True):
        assert stored[name].sparsity == pytest.approx(share, abs=1e-4)
    parameters = {point.parameter for point in inside.sensitivity}
    assert parameters == set(inside.parameters)
    assert inside.suggestion is not None
    assert {each.parameter for each in inside.suggestion.amounts} == parameters


def test_findings_are_filled_and_the_study_travels(study: Study) -> None:
    assert len(study.findings) >= 5
    assert all(each.finding and each.evidence and each.next_step for each in study.findings)
    assert serial.decode(serial.encode(study)) == study


def test_rows_are_shown_while_it_runs(study: Study, context: Listening) -> None:
    assert not context.studies[0].complete
    counts = [len(each.rows) for each in context.studies]
    assert counts == sorted(counts)


def test_the_curve_grows_while_it_runs(study: Study, context: Listening) -> None:
    curves = [each.pruned.curve for each in context.studies if each.pruned is not None]
    tuned = [sum(point.tuned_score is not None for point in curve) for curve in curves]
    assert {*tuned} == {*range(len(ZEROS) + 2)}  # one after the other, no zeros first
    assert tuned == sorted(tuned)
    shares = [[point.sparsity for point in curve] for curve in curves if curve]
    assert all(each == [0.0, *ZEROS] for each in shares)
    assert found(study).curve == curves[-1]


def test_quick_is_the_technique_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    """And all that can be asked at once: some parameters, a bias, a count, several times."""
    request = PruneRequest(
        workload="lenet",
        technique="random_unstructured",
        amount="3",
        iterations=2,
        parameters=("conv1.weight", "conv1.bias"),
        tuning_epochs=0,
        quick=True,
        budget_seconds=1,
    )
    context = Listening(folder=tmp_path_factory.mktemp("quick"))
    with pytest.raises(BadInput, match=r"conv1\.bias"):  # it has 6: nothing would be left
        prune.run(request, context)


def test_a_wrong_parameter_is_told_with_near_names(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    context = Listening(folder=tmp_path_factory.mktemp("wrong"))
    request = PruneRequest(workload="lenet", parameters=("conv1.weigth",), quick=True)
    with pytest.raises(BadInput, match=r"conv1\.weight"):
        prune.run(request, context)
