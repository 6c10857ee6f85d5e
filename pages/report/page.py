"""Compression report: choose a model, follow its run, read the result (`?run=<id>`)."""

from urllib.parse import urlsplit

import streamlit as st

from efficiency import jobs
from efficiency.core.errors import BadInput, EfficiencyError, UnknownName
from efficiency.jobs import Run, State
from pages.report import choose
from pages.shared import downloads, frame, run_list, run_panel
from pages.shared.escape import escape
from pages.shared.latest import latest_report
from pages.shared.results import origin, results


def show(run: Run) -> None:
    """One run, whatever state it is in, with its address and a way to delete it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            "pages/report/page.py", label="Measure another model", icon=":material/add_circle:"
        )
        with st.popover("Share", icon=":material/link:"):
            address = f"{st.context.url}?run={run.id}"
            local = urlsplit(address).hostname in ("localhost", "127.0.0.1", "::1")
            st.caption(
                "This address works on this machine only: for others, put the machine's network "
                "name in the place of localhost."
                if local
                else "This address works in every browser that can reach this machine."
            )
            st.code(address, language=None, wrap_lines=True)
        if run.state == State.DONE and st.button("Measure again", icon=":material/replay:"):
            again(run)
        with st.popover("Delete", icon=":material/delete:"):
            st.caption("The report and its files will be gone, for everybody.")
            if st.button("Delete this run", type="primary"):
                jobs.delete(run.id)
                st.query_params.clear()
                st.rerun()
    st.header(escape(run_list.title(run)), anchor=False)
    if run.active:
        run_panel.run_panel(run.id)
    elif run.state == State.DONE and run.study is not None:
        origin(run.study, shipped=False)
        results(run.study, key=run.id)
        downloads.variant_downloads(run, run.study)
        downloads.downloads(run.study, run.id)
    else:
        run_panel.ended_without_result(run)


def again(run: Run) -> None:
    """Ask the same question anew, and follow the new run."""
    try:
        new = jobs.submit(run.request, again=True)
    except EfficiencyError as error:
        st.error(escape(error), icon=":material/error:")
    else:
        run_panel.follow(new)


def show_latest() -> None:
    """What a report looks like, before anybody has asked for one."""
    shown = latest_report()
    st.divider()
    if shown is None:
        st.info(
            "No report has been measured here yet; an example takes about a minute.",
            icon=":material/science:",
        )
        return
    st.header(f"The last report: {escape(shown.study.title)}", anchor=False)
    origin(shown.study, shipped=shown.run is None)
    results(shown.study, key="latest")


frame.header(
    "Compression report",
    "What a model costs now, what every technique does to its size, speed, memory, energy and "
    "accuracy here, and the compressed files to take away.",
)

asked, current = st.query_params.get("run"), None
if asked:
    try:
        current = jobs.get(asked)
    except UnknownName:
        st.warning(
            "No run has this address; it may have been deleted. You can start a new one below.",
            icon=":material/link_off:",
        )
    except BadInput as error:  # a run of another version
        st.warning(escape(error), icon=":material/link_off:")

if current is not None:
    show(current)
else:
    waiting = choose.choose()
    if waiting is None:  # a file that was just brought has the page for itself
        show_latest()
