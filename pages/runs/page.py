"""Runs: find them, tick two to four to compare them, open them, delete them."""

from collections.abc import Sequence
from contextlib import suppress

import pandas as pd
import streamlit as st

from efficiency import jobs
from efficiency.core.errors import UnknownName
from efficiency.jobs import Run, State
from pages.runs import selection
from pages.runs.compare import compare
from pages.shared import frame, run_list
from pages.shared.escape import escape

MOST_COMPARED = 4

frame.header("Runs", "Everything that was measured on this machine. Tick two to four to compare.")


def matching(runs: tuple[Run, ...], words: str, states: list[State]) -> list[Run]:
    """The runs with these words in their title, kind or id, and one of these states."""
    return [
        run
        for run in runs
        if words.lower() in f"{run_list.title(run)} {run.kind} {run.id}".lower()
        and (not states or run.state in states)
    ]


def ask_to_delete(runs: Sequence[Run]) -> None:
    """Ask once, by name; what is deleted then is what was named, whatever is ticked by now."""
    with st.popover(f"Delete {len(runs)}", icon=":material/delete:"):
        st.markdown(
            "\n".join(
                f"- {escape(run_list.title(run))}, {escape(run_list.started(run))} ({run.id[:6]})"
                for run in runs
            )
        )
        st.caption("The reports and their files will be gone, for everybody.")
        ids = tuple(run.id for run in runs)
        st.button("Delete for good", type="primary", on_click=delete, args=(ids,))


def delete(ids: Sequence[str]) -> None:
    """Delete these runs, but for those that somebody else has deleted before."""
    for run in ids:
        with suppress(UnknownName):
            jobs.delete(run)


with st.container(horizontal=True, vertical_alignment="bottom"):
    words = st.text_input("Find", placeholder="lenet", key="runs_find", bind="query-params")
    states = st.pills(
        "State",
        list(State),
        selection_mode="multi",
        format_func=lambda state: state.value,
        key="runs_state",
    )

found = matching(jobs.recent(200), words or "", states)
if not found:
    st.info("No runs here yet, or none that match.", icon=":material/search_off:")
    st.page_link("pages/report/page.py", label="Measure a model", icon=":material/play_circle:")
else:
    table = pd.DataFrame(
        {
            "Model": [run_list.title(run) for run in found],
            "Kind": [run.kind for run in found],
            "State": [run.state.value for run in found],
            "Asked for": [run_list.started(run) for run in found],
            "Candidates": [run.row_count for run in found],
            "Took": [
                run.finished - run.started if run.started and run.finished else None
                for run in found
            ],
            "Run": [run.id for run in found],
        }
    )
    key, ticked_at_first = selection.follow(tuple(run.id for run in found))
    event = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=key,
        selection_default={"selection": {"rows": ticked_at_first}},
        column_config={"Took": st.column_config.NumberColumn("Took (s)", format="%.0f")},
    )
    ticked = [found[place] for place in event.selection.rows if place < len(found)]
    if not ticked:
        st.caption("Tick rows on the left to open, compare or delete them.")
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            for run in ticked[:MOST_COMPARED]:
                run_list.link(run, f"Open {run.id[:6]}")
            ask_to_delete(ticked)
        if len(ticked) > MOST_COMPARED:
            st.info(f"Only the first {MOST_COMPARED} are compared.", icon=":material/info:")
        if len(ticked) > 1:
            compare([jobs.get(run.id) for run in ticked[:MOST_COMPARED]])
