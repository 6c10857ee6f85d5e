"""What keeps an int8 file from being four times smaller, and what stayed in float."""

from collections.abc import Mapping, Sequence

from efficiency.core.units import bytes_text, share_text
from efficiency.core.values import Finding, Row
from efficiency.routines.quantization.file_parts import FLOATS, WEIGHTS8
from efficiency.routines.quantization.outcome import method_of

INT8 = ("dynamic", "static", "qat")
FULL = 4.0  # times smaller: 8 instead of 32 bits


def file(rows: Sequence[Row], files: Mapping[str, Mapping[str, int]]) -> Finding | None:
    """The smallest int8 file, part by part in bytes."""
    known = [row for row in rows if method_of(row) in INT8 and WEIGHTS8 in files.get(row.name, {})]
    row = min(known, key=lambda each: sum(files[each.name].values()), default=None)
    before = _bytes(rows[0])
    if row is None or before is None:
        return None
    parts = files[row.name]
    size = sum(parts.values())
    rest = {part: count for part, count in parts.items() if part != WEIGHTS8}
    return Finding(
        finding=f"The file of {row.label} is {before / size:.2f} times smaller; "
        f"{bytes_text(sum(rest.values()))} of it are no int8 weights, and keep it from "
        f"{FULL:g} times.",
        evidence=f"{bytes_text(before)} to {bytes_text(size)}, of which int8 weights take "
        f"{parts[WEIGHTS8]:,} B, "
        + ", ".join(f"{part} {count:,} B" for part, count in rest.items())
        + ".",
        next_step=_most_is_float(rest)
        or "These grow with the number of layers and channels, weights with the channels' square: "
        "in larger networks they hardly count.",
    )


def _most_is_float(rest: Mapping[str, int]) -> str | None:
    """What to do where it is layers left in float32 that make the file large."""
    if 2 * rest.get(FLOATS, 0) < sum(rest.values()):
        return None
    return "Most of that are layers that the method leaves in float32, as embeddings are by all."


def kept(rows: Sequence[Row]) -> Finding | None:
    """Of the row that left most of its arithmetic in float: which layers, and their share."""
    shares = {row.name: _share_kept(row) for row in rows if method_of(row) in INT8}
    row = max(
        (each for each in rows if shares.get(each.name)),
        key=lambda each: shares[each.name] or 0.0,
        default=None,
    )
    if row is None or row.coverage is None:
        return None
    reasons = dict.fromkeys(each.reason for each in row.coverage.skipped)
    names = [each.layer for each in row.coverage.skipped]
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return Finding(
        finding=f"{row.label} leaves {share_text(shares[row.name])} of the arithmetic in float32.",
        evidence=f"{shown}. {'; '.join(list(reasons)[:3])}.",
        next_step="If those layers take the time, choose a method that covers them.",
    )


def _share_kept(row: Row) -> float | None:
    """Share of the multiply-accumulates in layers that were skipped."""
    if row.flops is None or row.coverage is None:
        return None
    total = sum(layer.macs for layer in row.flops.by_layer)
    skipped = {each.layer for each in row.coverage.skipped}
    left = sum(layer.macs for layer in row.flops.by_layer if layer.layer in skipped)
    return left / total if total else None


def _bytes(row: Row) -> int | None:
    return None if row.footprint is None else row.footprint.bytes_on_disk
