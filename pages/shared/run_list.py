"""How runs are named and listed."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from efficiency.core.requests import ReportRequest
from efficiency.jobs import Run, State
from efficiency.workloads import catalogue
from pages.shared.escape import escape

STATE_ICON = {
    State.QUEUED: ":material/hourglass_empty:",
    State.RUNNING: ":material/autorenew:",
    State.DONE: ":material/check_circle:",
    State.FAILED: ":material/error:",
    State.CANCELLED: ":material/cancel:",
    State.LOST: ":material/link_off:",
}


def title(run: Run) -> str:
    """What the run is about, in plain text."""
    if run.title is not None:
        return run.title
    if not isinstance(run.request, ReportRequest):
        return run.kind
    if run.request.workload in catalogue.names():
        return catalogue.get(run.request.workload).label
    return run.request.workload or f"file {str(run.request.model)[:8]}"


def started(run: Run) -> str:
    """When the run was asked for, in the time zone of the machine."""
    return datetime.fromtimestamp(run.created).strftime("%Y-%m-%d %H:%M")


def links(runs: Sequence[Run]) -> None:
    """One link a run, newest first."""
    if not runs:
        st.caption("No runs yet.")
    for run in runs:
        st.page_link(
            "pages/report/page.py",
            label=f"{escape(title(run))}, {run.state.value}, {started(run)}",
            icon=STATE_ICON[run.state],
            query_params={"run": run.id},
        )
