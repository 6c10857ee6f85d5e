"""Which architecture a set of weights belongs to, told by the names and shapes of its tensors.

The signatures are shipped as data so that neither torch nor the architectures need to be loaded;
`python -m efficiency.workloads.recognise` writes them again after the catalogue has changed.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from efficiency.workloads import catalogue

SIGNATURES = Path(__file__).with_name("signatures.json")

# Counts training steps; missing in older files, and not used where nothing is trained.
OPTIONAL = "num_batches_tracked"

Shapes = Mapping[str, tuple[int, ...]]


@cache
def signatures() -> dict[str, dict[str, tuple[int, ...]]]:
    """Architecture -> tensor name -> shape."""
    return msgspec.json.decode(SIGNATURES.read_bytes(), type=dict[str, dict[str, tuple[int, ...]]])


def recognise(shapes: Shapes) -> str | None:
    """The architecture that has all of these tensors and no others, or None."""
    for name, known in signatures().items():
        if shapes.keys() <= known.keys() and mismatch(shapes, name) is None:
            return name
    return None


def fitting(shapes: Shapes) -> tuple[str, ...]:
    """The architectures that can be filled from these tensors, with or without some left over."""
    return tuple(name for name in signatures() if mismatch(shapes, name) is None)


def mismatch(shapes: Shapes, architecture: str) -> str | None:
    """The first tensor of the architecture that is missing or different, None if it can be filled.

    Tensors that the architecture does not have are no hindrance.
    """
    for name, shape in signatures()[catalogue.get(architecture).name].items():
        if name not in shapes:
            if not name.endswith(OPTIONAL):
                return f"it has no tensor {name!r}"
        elif tuple(shapes[name]) != shape:
            return f"{name!r} has shape {tuple(shapes[name])} instead of {shape}"
    return None


def write_signatures() -> None:
    """Build every architecture without memory for its weights and note names and shapes."""
    import torch

    found = {}
    for name in catalogue.names():
        with torch.device("meta"):
            state = catalogue.get(name).build().state_dict()
        found[name] = {key: tuple(tensor.shape) for key, tensor in state.items()}
    SIGNATURES.write_bytes(msgspec.json.encode(found) + b"\n")


if __name__ == "__main__":
    write_signatures()
