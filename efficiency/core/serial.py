"""Studies as JSON: what is stored, what `--json` prints, what the JSON export contains."""

import msgspec

from efficiency.core.values import Study


def document(study: Study) -> dict[str, object]:
    """The study as plain data, with the derived numbers (medians, quartiles) written out."""
    plain: dict[str, object] = msgspec.to_builtins(study)
    for row, written in zip(study.rows, plain["rows"], strict=True):  # type: ignore[call-overload]
        if row.timing is not None:
            written["timing"] |= {
                "median_seconds": row.timing.median_seconds,
                "quartiles_seconds": row.timing.quartiles_seconds,
                "p95_seconds": row.timing.p95_seconds,
            }
    return plain


def encode(study: Study) -> bytes:
    """One JSON document. NaN and infinity become null."""
    return msgspec.json.encode(document(study))


def decode(data: bytes | str) -> Study:
    """The study that `encode` was given; derived numbers are recomputed, not read."""
    return msgspec.json.decode(data, type=Study)
