"""What the saved file of each candidate weighs, and what is left of it in a zip archive."""

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.units import bytes_text
from efficiency.core.values import Footprint, Study


def size_figure(study: Study) -> go.Figure:
    """Two bars per row (file, zipped file); the first row is the baseline."""
    rows = [
        (row, row.footprint)
        for row in style.measured(study.rows)
        if row.footprint is not None and row.footprint.bytes_on_disk is not None
    ]
    figure = style.list_figure(len(rows))
    figure.update_layout(barmode="group", bargap=0.5, bargroupgap=0.05)
    _bars(figure, "file on disk", [each.bytes_on_disk for _, each in rows], style.BLUE, "")
    _bars(figure, "zipped", [each.bytes_zipped for _, each in rows], style.GREEN, "/")
    style.name_lines(figure, [(row.label, _text(footprint)) for row, footprint in rows])
    largest = max((each.bytes_on_disk or 0 for _, each in rows), default=1)
    steps = [largest * part / 4 for part in range(5)]
    figure.update_xaxes(
        range=[0, largest * 1.02],
        tickvals=steps,
        ticktext=["0"] + [bytes_text(step) for step in steps[1:]],
        title="bytes of the saved file",
        fixedrange=True,
    )
    return figure


def _bars(figure: go.Figure, name: str, values: list[int | None], color: str, pattern: str) -> None:
    figure.add_bar(
        name=name,
        x=values,
        y=list(range(len(values))),
        orientation="h",
        marker={"color": color, "pattern": {"shape": pattern, "solidity": 0.25}},
        offset=-0.12 if not pattern else 0.13,
        width=0.24,
        hoverinfo="text",
        hovertext=[f"{name}: {bytes_text(value)}" for value in values],
    )


def _text(footprint: Footprint) -> str:
    return f"{bytes_text(footprint.bytes_on_disk)}, zipped {bytes_text(footprint.bytes_zipped)}"
