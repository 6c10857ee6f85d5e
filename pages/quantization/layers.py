"""How it works, on layers of a real model: the integer grid, and the model before and after."""

from functools import partial

import streamlit as st

from efficiency.core.quantization import LayerSample, Quantization
from efficiency.core.requests import QuantizeRequest
from efficiency.core.values import Study
from efficiency.exports.quantization_tables import fused, graph_columns
from pages.quantization.grid import integer_grid
from pages.shared import lazy
from pages.shared.escape import escape
from pages.shared.latest import shipped

IDEA = (
    "Quantization draws a grid of a few evenly spaced values over the numbers of a layer and moves "
    "every number to the nearest one. What is stored is which one, a small integer; a scale says "
    "how far they are apart. The fewer bits, the coarser the grid; and one number far out "
    "stretches it for all. Try it: nothing is sent anywhere."
)


def layers(study: Study | None) -> None:
    """The grid with the study's layers, or with those that came with the program."""
    where, samples = _samples(study)
    if not samples or where is None:
        st.info(
            "Quantize a model below, and its layers can be looked at here.",
            icon=":material/grid_on:",
        )
        return
    st.markdown(f"{IDEA} These are layers of **{escape(where.title)}**.")
    integer_grid(samples)
    found = where.quantized
    if found is not None and found.graph_before and found.graph_after:
        lazy.folded(
            "The model before and after: what fusion does",
            partial(_graphs, found),
            key="quantization_graphs",
            icon=":material/merge:",
        )


def _samples(study: Study | None) -> tuple[Study | None, tuple[LayerSample, ...]]:
    for each in (study, shipped(QuantizeRequest.kind)):
        if each is not None and each.quantized is not None and each.quantized.samples:
            return each, each.quantized.samples
    return None, ()


def _graphs(found: Quantization) -> None:
    st.markdown(escape(fused(found)))
    st.html(graph_columns(found))
