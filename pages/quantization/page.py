"""Quantization: what int8 keeps of a layer, and what it gains and loses here (`?run=<id>`)."""

import streamlit as st

from efficiency.core.requests import QuantizeRequest
from efficiency.core.values import Study
from efficiency.jobs import Run
from pages.quantization import choose, layers, predict
from pages.quantization.result import result
from pages.shared import downloads, frame, model, run_page
from pages.shared.latest import latest


def show(run: Run, study: Study) -> None:
    """A finished run."""
    result(study, run.id)
    downloads.variant_downloads(run, study)


frame.header(
    "Quantization",
    "What is left of a network when its numbers become 8-bit integers: bytes, time, accuracy.",
)

current = run_page.asked(QuantizeRequest.kind)
if current is not None:
    run_page.show(current, another="Quantize another model", draw=show)
    with st.expander("What integers keep of a layer", icon=":material/grid_on:"):
        layers.layers(current.study)
else:
    top = st.container()
    shown = latest(QuantizeRequest.kind)
    st.subheader("What integers keep of a layer", anchor=False)
    layers.layers(None if shown is None else shown.study)
    predict.predict()
    with model.place(top):
        st.subheader("Quantize a model", anchor=False)
        choose.choose(shown)
    run_page.show_last(
        shown,
        "No model has been quantized here yet; LeNet takes about two minutes.",
        result,
    )
