from efficiency.core.units import joules_text
from efficiency.core.values import Row
from pages.runs.compare import cell, circumstances
from tests import samples


def test_only_what_differs_differs() -> None:
    here = samples.report()
    there = samples.hostile()
    lines = {line[0]: line[1:] for line in circumstances([here, there])}
    assert lines["Processor"][0] == lines["Processor"][1]
    assert lines["Disturbed"][0] != lines["Disturbed"][1]
    assert "Measured at" not in lines
    assert lines["batch_size"] == ["1", "1"]


def test_a_cell_says_why_it_has_no_numbers() -> None:
    assert cell(None) == "not part of this run"
    assert cell(Row(name="x", label="x", unavailable="no CUDA")) == "not available: no CUDA"
    assert cell(samples.report().rows[3]).startswith("75 kB, 457 µs, 0.35× [0.34, 0.36] slower")


def test_a_cell_of_an_estimate_says_that_it_is_one() -> None:
    study = samples.energy()
    joules = joules_text(study.rows[2].energy.joules)  # type: ignore[union-attr]
    assert cell(study.rows[2]) == f"{joules} estimated"
    assert cell(study.rows[-1]).startswith("not available: This machine has no energy counter")
