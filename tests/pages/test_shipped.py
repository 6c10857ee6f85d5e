"""The studies that a new installation shows before anything was measured on it."""

from pathlib import Path

import pytest

from efficiency.core import serial
from efficiency.core.energy import estimate
from efficiency.core.lottery import CONTROLS
from efficiency.core.requests import LotteryRequest
from efficiency.core.roofline import points, time_shares
from efficiency.routines.techniques import TECHNIQUES
from efficiency.routines.tickets.settings import settings_of
from pages.shared import latest


def test_the_shipped_report_is_a_whole_undisturbed_one_of_today_s_form() -> None:
    study = serial.decode(latest.SHIPPED["report"].read_bytes())
    assert serial.decode(serial.encode(study)) == study
    assert [row.name for row in study.rows] == [technique.name for technique in TECHNIQUES]
    assert all(row.timing is not None and row.score is not None for row in study.rows)
    assert study.complete
    assert study.findings
    assert study.environment.disturbed is None


def test_the_shipped_energy_study_is_a_whole_undisturbed_one_of_today_s_estimates() -> None:
    study = serial.decode(latest.SHIPPED["energy"].read_bytes())
    assert serial.decode(serial.encode(study)) == study
    assert study.complete
    assert study.environment.disturbed is None
    assert study.rows[0].timing is not None
    assert study.anatomy is not None
    assert points(study.anatomy)
    assert time_shares(study.anatomy) is not None
    for row in study.rows[:4]:
        today = estimate(study.anatomy.layers, {}, otherwise=row.name)
        assert row.energy is not None
        assert row.energy.joules == pytest.approx(today.joules)


def test_the_shipped_amp_study_is_a_whole_undisturbed_one() -> None:
    study = serial.decode(latest.SHIPPED["amp"].read_bytes())
    assert serial.decode(serial.encode(study)) == study
    assert study.complete
    assert study.findings
    assert study.environment.disturbed is None
    assert study.mixed is not None
    assert study.mixed.prediction.speedup is not None
    assert all(row.timing is not None for row in study.rows if row.unavailable is None)


@pytest.mark.parametrize("path", sorted(latest.SAMPLES.glob("quantize*.json")), ids=str)
def test_the_shipped_quantization_studies_are_whole_undisturbed_ones(path: Path) -> None:
    study = serial.decode(path.read_bytes())
    assert serial.decode(serial.encode(study)) == study
    assert study.complete
    assert study.findings
    assert study.environment.disturbed is None
    assert study.quantized is not None
    assert study.quantized.samples
    assert study.quantized.advice is not None
    assert study.quantized.advice.outcome
    assert all(row.timing is not None for row in study.rows if row.unavailable is None)


def test_the_first_quantization_study_has_every_method_and_back_end() -> None:
    study = serial.decode(latest.SHIPPED["quantize"].read_bytes())
    assert study.title == "LeNet"
    assert all(row.unavailable is None for row in study.rows)
    assert {row.name.partition("-")[0] for row in study.rows} >= {"dynamic", "static", "qat"}
    assert {row.name.partition("-")[2] for row in study.rows} >= {"eager", "fx", "torchao", "pt2e"}
    assert study.quantized is not None
    assert study.quantized.graph_after
    assert study.quantized.calibration


def test_the_shipped_pruning_study_is_a_whole_undisturbed_one() -> None:
    study = serial.decode(latest.SHIPPED["prune"].read_bytes())
    assert serial.decode(serial.encode(study)) == study
    assert study.complete
    assert study.findings
    assert study.environment.disturbed is None
    assert all(row.timing is not None for row in study.rows if row.unavailable is None)
    found = study.pruned
    assert found is not None
    assert len(found.anatomies) == 2
    assert found.masks
    assert found.stored
    assert found.curve
    assert found.sensitivity
    assert found.suggestion is not None
    assert found.removal is not None


def test_the_shipped_lottery_is_a_whole_one_with_a_verdict_for_both_controls() -> None:
    study = serial.decode(latest.SHIPPED["lottery"].read_bytes())
    assert serial.decode(serial.encode(study)) == study
    assert study.complete
    found = study.lottery
    assert found is not None
    assert found.settings == settings_of(LotteryRequest())
    assert len(found.levels) == found.settings.rounds + 1
    assert len(found.trainings) == found.settings.seeds * (1 + 3 * found.settings.rounds)
    assert {each.control for each in found.contests} == set(CONTROLS)
    assert found.masks
    assert found.verdict
