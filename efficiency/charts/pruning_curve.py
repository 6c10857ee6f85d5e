"""Accuracy, size and speed against the share of zeros, each with what it is to be compared with."""

from collections.abc import Sequence
from math import log10

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.pruning import ChannelRemoval, SparsityPoint, Stored
from efficiency.core.units import INTERVAL_TEXT, bytes_text, share_text
from efficiency.core.values import EQUIVALENCE_BAND, Row, wilson_interval

HEIGHT = 420
# Enough of them within any range that small and large speed-ups both have a scale.
SPEED_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.85, 1, 1.2, 1.5, 2, 3, 5, 10, 20, 50)
AXIS = "weights that are zero"
Points = Sequence[tuple[SparsityPoint, Row]]


def accuracy_figure(
    points: Points, score_name: str, score_count: int | None, tuning_steps: int | None
) -> go.Figure:
    """Score before and after fine-tuning, with 95 % intervals; a dotted line is the baseline."""
    figure = style.new_figure(HEIGHT)
    after = "fine-tuned" if tuning_steps is None else f"fine-tuned for {tuning_steps} steps"
    before = [(point.sparsity, row.score) for point, row in points if row.score is not None]
    tuned = [
        (point.sparsity, point.tuned_score) for point, _ in points if point.tuned_score is not None
    ]
    for name, pairs, look in (
        ("as pruned", before, (style.VERMILLION, "x", "dash")),
        (after, tuned, (style.GREEN, "circle", "solid")),
    ):
        if pairs:
            _scores(figure, name, pairs, score_count, look)
    if before:
        _level(figure, before[0][1])
    _sparsity_axis(figure)
    figure.update_yaxes(title=style.plain(score_name), tickformat=".0%", fixedrange=True)
    return figure


def _scores(
    figure: go.Figure,
    name: str,
    pairs: Sequence[tuple[float, float]],
    count: int | None,
    look: tuple[str, str, str],
) -> None:
    color, symbol, dash = look
    spans = [wilson_interval(score, count) if count else (score, score) for _, score in pairs]
    figure.add_scatter(
        x=[100 * share for share, _ in pairs],
        y=[score for _, score in pairs],
        mode="lines+markers",
        name=name,
        line={"color": color, "width": 2, "dash": dash},
        marker={"color": color, "symbol": symbol, "size": 11},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [high - score for (_, score), (_, high) in zip(pairs, spans, strict=True)],
            "arrayminus": [score - low for (_, score), (low, _) in zip(pairs, spans, strict=True)],
            "thickness": 2,
            "width": 5,
            "color": color,
        },
        hoverinfo="text",
        hovertext=[
            f"{share_text(share)} zeros, {name}<br>{share_text(score)}" for share, score in pairs
        ],
    )


def size_figure(
    points: Points, stored: Sequence[Stored], removal: tuple[ChannelRemoval, Row] | None
) -> go.Figure:
    """Bytes of the file as it is saved, zipped and in CSR, and of the one without channels."""
    figure = style.new_figure(HEIGHT)
    csr = {each.row: each.csr_bytes for each in stored}
    files = [(point, row, row.footprint) for point, row in points if row.footprint is not None]
    lines = (
        ("as it is saved", (style.BLUE, "diamond", "solid"),
         [(point, footprint.bytes_on_disk) for point, _, footprint in files]),
        ("zipped", (style.GREEN, "square", "dash"),
         [(point, footprint.bytes_zipped) for point, _, footprint in files]),
        ("in CSR", (style.VERMILLION, "x", "dot"),
         [(point, csr.get(row.name)) for point, row, _ in files]),
    )  # fmt: skip
    largest = 1.0
    for name, (color, symbol, dash), pairs in lines:
        known = [(point.sparsity, size) for point, size in pairs if size is not None]
        if not known:
            continue
        largest = max(largest, *(size for _, size in known))
        figure.add_scatter(
            x=[100 * share for share, _ in known],
            y=[size for _, size in known],
            mode="lines+markers",
            name=name,
            line={"color": color, "width": 2, "dash": dash},
            marker={"color": color, "symbol": symbol, "size": 11},
            hoverinfo="text",
            hovertext=[
                f"{share_text(share)} zeros, {name}<br>{bytes_text(size)}" for share, size in known
            ],
        )
    if removal is not None and (footprint := removal[1].footprint) and footprint.bytes_on_disk:
        _removed(figure, removal, footprint.bytes_on_disk, bytes_text(footprint.bytes_on_disk))
    ticks = style.linear_ticks(largest)
    figure.update_yaxes(
        title="bytes of the file",
        range=[0, 1.06 * largest],
        tickvals=ticks,
        ticktext=[bytes_text(tick) if tick else "0" for tick in ticks],
        fixedrange=True,
    )
    _sparsity_axis(figure)
    return figure


