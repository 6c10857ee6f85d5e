"""Two questions before the answer: how much smaller, how much faster? They can be skipped."""

import streamlit as st

from efficiency.core.requests import QuantizeRequest
from efficiency.core.values import Row, Study
from efficiency.exports.quantization import disk_text, measured_rows, times_smaller
from efficiency.exports.quantization_why import why
from efficiency.exports.table import card
from pages.shared.escape import escape
from pages.shared.latest import by_workload, shipped
from pages.shared.questions import Question, asked, said

WORKLOAD = "lenet"
PAGE = "quantization"
QUESTIONS = {
    "smaller": Question(
        text="How many times smaller is LeNet's file in int8?",
        choices=(1.5, 2.0, 3.0, 3.5, 4.0, 8.0),
        short="file, times smaller",
    ),
    "faster": Question(
        text="And one call with one input: how many times as fast as in float32?",
        choices=(0.3, 0.5, 1.0, 2.0, 3.0, 4.0),
        short="1 input, times as fast",
    ),
}


@st.fragment
def predict() -> None:
    """The questions about LeNet; once they are answered, what was measured beside what was said."""
    st.subheader("Predict", anchor=False)
    if asked(PAGE, QUESTIONS):
        _reveal(_study())


def predicted(study: Study) -> tuple[tuple[str, float], ...]:
    """What the visitor said, if the study is about it."""
    about_it = study.request.get("workload") == WORKLOAD and study.batch_size == 1
    return said(PAGE, QUESTIONS) if about_it else ()


def _study() -> Study | None:
    """LeNet as it was measured here, or as it came with the program."""
    here = by_workload(QuantizeRequest.kind, (WORKLOAD,)).get(WORKLOAD)
    return here or shipped(QuantizeRequest.kind)


def _reveal(study: Study | None) -> None:
    answers = () if study is None else predicted(study)
    cards = "".join(card(f"You said: {title}", f"{value:g}×") for title, value in answers)
    if study is None:
        st.html(f'<div class="lab-cards">{cards}</div>')
        st.markdown("Nothing was measured here yet: run it below, and compare.")
        return
    rows = measured_rows(study, "static") or measured_rows(study)
    cards += "".join(_card(study, row) for row in rows)
    st.html(f'<div class="lab-cards">{cards}</div>')
    reasons = dict(why(study))
    for about in ("Size", "Speed"):
        if about in reasons:
            st.markdown(escape(reasons[about]))


def _card(study: Study, row: Row) -> str:
    """One int8 model: file and speed."""
    times = times_smaller(study.rows[0], row)
    smaller = "" if times is None else f"{times:.2g}× smaller"
    speed = "" if row.speedup is None else f"{row.speedup.ratio:.2g}× as fast"
    return card(row.label, f"{smaller}, {speed}", disk_text(study.rows[0], row))
