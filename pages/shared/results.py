"""A finished study on a page: headlines, findings, charts, tables, machine, downloads."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from efficiency.charts.chart import Chart
from efficiency.charts.family import charts
from efficiency.charts.style import enlarge
from efficiency.charts.weights import histogram_figure
from efficiency.core.judgement import rule
from efficiency.core.units import seconds_text
from efficiency.core.values import Study
from efficiency.exports import html
from efficiency.exports.columns import columns
from efficiency.exports.headlines import headlines
from efficiency.exports.table import literal, plain_table, study_table
from pages.shared import frame, lazy
from pages.shared.escape import escape

ABOUT_THE_MODEL = ("kind", "workload", "model", "architecture", "input_shape", "device")
PLOT_CONFIG = {
    "displaylogo": False,
    "displayModeBar": "hover",
    "toImageButtonOptions": {"scale": 2},
}


def results(study: Study, key: str) -> None:
    """Everything a study says. `key` tells several on one page apart."""
    caveats(study)
    if headlines(study):
        st.html(html.headline_cards(study))
        st.caption(escape(rule(study)))
    chart_tabs(charts(study), key)
    if study.findings:
        st.subheader("Why?", anchor=False)
        findings(study)
    st.subheader("All candidates", anchor=False)
    st.html(study_table(study))
    _details(study, key)


def caveats(study: Study) -> None:
    """What people must know before they read the numbers."""
    if study.environment.disturbed:
        st.warning(
            f"The times are doubtful: {escape(study.environment.disturbed)}",
            icon=":material/warning:",
        )
    for caveat in study.caveats:
        st.info(escape(caveat), icon=":material/info:")


def origin(study: Study, *, shipped: bool) -> None:
    """The badge that says where the numbers come from."""
    where = f"{study.environment.cpu}, {study.environment.measured_at[:16].replace('T', ' ')} UTC"
    with st.container(horizontal=True, vertical_alignment="center"):
        if shipped:
            st.badge("measured elsewhere", icon=":material/inventory_2:", color="gray")
        else:
            st.badge("measured here", icon=":material/verified:", color="green")
        st.caption(escape(where))


def findings(study: Study) -> None:
    """What was found, the numbers behind it, what to do next."""
    for each in study.findings:
        st.markdown(
            f"**{escape(each.finding)}** {escape(each.evidence)}  \n"
            f":material/arrow_forward: {escape(each.next_step)}"
        )


def arithmetic(text: str) -> None:
    """Lines of arithmetic; not as code, whose colours are 1.5 MB of script more to load."""
    st.html(f'<pre class="lab-formula">{literal(text)}</pre>')


def chart_tabs(shown: Sequence[Chart], key: str) -> None:
    """A tab for each chart, with how to read it."""
    if shown:
        parts = [(each.title, partial(draw_chart, each, key)) for each in shown]
        lazy.tabs(parts, f"{key}_{shown[0].name}_tabs")


def table(name: str, make: Callable[[], str], key: str) -> None:
    """What is behind a chart, as a table that can be opened; `make` gives its HTML."""
    folded_html(f"{name}, as a table", make, key, ":material/table:")


def folded_html(label: str, make: Callable[[], str], key: str, icon: str) -> None:
    """HTML that can be opened, and is made when it is; labels on a page with one key differ."""
    lazy.folded(label, lambda: st.html(make()), key=f"{key}_{label}", icon=icon)


def draw_chart(chart: Chart, key: str) -> None:
    """How to read a chart, and the chart; larger for a projector."""
    st.caption(escape(chart.reading))
    figure = enlarge(chart.figure, frame.LARGE) if frame.presenting() else chart.figure
    st.plotly_chart(figure, key=f"{key}_{chart.name}", config=PLOT_CONFIG)


def machine(study: Study) -> None:
    """Notes, machine and software, and where the time went."""
    if study.notes:
        with st.expander("Notes", icon=":material/notes:"):
            st.markdown("\n".join(f"- {escape(note)}" for note in study.notes))
    with st.expander("Machine, software, and where the time went", icon=":material/memory:"):
        st.html(plain_table(("", ""), html.environment_lines(study.environment)))
        lines = [(each.name, seconds_text(each.seconds)) for each in study.phases]
        if lines:
            st.html(plain_table(("Part of the run", "wall time"), lines))


def choices(study: Study, more: Sequence[tuple[str, object]] = ()) -> None:
    """What the run was asked to do, beside the model, and what came of it."""
    said = [
        (name.replace("_", " "), ", ".join(value) if isinstance(value, list | tuple) else value)
        for name, value in study.request.items()
        if name not in ABOUT_THE_MODEL
    ]
    with st.expander("The choices of this run", icon=":material/tune:"):
        st.html(plain_table(("", ""), [*said, *more]))


def _details(study: Study, key: str) -> None:
    with st.expander("What the columns mean", icon=":material/help:"):
        notes = [each for each in columns(study) if each.heading and each.note]
        st.markdown(
            "\n".join(f"- **{escape(each.heading)}**: {escape(each.note)}" for each in notes)
        )
        st.markdown(escape(html.method_text(study)))
    more_numbers(study, key)
    coverage(study, key)
    if study.layers:
        lazy.folded(
            f"Every layer ({len(study.layers)})",
            partial(_layers, study, key),
            key=f"{key}_layers",
            icon=":material/stacks:",
        )
    machine(study)


def more_numbers(study: Study, key: str) -> None:
    """The columns that do not fit beside the others."""
    folded_html("More numbers", partial(study_table, study, details=True), key, ":material/table:")


def coverage(study: Study, key: str, made: Callable[[], str] | None = None) -> None:
    """Which layers of every candidate changed; `made` is the page's own HTML of it."""
    if not (covered := html.coverage_lines(study)):
        return
    make = made or partial(plain_table, html.COVERAGE_HEADINGS, covered)
    folded_html("Which layers changed, which did not, and why", make, key, ":material/layers:")


def _layers(study: Study, key: str) -> None:
    largest = max(range(len(study.layers)), key=lambda place: study.layers[place].parameters)
    layer = st.selectbox(
        "Distribution of",
        study.layers,
        index=largest,
        format_func=lambda each: each.name,
        key=f"{key}_layer",
    )
    if layer is not None:
        st.plotly_chart(histogram_figure(layer), key=f"{key}_histogram", config=PLOT_CONFIG)
    st.html(plain_table(html.LAYER_HEADINGS, html.layer_lines(study)))
