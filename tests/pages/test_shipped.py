"""The report that a new installation shows before anything was measured on it."""

from efficiency.core import serial
from efficiency.routines.variants import TECHNIQUES
from pages.shared import latest


def test_the_shipped_report_is_a_whole_undisturbed_one_of_today_s_form() -> None:
    study = serial.decode(latest.SHIPPED.read_bytes())
    assert serial.decode(serial.encode(study)) == study
    assert [row.name for row in study.rows] == [technique.name for technique in TECHNIQUES]
    assert all(row.timing is not None and row.score is not None for row in study.rows)
    assert study.complete
    assert study.findings
    assert study.environment.disturbed is None
