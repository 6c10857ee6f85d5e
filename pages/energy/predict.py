"""One question before the answer: how much does int8 save? It can be skipped."""

import streamlit as st

from efficiency.core.requests import EnergyRequest
from efficiency.core.units import joules_text, share_text
from efficiency.core.values import Study
from efficiency.exports.energy import account
from efficiency.exports.table import card
from pages.shared.escape import escape
from pages.shared.latest import shipped

CHOICES = (1.5, 2.0, 4.0, 8.0, 15.0, 18.5)
CHOICE = "energy_choice"  # the widget, which goes when it has been answered
PREDICTED = "energy_predicted"  # what was answered, None if the question was skipped


@st.fragment
def predict() -> None:
    """The question about the shipped study, which is the same for a whole class."""
    study = shipped(EnergyRequest.kind)
    if study is None:
        return
    st.subheader("Predict", anchor=False)
    question = (
        "You store and compute everything in int8 instead of fp32. How many times less energy does "
        f"one inference of {escape(study.title)} take?"
    )
    if PREDICTED in st.session_state:
        st.markdown(question)
        _reveal(study, st.session_state[PREDICTED])
        return
    st.pills(
        question, CHOICES, format_func=lambda times: f"{times:g}×", key=CHOICE, on_change=_answer
    )
    st.button("Just show me", icon=":material/visibility:", on_click=_answer)


def _answer() -> None:
    st.session_state[PREDICTED] = st.session_state.get(CHOICE)


def _reveal(study: Study, predicted: float | None) -> None:
    """The prediction beside the estimate, and why it is what it is."""
    found = account(study)
    fp32, int8 = found.at("fp32"), found.at("int8")
    times = fp32.total.middle / int8.total.middle
    yours = card("Your prediction", f"{predicted:g}×") if predicted else ""
    before, after = (joules_text(each.total.middle * 1e-12) for each in (fp32, int8))
    answer = card("The estimate", f"{times:.3g}× less", f"{before} → {after}")
    st.html(f'<div class="lab-cards">{yours}{answer}</div>')
    st.markdown(
        f"The arithmetic takes **{fp32.arithmetic.middle / int8.arithmetic.middle:.3g} times** "
        f"less, but it is only {share_text(1 - fp32.share_moved)} of the energy. Moving numbers "
        f"takes exactly **{fp32.movement.middle / int8.movement.middle:.3g} times** less, because "
        "4 bytes become 1, and nothing can make that more. The sum is what counts."
    )
