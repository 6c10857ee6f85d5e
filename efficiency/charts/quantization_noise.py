"""How far every layer has moved in every row, in the order of the network: where the noise starts.

SQNR is 10 log10(signal power / noise power). Exact layers have none, and no mark.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.quantization import LayerNoise
from efficiency.core.values import Row

HEIGHT = 430
NAMED_LAYERS = 14  # more names than that do not fit under the axis
# One look for each row, the same in both charts; apart by shape and line too, not by colour alone.
LOOKS = (
    (style.BLUE, "circle", "solid"),
    (style.VERMILLION, "square", "dash"),
    (style.GREEN, "diamond", "dot"),
    (style.PURPLE, "triangle-up", "dashdot"),
    (style.GREY, "triangle-down", "longdash"),
    (style.BLUE, "square-open", "dot"),
    (style.VERMILLION, "circle-open", "longdashdot"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What of a layer is compared: its weights, or its outputs."""

    name: str
    of: Callable[[LayerNoise], float | None]
    reading: str

    def __str__(self) -> str:
        return self.name


OUTPUTS = Kind(
    name="outputs",
    of=lambda each: each.output_sqnr_db,
    reading="What each layer puts out, float32 and int8 run on the same inputs. The noise of all "
    "layers before is in it, so that lines tend to fall.",
)
WEIGHTS = Kind(
    name="weights",
    of=lambda each: each.weight_sqnr_db,
    reading="The rounded weights against those of float32, each layer by itself. A low mark is a "
    "layer whose largest weights stretch the grid.",
)


def noise_figure(layers: Sequence[LayerNoise], rows: Sequence[Row], kind: Kind) -> go.Figure:
    """SQNR against the layer's place in the network, one line for each row."""
    figure = style.new_figure(HEIGHT)
    noisy = {each.layer for each in layers if kind.of(each) is not None}
    order = [layer for layer in dict.fromkeys(each.layer for each in layers) if layer in noisy]
    place = {layer: number for number, layer in enumerate(order, start=1)}
    labels = {row.name: row.label for row in rows}
    names = list(dict.fromkeys(each.row for each in layers))
    for number, name in enumerate(names):
        those = [each for each in layers if each.row == name and kind.of(each) is not None]
        if those:
            label = style.plain(labels.get(name, name))
            _line(figure, label, those, place, kind, LOOKS[number % len(LOOKS)])
    figure.update_layout(legend={"yref": "container", "y": 1, "yanchor": "top"})
    if len(order) <= NAMED_LAYERS:
        ticks = {
            "tickvals": list(place.values()),
            "ticktext": [style.plain(layer, 16) for layer in order],
        }
    else:
        ticks = {"nticks": 8}
    figure.update_xaxes(
        title="layer, in the order of the network",
        range=[0.6, len(order) + 0.4],
        fixedrange=True,
        **ticks,
    )
    figure.update_yaxes(title="SQNR, dB (higher is closer)", fixedrange=True)
    return figure


def reading(layers: Sequence[LayerNoise], rows: Sequence[Row], kind: Kind) -> str:
    """How to read the chart, and the noisiest layer of the row with the most noise."""
    said = f"{kind.reading} 20 dB means a tenth of the signal's size as error, 40 dB a hundredth."
    known = [(value, each) for each in layers if (value := kind.of(each)) is not None]
    if not known:
        return said
    if any(each.row.startswith("qat") for _, each in known):
        said += (
            " QAT has trained the weights further: it is far from float32 without being worse, and "
            "only its score tells how good it is."
        )
    labels = {row.name: row.label for row in rows}
    lowest, worst = min(known, key=lambda pair: pair[0])
    middle = median(value for value, _ in known)
    return (
        f"{said} The noisiest is {worst.layer} in {labels.get(worst.row, worst.row)}, "
        f"{lowest:.1f} dB; the middle of all is {middle:.1f} dB."
    )


def _line(
    figure: go.Figure,
    label: str,
    those: Sequence[LayerNoise],
    place: dict[str, int],
    kind: Kind,
    look: tuple[str, str, str],
) -> None:
    color, symbol, dash = look
    figure.add_scatter(
        x=[place[each.layer] for each in those],
        y=[kind.of(each) for each in those],
        mode="lines+markers",
        name=label,
        line={"color": color, "dash": dash, "width": 2},
        marker={"color": color, "symbol": symbol, "size": 9},
        hoverinfo="text",
        hovertext=[
            f"<b>{style.plain(each.layer, 60)}</b>, {style.plain(each.module)}<br>{label}<br>"
            f"{kind.of(each):.1f} dB"
            for each in those
        ],
    )
