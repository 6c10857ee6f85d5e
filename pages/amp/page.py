"""Mixed precision: what each number format keeps, and what AMP gains here (`?run=<id>`)."""

import streamlit as st

from efficiency.core.requests import AmpRequest
from efficiency.core.values import Study
from efficiency.jobs import Run
from pages.amp import choose, predict
from pages.amp.number_line import number_line
from pages.amp.result import result
from pages.shared import frame, run_page


def show(run: Run, study: Study) -> None:
    """A finished run."""
    result(study, run.id)


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
    run_page.show_last(
        last,
        "Nothing has been trained here yet; the quick sizes take about a minute.",
        result,
    )
