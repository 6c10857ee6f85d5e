"""Choosing what to take apart: a workload, a batch size, an inference or a training step."""

from dataclasses import fields

import streamlit as st

from efficiency.core.requests import EnergyRequest
from pages.shared import model
from pages.shared.escape import escape
from pages.shared.run_panel import start

HELP = {each.name: each.metadata.get("help", "") for each in fields(EnergyRequest)}
INFERENCE, TRAINING = "inference", "training step"


def choose() -> None:
    """The controls, and the button that starts the run."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = model.pick("energy", width=260)
        batch_size = st.number_input(
            "Batch size", 1, 1024, 1, key="energy_batch_size", help=HELP["batch_size"], width=160
        )
        passed = st.segmented_control(
            "Pass",
            (INFERENCE, TRAINING),
            default=INFERENCE,
            required=True,
            key="energy_pass",
            help=HELP["training"],
        )
        started = st.button("Run", type="primary", icon=":material/play_arrow:", key="energy_run")
    st.caption(escape(chosen.said))
    if not started:
        return
    start(lambda: EnergyRequest(training=passed == TRAINING, **chosen.asked(int(batch_size))))
