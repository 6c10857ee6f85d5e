"""A mixed-precision study: numbers, why, loss scaling, dtypes, and what others have published."""

from functools import partial

import streamlit as st

from efficiency.charts.amp import scaling_charts, sweep_charts, training_charts
from efficiency.core.mixed import MixedPrecision
from efficiency.core.values import Study
from efficiency.exports import mixed
from efficiency.exports.operators import assertions, conversions, operator_table
from efficiency.exports.programs.amp import amp_program
from efficiency.exports.table import study_table
from pages.amp.predict import predicted
from pages.shared import downloads
from pages.shared.escape import escape
from pages.shared.results import (
    arithmetic,
    caveats,
    chart_tabs,
    draw_chart,
    findings,
    folded_html,
    machine,
    more_numbers,
    table,
)

PROGRAM = ("PyTorch program", "py", "text/x-python", amp_program)
HOLDS = {True: ":material/check_circle:", False: ":material/cancel:", None: ":material/help:"}


def result(study: Study, key: str) -> None:
    """Everything a study says. `key` tells several apart."""
    if study.mixed is None:
        st.info("This run recorded nothing; run it again.", icon=":material/info:")
        return
    caveats(study)
    st.html(mixed.amp_cards(study, predicted()))
    if training := training_charts(study):
        chart_tabs(training, key)
    _why(study, study.mixed)
    if scaling := scaling_charts(study):
        st.subheader("Loss scaling", anchor=False)
        chart_tabs(scaling, key)
        table("What float16 loses at every scale", partial(mixed.scales_table, study.mixed), key)
    for chart in sweep_charts(study):
        st.subheader(escape(chart.title), anchor=False)
        draw_chart(chart, key)
    if study.mixed.operators:
        st.subheader("What autocast did", anchor=False)
        _operators(study.mixed, key)
    st.subheader("Published beside measured", anchor=False)
    st.badge("published", icon=":material/menu_book:", color="blue")
    st.html(mixed.published_table(study))
    st.subheader("All candidates", anchor=False)
    st.html(study_table(study))
    _details(study, key)
    if study.mixed.sizes is None:
        downloads.downloads(study, key)
        return
    downloads.folded_code("The program that does just this", amp_program(study), key)
    downloads.downloads(study, key, more=(PROGRAM,))


def _why(study: Study, found: MixedPrecision) -> None:
    st.subheader("Why?", anchor=False)
    findings(study)
    if not study.findings:
        st.markdown("\n".join(f"- {escape(each)}" for each in found.prediction.reasons))
    arithmetic(mixed.FORMULA)


def _operators(found: MixedPrecision, key: str) -> None:
    """The tutorial's two assertions in words, and the table."""
    for each in assertions(found):
        st.markdown(
            f"{HOLDS[each.holds]} `{each.code}`  \n{escape(each.meaning)} {_verdict(each.holds)} "
            f"{escape(each.evidence)}."
        )
    st.caption(escape(conversions(found)))
    title = f"Every operator of one step ({len(found.operators)})"
    folded_html(title, partial(operator_table, found), key, ":material/table:")


def _verdict(holds: bool | None) -> str:
    return "" if holds is None else "**Holds here:**" if holds else "**Does not hold here:**"


def _details(study: Study, key: str) -> None:
    more_numbers(study, key)
    with st.expander("How this was measured", icon=":material/help:"):
        st.markdown(escape(mixed.METHOD))
    machine(study)
