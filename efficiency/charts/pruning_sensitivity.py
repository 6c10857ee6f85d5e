"""Which layers are fragile: each pruned alone at several amounts, and the amounts that follow."""

from collections.abc import Sequence

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.pruning import SensitivityPoint, Suggestion
from efficiency.core.units import share_text

HEIGHT = 460
ALONE = 0.9  # of a layer, that says how fragile it is
NAMED = 6  # layers with a colour of their own: those that lose most
TICKS = range(0, 101, 20)
LOOKS = (
    (style.VERMILLION, "x", "solid"),
    (style.BLUE, "circle", "solid"),
    (style.GREEN, "square", "dash"),
    (style.PURPLE, "diamond", "dash"),
    ("#E69F00", "triangle-up", "dot"),
    ("#56B4E9", "star", "dot"),
)


def sensitivity_figure(points: Sequence[SensitivityPoint], score_name: str) -> go.Figure:
    """A line for each layer; the most fragile ones are named and coloured, the others grey."""
    figure = style.new_figure(HEIGHT)
    order = fragile(points)
    for place, (name, those) in reversed(list(enumerate(order))):
        color, symbol, dash = LOOKS[place] if place < NAMED else (style.GREY, "circle-open", "dot")
        figure.add_scatter(
            x=[100 * each.amount for each in those],
            y=[each.score for each in those],
            mode="lines+markers",
            name=style.plain(name),
            legendrank=place,
            showlegend=place < NAMED,
            line={"color": color, "width": 2 if place < NAMED else 1, "dash": dash},
            marker={"color": color, "symbol": symbol, "size": 10 if place < NAMED else 5},
            hoverinfo="text",
            hovertext=[
                f"{style.plain(name)}<br>{share_text(each.amount)} pruned, all others whole<br>"
                f"{share_text(each.score)}"
                for each in those
            ],
        )
    amounts = sorted({100 * each.amount for each in points})
    ticks = [tick for tick in TICKS if amounts[0] - 20 < tick < amounts[-1] + 20]
    figure.update_xaxes(
        title="pruned of this layer alone",
        tickvals=ticks,
        ticktext=[f"{tick} %" for tick in ticks],
        tickangle=0,
        fixedrange=True,
    )
    figure.update_yaxes(title=style.plain(score_name), tickformat=".0%", fixedrange=True)
    return figure


def fragile(
    points: Sequence[SensitivityPoint],
) -> tuple[tuple[str, tuple[SensitivityPoint, ...]], ...]:
    """The layers with their points, the one that loses most of its score at ALONE first."""
    by_layer: dict[str, list[SensitivityPoint]] = {}
    for each in points:
        by_layer.setdefault(each.parameter, []).append(each)
    return tuple(
        sorted(
            (
                (name, tuple(sorted(those, key=lambda each: each.amount)))
                for name, those in by_layer.items()
            ),
            key=lambda pair: (alone(pair[1]).score, sum(each.score for each in pair[1])),
        )
    )


def alone(points: Sequence[SensitivityPoint]) -> SensitivityPoint:
    """Of one layer's points the one that layers are compared by, as near to ALONE as there is."""
    return min(points, key=lambda each: abs(each.amount - ALONE))


def reading(points: Sequence[SensitivityPoint]) -> str:
    """How to read it, and the most and the least fragile layer."""
    order = fragile(points)
    (first, worst), (last, best) = order[0], order[-1]
    said = "Each layer is pruned alone, its smallest weights first, and nothing is trained after."
    if len(order) > 1:
        said += (
            f" With {share_text(alone(worst).amount)} of {first} gone the score is "
            f"{share_text(alone(worst).score)}; with {share_text(alone(best).amount)} of {last}, "
            f"{share_text(alone(best).score)}."
        )
    if len(order) > NAMED:
        said += f" The {NAMED} most fragile layers are named, the other {len(order) - NAMED} grey."
    return said


def amounts_figure(suggestion: Suggestion) -> go.Figure:
    """A bar for each layer's suggested amount; the line is one amount for all, as many zeros."""
    figure = style.list_figure(len(suggestion.amounts))
    style.stacked_part(
        figure,
        "amount by layer",
        [100 * each.amount for each in suggestion.amounts],
        style.BLUE,
        "",
        [
            f"{style.plain(each.parameter)}: {share_text(each.amount)}"
            for each in suggestion.amounts
        ],
    )
    figure.add_vline(
        x=100 * suggestion.sparsity, line={"color": style.VERMILLION, "width": 2, "dash": "dash"}
    )
    figure.add_scatter(
        x=[None],
        y=[None],
        mode="lines",
        name="one amount for all",
        line={"color": style.VERMILLION, "width": 2, "dash": "dash"},
    )
    style.name_lines(
        figure, [(each.parameter, share_text(each.amount)) for each in suggestion.amounts]
    )
    figure.update_xaxes(
        range=[0, 100], ticksuffix=" %", title="pruned of the layer", fixedrange=True
    )
    return figure


def amounts_reading(suggestion: Suggestion, score_name: str) -> str:
    """What both sets of amounts came to, when all layers were pruned together."""
    said = (
        f"So much of each layer alone costs at most {100 * suggestion.tolerance:.1f} points of "
        f"{score_name}. All together make {share_text(suggestion.sparsity)} zeros and score "
        f"{share_text(suggestion.score)}; the same share of every layer scores "
        f"{share_text(suggestion.uniform_score)}."
    )
    if suggestion.tuned_score is not None and suggestion.uniform_tuned_score is not None:
        said += (
            f" Fine-tuned: {share_text(suggestion.tuned_score)} against "
            f"{share_text(suggestion.uniform_tuned_score)}."
        )
    return said
