"""Choosing the model and how it is quantized; the same words as on the command line."""

from typing import Any

import streamlit as st

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
from pages.shared import model
from pages.shared.escape import escape
from pages.shared.fields import Fields
from pages.shared.latest import Shown
from pages.shared.model import Model
from pages.shared.run_panel import start

DEFAULTS = QuantizeRequest(workload=catalogue.names()[0])
FIELDS = Fields("quantization", DEFAULTS)
METHOD_LABELS = {"all": "all", "dynamic": "dynamic", "static": "static", "qat": "QAT"}
COMPILES = ("all", "torchao", "pt2e")


@st.fragment
def choose(shown: Shown | None) -> None:
    """The controls, and the button that starts the run."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = model.pick("quantization", help=FIELDS.help["workload"])
        method = st.segmented_control(
            "Method",
            QUANTIZATION_METHODS,
            format_func=lambda name: METHOD_LABELS[name],
            default=DEFAULTS.method,
            required=True,
            key="quantization_method",
            help=FIELDS.help["method"],
        )
        back_end = st.segmented_control(
            "Back end",
            BACK_ENDS,
            default=DEFAULTS.back_end,
            required=True,
            key="quantization_back_end",
            help=FIELDS.help["back_end"],
        )
        engine = st.selectbox(
            "Engine",
            _engines(shown),
            key="quantization_engine",
            help=FIELDS.help["engine"],
            width=150,
        )
    st.caption(escape(_description(chosen, str(method), str(back_end))))
    others = _others()
    if not st.button("Run", type="primary", icon=":material/play_arrow:", key="quantization_run"):
        return
    start(
        lambda: QuantizeRequest(
            method=str(method),
            back_end=str(back_end),
            engine=str(engine),
            **(others | chosen.asked(others["batch_size"])),
        )
    )


def _engines(shown: Shown | None) -> tuple[str, ...]:
    """Those that this machine has, as the last run found out; all of them before any run."""
    found = None if shown is None or shown.run is None else shown.study.quantized
    here = {each.engine for each in found.engines} if found is not None else set()
    return tuple(each for each in ENGINES if each in here or each == DEFAULTS.engine or not here)


def _description(chosen: Model, method: str, back_end: str) -> str:
    """What is going to happen, before it does."""
    said = chosen.said
    if chosen.workload.data is None:
        said += " Calibrated on random inputs; QAT needs data and is left out."
    elif method in ("all", "qat"):
        said += " QAT trains it further with the rounding in it."
    if back_end in COMPILES:
        said += " torchao and pt2e are compiled first: seconds for small, minutes for large models."
    return said


def _others() -> dict[str, Any]:
    """The choices that most people leave as they are."""
    with st.expander("Calibration, rounding, training", icon=":material/tune:"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            found: dict[str, Any] = {
                "observer": FIELDS.pick("Observer", "observer", OBSERVERS),
                "granularity": FIELDS.pick("Scales of weights", "granularity", GRANULARITIES),
                "scheme": FIELDS.pick("Activations", "scheme", SCHEMES),
                "calibration_samples": FIELDS.count(
                    "Calibration inputs", "calibration_samples", 1, 4096
                ),
                "calibration_seed": FIELDS.count(
                    "Which of them: seed", "calibration_seed", 0, 2**31 - 1
                ),
                "qat_epochs": FIELDS.number(
                    "QAT epochs", "qat_epochs", 0.1, 100.0, step=0.5, digits=1
                ),
                "seeds": FIELDS.count("QAT on so many networks", "seeds", 0, 20),
                "batch_size": FIELDS.count("Batch size", "batch_size", 1, 1024),
                "seed": FIELDS.count("Seed", "seed", 0, 2**31 - 1),
                "budget_seconds": FIELDS.number(
                    "Timing budget (s)", "budget_seconds", 1.0, 600.0, step=5.0
                ),
            }
        found["no_fusion"] = st.checkbox(FIELDS.help["no_fusion"], key="quantization_no_fusion")
    return found
