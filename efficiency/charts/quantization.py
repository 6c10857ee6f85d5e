"""The charts that only a quantization study has, in the order in which they tell the story."""

from efficiency.charts.chart import Chart
from efficiency.charts.quantization_calibration import calibration_figure
from efficiency.charts.quantization_calibration import reading as calibration_reading
from efficiency.charts.quantization_engines import engines_figure
from efficiency.charts.quantization_engines import reading as engines_reading
from efficiency.charts.quantization_noise import (
    OUTPUTS,
    WEIGHTS,
    noise_figure,
)
from efficiency.charts.quantization_noise import reading as noise_reading
from efficiency.charts.quantization_seeds import reading as seeds_reading
from efficiency.charts.quantization_seeds import seeds_figure
from efficiency.charts.quantization_time import reading as time_reading
from efficiency.charts.quantization_time import time_figure
from efficiency.core.values import Study


def quantization_charts(study: Study) -> tuple[Chart, ...]:
    """All of them: time, engines, noise, calibration, seeds."""
    return (*time_charts(study), *noise_charts(study), *study_charts(study))


def time_charts(study: Study) -> tuple[Chart, ...]:
    """Where the time of a call goes, and what the engines' kernels take."""
    quantized, found = study.quantized, []
    if quantized is None:
        return ()
    if quantized.operators:
        found.append(
            Chart(
                name="int8-time",
                title="Where the time goes",
                reading=time_reading(quantized.operators, study.rows),
                figure=time_figure(quantized.operators, study.rows),
            )
        )
    if any(each.seconds is not None for each in quantized.engines):
        found.append(
            Chart(
                name="int8-engines",
                title="Engines",
                reading=engines_reading(quantized.engines, quantized.engine),
                figure=engines_figure(quantized.engines, quantized.engine),
            )
        )
    return tuple(found)


def noise_charts(study: Study) -> tuple[Chart, ...]:
    """How far each layer has moved, its outputs and its weights."""
    if study.quantized is None:
        return ()
    layers = study.quantized.layers
    return tuple(
        Chart(
            name=name,
            title=f"Noise of the {kind}",
            reading=noise_reading(layers, study.rows, kind),
            figure=noise_figure(layers, study.rows, kind),
        )
        for name, kind in (("int8-outputs", OUTPUTS), ("int8-weights", WEIGHTS))
        if any(kind.of(each) is not None for each in layers)
    )


def study_charts(study: Study) -> tuple[Chart, ...]:
    """The two studies over several seeds: how many inputs calibrate, and what QAT gets back."""
    quantized, found = study.quantized, []
    if quantized is None:
        return ()
    score_name = study.score_name or "score"
    for by_score, title in (
        (False, "Calibration: noise"),
        (True, f"Calibration: {score_name}"),
    ):
        points = tuple(
            each
            for each in quantized.calibration
            if (each.score if by_score else each.sqnr_db) is not None
        )
        if points:
            found.append(
                Chart(
                    name="int8-calibration-" + ("score" if by_score else "noise"),
                    title=title,
                    reading=calibration_reading(points, score_name if by_score else None),
                    figure=calibration_figure(points, score_name if by_score else None),
                )
            )
    if quantized.seeds:
        found.append(
            Chart(
                name="int8-seeds",
                title="QAT over seeds",
                reading=seeds_reading(quantized.seeds, score_name),
                figure=seeds_figure(quantized.seeds, score_name),
            )
        )
    return tuple(found)
