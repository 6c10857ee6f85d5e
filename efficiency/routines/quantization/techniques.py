"""The rows of a quantization study: which techniques a request asks for, in reading order."""

from collections.abc import Callable
from functools import partial

from torch import Tensor

from efficiency.core.requests import QuantizeRequest
from efficiency.routines.quantization import classic, compiled, qat
from efficiency.routines.quantization.settings import Settings
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Technique, Variant, baseline

COMPILED = ("torchao", "pt2e")  # back ends whose models go through Inductor


def techniques(
    request: QuantizeRequest,
    settings: Settings,
    calibration: Tensor,
    on_percent: Callable[[int], None] = lambda percent: None,
) -> tuple[Technique, ...]:
    """The untouched baseline, then dynamic before static before QAT, classic before compiled.

    Where a compiled row is asked for, so is its control: the float model through the same compiler.
    on_percent: told how far the training of QAT is.
    """
    asked = [
        _technique(name, label, apply)
        for name, label, apply in (
            ("dynamic-eager", "dynamic (eager)", partial(classic.dynamic, settings=settings)),
            ("dynamic-torchao", "dynamic (torchao, compiled)", compiled.dynamic_torchao),
            ("dynamic-pt2e", "dynamic (pt2e, compiled)", compiled.dynamic_pt2e),
            (
                "static-eager",
                "static (eager)",
                partial(classic.static_eager, settings=settings, calibration=calibration),
            ),
            (
                "static-fx",
                "static (FX)",
                partial(classic.static_fx, settings=settings, calibration=calibration),
            ),
            (
                "static-pt2e",
                "static (pt2e, compiled)",
                partial(compiled.static_pt2e, calibration=calibration),
            ),
            (
                "qat-fx",
                "QAT (FX)",
                partial(
                    qat.qat_fx,
                    settings=settings,
                    epochs=request.qat_epochs,
                    on_percent=on_percent,
                ),
            ),
        )
        if _wanted(request, name)
    ]
    rows = [Technique(name="baseline", label="baseline (fp32)", apply=baseline, phase="saving")]
    if any(_tool(each.name) in COMPILED for each in asked):
        rows.append(_technique("compiled", "fp32, compiled", compiled.fp32_compiled))
    return (*rows, *asked)


def _technique(name: str, label: str, apply: Callable[[Subject], Variant]) -> Technique:
    phases = {"static": "calibration", "qat": "training"}
    phase = phases.get(name.partition("-")[0], "compression")
    return Technique(name=name, label=label, apply=apply, phase=phase, cpu_only=True)


def _tool(name: str) -> str:
    return name.partition("-")[2]


def _wanted(request: QuantizeRequest, name: str) -> bool:
    method, _, tool = name.partition("-")
    back_end = tool if tool in COMPILED else "classic"
    return request.method in ("all", method) and request.back_end in ("all", back_end)
