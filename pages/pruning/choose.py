"""Choosing the model and what is pruned of it; the same words as on the command line."""

from dataclasses import fields

import streamlit as st

from efficiency import jobs
from efficiency.core.errors import EfficiencyError
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
from pages.shared.escape import escape
from pages.shared.run_panel import follow

DEFAULTS = PruneRequest(workload=catalogue.names()[0])
HELP = {each.name: each.metadata.get("help", "") for each in fields(PruneRequest)}
WITHOUT_AMOUNT = ("identity", "every_nth", "threshold")
ALWAYS_TOGETHER = "global_unstructured"


@st.fragment
def choose() -> None:
    """The controls, and the button that starts the run."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        workload = st.selectbox(
            "Model",
            catalogue.names(),
            format_func=lambda name: catalogue.get(name).label,
            key="pruning_workload",
            bind="query-params",
            help=HELP["workload"],
            width=230,
        )
        technique = st.selectbox(
            "Technique",
            PRUNING_TECHNIQUES,
            key="pruning_technique",
            help=HELP["technique"],
            width=240,
        )
        amount = st.text_input(
            "Amount",
            DEFAULTS.amount,
            key="pruning_amount",
            help=HELP["amount"],
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
            help=HELP["scope"],
            disabled=technique == ALWAYS_TOGETHER or technique in STRUCTURED,
        )
        parameters = st.text_input(
            "Only these parameters",
            key="pruning_parameters",
            placeholder="conv1.weight, conv1.bias",
            help=HELP["parameters"],
            width=260,
        )
    own = _technique_settings(str(technique))
    st.caption(escape(_description(workload)))
    others = _others()
    if not st.button("Run", type="primary", icon=":material/play_arrow:", key="pruning_run"):
        return
    try:
        run = jobs.submit(
            PruneRequest(
                workload=workload,
                technique=str(technique),
                amount=amount.strip() or DEFAULTS.amount,
                scope=DEFAULTS.scope if technique in STRUCTURED else str(scope),
                parameters=parse_names(parameters),
                **(own | others),  # type: ignore[arg-type]
            )
        )
    except EfficiencyError as error:
        st.error(escape(error), icon=":material/error:")
        return
    follow(run)


def _technique_settings(technique: str) -> dict[str, object]:
    """What only this technique is asked for, and the source of a method of our own."""
    found: dict[str, object] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if technique == "ln_structured":
            found["norm"] = st.selectbox(
                "Norm of a channel",
                NORMS,
                index=NORMS.index(DEFAULTS.norm),
                key="pruning_norm",
                help=HELP["norm"],
                width=170,
            )
        if technique in STRUCTURED:
            found["dim"] = st.selectbox(
                "Channels",
                (0, 1),
                format_func=lambda dim: ("0: outputs", "1: inputs")[dim],
                key="pruning_dim",
                help=HELP["dim"],
                width=150,
            )
        if technique == "every_nth":
            found["every"] = _count("Every", "every", 2, 1000)
        if technique == "threshold":
            found["threshold"] = _number("Threshold", "threshold", 0.0, 100.0, 0.01, "%.4f")
    source = method_source(technique)
    if source is not None:
        st.caption(
            "This method is our own: a subclass of BasePruningMethod says in compute_mask what "
            "stays, and PyTorch does the rest."
        )
        st.code(source, language="python", height=320)
    return found


def _description(workload: str) -> str:
    """What is going to happen, before it does."""
    chosen = catalogue.get(workload)
    said = chosen.description
    if chosen.data is None:
        return f"{said} Without data nothing is fine-tuned or scored; size and speed are measured."
    return (
        f"{said} The technique first, with and without fine-tuning; then a curve from 50 to 99 % "
        "zeros, each layer alone, and channels taken out."
    )


def _others() -> dict[str, object]:
    """The choices that most people leave as they are."""
    with st.expander("Iterations, fine-tuning, channels, timing", icon=":material/tune:"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            found: dict[str, object] = {
                "iterations": _count("Iterations", "iterations", 1, 20),
                "tuning_epochs": st.number_input(
                    "Fine-tuning epochs",
                    0.0,
                    100.0,
                    DEFAULTS.tuning_epochs,
                    step=0.5,
                    format="%.1f",
                    placeholder="an eighth",
                    key="pruning_tuning_epochs",
                    help=HELP["tuning_epochs"],
                    width=170,
                ),
                "channels": _number("Channels taken out", "channels", 0.05, 0.95, 0.05, "%.2f"),
                "batch_size": _count("Batch size", "batch_size", 1, 1024),
                "seed": _count("Seed", "seed", 0, 2**31 - 1),
                "budget_seconds": _number(
                    "Timing budget (s)", "budget_seconds", 1.0, 600.0, 5.0, "%.0f"
                ),
            }
        found["quick"] = st.checkbox(HELP["quick"], key="pruning_quick")
    return found


def _count(label: str, name: str, least: int, most: int) -> int:
    return int(
        st.number_input(
            label,
            least,
            most,
            int(getattr(DEFAULTS, name)),
            key=f"pruning_{name}",
            help=HELP[name],
            width=150,
        )
    )


def _number(label: str, name: str, least: float, most: float, step: float, form: str) -> float:
    return float(
        st.number_input(
            label,
            least,
            most,
            float(getattr(DEFAULTS, name)),
            step=step,
            format=form,
            key=f"pruning_{name}",
            help=HELP[name],
            width=170,
        )
    )
