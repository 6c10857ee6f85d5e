"""Quantization-aware training: fine-tuning while weights and activations are rounded as in int8."""

from collections.abc import Callable
from dataclasses import replace

from torch import nn
from torch.ao.nn.intrinsic.qat import freeze_bn_stats
from torch.ao.quantization import disable_observer

from efficiency.core.errors import Unavailable
from efficiency.routines.quantization.classic import converted, graph_variant, levels, traced
from efficiency.routines.quantization.settings import Settings
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Variant
from efficiency.workloads.training import fit

# The rate of training, made smaller, as the weights are almost where they shall be.
RATE_SHARE, LARGEST_RATE = 0.1, 1e-3
FREEZE_PERCENT = 67  # of the steps; from then on ranges and batch statistics stay as they are


def qat_fx(
    subject: Subject,
    settings: Settings,
    epochs: float,
    on_percent: Callable[[int], None] = lambda percent: None,
) -> Variant:
    """The model fine-tuned for `epochs` with fake quantization, then converted as static_fx does.

    on_percent: told how much of the training is done. Raises Unavailable without training data.
    """
    split, recipe = subject.split, subject.workload.recipe
    if split is None or recipe is None:
        raise Unavailable(
            "Quantization-aware training needs training data, and there are none for this model."
        )
    if any(isinstance(each, nn.RNNBase) for each in subject.model.modules()):
        raise Unavailable(
            "PyTorch has no fake quantization for recurrent layers, which do the work here; use "
            "dynamic quantization."
        )
    prepared = traced(subject, settings, training=True)

    def freeze(percent: int) -> None:
        if percent >= FREEZE_PERCENT:
            prepared.apply(disable_observer)
            prepared.apply(freeze_bn_stats)
        on_percent(percent)

    rate = min(RATE_SHARE * recipe.rate, LARGEST_RATE)
    tuning = replace(recipe, epochs=epochs, rate=rate, decay=True)
    steps = fit(prepared, split, tuning, seed=subject.seed, on_percent=freeze)
    notes = [
        f"Trained for {steps} steps of {recipe.batch} inputs with fake quantization, at a learning "
        f"rate that falls from {rate:g} to 0.",
    ]
    if settings.observer != "moving-average":
        notes.append(
            "Ranges follow a moving average while the weights move, whatever the observer."
        )
    notes += levels(settings)
    quantized = converted(subject, settings, prepared)
    return graph_variant(subject, settings, quantized, tuple(notes))
