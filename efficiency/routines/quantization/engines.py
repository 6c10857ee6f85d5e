"""Which engine's kernels are the fastest on this machine: the model itself, quantized for each."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from efficiency.core.errors import Unavailable
from efficiency.core.quantization import EngineSpeed
from efficiency.measure.timing import compare
from efficiency.routines.quantization import classic
from efficiency.routines.quantization.kernels import engines, usual_engine
from efficiency.routines.quantization.settings import Settings
from efficiency.routines.subject import Subject
from efficiency.workloads.inputs import random_inputs

# Where little of the time is arithmetic, others come out some percent faster than PyTorch's default
# and are several times slower as soon as there is some: QNNPACK with LeNet, at batch 1 and at 256.
WORTH_LEAVING = 1.15
FEW_INPUTS = 4  # to calibrate on: what the scales are changes no speed


def engine_speeds(
    subject: Subject,
    settings: Settings,
    calibration: Tensor,
    budget_seconds: float,
    *,
    batch_size: int = 1,
) -> tuple[EngineSpeed, ...]:
    """Every engine of this machine, timed against each other for about `budget_seconds`.

    What is timed is static quantization of models with convolutions, dynamic of others, as far as
    the model can take it. `settings.engine` does not matter.
    """
    found = _quantized(subject, replace(settings, observer="minmax"), calibration[:FEW_INPUTS])
    models = {name: model for name, model in found.items() if isinstance(model, nn.Module)}
    shape = (batch_size, *subject.workload.input_shape[1:])
    example = random_inputs(shape, subject.workload.vocabulary)
    seconds = _seconds(models, example, budget_seconds) if models else {}
    return tuple(
        EngineSpeed(
            engine=name,
            seconds=seconds.get(name),
            unavailable=model if isinstance(model, str) else None,
        )
        for name, model in found.items()
    )


def fastest(speeds: tuple[EngineSpeed, ...]) -> str:
    """The engine that took the least time; PyTorch's default unless another is worth leaving it."""
    timed = {each.engine: each.seconds for each in speeds if each.seconds is not None}
    best, usual = min(timed, key=timed.__getitem__, default=usual_engine()), usual_engine()
    if usual in timed and timed[usual] <= WORTH_LEAVING * timed[best]:
        return usual
    return best


def _quantized(
    subject: Subject, settings: Settings, calibration: Tensor
) -> dict[str, nn.Module | str]:
    """The model for every engine, or the reason why not, by the first method that it can take."""

    def static_fx(settings: Settings) -> nn.Module:
        return classic.fx_model(subject, settings, calibration)

    def static_eager(settings: Settings) -> nn.Module:
        return classic.eager_model(subject, settings, calibration)[0]

    def dynamic(settings: Settings) -> nn.Module:
        return classic.dynamic_model(subject, settings)

    static = any(isinstance(each, _ConvNd) for each in subject.model.modules())
    for method in (static_fx, static_eager, dynamic) if static else (dynamic, static_fx):
        found: dict[str, nn.Module | str] = {}
        for engine in engines():
            try:
                found[engine] = method(replace(settings, engine=engine))
            except Unavailable as reason:
                found[engine] = str(reason)
        if any(isinstance(each, nn.Module) for each in found.values()):
            break
    return found


def _seconds(
    models: dict[str, nn.Module], example: Tensor, budget_seconds: float
) -> dict[str, float]:
    """Median seconds of a call with each engine, interleaved. Leaves the engine as it was."""

    def call(engine: str, model: nn.Module) -> object:
        torch.backends.quantized.engine = engine  # some operators ask for it as they run
        return model(example)

    before = torch.backends.quantized.engine
    try:
        with torch.inference_mode():
            compared = compare(
                {name: partial(call, name, model) for name, model in models.items()},
                budget_seconds=budget_seconds,
            )
    finally:
        torch.backends.quantized.engine = before
    return {name: timing.median_seconds for name, timing in compared.timings.items()}
