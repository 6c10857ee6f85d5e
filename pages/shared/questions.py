"""Questions before an answer, which can be skipped: how many times as fast, how many times smaller?

What somebody has said stays for the session, so that it can stand beside what was measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import streamlit as st


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, the factors to choose from, and what to call the answer on a card."""

    text: str
    choices: tuple[float, ...]
    short: str


def asked(page: str, questions: Mapping[str, Question]) -> bool:
    """The questions with a button below; True once it was pressed, and then only their text."""
    if _key(page) in st.session_state:
        st.markdown(" ".join(each.text for each in questions.values()))
        return True
    for name, each in questions.items():
        st.pills(each.text, each.choices, format_func=_times, key=f"{page}_{name}")
    st.button(
        "Show me",
        icon=":material/visibility:",
        key=f"{page}_show",
        on_click=partial(_keep, page, tuple(questions)),
    )
    return False


def said(page: str, questions: Mapping[str, Question]) -> tuple[tuple[str, float], ...]:
    """What was answered, each with its short name."""
    answers = st.session_state.get(_key(page), {})
    return tuple(
        (questions[name].short, value) for name, value in answers.items() if value is not None
    )


def _keep(page: str, names: tuple[str, ...]) -> None:
    st.session_state[_key(page)] = {name: st.session_state.get(f"{page}_{name}") for name in names}


def _key(page: str) -> str:
    return f"{page}_answered"


def _times(factor: float) -> str:
    return f"{factor:g}×"
