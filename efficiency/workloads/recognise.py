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

Shapes = Mapping[str, tuple[int, ...]]


@cache
def signatures() -> dict[str, dict[str, tuple[int, ...]]]:
    """Architecture -> tensor name -> shape."""
    return msgspec.json.decode(SIGNATURES.read_bytes(), type=dict[str, dict[str, tuple[int, ...]]])


def recognise(shapes: Shapes) -> str | None:
    """The architecture whose tensors have just these names and shapes, or None."""
    found = (name for name, known in signatures().items() if known == dict(shapes))
    return next(found, None)


def mismatch(shapes: Shapes, architecture: str) -> str | None:
    """The first way in which the tensors differ from the architecture's, or None if they fit."""
    known = signatures()[catalogue.get(architecture).name]
    for name, shape in known.items():
        if name not in shapes:
            return f"it has no tensor {name!r}"
        if tuple(shapes[name]) != shape:
            return f"{name!r} has shape {tuple(shapes[name])} instead of {shape}"
    extra = next((name for name in shapes if name not in known), None)
    return None if extra is None else f"it has a tensor {extra!r} too many"


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
