"""The values, their JSON, and the identity of a request."""

import msgspec
import pytest

from efficiency.core import serial, units
from efficiency.core.errors import BadInput, UnknownName
from efficiency.core.requests import ReportRequest, parse
from efficiency.core.values import (
    Environment,
    Ratio,
    Row,
    Study,
    Timing,
    Verdict,
    wilson_interval,
)

ENVIRONMENT = Environment(
    measured_at="2026-11-22T12:00:00+00:00",
    device="cpu",
    features=(),
    cpu="a CPU",
    cores=2,
    threads=2,
    memory_bytes=1,
    platform="Linux",
    versions={},
)


def test_request_survives_the_trip_through_json() -> None:
    request = ReportRequest(workload="lenet", input_shape=(1, 1, 28, 28))
    assert parse(msgspec.json.decode(msgspec.json.encode(request.document()))) == request


def test_key_is_the_same_for_the_same_question_only() -> None:
    same = ReportRequest(workload="lenet").key()
    assert ReportRequest(workload="lenet").key() == same
    assert ReportRequest(workload="mlp").key() != same
    assert ReportRequest(workload="lenet", seed=1).key() != same


@pytest.mark.parametrize(
    "fields",
    [{}, {"workload": "a", "model": "b"}, {"workload": "a", "batch_size": 0}, {"workload": 3}],
)
def test_impossible_requests_are_refused_in_one_sentence(fields: dict[str, object]) -> None:
    with pytest.raises(BadInput, match=r"^[^\n]+\.$"):
        parse({"kind": "report", **fields})


def test_study_survives_json_and_the_json_has_the_contract_keys() -> None:
    row = Row(
        name="a",
        label="A",
        timing=Timing(samples=(1.0, 2.0, 3.0)),
        speedup=Ratio(ratio=1.0, low=0.9, high=1.1, verdict=Verdict.SAME),
    )
    study = Study(kind="report", title="t", request={}, environment=ENVIRONMENT, rows=(row,))
    assert serial.decode(serial.encode(study)) == study
    written = serial.document(study)["rows"][0]
    assert written["timing"]["median_seconds"] == 2.0
    assert written["speedup"]["verdict"] == "no measurable difference"


def test_wilson_interval_against_published_value() -> None:
    # Newcombe (1998), Table I: 81 of 263 gives 0.2553 to 0.3662 by the score method.
    low, high = wilson_interval(81 / 263, 263)
    assert low == pytest.approx(0.2553, abs=1e-4)
    assert high == pytest.approx(0.3662, abs=1e-4)


def test_unknown_names_get_near_ones() -> None:
    assert "lenet" in str(UnknownName("workload", "lenett", ("lenet", "mlp")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (units.bytes_text(244_000), "244 kB"),
        (units.bytes_text(None), "not measured"),
        (units.bytes_text(0), "0 B"),
        (units.seconds_text(0.00046), "460 µs"),
        (units.joules_text(1.3e-9), "1.30 nJ"),
        (units.share_text(0.972), "97.2 %"),
        (units.smaller_text(3.94), "3.9× smaller"),
        (units.smaller_text(1.04), "no smaller"),
        (units.smaller_text(0.5), "2× larger"),
    ],
)
def test_units(text: str, expected: str) -> None:
    assert text == expected
