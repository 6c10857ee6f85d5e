"""Choosing the model and how it is quantized; the same words as on the command line."""

from dataclasses import fields

import streamlit as st

from efficiency import jobs
from efficiency.core.errors import EfficiencyError
from efficiency.core.requests import (
    BACK_ENDS,
    ENGINES,
    GRANULARITIES,
    OBSERVERS,
    QUANTIZATION_METHODS,
    SCHEMES,
    QuantizeRequest,
)
from efficiency.workloads import catalogue
from pages.shared.escape import escape
from pages.shared.latest import Shown
from pages.shared.run_panel import follow

DEFAULTS = QuantizeRequest(workload=catalogue.names()[0])
HELP = {each.name: each.metadata.get("help", "") for each in fields(QuantizeRequest)}
METHOD_LABELS = {"all": "all", "dynamic": "dynamic", "static": "static", "qat": "QAT"}
COMPILES = ("all", "torchao", "pt2e")


@st.fragment
def choose(shown: Shown | None) -> None:
    """The controls, and the button that starts the run."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        workload = st.selectbox(
            "Model",
            catalogue.names(),
            format_func=lambda name: catalogue.get(name).label,
            key="quantization_workload",
            bind="query-params",
            help=HELP["workload"],
            width=240,
        )
        method = st.segmented_control(
            "Method",
            QUANTIZATION_METHODS,
            format_func=lambda name: METHOD_LABELS[name],
            default=DEFAULTS.method,
            required=True,
            key="quantization_method",
            help=HELP["method"],
        )
        back_end = st.segmented_control(
            "Back end",
            BACK_ENDS,
            default=DEFAULTS.back_end,
            required=True,
            key="quantization_back_end",
            help=HELP["back_end"],
        )
        engine = st.selectbox(
            "Engine",
            _engines(shown),
            key="quantization_engine",
            help=HELP["engine"],
            width=150,
        )
    st.caption(escape(_description(workload, str(method), str(back_end))))
    others = _others()
    if not st.button("Run", type="primary", icon=":material/play_arrow:", key="quantization_run"):
        return
    try:
        run = jobs.submit(
            QuantizeRequest(
                workload=workload,
                method=str(method),
                back_end=str(back_end),
                engine=str(engine),
                **others,  # type: ignore[arg-type]
            )
        )
    except EfficiencyError as error:
        st.error(escape(error), icon=":material/error:")
        return
    follow(run)


def _engines(shown: Shown | None) -> tuple[str, ...]:
    """Those that this machine has, as the last run found out; all of them before any run."""
    found = None if shown is None or shown.run is None else shown.study.quantized
    here = {each.engine for each in found.engines} if found is not None else set()
    return tuple(each for each in ENGINES if each in here or each == DEFAULTS.engine or not here)


def _description(workload: str, method: str, back_end: str) -> str:
    """What is going to happen, before it does."""
    chosen = catalogue.get(workload)
    said = chosen.description
    if chosen.data is None:
        said += " Calibrated on random inputs; QAT needs data and is left out."
    elif method in ("all", "qat"):
        said += " QAT trains it further with the rounding in it."
    if back_end in COMPILES:
        said += " torchao and pt2e are compiled first: seconds for small, minutes for large models."
    return said


def _others() -> dict[str, object]:
    """The choices that most people leave as they are."""
    with st.expander("Calibration, rounding, training", icon=":material/tune:"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            found: dict[str, object] = {
                "observer": _pick("Observer", "observer", OBSERVERS),
                "granularity": _pick("Scales of weights", "granularity", GRANULARITIES),
                "scheme": _pick("Activations", "scheme", SCHEMES),
                "calibration_samples": _count("Calibration inputs", "calibration_samples", 1, 4096),
                "calibration_seed": _count("Which of them: seed", "calibration_seed", 0, 2**31 - 1),
                "qat_epochs": st.number_input(
                    "QAT epochs",
                    0.1,
                    100.0,
                    DEFAULTS.qat_epochs,
                    step=0.5,
                    format="%.1f",
                    key="quantization_qat_epochs",
                    help=HELP["qat_epochs"],
                    width=150,
                ),
                "seeds": _count("QAT on so many networks", "seeds", 0, 20),
                "batch_size": _count("Batch size", "batch_size", 1, 1024),
                "seed": _count("Seed", "seed", 0, 2**31 - 1),
                "budget_seconds": st.number_input(
                    "Timing budget (s)",
                    1.0,
                    600.0,
                    DEFAULTS.budget_seconds,
                    step=5.0,
                    format="%.0f",
                    key="quantization_budget_seconds",
                    help=HELP["budget_seconds"],
                    width=150,
                ),
            }
        found["no_fusion"] = st.checkbox(HELP["no_fusion"], key="quantization_no_fusion")
    return found


def _pick(label: str, name: str, choices: tuple[str, ...]) -> str:
    return str(st.selectbox(label, choices, key=f"quantization_{name}", help=HELP[name], width=180))


def _count(label: str, name: str, least: int, most: int) -> int:
    return int(
        st.number_input(
            label,
            least,
            most,
            int(getattr(DEFAULTS, name)),
            key=f"quantization_{name}",
            help=HELP[name],
            width=150,
        )
    )