def speed_figure(
    points: Points, sparse: tuple[float, Row] | None, removal: tuple[ChannelRemoval, Row] | None
) -> go.Figure:
    """Times as fast as the baseline, with intervals and the band of no measurable difference.

    sparse: the share of zeros of the row that computes in CSR, and the row.
    """
    figure = style.new_figure(HEIGHT)
    figure.add_hrect(
        y0=1 / EQUIVALENCE_BAND,
        y1=EQUIVALENCE_BAND,
        fillcolor=style.LINE,
        opacity=0.25,
        line_width=0,
        layer="below",
    )
    figure.add_hline(y=1, line={"color": style.LINE, "width": 2, "dash": "dot"})
    zeros = [(point.sparsity, row) for point, row in points if row.speedup is not None]
    groups: list[tuple[str, tuple[str, str], list[tuple[float, Row]]]] = [
        ("zeros in dense tensors", (style.BLUE, "circle"), zeros)
    ]
    if sparse is not None:
        groups.append(("nonzeros alone (CSR)", (style.VERMILLION, "x"), [sparse]))
    if removal is not None:
        share = 1 - removal[0].parameters_after / removal[0].parameters_before
        groups.append(("channels taken out", (style.GREEN, "star"), [(share, removal[1])]))
    for name, look, those in groups:
        _speeds(figure, name, look, those)
    spans = [row.speedup for _, _, those in groups for _, row in those if row.speedup is not None]
    low = min([0.7, *(each.low for each in spans)]) / 1.08
    high = max([1.5, *(each.high for each in spans)]) * 1.08
    ticks = [tick for tick in SPEED_TICKS if low <= tick <= high]
    figure.update_yaxes(
        type="log",
        range=[log10(low), log10(high)],
        tickvals=ticks,
        ticktext=[f"{tick:g}×" for tick in ticks],
        title=f"times as fast ({INTERVAL_TEXT} interval)",
        fixedrange=True,
    )
    _sparsity_axis(figure, "weights that are zero or gone")
    return figure


def _speeds(
    figure: go.Figure, name: str, look: tuple[str, str], those: Sequence[tuple[float, Row]]
) -> None:
    known = [(share, row, row.speedup) for share, row in those if row.speedup is not None]
    if not known:
        return
    color, symbol = look
    figure.add_scatter(
        x=[100 * share for share, _, _ in known],
        y=[ratio.ratio for _, _, ratio in known],
        mode="lines+markers" if len(known) > 1 else "markers+text",
        text=[f"{ratio.ratio:.2f}×" for _, _, ratio in known] if len(known) == 1 else None,
        textposition="middle left",
        name=name,
        line={"color": color, "width": 2},
        marker={"color": color, "symbol": symbol, "size": 13},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [ratio.high - ratio.ratio for _, _, ratio in known],
            "arrayminus": [ratio.ratio - ratio.low for _, _, ratio in known],
            "thickness": 2.5,
            "width": 5,
            "color": color,
        },
        hoverinfo="text",
        hovertext=[
            f"{style.plain(row.label)}<br>{ratio.ratio:.2f}× [{ratio.low:.2f}, {ratio.high:.2f}], "
            f"{ratio.verdict.value}"
            for _, row, ratio in known
        ],
    )


def _removed(
    figure: go.Figure, removal: tuple[ChannelRemoval, Row], height: float, text: str
) -> None:
    """One mark for the smaller network, at the share of parameters that is gone."""
    found, row = removal
    share = 1 - found.parameters_after / found.parameters_before
    figure.add_scatter(
        x=[100 * share],
        y=[height],
        mode="markers",
        name="channels taken out",
        marker={"color": style.PURPLE, "symbol": "star", "size": 16},
        hoverinfo="text",
        hovertext=f"{style.plain(row.label)}<br>{share_text(share)} of the parameters gone"
        f"<br>{text}",
    )


def _level(figure: go.Figure, height: float) -> None:
    figure.add_hline(y=height, line={"color": style.LINE, "width": 2, "dash": "dot"})


def _sparsity_axis(figure: go.Figure, title: str = AXIS) -> None:
    ticks = range(0, 101, 20)
    figure.update_xaxes(
        title=title,
        range=[-3, 102.5],
        tickvals=list(ticks),
        ticktext=[f"{tick} %" for tick in ticks],
        tickangle=0,
        fixedrange=True,
    )
