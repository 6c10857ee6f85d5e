"""A run on its way: place in the queue, step, time left, what is measured so far, a cancel button.

Only the panel is drawn again while a run is active, and no chart is part of it. The whole page is
drawn once more when the run has ended, and where a page draws charts of what is measured so far,
when there is more of that.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from efficiency import jobs
from efficiency.core.errors import EfficiencyError
from efficiency.core.requests import Request
from efficiency.core.units import share_text
from efficiency.core.values import Progress, Study
from efficiency.exports.table import study_table
from efficiency.jobs import Run, State
from pages.shared.escape import escape
from pages.shared.results import origin

FOLLOWED = "run_followed"
OF = "of"  # in an address: the run whose file is measured next
TO_THE_TOP = "document.querySelector('[data-testid=stMain]').scrollTo(0, 0)"
POLL_SECONDS = 2.0  # thirty people who watch must not disturb what is being measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """How a page draws what is measured so far.

    `draw` gets the study and a key that tells it apart. `seen` is what of a study it shows: while
    that stays the same nothing is drawn again. `table`: whether the rows stand above it.
    """

    draw: Callable[[Study, str], None]
    seen: Callable[[Study], Hashable]
    table: bool


def active(run: Run, live: Live | None) -> None:
    """Follow an active run until it ends; `live` draws what is measured so far."""
    study = run.study
    run_panel(run.id, live, _seen(run, live))
    if live is not None and study is not None and study.rows:
        if not live.table:
            st.subheader("Measured so far", anchor=False)
        live.draw(study, run.id)


def until_then(run: Run, live: Live | None) -> None:
    """What was measured before a run ended without a result, if anything."""
    if run.study is None or not run.study.rows:
        return
    st.subheader("Measured until then", anchor=False)
    origin(run.study, shipped=False)
    if live is None or live.table:
        st.html(_rows(run.id, run.study_revision))
    if live is not None:
        live.draw(run.study, run.id)


@st.fragment(run_every=POLL_SECONDS)
def run_panel(run_id: str, live: Live | None, drawn: Hashable) -> None:
    """Tell how far an active run is. `drawn` is what `live` has drawn of it below."""
    try:
        run = jobs.get(run_id)
    except EfficiencyError:  # deleted by somebody else: the page says so
        st.rerun()
    if not run.active or _seen(run, live) != drawn:
        st.rerun()
    with st.container(border=True):
        _position(run)
        st.button(
            "Cancel",
            icon=":material/stop_circle:",
            key=f"cancel_{run.id}",
            on_click=_cancel,  # before anything is drawn, or a new revision would swallow the click
            args=(run.id,),
        )
    if (live is None or live.table) and run.study is not None and run.study.rows:
        st.subheader("Measured so far", anchor=False)
        st.html(_rows(run.id, run.study_revision))


def _seen(run: Run, live: Live | None) -> Hashable:
    """What there is to draw of the run so far; always None where nothing is drawn."""
    return None if live is None or run.study is None else live.seen(run.study)


def _cancel(run_id: str) -> None:
    jobs.cancel(run_id)


def ended_without_result(run: Run) -> None:
    """Say why a run has no result, and offer to repeat it."""
    said = {
        State.FAILED: escape(run.error or "The run failed, and left no reason."),
        State.CANCELLED: "This run was cancelled.",
        State.LOST: escape(run.error or "The machine stopped in the middle of this run."),
    }[run.state]
    show = st.info if run.state == State.CANCELLED else st.error
    show(said, icon=":material/info:")
    if not run.bad_input and st.button("Run it again", type="primary", icon=":material/replay:"):
        follow(jobs.submit(run.request, again=True))


def start(make: Callable[[], Request]) -> None:
    """Submit the request that `make` makes, and follow its run; or say what is wrong with it."""
    try:
        run = jobs.submit(make())
    except EfficiencyError as error:
        st.error(escape(error), icon=":material/error:")
    else:
        follow(run)


def follow(run: Run) -> None:
    """Put the run into the address and draw the page again for it, from its top."""
    st.query_params.pop(OF, None)  # the run says itself what it is about
    st.query_params["run"] = run.id
    st.session_state[FOLLOWED] = run.id
    st.rerun()


def arrive(run: Run) -> None:
    """Show the top of the page to who has just asked for this run: the button was far below."""
    if st.session_state.pop(FOLLOWED, None) == run.id:
        to_the_top()


def to_the_top() -> None:
    """Scroll to the top of the page."""
    st.html(f"<script>{TO_THE_TOP}</script>", unsafe_allow_javascript=True)


@lru_cache(maxsize=16)
def _rows(run_id: str, study_revision: int) -> str:
    """The rows so far, made once per revision for all who watch: medians of many samples."""
    study = jobs.get(run_id).study
    return "" if study is None else study_table(study)


def _position(run: Run) -> None:
    if run.state == State.QUEUED:
        before = jobs.position(run.id) or 0
        wait = jobs.seconds_to_start(run.id)
        runs = "1 run comes first" if before == 1 else f"{before} runs come first"
        about = f", {_about(wait)}" if wait else ""
        st.markdown(f"#### Waiting: {runs if before else 'next in line'}{about}")
        why = "One measurement runs at a time, so that none disturbs another."
        st.progress(0.0, text=_step(run.progress) if run.progress else why)
        return
    progress = run.progress
    if progress is None:
        st.markdown("#### Starting")
        st.progress(0.0, text="A process of its own is being started for this run.")
        return
    seconds = progress.seconds_left
    if seconds is None and run.seconds_expected is not None and run.started is not None:
        seconds = max(0.0, run.seconds_expected - (time.time() - run.started))
    left = "" if seconds is None else f", {_about(seconds)} left"
    st.markdown(f"#### {_step(progress)}")
    done = min(progress.done / progress.total, 1.0) if progress.total else 0.0
    st.progress(done, text=f"{share_text(done, 0)} done{left}")


def _step(progress: Progress) -> str:
    return escape(progress.step[:1].upper() + progress.step[1:])


def _about(seconds: float) -> str:
    """A time left, no finer than it deserves."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 180:
        return f"about {5 * round(seconds / 5)} s"
    if seconds < 2 * 3600:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"
