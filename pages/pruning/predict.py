"""Two questions before the answer: 90 % zeros, how much faster, how much smaller?"""

import streamlit as st

from efficiency.core.requests import PruneRequest
from efficiency.core.units import smaller_text
from efficiency.core.values import Row, Study
from efficiency.exports.pruning import (
    SPARSE,
    measured_facts,
    named,
    removed,
    zeros_row,
)
from efficiency.exports.pruning_why import why
from efficiency.exports.table import card
from pages.shared.escape import escape
from pages.shared.latest import by_workload, shipped
from pages.shared.questions import Question, asked, said

WORKLOAD = "lenet"
PAGE = "pruning"
QUESTIONS = {
    "faster": Question(
        text="90 % of LeNet's weights are zero: how many times as fast is a call?",
        choices=(0.5, 1.0, 2.0, 5.0, 10.0),
        short="90 % zeros, times as fast",
    ),
    "smaller": Question(
        text="And its file: how many times smaller?",
        choices=(1.0, 2.0, 3.0, 5.0, 10.0),
        short="90 % zeros, file, times smaller",
    ),
}
SHOWN = ("File", "File, zipped", "File in CSR")


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
    """LeNet as it was measured here with a curve over sparsities, or as it came with us."""
    here = by_workload(PruneRequest.kind, (WORKLOAD,)).get(WORKLOAD)
    with_curve = here is not None and here.pruned is not None and here.pruned.curve
    return here if with_curve else shipped(PruneRequest.kind) or here


def _reveal(study: Study | None) -> None:
    answers = () if study is None else predicted(study)
    cards = "".join(card(f"You said: {title}", f"{value:g}×") for title, value in answers)
    if study is None:
        st.html(f'<div class="lab-cards">{cards}</div>')
        st.markdown("Nothing was measured here yet: run it below, and compare.")
        return
    zeros = zeros_row(study)
    cards += "".join(
        _speed(study, row)
        for row in (zeros, named(study, SPARSE), removed(study))
        if row is not None
    )
    cards += "" if zeros is None else _files(study, zeros)
    st.html(f'<div class="lab-cards">{cards}</div>')
    reasons = dict(why(study))
    for about in ("Speed of zeros", "Size of the file"):
        if about in reasons:
            st.markdown(f"**{about}.** {escape(reasons[about])}")


def _speed(study: Study, row: Row) -> str:
    ratio = row.speedup
    if ratio is None:
        return ""
    interval = f"[{ratio.low:.2f}, {ratio.high:.2f}] {ratio.verdict.value}"
    return card(f"{row.label}, one call", f"{ratio.ratio:.2f}× as fast", interval)


def _files(study: Study, row: Row) -> str:
    """Its file as it is saved, zipped and in CSR."""
    before = study.rows[0].footprint
    facts = {name: value for name, value, _ in measured_facts(study, row)}
    after = row.footprint
    if before is None or after is None or not before.bytes_on_disk or not after.bytes_on_disk:
        return ""
    others = ", ".join(f"{name.removeprefix('File').strip(', ')} {facts[name]}"
                       for name in SHOWN[1:] if name in facts)  # fmt: skip
    times = before.bytes_on_disk / after.bytes_on_disk
    return card(f"{row.label}, file", smaller_text(times), f"{facts[SHOWN[0]]}; {others}")
