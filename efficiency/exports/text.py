"""A Study as CSV, as JSON, and as the command line that repeats it."""

import csv
import io
import shlex

from efficiency.core import serial
from efficiency.core.values import Study
from efficiency.exports.columns import Cell, columns

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


def command_line(study: Study, file: str = "MODEL_FILE") -> str:
    """The command that asks the same question; `file` is the path that the user has given."""
    request = study.request
    words = ["python", "-m", "efficiency", study.kind]
    if request.get("workload") is not None:
        words += ["--workload", str(request["workload"])]
    else:
        words.append(f"./{file}" if file.startswith("-") else file)  # or it reads as an option
    names = ["architecture", "device", "seed", "batch_size", "budget_seconds"]
    names += ["preset", "dtype", "width", "layers", "batches", "epochs"]
    shape = request.get("input_shape")
    if isinstance(shape, list | tuple):
        words += ["--input-shape", ",".join(map(str, shape))]
        names.remove("batch_size")  # it is the first number of the shape
    for name in names:
        value = request.get(name)
        if value is not None:
            words += [
                "--" + name.replace("_", "-"),
                f"{value:g}" if isinstance(value, float) else str(value),
            ]
    for name in ("training", "sweep", "confirm_slow"):
        if request.get(name):
            words.append("--" + name.replace("_", "-"))
    return shlex.join(words)
