"""How runs are named and listed."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from efficiency.core.requests import AmpRequest, LotteryRequest, ModelRequest
from efficiency.jobs import Run, State
from efficiency.workloads import catalogue
from pages.shared.escape import escape

FOLDERS = {
    "prune": "pruning",
    "quantize": "quantization",
}  # where the folder is not called as the kind is
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
    if isinstance(run.request, AmpRequest):
        return f"{catalogue.get(run.request.workload).label}, {run.request.dtype}"
    if isinstance(run.request, LotteryRequest):
        return f"{catalogue.get(run.request.workload).label}, lottery tickets"
    if not isinstance(run.request, ModelRequest):
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
        label = f"{escape(title(run))}, {run.kind}, {run.state.value}, {started(run)}"
        link(run, label, icon=STATE_ICON[run.state])


def link(run: Run, label: str, icon: str = ":material/open_in_new:") -> None:
    """A link to the page of the run's kind, at the run."""
    st.page_link(page(run), label=label, icon=icon, query_params={"run": run.id})


def page(run: Run) -> str:
    """The page that shows such runs."""
    return page_of(run.kind)


def page_of(kind: str) -> str:
    """The page about runs of this kind."""
    return f"pages/{folder_of(kind)}/page.py"


def folder_of(kind: str) -> str:
    """The folder of that page, with which the keys of its widgets begin."""
    return FOLDERS.get(kind, kind)
