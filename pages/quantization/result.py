"""A quantization study: numbers, why, where time and noise go, which method, what others found."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from efficiency.charts.chart import Chart
from efficiency.charts.family import comparison_charts
from efficiency.charts.quantization import noise_charts, study_charts, time_charts
from efficiency.core.published import QUANTIZATION
from efficiency.core.quantization import Quantization
from efficiency.core.requests import QuantizeRequest
from efficiency.core.values import Study
from efficiency.exports import quantization
from efficiency.exports import quantization_tables as tables
from efficiency.exports.html import method_text
from efficiency.exports.programs.quantization import programs
from efficiency.exports.quantization_methods import (
    advised,
    decision_table,
    published_table,
    sources,
)
from efficiency.exports.quantization_sections import by_workload as own
from efficiency.exports.quantization_why import why
from efficiency.exports.table import study_table
from pages.quantization.predict import predicted
from pages.shared import downloads
from pages.shared.escape import escape
from pages.shared.latest import by_workload
from pages.shared.results import (
    arithmetic,
    caveats,
    chart_tabs,
    choices,
    coverage,
    findings,
    machine,
    more_numbers,
    table,
)

PUBLISHED_WORKLOADS = tuple(name for each in QUANTIZATION for name in (each.workload, each.trained))


def result(study: Study, key: str) -> None:
    """Everything a study says. `key` tells several apart."""
    found = study.quantized
    if found is None:
        st.info("This run recorded nothing; run it again.", icon=":material/info:")
        return
    caveats(study)
    st.markdown(escape(quantization.lede(study)))
    st.html(quantization.quantization_cards(study, predicted(study)))
    chart_tabs(comparison_charts(study), key)
    _why(study)
    _part(
        "Where the time goes",
        time_charts(study),
        key,
        (
            ("Every operator", found.operators, partial(tables.operator_table, study, found)),
            ("Every engine", found.engines, partial(tables.engine_table, found)),
        ),
    )
    _part(
        "Where the noise comes from",
        noise_charts(study),
        key,
        (("Every layer", found.layers, partial(tables.noise_table, study, found)),),
    )
    _part(
        "How many inputs, which seed",
        study_charts(study),
        key,
        (
            ("Calibration", found.calibration, partial(tables.calibration_table, study, found)),
            ("QAT over seeds", found.seeds, partial(tables.seed_table, study, found)),
        ),
    )
    _methods(study)
    _published(study)
    st.subheader("All candidates", anchor=False)
    st.html(study_table(study))
    _details(study, found, key)
    downloads.programs(programs(study), key)
    downloads.downloads(study, key)


def _why(study: Study) -> None:
    st.subheader("Why?", anchor=False)
    for about, sentence in why(study):
        st.markdown(f"**{escape(about)}.** {escape(sentence)}")
    arithmetic(quantization.FORMULA)
    if study.findings:
        with st.expander("What to do", icon=":material/lightbulb:"):
            findings(study)


def _part(
    title: str,
    charts: Sequence[Chart],
    key: str,
    behind: Sequence[tuple[str, object, Callable[[], str]]],
) -> None:
    """Charts under a title, and the tables behind them; nothing where there are none."""
    if not charts:
        return
    st.subheader(title, anchor=False)
    chart_tabs(charts, key)
    for name, there, make in behind:
        if there:
            table(name, make, key)


def _methods(study: Study) -> None:
    """The tutorial's table as an advisor: what it says of this model, and whether that held."""
    st.subheader("Which method?", anchor=False)
    if said := advised(study):
        st.markdown("  \n".join((f"**{escape(said[0])}**", *map(escape, said[1:]))))
    st.html(decision_table(study))


def _published(study: Study) -> None:
    st.subheader("Published beside measured", anchor=False)
    st.markdown(
        "The tutorial's three results, and under each (↳) the same architecture measured here. Its "
        "weights are random, so its accuracy is not measured; a smaller relative that is trained "
        "here shows what int8 does to one."
    )
    here = by_workload(QuantizeRequest.kind, PUBLISHED_WORKLOADS)
    st.html(published_table(here | own(study)))
    st.caption(escape(sources()))


def _details(study: Study, found: Quantization, key: str) -> None:
    more_numbers(study, key)
    coverage(study, key, partial(tables.coverage_table, study))
    with st.expander("How this was measured", icon=":material/help:"):
        st.markdown(escape(method_text(study)))
    choices(study, [("engine that was used", found.engine or "none")])
    machine(study)
