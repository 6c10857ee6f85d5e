"""A pruning study: numbers, what zeros buy, why, size, channels, fragile layers, programs."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from efficiency.charts.chart import Chart
from efficiency.charts.family import comparison_charts
from efficiency.charts.pruning import curve_charts, layer_charts
from efficiency.core.pruning import Pruning
from efficiency.core.values import Study
from efficiency.exports import pruning
from efficiency.exports import pruning_tables as tables
from efficiency.exports.html import method_text
from efficiency.exports.programs.pruning import programs
from efficiency.exports.pruning_why import why
from efficiency.exports.table import study_table
from pages.pruning.predict import predicted
from pages.shared import downloads
from pages.shared.escape import escape
from pages.shared.results import (
    arithmetic,
    caveats,
    chart_tabs,
    choices,
    coverage,
    findings,
    machine,
    more_numbers,
    table,
)


def result(study: Study, key: str) -> None:
    """Everything a study says. `key` tells several apart."""
    found = study.pruned
    if found is None:
        st.info("This run recorded nothing; run it again.", icon=":material/info:")
        return
    caveats(study)
    st.markdown(escape(pruning.lede(study)))
    if cards := pruning.pruning_cards(study, predicted(study)):
        st.html(cards)
    against = curve_charts(study)
    if against:
        st.subheader("What zeros buy", anchor=False)
        chart_tabs(against, key)
        table("Every amount of zeros", partial(tables.curve_table, study), key)
    _why(study)
    st.subheader("The truth about size", anchor=False)
    st.markdown(
        "The same weights as a file: as they are saved, zipped, and in CSR. Only smaller tensors "
        "make a network smaller in memory too."
    )
    st.html(tables.size_table(study))
    _removal(study, found)
    _layers(study, found, key)
    st.subheader("All candidates", anchor=False)
    chart_tabs(comparison_charts(study), f"{key}_all")
    st.html(study_table(study))
    _details(study, key)
    downloads.programs(programs(study), key)
    downloads.downloads(study, key)


def _why(study: Study) -> None:
    reasons = why(study)
    if reasons:
        st.subheader("Why?", anchor=False)
    for about, sentence in reasons:
        st.markdown(f"**{escape(about)}.** {escape(sentence)}")
    if reasons:
        arithmetic(pruning.FORMULA)
    if study.findings:
        with st.expander("What to do", icon=":material/lightbulb:", expanded=True):
            findings(study)


def _removal(study: Study, found: Pruning) -> None:
    if found.removal is None:
        return
    st.subheader("Channels taken out", anchor=False)
    st.markdown(escape(tables.removal_text(study, found.removal)))
    st.html(tables.removal_table(found.removal))


def _layers(study: Study, found: Pruning, key: str) -> None:
    """Sensitivity, and the amounts that follow from it."""
    shown: Sequence[Chart] = layer_charts(study)
    if not shown:
        return
    st.subheader("Which layers are fragile", anchor=False)
    chart_tabs(shown, key)
    if found.suggestion is not None and found.suggestion.outcome:
        st.markdown(escape(found.suggestion.outcome))
    if found.sensitivity:
        table("Every layer pruned alone", partial(tables.sensitivity_table, found), key)
    if found.suggestion is not None:
        table("Suggested amounts", partial(tables.suggestion_table, found.suggestion), key)


def _details(study: Study, key: str) -> None:
    more_numbers(study, key)
    coverage(study, key)
    with st.expander("How this was measured", icon=":material/help:"):
        st.markdown(escape(method_text(study)))
    choices(study)
    machine(study)
