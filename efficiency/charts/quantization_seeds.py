"""The same network trained with several seeds: float32, quantized afterwards, and with QAT."""

from collections.abc import Sequence
from statistics import mean, stdev

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.core.quantization import QatSeed
from efficiency.core.units import share_text

HEIGHT = 420
STAGES = ("float32", "static int8", "QAT int8")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star", "cross", "hexagon")


def scores(each: QatSeed) -> tuple[float, float, float]:
    """In the order of STAGES."""
    return each.float_score, each.static_score, each.qat_score


def seeds_figure(seeds: Sequence[QatSeed], score_name: str) -> go.Figure:
    """A thin line for each seed from float32 over static to QAT, and the means as a thick one."""
    figure = style.new_figure(HEIGHT)
    for place, each in enumerate(seeds):
        figure.add_scatter(
            x=[0, 1, 2],
            y=scores(each),
            mode="lines+markers",
            name=f"seed {each.seed}",
            line={"color": style.GREY, "width": 1, "dash": "dot"},
            marker={"color": style.GREY, "size": 9, "symbol": SYMBOLS[place % len(SYMBOLS)]},
            hoverinfo="text",
            hovertext=[
                f"seed {each.seed}, {stage}: {share_text(score)}"
                for stage, score in zip(STAGES, scores(each), strict=True)
            ],
        )
    means = [mean(each) for each in zip(*map(scores, seeds), strict=True)]
    figure.add_scatter(
        x=[0, 1, 2],
        y=means,
        mode="lines+markers+text",
        name="mean",
        line={"color": style.BLUE, "width": 4},
        marker={"color": style.BLUE, "size": 13},
        text=[f"<b>{share_text(each)}</b>" for each in means],
        textposition=["top right", "bottom center", "top left"],
        hoverinfo="skip",
    )
    every = [score for each in seeds for score in scores(each)]
    pad = max(0.15 * (max(every) - min(every)), 0.005)
    figure.update_xaxes(
        tickvals=[0, 1, 2], ticktext=STAGES, range=[-0.3, 2.3], fixedrange=True, title=""
    )
    figure.update_yaxes(
        title=style.plain(score_name),
        tickformat=".1%" if max(every) - min(every) < 0.05 else ".0%",
        range=[min(every) - pad, max(every) + pad],
        fixedrange=True,
    )
    return figure


def change(seeds: Sequence[QatSeed], stage: int) -> str:
    """Mean and standard deviation over the seeds of the points gained against float32."""
    points = [100 * (scores(each)[stage] - each.float_score) for each in seeds]
    spread = f" ± {stdev(points):.1f}" if len(points) > 1 else ""
    return f"{mean(points):+.1f}{spread}".replace("-", "\N{MINUS SIGN}")


def reading(seeds: Sequence[QatSeed], score_name: str) -> str:
    """What static loses, what QAT loses, and how often QAT is at least as good."""
    better = sum(each.qat_score >= each.static_score for each in seeds)
    return (
        f"Each dotted line is one training from scratch. Points of {score_name} against float32, "
        f"mean and standard deviation: {change(seeds, 1)} rounded afterwards (static), "
        f"{change(seeds, 2)} trained with the rounding (QAT). QAT is at least as good as static in "
        f"{better} of {len(seeds)} seeds."
    )
