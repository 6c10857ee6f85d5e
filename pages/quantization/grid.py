"""The integer grid: real numbers of a layer, rounded in the browser in as few bits as one likes.

The numbers travel to the browser once; after that the server is asked nothing.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from efficiency.core.quantization import LayerSample

HERE = Path(__file__).parent


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


# One module of three files: the browser has no address from which one could import another.
COMPONENT = st.components.v2.component(
    "integer_grid",
    html=_read("grid.html"),
    css=_read("grid.css"),
    js=_read("quantize.js") + _read("draw.js") + _read("grid.js"),
)


def integer_grid(samples: Sequence[LayerSample]) -> None:
    """Draw it at the place where it is called; once on a page."""
    layers = [
        {
            "name": each.layer,
            "module": each.module,
            "channels": each.channels,
            "inputs": each.inputs,
            "weights": each.weights,
            "activations": [] if each.activation_low is None else each.activations,
            "low": each.activation_low,
            "high": each.activation_high,
        }
        for each in samples
    ]
    key = hashlib.sha256(repr(tuple(samples)).encode()).hexdigest()[:16]
    COMPONENT(key="quantization_grid", data={"key": key, "layers": layers})
