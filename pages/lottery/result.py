"""A lottery ticket study: verdict, numbers, charts, masks, why, and what the paper found."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from efficiency.charts.chart import Chart
from efficiency.charts.lottery import contest_charts, learning_charts, levels_charts
from efficiency.core.lottery import Lottery
from efficiency.core.values import Study
from efficiency.exports import lottery_tables as tables
from efficiency.exports.lottery import METHOD, lottery_cards, sentences
from efficiency.exports.lottery_published import SETTING, SOURCE, published_table
from efficiency.exports.lottery_why import formula, why
from efficiency.exports.programs.lottery import lottery_program
from pages.lottery.masks import masks
from pages.lottery.predict import predicted
from pages.shared import downloads
from pages.shared.escape import escape
from pages.shared.results import arithmetic, caveats, chart_tabs, machine, table

PROGRAM = ("PyTorch program", "py", "text/x-python", lottery_program)


def result(study: Study, key: str) -> None:
    """Everything a study says. `key` tells several apart."""
    found = study.lottery
    if found is None:
        st.info("This run recorded nothing; run it again.", icon=":material/info:")
        return
    caveats(study)
    st.markdown("\n".join(f"- {escape(each)}" for each in sentences(study)))
    st.html(lottery_cards(study, predicted()))
    _part("", levels_charts(found), key, "Every level", partial(tables.outcome_table, found))
    _part(
        "Ticket against its controls",
        contest_charts(found),
        key,
        "Every difference",
        partial(tables.contest_table, found),
    )
    _why(study, found)
    if learning := learning_charts(found):
        st.subheader("How they learn", anchor=False)
        chart_tabs(learning, key)
    masks(found, key)
    if found.levels:
        table("Weights left in every layer", partial(tables.layer_table, found), key)
    _published(found)
    _details(study, found)
    _take_away(study, key)


def _part(
    title: str, charts: Sequence[Chart], key: str, behind: str, make: Callable[[], str]
) -> None:
    """Charts under a title, and the table behind them; nothing where there are none."""
    if not charts:
        return
    if title:
        st.subheader(title, anchor=False)
    chart_tabs(charts, key)
    table(behind, make, key)


def _why(study: Study, found: Lottery) -> None:
    st.subheader("Why?", anchor=False)
    for about, sentence in why(study):
        st.markdown(f"**{escape(about)}.** {escape(sentence)}")
    arithmetic(formula(found))


def _published(found: Lottery) -> None:
    if not found.outcomes:
        return
    st.subheader("Published beside measured", anchor=False)
    st.badge("published", icon=":material/menu_book:", color="blue")
    st.html(published_table(found))
    st.caption(escape(f"Published: {SETTING}. {SOURCE}."))


def _details(study: Study, found: Lottery) -> None:
    with st.expander("How the networks were trained", icon=":material/tune:"):
        st.html(tables.settings_table(found))
    with st.expander("How this was measured", icon=":material/help:"):
        st.markdown(escape(METHOD))
    machine(study)


def _take_away(study: Study, key: str) -> None:
    program = lottery_program(study)
    if not program:
        downloads.downloads(study, key)
        return
    downloads.folded_code("The same in PyTorch, one network after the other", program, key)
    downloads.downloads(study, key, more=(PROGRAM,))
