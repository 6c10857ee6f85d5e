"""One question before the answer: does mixed precision pay on this machine? It can be skipped."""

import streamlit as st

from efficiency.core.values import Study
from efficiency.exports.mixed import row_of
from efficiency.exports.table import card
from pages.shared.escape import escape
from pages.shared.latest import Shown

CHOICES = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
CHOICE = "amp_choice"  # the widget, which goes when it has been answered
PREDICTED = "amp_predicted"  # what was answered, None if the question was skipped
QUESTION = (
    "Will mixed precision train the tutorial's network faster on this machine? How many times as "
    "fast as float32?"
)


@st.fragment
def predict(shown: Shown | None) -> None:
    """The question; once it is answered, what the machine predicted and what was measured."""
    st.subheader("Predict", anchor=False)
    if PREDICTED in st.session_state:
        st.markdown(QUESTION)
        _reveal(None if shown is None else shown.study)
        return
    st.pills(
        QUESTION, CHOICES, format_func=lambda times: f"{times:g}×", key=CHOICE, on_change=_answer
    )
    st.button("Just show me", icon=":material/visibility:", on_click=_answer)


def predicted() -> float | None:
    """What the visitor said, if anything."""
    said = st.session_state.get(PREDICTED)
    return None if said is None else float(said)


def _answer() -> None:
    st.session_state[PREDICTED] = st.session_state.get(CHOICE)


def _reveal(study: Study | None) -> None:
    said = predicted()
    cards = card("Your prediction", f"{said:g}×", "before anything was measured") if said else ""
    reason = "Nothing was measured here yet: run it below, and compare."
    if study is not None:
        cards += _machine(study)
        reasons = () if study.mixed is None else study.mixed.prediction.reasons
        reason = f"{study.title}. {reasons[0] if reasons else ''}"
    st.html(f'<div class="lab-cards">{cards}</div>')
    st.markdown(escape(reason))


def _machine(study: Study) -> str:
    """The machine's own prediction, and the measurement."""
    cards, row = "", row_of(study)
    speedup = None if study.mixed is None else study.mixed.prediction.speedup
    if speedup is not None:
        cards += card(
            "The machine's prediction",
            f"{speedup:.2f}×",
            "from its peaks and the operations of a step",
        )
    if row is not None and row.speedup is not None:
        ratio = row.speedup
        cards += card(
            "Measured",
            f"{ratio.ratio:.2f}×",
            f"[{ratio.low:.2f}, {ratio.high:.2f}] {ratio.verdict.value}",
            study.environment.cpu,
        )
    return cards
