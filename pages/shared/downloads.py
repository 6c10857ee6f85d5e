"""What can be taken away from a run. Nothing is made before somebody clicks.

Streamlit reads what it is given, a file too, into memory, once for everybody who takes the same,
and forgets it one or two page runs after the click. So an archive is made on the disk: it is in
memory once, not twice.
"""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from efficiency.core import paths
from efficiency.core.units import bytes_text
from efficiency.core.values import Study
from efficiency.exports import archive, html, text
from efficiency.exports.programs.program import Program
from efficiency.jobs import Run
from pages.shared import lazy
from pages.shared.escape import escape

# Label, extension, kind of content, and what makes it of a study when somebody clicks.
Download = tuple[str, str, str, Callable[[Study], str | bytes]]
ALWAYS: tuple[Download, ...] = (
    ("HTML report", "html", "text/html", html.html_text),
    ("CSV", "csv", "text/csv", text.csv_text),
    ("JSON", "json", "application/json", text.json_bytes),
)


def downloads(study: Study, name: str, more: Sequence[Download] = ()) -> None:
    """The study as HTML, CSV and JSON, what else a page offers, and the command that repeats it."""
    st.subheader("Take it away", anchor=False)
    with st.container(horizontal=True):
        for label, extension, mime, make in (*ALWAYS, *more):
            st.download_button(
                label,
                data=partial(make, study),
                file_name=f"efficiency-{name}.{extension}",
                mime=mime,
                icon=":material/download:",
                key=f"download_{extension}_{name}",
                on_click="ignore",
            )
    lazy.folded(
        "The same on the command line",
        partial(_command, study),
        key=f"{name}_command",
        icon=":material/terminal:",
    )


def _command(study: Study) -> None:
    if not study.request.get("workload"):
        st.caption("With your file in place of MODEL\\_FILE:")
    st.code(text.command_line(study), language="bash", wrap_lines=True)


def programs(written: Sequence[Program], key: str) -> None:
    """Programs that do in PyTorch what the rows did, each to read and to take away."""
    if not written:
        return
    parts = [(escape(each.title), partial(_program, each, key)) for each in written]
    lazy.folded(
        "The same in PyTorch, one program for each row",
        partial(lazy.tabs, parts, f"programs_{key}"),
        key=f"{key}_programs",
        icon=":material/code:",
    )


def _program(program: Program, key: str) -> None:
    st.download_button(
        program.file_name,
        data=partial(str, program.source),  # on the click; else it is offered before
        file_name=program.file_name,
        mime="text/x-python",
        icon=":material/download:",
        key=f"program_{program.file_name}_{key}",
        on_click="ignore",
    )
    st.code(program.source, language="python", height=420)


def folded_code(label: str, source: str, key: str) -> None:
    """One program to read, that can be opened."""
    draw = partial(st.code, source, language="python", height=420)
    lazy.folded(label, draw, key=f"{key}_code", icon=":material/code:")


def variant_downloads(run: Run, study: Study) -> None:
    """The compressed models: the very folders that were measured, zipped."""
    folder = paths.run_folder(run.id)
    there = set(archive.variants(folder))
    rows = [row for row in study.rows if row.name in there]
    if not rows:
        return
    st.subheader("The compressed models", anchor=False)
    st.caption("Each archive holds the weights that were measured and a script that loads them.")
    with st.container(horizontal=True):
        for row in rows:
            st.download_button(
                f"{escape(row.label)} ({bytes_text(archive.variant_bytes(folder / row.name))})",
                data=partial(archive.archive, folder, row.name),
                file_name=f"{row.name}.zip",
                mime="application/zip",
                icon=":material/folder_zip:",
                key=f"variant_{run.id}_{row.name}",
                on_click="ignore",
            )
