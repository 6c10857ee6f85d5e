"""The mask: the weights of a study's layers, and in the browser which of them go at any sparsity.

The weights travel to the browser once, and what was measured with them; after that the server is
asked nothing.
"""

import hashlib
from dataclasses import asdict
from pathlib import Path

import streamlit as st

from efficiency.charts.pruning import curve
from efficiency.core.pruning import MaskImage
from efficiency.core.units import share_text
from efficiency.core.values import Study
from efficiency.exports.pruning import PRUNED, TUNED, measured_facts, named

HERE = Path(__file__).parent
HOW = "Below each in small: the 95 % interval of the score, the 99 % interval of the speed."
KEYS = {  # as the browser calls them, where that is not the field's own name in camel case
    "parameter": "name",
    "module_type": "module",
}


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


# One module of three files: the browser has no address from which one could import another.
COMPONENT = st.components.v2.component(
    "pruning_mask",
    html=_read("mask.html"),
    css=_read("mask.css"),
    js=_read("weights.js") + _read("picture.js") + _read("mask.js"),
)


def mask(study: Study) -> None:
    """Draw it at the place where it is called; once on a page."""
    found = study.pruned
    if found is None or not found.masks:
        return
    key = hashlib.sha256(repr((study.rows, found.masks)).encode()).hexdigest()[:16]
    measured = measured_curve(study)
    COMPONENT(
        key="pruning_mask",
        data={
            "key": key,
            "layers": [document(each) for each in found.masks],
            "curve": measured,
            "run": measured_run(study),
            "scope": "global" if measured else "run",
            "how": HOW,
        },
    )


def measured_curve(study: Study) -> list[dict[str, object]]:
    """What was measured at each amount of zeros, as the browser shows it."""
    return [
        {
            "sparsity": point.sparsity,
            "title": f"{share_text(point.sparsity)} zeros" if point.sparsity else "no zeros",
            "facts": measured_facts(study, row, point.tuned_score),
        }
        for point, row in curve(study)
    ]


def measured_run(study: Study) -> list[dict[str, object]]:
    """The same of the network as it was, as pruned in this run, and fine-tuned."""
    rows = (study.rows[0], named(study, PRUNED), named(study, TUNED))
    return [
        {"sparsity": 0.0, "title": row.label, "facts": measured_facts(study, row)}
        for row in rows
        if row is not None
    ]


def document(image: MaskImage) -> dict[str, object]:
    """The picture as the browser takes it."""
    return {KEYS.get(name, _camel(name)): value for name, value in asdict(image).items()}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)
