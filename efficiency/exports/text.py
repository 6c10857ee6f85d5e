"""A Study as CSV, as JSON, and as the command line that repeats it."""

import csv
import io
import shlex

from efficiency.core import serial
from efficiency.core.units import bytes_text, joules_text, ratio_text, seconds_text, share_text
from efficiency.core.values import Row, Study
from efficiency.exports.columns import Cell, columns

# Fields of a request that are no options, or stand before them; the batch size is in the shape.
_SAID = ("kind", "workload", "model")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(study: Study) -> str:
    """One line per candidate; SI units in the headings; empty = not available."""
    shown = columns(study)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["name", "label", *(each.csv for each in shown), "unavailable", "notes"])
    for row in study.rows:
        cells = [each.raw(row) for each in shown]
        every = [row.name, row.label, *cells, row.unavailable, " ".join(row.notes)]
        writer.writerow([harmless(cell) for cell in every])
    return out.getvalue()


def harmless(cell: Cell) -> Cell:
    """The cell; a text that a spreadsheet could take for a formula gets an apostrophe in front."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA_STARTS):
        return f"'{cell}"
    return cell


def json_bytes(study: Study) -> bytes:
    """The whole study, derived numbers included."""
    return serial.encode(study)


def numbers(row: Row) -> list[str]:
    """File, time, speed, score and energy of a candidate, as far as they are known, for people."""
    found = []
    if row.footprint is not None and row.footprint.bytes_on_disk is not None:
        found.append(bytes_text(row.footprint.bytes_on_disk))
    if row.timing is not None:
        found.append(seconds_text(row.timing.median_seconds))
    if row.speedup is not None:
        found.append(ratio_text(row.speedup))
    if row.score is not None:
        found.append(share_text(row.score))
    if row.energy is not None and row.energy.joules is not None:
        found.append(f"{joules_text(row.energy.joules)} {row.energy.origin.value}")
    return found


def command_line(study: Study, file: str = "MODEL_FILE") -> str:
    """The command that asks the same question; `file` is the path that the user has given."""
    request = study.request
    words = ["python", "-m", "efficiency", study.kind]
    if request.get("workload") is not None:
        words += ["--workload", str(request["workload"])]
    else:
        words.append(f"./{file}" if file.startswith("-") else file)  # or it reads as an option
    for name, value in request.items():
        said = name in _SAID or (request.get("input_shape") and name == "batch_size")
        if said or value is None or value is False or value in ((), []):
            continue
        words.append("--" + name.replace("_", "-"))
        if isinstance(value, list | tuple):
            words.append(",".join(map(str, value)))
        elif value is not True:
            words.append(f"{value:g}" if isinstance(value, float) else str(value))
    return shlex.join(words)
