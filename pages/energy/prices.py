"""What single operations cost: the published table as a picture, with its ratios in words."""

from dataclasses import replace
from functools import lru_cache

import streamlit as st

from efficiency.charts.chart import Chart
from efficiency.charts.energy import prices_chart
from efficiency.charts.energy_prices import prices
from efficiency.core.energy import (
    DRAM_PICOJOULES,
    HOROWITZ_2014,
    INSTRUCTION_PICOJOULES,
    SOURCE,
)
from efficiency.exports.table import number_table
from pages.shared.results import draw_chart


@lru_cache(maxsize=1)
def chart() -> Chart:
    """The same picture for everybody."""
    return replace(prices_chart(), reading="Every line to the right is ten times as much.")


def ratios() -> tuple[str, ...]:
    """The table's lessons, computed from its figures."""
    fp32, int8 = HOROWITZ_2014["fp32"].multiply, HOROWITZ_2014["int8"].multiply
    low, high = (round(each / fp32, -1) for each in (DRAM_PICOJOULES.low, DRAM_PICOJOULES.high))
    return (
        f"A 32-bit floating-point multiplication costs **{fp32 / int8:.3g} times** an 8-bit one.",
        f"One 64-bit read from DRAM costs as much as **{low:.0f} to {high:.0f}** fp32 "
        "multiplications.",
        f"What a processor spends around one instruction, about {INSTRUCTION_PICOJOULES:g} pJ, "
        f"would pay for **{INSTRUCTION_PICOJOULES / fp32:.0f}** of them: so one instruction should "
        "do many (vectors, matrix units).",
    )


def show() -> None:
    """Badge and source, the ratios, the picture, the table behind it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge("published", icon=":material/menu_book:", color="blue")
        st.caption(f"{SOURCE}. Not measured here, and newer chips have other figures.")
    words, picture = st.columns([2, 3], gap="large")
    with words:
        st.markdown("\n".join(f"- {each}" for each in ratios()))
        with st.expander("The same as a table", icon=":material/table:"):
            lines = [(f"{each.line}, {each.action}", each.text) for each in prices()]
            st.html(number_table(("", "energy"), lines))
    with picture:
        draw_chart(chart(), "energy")
