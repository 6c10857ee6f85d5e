"""Runs side by side: their candidates, then their machines, with the differences marked."""

from collections.abc import Sequence

import streamlit as st

from efficiency.core.values import Row, Study
from efficiency.exports.html import environment_lines
from efficiency.exports.table import comparison_table, plain_table
from efficiency.exports.text import numbers
from efficiency.jobs import Run
from pages.shared import run_list

MOMENTS = {"Measured at", "Others' load before", "Others' load during"}


def compare(runs: Sequence[Run]) -> None:
    """Two tables; runs without a study are left out, and that is said."""
    able = [(run, run.study) for run in runs if run.study is not None and run.study.rows]
    if len(able) < len(runs):
        st.info("Runs without a result cannot be compared.", icon=":material/info:")
    if len(able) < 2:
        return
    headings = ["", *(f"{run_list.title(run)} ({run.id[:6]})" for run, _ in able)]
    st.subheader("Candidates", anchor=False)
    labels = {row.name: row.label for _, study in able for row in study.rows}
    rows = [{row.name: row for row in study.rows} for _, study in able]
    lines = [[label, *(cell(each.get(name)) for each in rows)] for name, label in labels.items()]
    st.html(plain_table(headings, lines))
    st.subheader("Request, machine and software", anchor=False)
    st.caption("Lines that differ are marked: what they differ in may explain the numbers.")
    st.html(comparison_table(headings, circumstances([study for _, study in able])))


def circumstances(studies: Sequence[Study]) -> list[list[str]]:
    """What was asked and where it was measured, one line each: the name, then a value a run."""
    asked = [study.request for study in studies]
    names = dict.fromkeys(name for request in asked for name in request)
    lines = [[name, *map(_choice, (request.get(name) for request in asked))] for name in names]
    machines = [dict(environment_lines(study.environment)) for study in studies]
    lines += [
        [name, *(machine[name] for machine in machines)]
        for name in machines[0]
        if name not in MOMENTS
    ]
    return lines


def _choice(value: object) -> str:
    return "not given" if value is None else str(value)


def cell(row: Row | None) -> str:
    """The numbers of a candidate in one cell."""
    if row is None:
        return "not part of this run"
    if row.unavailable is not None:
        return f"not available: {row.unavailable}"
    return ", ".join(numbers(row))
