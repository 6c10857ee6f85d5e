"""How much is trained: what was asked for, and for the rest the preset's or the workload's own."""

from math import ceil

from efficiency.core.errors import BadInput
from efficiency.core.mixed import PRESETS, TrainingSizes
from efficiency.core.requests import AmpRequest
from efficiency.measure.timing import MINIMUM_ROUNDS
from efficiency.routines.mixed_precision.task import MLP, recipe_of, split_of
from efficiency.workloads import catalogue

# Enough steps to learn most of it, in a few minutes at most; the recipe's epochs may be fewer.
QUICK_STEPS = 250


def sizes_of(request: AmpRequest) -> TrainingSizes:
    """The sizes of a request. Raises BadInput for what its workload cannot have."""
    found = _of_mlp(request) if request.workload == MLP else _of_data(request)
    if found.steps < MINIMUM_ROUNDS:
        raise BadInput(
            f"{found.batches} batches in {found.epochs} epochs are {found.steps} steps, too few "
            f"for an interval; ask for at least {MINIMUM_ROUNDS}."
        )
    return found


def _of_mlp(request: AmpRequest) -> TrainingSizes:
    preset = PRESETS[request.preset]
    return TrainingSizes(
        batch_size=request.batch_size or preset.batch_size,
        batches=request.batches or preset.batches,
        epochs=request.epochs or preset.epochs,
        width=request.width or preset.width,
        layers=request.layers or preset.layers,
    )


def _of_data(request: AmpRequest) -> TrainingSizes:
    """The recipe's batch size, all of its epochs or the first of them, all data or the first."""
    label, recipe, split = (
        catalogue.get(request.workload).label,
        recipe_of(request),
        split_of(request),
    )
    if request.width is not None or request.layers is not None:
        raise BadInput(f"{label} has its own width and layers; leave both out, or train the mlp.")
    if split is None:
        raise AssertionError("every workload of this request but the mlp has data")
    examples = len(split.train_labels)
    batch_size = request.batch_size or recipe.batch
    batches = request.batches or max(1, examples // batch_size)
    if batches * batch_size > examples:
        raise BadInput(
            f"{label} has {examples} examples to train on, and {batches} batches of {batch_size} "
            f"need {batches * batch_size}; use fewer or smaller batches."
        )
    epochs = ceil(recipe.epochs)
    if request.preset == "quick":
        epochs = min(epochs, max(1, round(QUICK_STEPS / batches)))
    return TrainingSizes(
        batch_size=batch_size,
        batches=batches,
        epochs=request.epochs or epochs,
    )
