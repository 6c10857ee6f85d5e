"""Lottery ticket: do pruned networks learn from their first weights, and why? (`?run=<id>`)."""

import streamlit as st

from efficiency.core.requests import LotteryRequest
from efficiency.core.values import Study
from efficiency.jobs import Run
from pages.lottery import choose, predict
from pages.lottery.hypothesis import hypothesis
from pages.lottery.live import LIVE
from pages.lottery.result import result
from pages.shared import frame, run_page
from pages.shared.latest import latest


def show(run: Run, study: Study) -> None:
    """A finished run."""
    result(study, run.id)


frame.header(
    "Lottery ticket",
    "Is there a small network inside a large one that learns as well, if it starts the same way?",
)

current = run_page.asked(LotteryRequest.kind)
if current is not None:
    run_page.show(current, another="Draw other tickets", draw=show, live=LIVE)
    with st.expander("What the hypothesis says", icon=":material/confirmation_number:"):
        hypothesis()
else:
    shown = latest(LotteryRequest.kind)
    hypothesis()
    predict.predict(shown)
    st.subheader("Draw your own tickets", anchor=False)
    choose.choose(shown)
    run_page.show_last(
        shown,
        "No ticket has been drawn here yet; the classroom sizes take about a minute.",
        result,
    )
