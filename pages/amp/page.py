"""Mixed precision: what each number format keeps, and what AMP gains here (`?run=<id>`)."""

import streamlit as st

from efficiency.core.requests import AmpRequest
from efficiency.core.values import Study
from efficiency.jobs import Run
from pages.amp import choose, predict
from pages.amp.number_line import number_line
from pages.amp.result import result
from pages.shared import frame, run_page
from pages.shared.escape import escape
from pages.shared.latest import Shown
from pages.shared.results import origin


def show(run: Run, study: Study) -> None:
    """A finished run."""
    result(study, run.id)


def show_latest(shown: Shown | None) -> None:
    """The last training that was measured here, or the one that came with the program."""
    if shown is None:
        st.info(
            "Nothing has been trained here yet; the quick sizes take about a minute.",
            icon=":material/science:",
        )
        return
    st.header(escape(shown.study.title), anchor=False)
    origin(shown.study, shipped=shown.run is None)
    result(shown.study, "latest" if shown.run is None else shown.run.id)


frame.header(
    "Mixed precision",
    "What 16 bits keep of a number, and whether training with them pays on this machine.",
)

current = run_page.asked(AmpRequest.kind)
if current is not None:
    run_page.show(current, another="Train with other sizes", draw=show)
    choose.confirm(current)
    with st.expander("What a format stores of a number", icon=":material/straighten:"):
        number_line()
else:
    st.subheader("What a format stores of a number", anchor=False)
    number_line()
    last = choose.last()
    predict.predict(last)
    st.subheader("Train with it, and without", anchor=False)
    choose.choose(last)
    show_latest(last)
