"""A page about one run (`?run=<id>`): what its address asks for, and the run in every state."""

from collections.abc import Callable
from urllib.parse import urlsplit

import streamlit as st

from efficiency import jobs
from efficiency.core.errors import BadInput, EfficiencyError, UnknownName
from efficiency.core.values import Study
from efficiency.jobs import Run, State
from pages.shared import model, run_list, run_panel
from pages.shared.escape import escape
from pages.shared.latest import Shown
from pages.shared.results import origin

Draw = Callable[[Run, Study], None]


def asked(kind: str) -> Run | None:
    """The run in the address, if it is of this kind; else says what is wrong with the address."""
    run_id = st.query_params.get("run")
    if not run_id:
        return None
    try:
        run = jobs.get(run_id)
    except UnknownName:
        st.warning(
            "No run has this address; it may have been deleted. You can start a new one below.",
            icon=":material/link_off:",
        )
        return None
    except BadInput as error:  # a run of another version
        st.warning(escape(error), icon=":material/link_off:")
        return None
    if run.kind != kind:
        st.info("This run belongs to another page.", icon=":material/alt_route:")
        run_list.link(run, "Open it there")
        return None
    return run


def show(run: Run, *, another: str, draw: Draw, live: run_panel.Live | None = None) -> None:
    """The run with its address and what can be done with it; `draw` shows its study when done.

    `another` is the label of the way back to where runs are started. `live` draws a study of which
    only a part is measured: while the run is active, and when it ended before its time. Without it
    there is a table of the rows alone.
    """
    run_panel.arrive(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(run_list.page(run), label=another, icon=":material/add_circle:")
        _share(run)
        if run.state == State.DONE and st.button("Measure again", icon=":material/replay:"):
            _again(run)
        _delete(run)
    st.header(escape(run_list.title(run)), anchor=False)
    if run.active:
        run_panel.active(run, live)
    elif run.state == State.DONE and run.study is not None:
        origin(run.study, shipped=False)
        draw(run, run.study)
        model.closer(run)
    else:
        run_panel.ended_without_result(run)
        run_panel.until_then(run, live)


def show_last(
    shown: Shown | None, otherwise: str, draw: Callable[[Study, str], None], *, before: str = ""
) -> None:
    """The last study that was measured here, or the one that came with the program.

    `draw` gets it with a key that tells it apart; `otherwise` is said where there is none; `before`
    stands before its title.
    """
    if shown is None:
        st.info(otherwise, icon=":material/science:")
        return
    st.header(f"{before}{escape(shown.study.title)}", anchor=False)
    origin(shown.study, shipped=shown.run is None)
    draw(shown.study, "latest" if shown.run is None else shown.run.id)


def _share(run: Run) -> None:
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


def _again(run: Run) -> None:
    """Ask the same question anew, and follow the new run."""
    try:
        new = jobs.submit(run.request, again=True)
    except EfficiencyError as error:
        st.error(escape(error), icon=":material/error:")
    else:
        run_panel.follow(new)


def _delete(run: Run) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        st.caption("The result and its files will be gone, for everybody.")
        if st.button("Delete this run", type="primary"):
            jobs.delete(run.id)
            del st.query_params["run"]
            st.rerun()
