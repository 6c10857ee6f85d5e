"""Every layer of a model that was taken apart: a table for people, a CSV for machines."""

import csv
import io

from efficiency.charts.energy import SHOWN_PRECISIONS, energies_at
from efficiency.charts.energy_layers import ITSELF, is_step
from efficiency.core.anatomy import Anatomy, LayerWork, Spread
from efficiency.core.energy import FROM_DRAM, Reuse
from efficiency.core.roofline import AS_RUN, limit, operations, peak, points
from efficiency.core.units import joules_text, rate_text, seconds_text, share_text
from efficiency.core.values import Study
from efficiency.exports.columns import Cell, grouped
from efficiency.exports.energy import Account
from efficiency.exports.table import number_table, plain_table
from efficiency.exports.text import harmless

LAYER_NOTE = (
    "Energies are the middle of their range; times are medians of a layer as it ran, in fp32, with "
    "their quartiles below. Below the shares stand what limits the layer, and the name of its roof."
)
COUNTS = ("macs", "multiplications", "additions", "weights", "inputs", "outputs")


def layer_table(found: Account) -> str:
    """Layer by layer: what it does, the estimate, the time measured, how near it is to its roof."""
    step = is_step(found.anatomy)
    stage = ("stage",) if step else ()
    headings = (
        *("Layer", "module", *stage, "MACs", "arithmetic", "movement", "together"),
        *("measured", "of fp32 peak", "of its roof"),
    )
    roofs = _roofs(found.anatomy)
    lines = []
    for each in found.energies:
        work = each.work
        energies = (each.arithmetic, each.movement, each.total)
        lines.append(
            (
                work.layer or ITSELF,
                work.module,
                *((work.stage.value,) if step else ()),
                grouped(work.macs),
                *(joules_text(part.middle * 1e-12) for part in energies),
                _time(work.seconds),
                (_of_peak(found.anatomy, work), limit(found.anatomy, work) or ""),
                roofs.get((work.layer, work.stage), ""),
            )
        )
    return number_table(headings, lines, words=2 + len(stage))


def _time(spread: Spread | None) -> tuple[str, str]:
    """The median, and the quartiles below it."""
    if spread is None:
        return "", ""
    quartiles = f"{seconds_text(spread.low)} to {seconds_text(spread.high)}"
    return seconds_text(spread.median), quartiles


def peaks_table(anatomy: Anatomy) -> str:
    """The most that the machine did of everything, or why it did not."""
    lines = [
        (
            each.label,
            each.unavailable or "not measured"
            if each.per_second is None
            else rate_text(each.per_second, each.unit),
        )
        for each in anatomy.peaks
    ]
    return plain_table(("", "at most"), lines)


def layers_csv(study: Study, reuse: Reuse = FROM_DRAM) -> str:
    """One line per layer and stage: exact counts, seconds, and joules in every precision."""
    anatomy = study.anatomy
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    seconds = ("median (s)", "first_quartile (s)", "third_quartile (s)")
    parts = ("arithmetic (J)", "movement_low (J)", "movement_high (J)")
    joules = [f"{name} {part}" for name in SHOWN_PRECISIONS for part in parts]
    writer.writerow(["layer", "module", "stage", *COUNTS, *seconds, *joules, "reuse"])
    if anatomy is None:
        return out.getvalue()
    by_precision = [
        energies_at(anatomy.layers, name, reuse, study.batch_size) for name in SHOWN_PRECISIONS
    ]
    for place, work in enumerate(anatomy.layers):
        spread = work.seconds
        cells: list[Cell] = [work.layer, work.module, work.stage.value]
        cells += [getattr(work, name) for name in COUNTS]
        cells += [None] * 3 if spread is None else [spread.median, spread.low, spread.high]
        for energies in by_precision:
            found = energies[place]
            picojoules = found.arithmetic.middle, found.movement.low, found.movement.high
            cells += [each * 1e-12 for each in picojoules]
        writer.writerow([harmless(cell) for cell in (*cells, reuse.name)])
    return out.getvalue()


def _roofs(anatomy: Anatomy) -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (each.work.layer, each.work.stage): (share_text(each.share), each.roof.name)
        for each in points(anatomy)
        if each.roof is not None
    }


def _of_peak(anatomy: Anatomy, work: LayerWork) -> str:
    fastest = peak(anatomy, AS_RUN.name)
    if fastest is None or work.seconds is None or not work.seconds.median:
        return ""
    return share_text(operations(work) / work.seconds.median / fastest)
