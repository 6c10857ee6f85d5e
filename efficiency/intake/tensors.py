"""Whether the tensors that a pickle describes fit into the storages that the file really has.

torch allocates, and in places reads, by what the description says; so every size is checked first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from efficiency.core.errors import BadFile
from efficiency.intake.globals import DTYPE_BYTES, ITEM_BYTES, TENSOR_CALLS, layer_of
from efficiency.intake.limits import MAX_DIMENSIONS
from efficiency.intake.pickles import Call, Global, Reading, Stored
from efficiency.intake.sentences import SAVE_WEIGHTS, damaged


@dataclass(slots=True, kw_only=True)
class Storage:
    """A block of memory that tensors are views of; `layer` starts a sentence about it."""

    key: str
    elements: int
    item_bytes: int
    layer: str = "A tensor"

    @property
    def bytes(self) -> int:
        """Size of the whole block."""
        return self.elements * self.item_bytes


def storages(reading: Reading) -> dict[str, Storage]:
    """Every storage by its key, after checking each tensor against its own. Raises BadFile."""
    found: dict[str, Storage] = {}
    for stored in reading.stored:
        storage = _storage(stored)
        known = found.setdefault(storage.key, storage)
        if known.bytes != storage.bytes:
            raise damaged(f"storage {storage.key[:40]!r} is declared with two sizes")
    for call in reading.calls:
        if call.path in TENSOR_CALLS:
            _check_tensor(call, found)
    return found


def check_bytes(declared: Mapping[str, Storage], present: Mapping[str, int]) -> None:
    """Compare the declared storages with the bytes that the file has for each. Raises BadFile."""
    for key, storage in declared.items():
        if key not in present:
            raise damaged(f"the data of {_lower(storage.layer)} is missing")
        if storage.bytes > present[key]:
            raise too_large(storage.layer, storage.bytes, present[key])


def too_large(layer: str, claimed: int, present: int) -> BadFile:
    """The refusal of a tensor that claims more bytes than the file has for it."""
    return BadFile(
        f"{layer} claims {claimed:,} bytes and the file holds {present:,} for it; save the weights "
        f"again, with .clone() where they were expanded: {SAVE_WEIGHTS}."
    )


def _storage(stored: Stored) -> Storage:
    identifier: Any = stored.identifier
    match identifier:
        case (
            "storage" | b"storage",
            Global() as kind,
            str() as key,
            str() | bytes(),
            count,
            *rest,
        ):
            pass
        case _:
            raise _odd("a reference to a storage")
    if rest not in ([], [None]) or kind.path not in ITEM_BYTES or not _counts((count,)):
        raise _odd("a reference to a storage")
    return Storage(key=key, elements=count, item_bytes=ITEM_BYTES[kind.path])


def _check_tensor(call: Call, found: Mapping[str, Storage]) -> None:
    arguments: Any = call.arguments
    match arguments:
        case (Stored() as stored, offset, sizes, strides, *rest):
            pass
        case _:
            raise _odd(layer_of(call))
    sizes, strides = _unwrapped(sizes), _unwrapped(strides)
    if not (_counts((offset,)) and _counts(sizes) and _counts(strides)):
        raise _odd(layer_of(call))
    if len(sizes) != len(strides):
        raise _odd(layer_of(call))
    if len(sizes) > MAX_DIMENSIONS:
        raise BadFile(
            f"{layer_of(call)} has {len(sizes)} dimensions and at most {MAX_DIMENSIONS} are "
            f"accepted; reshape it before saving: {SAVE_WEIGHTS}."
        )
    storage = found[_storage(stored).key]
    if storage.layer == "A tensor":
        storage.layer = layer_of(call)
    item = _item_bytes(call, storage, rest)
    reach = (
        offset + 1 + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    )
    claimed = prod(sizes) * item
    if claimed and max(claimed, reach * item) > storage.bytes:
        raise too_large(layer_of(call), max(claimed, reach * item), storage.bytes)


def _item_bytes(call: Call, storage: Storage, rest: list[Any]) -> int:
    """Bytes of one element: the storage's, or of the type that _rebuild_tensor_v3 names."""
    if call.path != "torch._utils._rebuild_tensor_v3":
        return storage.item_bytes
    if len(rest) < 3 or not isinstance(rest[2], Global) or rest[2].path not in DTYPE_BYTES:
        raise _odd(layer_of(call))
    return DTYPE_BYTES[rest[2].path]


def _unwrapped(sizes: Any) -> Any:
    """The tuple inside torch.Size(...)."""
    if (
        isinstance(sizes, Call)
        and sizes.path == "torch.Size"
        and isinstance(sizes.arguments, tuple)
    ):
        return sizes.arguments[0] if sizes.arguments else ()
    return sizes


def _counts(values: Any) -> bool:
    return isinstance(values, tuple) and all(
        type(value) is int and 0 <= value < 2**63 for value in values
    )


def _odd(what: str) -> BadFile:
    return BadFile(
        f"{what} is described in a way that torch.save does not write; save again: {SAVE_WEIGHTS}."
    )


def _lower(layer: str) -> str:
    return layer[0].lower() + layer[1:]
