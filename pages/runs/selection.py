"""Which runs are ticked, by id: a table only knows its rows, and a new run moves all of them."""

import streamlit as st

LISTED, TICKED, TABLE = "runs_listed", "runs_ticked", "runs_table"


def follow(listed: tuple[str, ...]) -> tuple[str, list[int]]:
    """Key of the table of these runs, and the rows that are ticked when it is first drawn.

    A list that differs from the one before gets a table of its own, and its ticks go with the runs.
    """
    before = st.session_state.get(LISTED, ())
    table = st.session_state.get(_key())
    if table is None or listed != before:
        ticked = set() if table is None else {before[row] for row in table.selection.rows}
        st.session_state[TABLE] = st.session_state.get(TABLE, 0) + 1
        st.session_state[LISTED] = listed
        st.session_state[TICKED] = [row for row, run in enumerate(listed) if run in ticked]
    return _key(), st.session_state[TICKED]


def _key() -> str:
    return f"{TABLE}_{st.session_state.get(TABLE, 0)}"
