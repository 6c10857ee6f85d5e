"""The masks of the first seed's tickets: a slider over the levels, a layer to pick."""

import streamlit as st

from efficiency.charts.lottery import mask_chart
from efficiency.charts.lottery_looks import percent
from efficiency.core.lottery import Lottery
from pages.shared.escape import escape
from pages.shared.results import draw_chart


@st.fragment
def masks(found: Lottery, key: str) -> None:
    """One layer at one level; nothing where no masks were kept."""
    levels = {each.level: each.kept for each in found.levels}
    chosen = [level for level in levels if any(each.level == level for each in found.masks)]
    layers = list(dict.fromkeys(each.image.parameter for each in found.masks))
    if not chosen:
        return
    st.subheader("What is left, weight by weight", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = st.selectbox("Layer", layers, key=f"{key}_mask_layer", width=240)
        level = chosen[-1]
        if len(chosen) > 1:
            level = st.select_slider(
                "Weights left",
                chosen,
                value=chosen[-1],
                format_func=lambda level: f"{percent(levels[level])} %",
                key=f"{key}_mask_level",
                width=420,
            )
    chart = mask_chart(found, level, layer)
    if chart is None:
        st.caption(escape(f"There is no picture of {layer} at this level."))
    else:
        draw_chart(chart, key)
