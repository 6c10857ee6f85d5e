"""What the numbers of a quantization study say, in sentences with their evidence. Pure.

Speed first, then size, then accuracy; each only where it was measured.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from efficiency.core.quantization import Quantization
from efficiency.core.values import Finding, Row
from efficiency.routines.quantization import (
    accuracy_findings,
    size_findings,
    speed_findings,
)

Files = Mapping[str, Mapping[str, int]]


def findings(
    rows: Sequence[Row], found: Quantization, files: Files | None = None, *, batch_size: int = 1
) -> tuple[Finding, ...]:
    """All that can be said. rows[0] is the float model; `files` are the parts of each row's file
    in bytes (`file_parts`), by the row's name; batch_size: of the request."""
    made = [row for row in rows if row.unavailable is None]
    return tuple(_all(made, found, files or {}, batch_size)) if made else ()


def _all(
    rows: Sequence[Row], found: Quantization, files: Files, batch_size: int
) -> Iterator[Finding]:
    told: Iterable[Finding | None] = (
        speed_findings.batches(rows, found, batch_size),
        speed_findings.time_spent(rows, found),
        speed_findings.compiler(rows),
        speed_findings.engine(found),
        size_findings.file(rows, files),
        size_findings.kept(rows),
        accuracy_findings.score(rows, found),
        accuracy_findings.noisiest(rows, found),
        accuracy_findings.trained(found),
        *accuracy_findings.calibration(found),
    )
    yield from (each for each in told if each is not None)
