"""Does it fit into memory? Estimated, and refused with the numbers, before anything is made."""

from efficiency.core.errors import BadInput
from efficiency.core.mixed import TrainingSizes
from efficiency.core.units import bytes_text
from efficiency.core.values import PeakMemory
from efficiency.measure.device import ROOM, free_memory

FLOAT = 4


def check_least(device: str, sizes: TrainingSizes, candidates: int) -> None:
    """Raise BadInput if weights, gradients and data of the mlp alone do not fit.

    Plain arithmetic: sizes far out of the range would already be too large to be rehearsed.
    """
    if sizes.width is None or sizes.layers is None:
        return
    weights = FLOAT * sizes.layers * sizes.width * (sizes.width + 1)
    _refuse(device, sizes, candidates, (2 * candidates + 1) * weights + _data_bytes(sizes))


def check_room(
    device: str, sizes: TrainingSizes, candidates: int, peaks: tuple[PeakMemory, ...]
) -> None:
    """Raise BadInput if candidates with these peaks in a step do not fit side by side.

    What lasts (weights, gradients, what the optimizer keeps) is there for all of them, and what a
    step needs in between for one at a time.
    """
    lasting = max(each.parameters + each.gradients + each.optimizer for each in peaks)
    in_between = max(each.activations + each.temporary for each in peaks)
    initial = peaks[0].parameters
    needed = initial + candidates * lasting + in_between + _data_bytes(sizes)
    _refuse(device, sizes, candidates, needed)


def _refuse(device: str, sizes: TrainingSizes, candidates: int, needed: int) -> None:
    free = free_memory(device)
    if needed > ROOM * free:
        remedy = "width, batch size or number of batches" if sizes.width else "batch size"
        raise BadInput(
            f"Training {candidates} networks side by side needs about {bytes_text(needed)} of "
            f"memory, and {bytes_text(free)} are free; use a smaller {remedy}."
        )


def _data_bytes(sizes: TrainingSizes) -> int:
    """Inputs and targets of the mlp's batches; real data are there already."""
    return 0 if sizes.width is None else 2 * FLOAT * sizes.batches * sizes.batch_size * sizes.width
