"""What stored weights look like: bytes and noise per layer and precision, and one distribution."""

from collections.abc import Sequence
from math import log10

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.units import bytes_text
from efficiency.core.values import LayerWeights

MOST_LAYERS = 20


def largest_layers(layers: Sequence[LayerWeights]) -> tuple[LayerWeights, ...]:
    """The MOST_LAYERS layers with the most parameters, in the order of the file."""
    ranked = sorted(layers, key=lambda layer: layer.parameters, reverse=True)[:MOST_LAYERS]
    return tuple(layer for layer in layers if layer in ranked)


def layer_bytes_figure(layers: Sequence[LayerWeights]) -> go.Figure:
    """Bytes of each layer in each precision, on a logarithmic axis."""
    layers = largest_layers(layers)
    figure = style.list_figure(len(layers))
    for precision in _precisions(layers):
        points = [
            (index, cost.bytes)
            for index, layer in enumerate(layers)
            for cost in layer.precisions
            if cost.precision == precision and cost.bytes > 0
        ]
        _points(figure, precision, points, [bytes_text(value) for _, value in points])
    style.name_lines(figure, [(layer.name, _shape(layer)) for layer in layers])
    every = [cost.bytes for layer in layers for cost in layer.precisions if cost.bytes > 0] or [1]
    low, high = min(every) / 1.5, max(every) * 1.5
    ticks = style.log_ticks(low, high, 5)
    figure.update_xaxes(
        type="log",
        range=[log10(low), log10(high)],
        tickvals=ticks,
        ticktext=[bytes_text(tick) for tick in ticks],
        title="bytes of the layer (log scale)",
        fixedrange=True,
    )
    return figure


def layer_noise_figure(layers: Sequence[LayerWeights]) -> go.Figure:
    """Signal-to-quantization-noise ratio (dB) of each layer in each precision."""
    layers = largest_layers(layers)
    figure = style.list_figure(len(layers))
    for precision in _precisions(layers):
        points = [
            (index, cost.sqnr_db)
            for index, layer in enumerate(layers)
            for cost in layer.precisions
            if cost.precision == precision and cost.sqnr_db is not None
        ]
        if points:
            _points(figure, precision, points, [f"{value:.1f} dB" for _, value in points])
    style.name_lines(figure, [(layer.name, _shape(layer)) for layer in layers])
    figure.update_xaxes(
        title="SQNR of the weights (dB), right is better",
        rangemode="tozero",
        fixedrange=True,
    )
    return figure


def histogram_figure(layer: LayerWeights) -> go.Figure:
    """How the finite values of one layer are distributed."""
    figure = style.new_figure(360)
    if layer.low is not None and layer.high is not None and layer.histogram:
        width = (layer.high - layer.low) / len(layer.histogram)
        centres = [layer.low + (place + 0.5) * width for place in range(len(layer.histogram))]
        figure.add_bar(
            x=centres,
            y=list(layer.histogram),
            width=width or None,
            marker={"color": style.BLUE, "line": {"width": 0}},
            hoverinfo="text",
            hovertext=[
                f"around {centre:.4g}: {count} weights"
                for centre, count in zip(centres, layer.histogram, strict=True)
            ],
            showlegend=False,
        )
    figure.update_layout(bargap=0)
    figure.update_xaxes(title="value of a weight", fixedrange=True)
    figure.update_yaxes(title="weights", fixedrange=True)
    return figure


def _points(
    figure: go.Figure,
    precision: str,
    points: Sequence[tuple[int, float]],
    texts: Sequence[str],
) -> None:
    color = style.PRECISION_COLOR.get(precision, style.GREY)
    figure.add_scatter(
        x=[value for _, value in points],
        y=[index for index, _ in points],
        mode="markers",
        name=style.plain(precision),
        marker={
            "color": color,
            "symbol": style.PRECISION_SYMBOL.get(precision, "x"),
            "size": 12,
            "line": {"width": 2, "color": color},
        },
        hoverinfo="text",
        hovertext=[f"{style.plain(precision)}: {text}" for text in texts],
    )


def _precisions(layers: Sequence[LayerWeights]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cost.precision for each in layers for cost in each.precisions))


def _shape(layer: LayerWeights) -> str:
    return "×".join(str(size) for size in layer.shape) or "scalar"
