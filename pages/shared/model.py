"""Which model a page measures next: an example, or the file of another run (`?of=<id>`)."""

from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from efficiency import jobs
from efficiency.core.errors import EfficiencyError
from efficiency.core.requests import EnergyRequest, ModelRequest, PruneRequest, QuantizeRequest
from efficiency.jobs import Run
from efficiency.routines.architecture import architecture_of
from efficiency.workloads import catalogue
from efficiency.workloads.catalogue import Workload
from pages.shared import run_list, run_panel
from pages.shared.run_panel import OF

THE_FILE = ""
ARRIVED = "model_arrived"  # in the session: the page, and the run whose file somebody came with
CLOSER = {
    EnergyRequest.kind: ("Energy, layer by layer", ":material/bolt:"),
    QuantizeRequest.kind: ("Quantization, every method", ":material/grid_on:"),
    PruneRequest.kind: ("Pruning, every technique", ":material/content_cut:"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is measured next; `file` is the request about the file that it comes from, if any."""

    workload: Workload
    file: ModelRequest | None

    @property
    def said(self) -> str:
        """What kind of network it is, in a sentence or two."""
        if self.file is None:
            return self.workload.description
        return "Its weights are those of the file; all else is the architecture's."

    def asked(self, batch_size: int) -> dict[str, Any]:
        """The fields of a request for this model with so many inputs in a call."""
        found: dict[str, Any] = {"batch_size": batch_size}
        if self.file is None:
            return found | {"workload": self.workload.name}
        shape = self.file.input_shape
        return found | {
            "model": self.file.model,
            "architecture": self.file.architecture,
            "input_shape": None if shape is None else (batch_size, *shape[1:]),
        }


def pick(page: str, *, help: str | None = None, width: int = 240) -> Model:  # noqa: A002
    """The examples to choose from, and the file of the run that the address names, if it does.

    page: begins the widget's key.
    """
    file = _of_the_address()
    names: tuple[str, ...] = catalogue.names()
    name = st.selectbox(
        "Model",
        names if file is None else (THE_FILE, *names),
        format_func=lambda each: (
            f"the run's file, {file.workload.label}"
            if file is not None and each == THE_FILE
            else catalogue.get(each).label
        ),
        # In an address only what is always there.
        key=f"{page}_workload" if file is None else f"{page}_model",
        bind="query-params" if file is None else None,
        help=help,
        width=width,
    )
    if file is not None and name == THE_FILE:
        return file
    return Model(workload=catalogue.get(str(name)), file=None)


def place(top: DeltaGenerator) -> DeltaGenerator:
    """Where to ask what to measure: here, but at the top for who comes with a file."""
    asked = st.query_params.get(OF)
    if asked is None:
        return st.container()
    arrived = (st.context.url, asked)
    if st.session_state.get(ARRIVED) != arrived:  # from far down another page
        st.session_state[ARRIVED] = arrived
        run_panel.to_the_top()
    return top


def closer(run: Run) -> None:
    """Links to the pages that look closer at the model of this run; none where there is no such."""
    if not isinstance(run.request, ModelRequest):
        return
    try:
        name = architecture_of(run.request)
    except EfficiencyError:  # the file is gone
        return
    if name not in catalogue.names():
        return
    st.subheader("Look closer at this model", anchor=False)
    with st.container(horizontal=True):
        for kind, (label, icon) in CLOSER.items():
            example = {f"{run_list.folder_of(kind)}_workload": catalogue.get(name).label}
            st.page_link(
                run_list.page_of(kind),
                label=label,
                icon=icon,
                query_params=example if run.request.model is None else {OF: run.id},
            )


def _of_the_address() -> Model | None:
    """The file of the run that the address names; says why there is none, if it names a run."""
    run_id = st.query_params.get(OF)
    if not run_id:
        return None
    try:
        request = jobs.get(run_id).request
        if not isinstance(request, ModelRequest) or request.model is None:
            return None
        name = architecture_of(request)
    except EfficiencyError:
        st.warning(
            "The run that this address takes its model from is gone; bring the file to the report "
            "again, or take an example.",
            icon=":material/link_off:",
        )
        return None
    if name is None or name not in catalogue.names():
        st.warning(
            "Nobody knows the architecture of the file that this address takes its model from, so "
            "it cannot be run; take an example.",
            icon=":material/help:",
        )
        return None
    return Model(workload=catalogue.get(name), file=request)
