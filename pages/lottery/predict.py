"""Two questions before the answer: who learns best, and how small can a ticket be?"""

from collections.abc import Iterator

import streamlit as st

from efficiency.charts.lottery_contests import difference_text
from efficiency.charts.lottery_levels import interval_text, outcome, value_text
from efficiency.charts.lottery_looks import LOOKS, percent
from efficiency.core.lottery import Level, Lottery, Measure
from efficiency.exports.lottery_dense import nearest_level, smallest_as_accurate
from efficiency.exports.table import card
from pages.shared.escape import escape
from pages.shared.latest import Shown

SHARE = 0.2  # of the weights, in the first question
NOBODY = "no difference"
WHO = (*(look.name for look in LOOKS.values()), NOBODY)
HOW_FAR = ("50 %", "20 %", "10 %", "5 %", "2 %")
ANSWERED = "lottery_answered"
FAR_QUESTION = "Down to which share of its weights is the ticket as accurate as the dense network?"


@st.fragment
def predict(shown: Shown | None) -> None:
    """The questions; once they are answered, what was measured beside what was said."""
    found = None if shown is None else shown.study.lottery
    level = None if found is None else nearest_level(found, SHARE)
    who = who_question(level)
    st.subheader("Predict", anchor=False)
    if ANSWERED in st.session_state:
        st.markdown(f"{escape(who)} {escape(FAR_QUESTION)}")
        _reveal(found, level)
        return
    st.pills(who, WHO, key="lottery_who")
    st.pills(FAR_QUESTION, HOW_FAR, key="lottery_far")
    st.button("Show me", icon=":material/visibility:", key="lottery_show", on_click=_answer)


def who_question(level: Level | None) -> str:
    """Who learns best, at a level of the study that is shown."""
    share = percent(SHARE if level is None else level.kept)
    return f"With {share} % of the weights left: who is most accurate at the end?"


def predicted() -> tuple[tuple[str, str], ...]:
    """What the visitor said, by title."""
    said = st.session_state.get(ANSWERED, {})
    names = {"who": "most accurate", "far": "as accurate down to"}
    return tuple((names[name], value) for name, value in said.items() if value is not None)


def _answer() -> None:
    st.session_state[ANSWERED] = {
        name: st.session_state.get(f"lottery_{name}") for name in ("who", "far")
    }


def _reveal(found: Lottery | None, level: Level | None) -> None:
    cards = "".join(card(f"You said: {title}", value) for title, value in predicted())
    if found is None or not found.outcomes:
        st.html(f'<div class="lab-cards">{cards}</div>')
        st.markdown("Nothing was measured here yet: draw your own tickets below, and compare.")
        return
    if level is not None:
        for start, look in LOOKS.items():
            each = outcome(found, level.level, start, Measure.END_SCORE)
            if each is not None:
                value = value_text(each.mean, each.measure)
                cards += card(look.name, value, interval_text(each))
    best = smallest_as_accurate(found)
    if best is not None:
        cards += card("As accurate as dense down to", f"{percent(best.level.kept)} %")
    st.html(f'<div class="lab-cards">{cards}</div>')
    if level is not None:
        st.markdown("  \n".join(map(escape, _said(found, level))))


def _said(found: Lottery, level: Level) -> Iterator[str]:
    """What the intervals say at the level of the first question."""
    for each in found.contests:
        if each.level == level.level and each.measure is Measure.END_SCORE:
            yield (
                f"With {percent(level.kept)} % left, ticket minus {LOOKS[each.control].name}: "
                f"{difference_text(each)}: {each.winner.value}."
            )
