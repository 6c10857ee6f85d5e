"""A model as the steps that it takes, one after another, with what each computes in.

Seen while the model runs, so that it is the same for networks that PyTorch can trace and for those
that it cannot, for float models and for quantized ones. Read side by side, the steps before and
after quantization show what was fused and where numbers are converted.
"""

import torch
from torch import Tensor, nn

from efficiency.core.quantization import GraphStep
from efficiency.measure.layers import watched
from efficiency.routines.quantization.functions import FLOAT32, Called, Functions


@torch.no_grad()
def graph_steps(model: nn.Module, example: Tensor) -> tuple[GraphStep, ...]:
    """The steps of one call on `example`, in order. The model should be in evaluation mode.

    `precision` is a number format ("float32"), two with an arrow where a step converts, or "int8,
    float32 outside" where it takes and gives floats and computes with integers in between. Steps
    without arithmetic on numbers (views, masks, positions) are left out. `layer` is the module that
    takes the step, "" for the model itself.
    """
    steps: list[GraphStep] = []

    def note(called: Called) -> None:
        if called.computes:
            layer = watch.innermost or ""
            steps.append(GraphStep(operator=called.name, precision=_precision(called), layer=layer))

    with watched(model) as watch, Functions(note):
        model(example)
    return tuple(steps)


def _precision(called: Called) -> str:
    before, after = " + ".join(called.given), " + ".join(called.made)
    if called.quantized and before == after == FLOAT32:
        return f"int8, {FLOAT32} outside"
    return after if before in ("", after) else f"{before} → {after}"
