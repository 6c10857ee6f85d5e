"""The quantization study from request to numbers, on real models."""

from dataclasses import replace
from itertools import chain, count

import pytest

from efficiency.core import serial
from efficiency.core.quantization import Quantization
from efficiency.core.requests import QuantizeRequest
from efficiency.core.values import Row, Study
from efficiency.jobs.runner import ROUTINES, find
from efficiency.routines import quantize
from tests.routines.listening import Listening
from tests.tries import measured

LENET = QuantizeRequest(workload="lenet", back_end="classic", seeds=2, budget_seconds=4)
STATIC = replace(LENET, method="static", seeds=0, budget_seconds=20)
CLASSIC = ("baseline", "dynamic-eager", "static-eager", "static-fx", "qat-fx")


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Listening:
    return Listening(folder=tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def study(context: Listening) -> Study:
    return quantize.run(LENET, context)


def rows(study: Study) -> dict[str, Row]:
    return {row.name: row for row in study.rows}


def found(study: Study) -> Quantization:
    assert study.quantized is not None
    return study.quantized


def test_it_is_the_routine_of_its_kind() -> None:
    assert set(ROUTINES) >= {"quantize"}
    assert find(ROUTINES["quantize"]) is quantize.run


def test_every_method_is_a_row_with_every_number(study: Study) -> None:
    assert tuple(rows(study)) == CLASSIC
    for name, row in rows(study).items():
        assert row.unavailable is None
        assert row.timing is not None
        assert row.footprint is not None
        assert row.score is not None
        assert row.footprint.bytes_on_disk
        assert row.footprint.peak_bytes
        assert (row.speedup is None) == (row.sqnr_db is None) == (name == "baseline")


def test_static_int8_is_small_and_keeps_the_accuracy(study: Study) -> None:
    baseline, static = rows(study)["baseline"], rows(study)["static-fx"]
    assert baseline.footprint is not None
    assert static.footprint is not None
    assert baseline.footprint.bytes_on_disk
    assert static.footprint.bytes_on_disk
    assert baseline.footprint.bytes_on_disk / static.footprint.bytes_on_disk >= 3.2
    assert baseline.score is not None
    assert static.score is not None
    assert static.score >= baseline.score - 0.005


def test_the_large_batch_is_another_answer_than_the_single_input(
    study: Study, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Fixed costs weigh most where there is least to compute: 0.5 and 2.8 times as fast, quiet."""
    again = (
        quantize.run(STATIC, Listening(folder=tmp_path_factory.mktemp("again"))) for _ in count()
    )
    studies = chain((study,), again)

    @measured
    def check() -> None:
        static = rows(next(studies))["static-fx"]
        (other,) = static.at_other_batches
        assert other.batch_size > LENET.batch_size
        assert static.speedup is not None
        assert other.speedup is not None
        assert other.speedup.ratio > 1.5 * static.speedup.ratio

    check()


def test_what_is_inside_is_recorded(study: Study) -> None:
    inside = found(study)
    assert {each.row for each in inside.layers} == set(CLASSIC[1:])
    assert {each.row for each in inside.operators} == set(CLASSIC)
    assert {each.layer for each in inside.layers} == {"conv1", "conv2", "fc1", "fc2", "fc3"}
    assert all(each.seconds is not None for each in inside.engines if each.unavailable is None)
    assert inside.engine in {each.engine for each in inside.engines}
    assert inside.graph_before
    assert inside.graph_after
    assert inside.samples
    assert {each.source for each in inside.calibration} >= {"training inputs"}


def test_the_advice_comes_first_and_is_judged_in_the_end(study: Study, context: Listening) -> None:
    first = found(context.studies[0])
    assert first.advice is not None
    assert first.advice.outcome == ""
    last = found(study)
    assert last.advice is not None
    assert last.advice.method == first.advice.method
    assert last.advice.outcome


def test_findings_come_with_the_complete_study_only(study: Study, context: Listening) -> None:
    assert study.complete
    assert study.findings
    assert not any(each.findings for each in context.studies)


def test_progress_never_goes_back(context: Listening, study: Study) -> None:
    done = [each.done for each in context.steps]
    assert done == sorted(done)
    assert done[-1] <= 100


def test_it_crosses_processes_unchanged(study: Study) -> None:
    assert serial.decode(serial.encode(study)) == study


def test_seeds_are_networks_of_their_own(study: Study) -> None:
    seeds = found(study).seeds
    assert [each.seed for each in seeds] == [0, 1]
    assert all(0.9 < each.float_score <= 1 for each in seeds)
