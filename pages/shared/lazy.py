"""What is folded away, or behind another tab, is drawn when somebody looks at it and not before.

Drawn all at once, a finished run is 40,000 elements and took a browser ten seconds on two slow
cores, most of it for what nobody opens. Only the tabs or the fold are drawn again for a click, not
the page.
"""

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

Draw = Callable[[], object]  # what it returns is of no matter


@st.fragment
def tabs(parts: Sequence[tuple[str, Draw]], key: str) -> None:
    """A tab for each part, a label and what draws it; the first is open at first."""
    labels = [label for label, _ in parts]
    containers = st.tabs(labels, key=key, on_change="rerun")
    for container, (_, draw) in zip(containers, parts, strict=True):
        if is_open(container):
            with container:
                draw()


@st.fragment
def folded(label: str, draw: Draw, *, key: str, icon: str) -> None:
    """A part that can be opened and closed; closed at first. The label must not change."""
    container = st.expander(label, icon=icon, key=key, on_change="rerun")
    if is_open(container):
        with container:
            draw()


def is_open(container: DeltaGenerator) -> bool:
    """Whether somebody sees what is in this tab or fold."""
    return bool(getattr(container, "open"))  # noqa: B009 - the two classes have no common type
