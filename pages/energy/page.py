"""Energy: what an operation costs, what a model costs, where it goes (`?run=<id>`)."""

import streamlit as st

from efficiency.core.requests import EnergyRequest
from efficiency.core.values import Study
from efficiency.jobs import Run
from pages.energy import choose, predict, prices
from pages.energy.result import result
from pages.shared import frame, model, run_page
from pages.shared.latest import latest


def show(run: Run, study: Study) -> None:
    """A finished run."""
    result(study, run.id)


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
    top = st.container()
    st.subheader("What one operation costs", anchor=False)
    prices.show()
    predict.predict()
    with model.place(top):
        st.subheader("What a whole model costs", anchor=False)
        choose.choose()
    run_page.show_last(
        latest(EnergyRequest.kind),
        "No model has been taken apart here yet; LeNet takes a few seconds.",
        result,
    )
