"""A pruning run on its way: accuracy, size and speed against zeros, as far as they are known.

Times change all the while; the charts are drawn again only when there is more to see in them, so
that a browser on the same machine does not disturb what is being timed.
"""

from collections.abc import Hashable

import streamlit as st

from efficiency.charts.pruning import pruning_charts
from efficiency.core.values import Study
from pages.shared.escape import escape
from pages.shared.results import draw_chart
from pages.shared.run_panel import Live


def _seen(study: Study) -> Hashable:
    """The scores, and how much there is of everything else that is drawn."""
    found = study.pruned
    if found is None:
        return None
    scores = tuple((row.score, row.sqnr_db) for row in study.rows)
    tuned = tuple(point.tuned_score for point in found.curve)
    return len(found.masks), scores, tuned, len(found.sensitivity)


def _draw(study: Study, key: str) -> None:
    charts = pruning_charts(study)
    for place in range(0, len(charts), 2):
        for column, chart in zip(st.columns(2), charts[place : place + 2], strict=False):
            with column:
                st.markdown(f"##### {escape(chart.title)}")
                draw_chart(chart, f"live_{key}")


LIVE = Live(draw=_draw, seen=_seen, table=True)
