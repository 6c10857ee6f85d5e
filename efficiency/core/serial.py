"""Studies as JSON: what is stored, what `--json` prints, what the JSON export contains."""

import msgspec

from efficiency.core.values import Study, Timing


def document(study: Study) -> dict[str, object]:
    """The study as plain data, with the derived numbers (medians, quartiles) written out."""
    plain: dict[str, object] = msgspec.to_builtins(study)
    for row, written in zip(study.rows, plain["rows"], strict=True):  # type: ignore[call-overload]
        if row.timing is not None:
            written["timing"] |= _derived(row.timing)
        for speed, written_speed in zip(
            row.at_other_batches, written["at_other_batches"], strict=True
        ):
            written_speed["timing"] |= _derived(speed.timing)
    return plain


def _derived(timing: Timing) -> dict[str, object]:
    return {
        "median_seconds": timing.median_seconds,
        "quartiles_seconds": timing.quartiles_seconds,
        "p95_seconds": timing.p95_seconds,
    }


def encode(study: Study) -> bytes:
    """One JSON document. NaN and infinity become null."""
    return msgspec.json.encode(document(study))


def decode(data: bytes | str) -> Study:
    """The study that `encode` was given; derived numbers are recomputed, not read."""
    return msgspec.json.decode(data, type=Study)
