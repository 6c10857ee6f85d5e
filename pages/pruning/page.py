"""Pruning: which weights go, and what zeros and smaller layers buy here (`?run=<id>`)."""

import streamlit as st

from efficiency.core.requests import PruneRequest
from efficiency.core.values import Study
from efficiency.jobs import Run
from pages.pruning import choose, layers, predict
from pages.pruning.live import LIVE
from pages.pruning.result import result
from pages.shared import downloads, frame, model, run_page
from pages.shared.latest import latest


def show(run: Run, study: Study) -> None:
    """A finished run."""
    result(study, run.id)
    downloads.variant_downloads(run, study)


frame.header(
    "Pruning",
    "What is left of a network without its smallest weights: accuracy, bytes, and whether it is "
    "any faster.",
)

current = run_page.asked(PruneRequest.kind)
if current is not None:
    run_page.show(current, another="Prune another model", draw=show, live=LIVE)
    with st.expander("The weights and their mask", icon=":material/grid_view:", expanded=True):
        layers.layers(current.study)
    layers.anatomies(current.study)
else:
    top = st.container()
    shown = latest(PruneRequest.kind)
    study = None if shown is None else shown.study
    st.subheader("Weights and their mask", anchor=False)
    layers.layers(study)
    layers.anatomies(study)
    predict.predict()
    with model.place(top):
        st.subheader("Prune a model", anchor=False)
        choose.choose()
    run_page.show_last(
        shown,
        "No model has been pruned here yet; LeNet takes about a minute.",
        result,
    )
