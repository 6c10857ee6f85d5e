"""Choosing what to measure: an example, or a file with what is known of it before the run."""

import shutil
import tempfile
from dataclasses import fields
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from efficiency import intake, jobs
from efficiency.core.errors import EfficiencyError
from efficiency.core.requests import ReportRequest, parse_shape
from efficiency.core.units import bytes_text
from efficiency.exports.columns import grouped
from efficiency.exports.table import plain_table
from efficiency.intake.accepted import Accepted
from efficiency.intake.limits import max_file_bytes
from efficiency.workloads import catalogue, recognise
from pages.shared.escape import escape
from pages.shared.run_panel import follow

EXAMPLES = ("lenet", "mlp", "mobilenetv2")
HELP = {each.name: each.metadata.get("help", "") for each in fields(ReportRequest)}
MEGABYTE = 2**20
UNKNOWN = "none of these: weights report"


@cache
def isolation() -> str:
    """How the intake keeps strange files apart here; asking starts a process, so it is kept."""
    return intake.isolation()


def choose() -> Accepted | None:
    """Examples, uploader, options; starts the run that is asked for.

    Returns the file that waits for the visitor's word, None if there is none.
    """
    accepted: Accepted | None = st.session_state.get("report_accepted")
    if accepted is not None:
        _card(accepted)
        return accepted
    st.subheader("Take an example", anchor=False)
    for column, name in zip(st.columns(len(EXAMPLES)), EXAMPLES, strict=True):
        example = catalogue.get(name)
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{example.label}**  \n{example.description}")
            if st.button("Measure", key=f"example_{name}", icon=":material/play_arrow:"):
                _start(workload=name)
    st.subheader("Or bring your own model", anchor=False)
    _uploader()
    _options()
    return None


def _uploader() -> None:
    allowed = min(max_file_bytes() // MEGABYTE, st.get_option("server.maxUploadSize")) or 1
    st.markdown(
        f"**Accepted**: weights as `.safetensors`, or a `state_dict` saved by PyTorch as `.pt` or "
        f"`.pth`, up to {allowed} MB.  \n"
        f"**What happens to it**: it is {escape(isolation())}; no code from it is run, its weights "
        "stay on this machine, and the upload itself is thrown away.  \n"
        "**Who sees it**: everybody who can open this page can see, download and delete its runs."
    )
    round_number = st.session_state.setdefault("report_upload_round", 0)
    upload = st.file_uploader(
        "Model file",
        key=f"report_upload_{round_number}",
        max_upload_size=allowed,
        label_visibility="collapsed",
    )
    if refused := st.session_state.pop("report_refused", None):
        st.error(refused, icon=":material/block:")
    if upload is not None:
        _accept(upload)


def _accept(upload: UploadedFile) -> None:
    """Hand the bytes to the intake on disk and let go of them."""
    with (
        st.spinner("Reading the file in a process of its own…"),
        tempfile.TemporaryDirectory(prefix="efficiency-upload-") as folder,
    ):
        path = Path(folder) / "upload"
        with path.open("wb") as file:
            shutil.copyfileobj(upload, file)
        _let_go(upload)
        try:
            st.session_state["report_accepted"] = intake.accept(path, upload.name)
            st.session_state["report_file_name"] = upload.name
        except EfficiencyError as error:
            st.session_state["report_refused"] = f"{escape(upload.name)}: {escape(error)}"
    st.session_state["report_upload_round"] += 1
    st.rerun()


def _let_go(upload: UploadedFile) -> None:
    """Free the memory of an upload now; Streamlit would keep it until its visitor has left.

    There is no public way; Streamlit's own chat input does the same.
    """
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)


def _card(accepted: Accepted) -> None:
    """What is in the file, which architecture it seems to be, and the button that starts."""
    with st.container(border=True):
        name = escape(st.session_state.get("report_file_name", ""))
        st.markdown(f"#### :material/task: {name}")
        parameters, tensors = map(grouped, (accepted.parameters, len(accepted.tensors)))
        st.markdown(
            f"{escape(accepted.format)}, **{bytes_text(accepted.file_bytes)}**, "
            f"**{parameters}** parameters in **{tensors}** tensors"
        )
        for note in accepted.notes:
            st.caption(f":material/info: {escape(note)}")
        architecture = _architecture(accepted)
        with st.container(horizontal=True):
            start = st.button("Run the report", type="primary", icon=":material/play_arrow:")
            other = st.button("Choose another model", icon=":material/undo:")
        with st.expander(f"Tensors ({len(accepted.tensors)})", icon=":material/stacks:"):
            lines = [
                (each.name, "×".join(map(str, each.shape)) or "scalar", each.dtype)
                for each in accepted.tensors[:500]
            ]
            st.html(plain_table(("Tensor", "shape", "type"), lines))
    _options()
    if start:
        st.session_state.pop("report_accepted")
        _start(model=accepted.model, architecture=architecture)
    if other:
        st.session_state.pop("report_accepted")
        st.rerun()


def _architecture(accepted: Accepted) -> str | None:
    """The architecture that is chosen; None if it is recognised, or for the weights report."""
    found = recognise.recognise(accepted.shapes)
    if found is not None:
        workload = catalogue.get(found)
        measured = "speed" if workload.data is None else f"speed and {workload.score_name}"
        st.success(
            f"Recognised as {workload.label}: full report with {measured}.",
            icon=":material/verified:",
        )
        return None
    st.info(
        "The architecture was not recognised. The weights report needs none: bytes, distribution "
        "and noise of every layer in each precision.",
        icon=":material/help:",
    )
    fitting = recognise.fitting(accepted.shapes)
    if not fitting:
        return None
    choice = st.selectbox(
        "An architecture can be filled from it, with some tensors left over",
        (UNKNOWN, *fitting),
        format_func=lambda name: name if name == UNKNOWN else catalogue.get(name).label,
        help=HELP["architecture"],
        key="report_architecture",
    )
    return None if choice == UNKNOWN else choice


def _options() -> None:
    with st.expander("Options", icon=":material/tune:"), st.container(horizontal=True):
        st.number_input("Batch size", 1, 1024, 1, key="report_batch_size", help=HELP["batch_size"])
        st.number_input(
            "Timing budget (s)",
            1.0,
            600.0,
            30.0,
            step=5.0,
            format="%.0f",
            key="report_budget_seconds",
            help=HELP["budget_seconds"],
        )
        st.number_input("Seed", 0, 2**31 - 1, 0, key="report_seed", help=HELP["seed"])
        st.text_input(
            "Input shape",
            key="report_input_shape",
            placeholder="1,3,224,224",
            help=HELP["input_shape"],
        )


def _start(
    *, workload: str | None = None, model: str | None = None, architecture: str | None = None
) -> None:
    """Submit the request with the options as they stand, and follow it."""
    batch_size = int(st.session_state.get("report_batch_size", 1))
    try:
        shape = parse_shape(st.session_state.get("report_input_shape", ""))
        request = ReportRequest(
            workload=workload,
            model=model,
            architecture=architecture,
            input_shape=shape,
            batch_size=shape[0] if shape and batch_size == 1 else batch_size,
            budget_seconds=float(st.session_state.get("report_budget_seconds", 30.0)),
            seed=int(st.session_state.get("report_seed", 0)),
        )
        run = jobs.submit(request)
    except EfficiencyError as error:
        st.error(escape(error), icon=":material/error:")
        return
    follow(run)
