"""Which candidates may be recommended: one rule for headlines, advice and charts.

With a score: it may be at most TOLERANCE below the baseline's. Without one, the outputs must be
close: noise below a hundredth of the signal's power (CLOSE_DB).
"""

from efficiency.core.values import Row, Study

TOLERANCE = 0.01
CLOSE_DB = 20


def acceptable(row: Row, baseline: Row) -> bool:
    """Whether the row keeps what the baseline can do; the baseline itself does."""
    if row is baseline:
        return True
    if row.score is not None and baseline.score is not None:
        return row.score >= baseline.score - TOLERANCE - 1e-9
    return row.sqnr_db is not None and row.sqnr_db >= CLOSE_DB


def rule(study: Study) -> str:
    """The rule in words, for beside the numbers that follow it."""
    if study.rows and study.rows[0].score is not None:
        points = 100 * TOLERANCE
        return f"Only candidates that lose at most {points:g} point of {study.score_name} count."
    return (
        f"There is no score: only candidates whose SQNR is at least {CLOSE_DB} dB count, that is, "
        "with less than a hundredth of the signal's power as noise."
    )
