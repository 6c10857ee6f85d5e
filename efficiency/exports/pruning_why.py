"""Why zeros do what they do, and channels more: sentences with a study's own numbers in them.

What follows from the numbers, and what to do, is in the study's findings.
"""

from collections.abc import Iterator

from efficiency.core.units import bytes_text, ratio_text, share_text
from efficiency.core.values import Row, Study
from efficiency.exports.columns import grouped
from efficiency.exports.pruning import removed, stored, zeros_row, zeros_share

VALUE_BYTES = 4  # of a float32


def why(study: Study) -> tuple[tuple[str, str], ...]:
    """Pairs of what a sentence is about and the sentence, as plain text."""
    return tuple(
        (about, sentence)
        for about, found in (
            ("Speed of zeros", _speed(study)),
            ("Size of the file", _size(study)),
            ("Channels taken out", _removal(study)),
        )
        if (sentence := " ".join(found))
    )


def _speed(study: Study) -> Iterator[str]:
    """The same multiplications are done, whatever the numbers are."""
    row = zeros_row(study)
    if row is None or row.speedup is None or row.footprint is None:
        return
    gone = row.footprint.parameters - row.footprint.nonzero
    yield f"{row.label}: {grouped(gone)} zeros, {ratio_text(row.speedup)}."
    before, after = _macs(study.rows[0]), _macs(row)
    if before is not None and after is not None:
        same = before == after
        yield (
            f"A call has {grouped(before)} multiply-accumulates before and {grouped(after)} after"
            + (": the tensors have the same shapes, so the same products are computed." if same
               else ".")
        )  # fmt: skip
    yield (
        "A dense kernel multiplies many numbers at once and looks at none of them, and a product "
        "with zero takes as long as any other."
    )


def _macs(row: Row) -> int | None:
    return None if row.flops is None else row.flops.total // 2


def _size(study: Study) -> Iterator[str]:
    """Dense, zipped and CSR bytes, and from which share on CSR is smaller."""
    row, before = zeros_row(study), study.rows[0].footprint
    after = None if row is None else row.footprint
    if row is None or before is None or after is None or not before.bytes_on_disk:
        return
    share = share_text(zeros_share(study, row))
    yield (
        f"float32 keeps {VALUE_BYTES} bytes for every number, zero or not: "
        f"{bytes_text(before.bytes_on_disk)} before and {bytes_text(after.bytes_on_disk)} with "
        f"{share} zeros."
    )
    if before.bytes_zipped and after.bytes_zipped:
        yield (
            f"zip writes bytes that repeat as a short reference, and zeros repeat: "
            f"{bytes_text(before.bytes_zipped)} become {bytes_text(after.bytes_zipped)}."
        )
    yield from _break_even(study, row)


def _break_even(study: Study, row: Row) -> Iterator[str]:
    """What CSR pays for a number, and where it becomes the smaller file."""
    csr, footprint = stored(study, row), row.footprint
    if csr is None or footprint is None or not footprint.nonzero:
        return
    each = csr.csr_bytes / footprint.nonzero
    yield (
        "CSR leaves zeros out and keeps a value and an index for every other number: "
        f"{bytes_text(csr.csr_bytes)} for {grouped(footprint.nonzero)} of them are {each:.1f} "
        f"bytes each. So it is smaller than {VALUE_BYTES} bytes for all from about "
        f"{100 * max(0.0, 1 - VALUE_BYTES / each):.0f} % zeros on."
    )


def _removal(study: Study) -> Iterator[str]:
    row, found = removed(study), None if study.pruned is None else study.pruned.removal
    if row is None or found is None or not found.macs_after or not found.parameters_after:
        return
    yield (
        f"Whole channels leave smaller matrices: {grouped(found.macs_before)} multiply-accumulates "
        f"become {grouped(found.macs_after)} ({found.macs_before / found.macs_after:.1f} times "
        f"fewer), {grouped(found.parameters_before)} parameters {grouped(found.parameters_after)}."
    )
    if row.speedup is not None:
        yield f"{row.label}: {ratio_text(row.speedup)}."
        if 0 < row.speedup.ratio < found.macs_before / found.macs_after:
            yield (
                "It is less than the multiplications promise where a call has costs that stay: "
                "starting each layer, pooling, copying."
            )
