"""Choosing the model and what is pruned of it; the same words as on the command line."""

from typing import Any

import streamlit as st

from efficiency.core.requests import (
    NORMS,
    PRUNING_TECHNIQUES,
    SCOPES,
    STRUCTURED,
    PruneRequest,
    parse_names,
)
from efficiency.exports.programs.pruning import method_source
from efficiency.workloads import catalogue
from pages.shared import model
from pages.shared.escape import escape
from pages.shared.fields import Fields
from pages.shared.model import Model
from pages.shared.run_panel import start

DEFAULTS = PruneRequest(workload=catalogue.names()[0])
FIELDS = Fields("pruning", DEFAULTS)
WITHOUT_AMOUNT = ("identity", "every_nth", "threshold")
ALWAYS_TOGETHER = "global_unstructured"


@st.fragment
def choose() -> None:
    """The controls, and the button that starts the run."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = model.pick("pruning", help=FIELDS.help["workload"], width=230)
        technique = st.selectbox(
            "Technique",
            PRUNING_TECHNIQUES,
            key="pruning_technique",
            help=FIELDS.help["technique"],
            width=240,
        )
        amount = st.text_input(
            "Amount",
            DEFAULTS.amount,
            key="pruning_amount",
            help=FIELDS.help["amount"],
            disabled=technique in WITHOUT_AMOUNT,
            width=120,
        )
        scope = st.segmented_control(
            "Compare weights within",
            SCOPES,
            format_func=lambda name: {"layer": "each layer", "global": "all layers"}[name],
            default=DEFAULTS.scope,
            required=True,
            key="pruning_scope",
            help=FIELDS.help["scope"],
            disabled=technique == ALWAYS_TOGETHER or technique in STRUCTURED,
        )
        parameters = st.text_input(
            "Only these parameters",
            key="pruning_parameters",
            placeholder="conv1.weight, conv1.bias",
            help=FIELDS.help["parameters"],
            width=260,
        )
    own = _technique_settings(str(technique))
    st.caption(escape(_description(chosen)))
    others = _others()
    if not st.button("Run", type="primary", icon=":material/play_arrow:", key="pruning_run"):
        return
    start(
        lambda: PruneRequest(
            technique=str(technique),
            amount=amount.strip() or DEFAULTS.amount,
            scope=DEFAULTS.scope if technique in STRUCTURED else str(scope),
            parameters=parse_names(parameters),
            **(own | others | chosen.asked(others["batch_size"])),
        )
    )


def _technique_settings(technique: str) -> dict[str, Any]:
    """What only this technique is asked for, and the source of a method of our own."""
    found: dict[str, Any] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if technique == "ln_structured":
            found["norm"] = st.selectbox(
                "Norm of a channel",
                NORMS,
                index=NORMS.index(DEFAULTS.norm),
                key="pruning_norm",
                help=FIELDS.help["norm"],
                width=170,
            )
        if technique in STRUCTURED:
            found["dim"] = st.selectbox(
                "Channels",
                (0, 1),
                format_func=lambda dim: ("0: outputs", "1: inputs")[dim],
                key="pruning_dim",
                help=FIELDS.help["dim"],
                width=150,
            )
        if technique == "every_nth":
            found["every"] = FIELDS.count("Every", "every", 2, 1000)
        if technique == "threshold":
            found["threshold"] = FIELDS.number(
                "Threshold", "threshold", 0.0, 100.0, step=0.01, digits=4
            )
    source = method_source(technique)
    if source is not None:
        st.caption(
            "This method is our own: a subclass of BasePruningMethod says in compute_mask what "
            "stays, and PyTorch does the rest."
        )
        st.code(source, language="python", height=320)
    return found


def _description(chosen: Model) -> str:
    """What is going to happen, before it does."""
    said = chosen.said
    if chosen.workload.data is None:
        return f"{said} Without data nothing is fine-tuned or scored; size and speed are measured."
    return (
        f"{said} The technique first, with and without fine-tuning; then a curve from 50 to 99 % "
        "zeros, each layer alone, and channels taken out."
    )


def _others() -> dict[str, Any]:
    """The choices that most people leave as they are."""
    with st.expander("Iterations, fine-tuning, channels, timing", icon=":material/tune:"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            found: dict[str, Any] = {
                "iterations": FIELDS.count("Iterations", "iterations", 1, 20),
                "tuning_epochs": st.number_input(
                    "Fine-tuning epochs",
                    0.0,
                    100.0,
                    DEFAULTS.tuning_epochs,
                    step=0.5,
                    format="%.1f",
                    placeholder="an eighth",
                    key="pruning_tuning_epochs",
                    help=FIELDS.help["tuning_epochs"],
                    width=170,
                ),
                "channels": FIELDS.number(
                    "Channels taken out", "channels", 0.05, 0.95, step=0.05, digits=2
                ),
                "batch_size": FIELDS.count("Batch size", "batch_size", 1, 1024),
                "seed": FIELDS.count("Seed", "seed", 0, 2**31 - 1),
                "budget_seconds": FIELDS.number(
                    "Timing budget (s)", "budget_seconds", 1.0, 600.0, step=5.0
                ),
            }
        found["quick"] = st.checkbox(FIELDS.help["quick"], key="pruning_quick")
    return found
