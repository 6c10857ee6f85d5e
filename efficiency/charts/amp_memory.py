"""Bytes of tensors at the peak of a training step, stacked by what they are held for."""

from collections.abc import Sequence

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.units import bytes_text
from efficiency.core.values import PeakMemory, Row

KINDS = (
    ("parameters", style.BLUE, ""),
    ("gradients", style.GREEN, "/"),
    ("optimizer", style.PURPLE, "x"),
    ("activations", style.VERMILLION, "\\"),
    ("temporary", style.GREY, "."),
)


def memory_figure(rows: Sequence[Row]) -> go.Figure:
    """One bar for each row whose peak was split, with how much it is of the first."""
    peaks = [
        (row, row.footprint.peak_split)
        for row in rows
        if row.footprint is not None and row.footprint.peak_split is not None
    ]
    figure = style.list_figure(len(peaks))
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    for kind, color, pattern in KINDS:
        sizes = [getattr(peak, kind) for _, peak in peaks]
        if any(sizes):
            hovers = [f"{kind}: {bytes_text(size)}" for size in sizes]
            style.stacked_part(figure, kind, sizes, color, pattern, hovers)
    baseline = peaks[0][1].total if peaks else 0
    style.name_lines(figure, [(row.label, _total(peak, baseline)) for row, peak in peaks])
    largest = max((peak.total for _, peak in peaks), default=1) or 1
    ticks = style.linear_ticks(largest)
    figure.update_xaxes(
        range=[0, 1.02 * largest],
        tickvals=ticks,
        ticktext=["0", *map(bytes_text, ticks[1:])],
        title="bytes held at the peak",
        fixedrange=True,
    )
    return figure


def _total(peak: PeakMemory, baseline: int) -> str:
    text = bytes_text(peak.total)
    return text if peak.total == baseline else f"{text}, {peak.total / baseline:.2f}×"
