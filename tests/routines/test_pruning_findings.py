"""What a pruning study says follows from its rows and their intervals."""

from dataclasses import replace

import pytest

from efficiency.core.values import Finding, Row, Study, Verdict
from efficiency.routines.pruning.findings import findings
from tests import samples_pruning as samples

SMALL = samples.small()


def said(study: Study = SMALL) -> tuple[Finding, ...]:
    assert study.pruned is not None
    return findings(study.rows, study.pruned, batch_size=1, score_count=study.score_count)


def with_verdict(name: str, verdict: Verdict) -> Study:
    """The study with another outcome of one row."""

    def changed(row: Row) -> Row:
        if row.speedup is None or not row.name.startswith(name):
            return row
        return replace(row, speedup=replace(row.speedup, verdict=verdict))

    return replace(SMALL, rows=tuple(map(changed, SMALL.rows)))


def test_every_part_of_the_study_has_one_finding_with_its_numbers() -> None:
    time, sparse, size, channels, accuracy = said()
    assert time.finding == "99.0 % zeros make a call neither faster nor slower."
    assert "0.97× [0.94, 1.00] no measurable difference" in time.evidence
    assert sparse.finding.endswith("(CSR) is not faster.")
    assert "0.62×" in sparse.evidence
    assert "5.8× smaller, in CSR 4.5× smaller" in size.finding
    assert channels.finding.endswith("taken out a call is 1.42 times as fast.")
    assert accuracy.finding.startswith("With fine-tuning, 90 % zeros cost no accuracy")
    assert "over 360 trials anything above 95.3 % could be chance" in accuracy.evidence
    assert "90 % 46.1 % and 96.4 %" in accuracy.evidence
    assert accuracy.next_step.startswith("At 95 % it is lost")


@pytest.mark.parametrize(
    ("name", "verdict", "words"),
    [
        ("zeros", Verdict.FASTER, "change the time of a call"),
        ("csr", Verdict.FASTER, "is faster"),
        ("channels", Verdict.SLOWER, "a call is slower"),
        ("channels", Verdict.SAME, "takes as long as before, as far as can be told"),
    ],
)
def test_verdicts_decide_what_is_said(name: str, verdict: Verdict, words: str) -> None:
    assert any(words in each.finding for each in said(with_verdict(name, verdict)))
    assert not any(words in each.finding for each in said())


def test_csr_that_saves_nothing_is_called_no_smaller() -> None:
    time, size = said(samples.quick())
    assert "in CSR no smaller" in size.finding
    assert "50.0 % zeros make a call neither" in time.finding


def test_nothing_measured_says_nothing_and_no_data_no_accuracy() -> None:
    assert said(samples.bare()) == ()
    assert not any("accuracy" in each.finding for each in said(samples.untrained()))
