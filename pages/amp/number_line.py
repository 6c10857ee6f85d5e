"""The number line: what fp32, tf32, bf16, fp16 and fp8 store of a value that one drags or types.

All of it runs in the browser; the page is not drawn again and the server is asked nothing.
"""

from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


# One module of two files: the browser has no address from which the one could import the other.
COMPONENT = st.components.v2.component(
    "number_line",
    html=_read("number_line.html"),
    css=_read("number_line.css"),
    js=_read("formats.js") + _read("number_line.js"),
)


def number_line() -> None:
    """Draw it at the place where it is called; once on a page."""
    COMPONENT(key="amp_number_line")
