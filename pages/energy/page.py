"""Energy: what an operation costs, what a model costs, where it goes (`?run=<id>`)."""

import streamlit as st

from efficiency.core.requests import EnergyRequest
from efficiency.core.values import Study
from efficiency.jobs import Run
from pages.energy import choose, predict, prices
from pages.energy.result import result
from pages.shared import frame, run_page
from pages.shared.escape import escape
from pages.shared.latest import latest
from pages.shared.results import origin


def show(run: Run, study: Study) -> None:
    """A finished run."""
    result(study, run.id)


def show_latest() -> None:
    """The last model that was taken apart here, or the one that came with the program."""
    shown = latest(EnergyRequest.kind)
    if shown is None:
        st.info(
            "No model has been taken apart here yet; LeNet takes a few seconds.",
            icon=":material/science:",
        )
        return
    st.header(escape(shown.study.title), anchor=False)
    origin(shown.study, shipped=shown.run is None)
    result(shown.study, "latest" if shown.run is None else shown.run.id)


frame.header(
    "Energy",
    "What one operation costs, what a whole model costs, where it goes, and what fewer bits save.",
)

current = run_page.asked(EnergyRequest.kind)
if current is not None:
    run_page.show(current, another="Take another model apart", draw=show)
    with st.expander("What one operation costs", icon=":material/menu_book:"):
        prices.show()
else:
    st.subheader("What one operation costs", anchor=False)
    prices.show()
    predict.predict()
    st.subheader("What a whole model costs", anchor=False)
    choose.choose()
    show_latest()
