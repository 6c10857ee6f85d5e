"""The one form in which weights are kept: a safetensors file of contiguous tensors, sorted names.

The only file of the intake that uses torch; it runs in the child, after the bytes were checked.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import load_file, save_file

from efficiency.core.errors import BadFile
from efficiency.intake.formats import Format
from efficiency.intake.headers import DTYPES
from efficiency.intake.limits import MAX_COPIES, MAX_PARAMETERS, max_file_bytes
from efficiency.intake.sentences import SAVE_WEIGHTS, quoted
from efficiency.intake.unwrap import unwrap

TIED = "tied"
"""Metadata key: JSON object {name: name of the tensor that it shares its memory with}."""

KEPT_TYPES = frozenset(name for name, _ in DTYPES.values())


def load(path: Path, found: Format) -> object:
    """What the file holds, by the library of its format. The caller has checked the bytes."""
    if found is Format.SAFETENSORS:
        return load_file(path)
    torch.sparse.check_sparse_tensor_invariants.enable()
    # Mapped, not read: the tensors of a zip archive need no memory of their own.
    return torch.load(
        path, map_location="cpu", weights_only=True, mmap=True if found is Format.ZIP else None
    )


def write(checkpoint: object, path: Path, file_bytes: int) -> tuple[str, ...]:
    """Write the weights of a checkpoint in canonical form; returns notes. Raises BadFile."""
    tensors, notes = unwrap(checkpoint, lambda value: isinstance(value, torch.Tensor))
    _check(tensors, file_bytes)
    tied = _tied(tensors)
    if tied:
        copy, original = next(iter(tied.items()))
        notes += (
            f"{len(tied):,} tied tensors are counted once, for example {quoted(copy)}, which "
            f"shares its memory with {quoted(original)}.",
        )
    weights = {name: _plain(tensors[name]) for name in sorted(tensors)}
    notes += _value_notes(weights)
    # safetensors wants memory of its own for every name.
    distinct = {name: each.clone() if name in tied else each for name, each in weights.items()}
    metadata = {TIED: msgspec.json.encode(tied, order="sorted").decode()} if tied else None
    save_file(distinct, path, metadata)
    return notes


def _check(tensors: Mapping[str, torch.Tensor], file_bytes: int) -> None:
    for name, tensor in tensors.items():
        if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or (
            tensor.layout is not torch.strided
            or tensor.is_quantized
            or tensor.is_nested
            or tensor.device.type != "cpu"
        ):
            raise BadFile(f"Tensor {quoted(name)} is not a plain tensor; save {SAVE_WEIGHTS}.")
        if _type(tensor) not in KEPT_TYPES:
            raise BadFile(
                f"Tensor {quoted(name)} has the type {_type(tensor)}, which is not supported; "
                f"convert it to one of {', '.join(sorted(KEPT_TYPES))}."
            )
    elements = sum(tensor.numel() for tensor in tensors.values())
    if elements > MAX_PARAMETERS:
        raise BadFile(
            f"The weights are {elements:,} numbers and at most {MAX_PARAMETERS:,} are accepted; "
            "use a smaller model."
        )
    written = sum(tensor.nbytes for tensor in tensors.values())
    allowed = min(MAX_COPIES * file_bytes, max_file_bytes())
    if written > allowed:
        raise BadFile(
            f"Written out, the weights take {written:,} bytes and {allowed:,} are allowed for a "
            f"file of {file_bytes:,}, because many share the same memory; save fewer copies."
        )


def _tied(tensors: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Names that show exactly the same memory as an earlier one (in sorted order)."""
    first: dict[tuple[Any, ...], str] = {}
    tied = {}
    for name in sorted(tensors):
        tensor = tensors[name]
        if tensor.numel():
            view = (tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tensor.stride())
            original = first.setdefault(view, name)
            if original != name:
                tied[name] = original
    return tied


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().resolve_conj().resolve_neg().contiguous()


def _value_notes(weights: Mapping[str, torch.Tensor]) -> tuple[str, ...]:
    """Say so where values are not finite, or all zero."""
    floating = {
        name: each
        for name, each in weights.items()
        if each.numel() and (each.is_floating_point() or each.is_complex())
    }
    notes = []
    odd = [name for name, each in floating.items() if not _comparable(each).isfinite().all()]
    if odd:
        notes.append(f"NaN or infinite values in {len(odd):,} tensors, first in {quoted(odd[0])}.")
    if floating and not any(_comparable(each).any() for each in floating.values()):
        notes.append("All weights are zero.")
    if weights and not floating:
        notes.append("No tensor holds floating-point numbers, so there is nothing to compress.")
    return tuple(notes)


def _comparable(tensor: torch.Tensor) -> torch.Tensor:
    """float8 has no arithmetic of its own."""
    return tensor.float() if tensor.element_size() == 1 else tensor


def _type(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
