"""A run on its way: the accuracy curve and the mask as they grow, and how networks learn now.

Drawn again for everybody who watches whenever there is more, so the figures are made once for all
of them.
"""

from collections.abc import Hashable
from functools import lru_cache

import streamlit as st

from efficiency.charts.chart import Chart
from efficiency.charts.lottery import live_charts
from efficiency.core.lottery import Lottery
from efficiency.core.values import Study
from efficiency.exports.lottery import sentences
from pages.shared.escape import escape
from pages.shared.results import draw_chart
from pages.shared.run_panel import Live

GOES_ON = (
    "A run that is cancelled keeps this. Started again, it goes on after its last finished level."
)


def _seen(study: Study) -> Hashable:
    """How far everything has got that is drawn."""
    found = study.lottery
    if found is None:
        return None
    return len(found.levels), len(found.outcomes), sum(len(each.losses) for each in found.trainings)


def _draw(study: Study, key: str) -> None:
    """What is known so far, the curves first; nothing before a network has begun to learn."""
    found = study.lottery
    if found is None or not found.levels:
        return
    charts = _charts(found)
    above, below = st.columns(2), st.columns(2)
    for column, chart in zip((*above, below[0]), charts, strict=False):
        with column:
            st.markdown(f"##### {escape(chart.title)}")
            draw_chart(chart, f"live_{key}")
    with below[1]:
        st.markdown("##### So far")
        st.markdown("\n".join(f"- {escape(each)}" for each in sentences(study)))
        st.caption(GOES_ON)


@lru_cache(maxsize=8)
def _charts(found: Lottery) -> tuple[Chart, ...]:
    """The figures of one state of the experiment, for all who watch."""
    return live_charts(found)


LIVE = Live(draw=_draw, seen=_seen, table=False)
