"""An energy study with controls that answer at once: nothing here starts a run."""

from functools import lru_cache, partial

import streamlit as st

from efficiency.charts.chart import Chart
from efficiency.charts.energy import SHOWN_PRECISIONS, energy_charts
from efficiency.core.anatomy import Anatomy
from efficiency.core.energy import PRECISIONS, Reuse, reuses
from efficiency.core.values import Study
from efficiency.exports.energy import (
    FINDINGS_TITLE,
    METHOD,
    Account,
    account,
    energy_cards,
    formula,
    meter_text,
    why,
)
from efficiency.exports.energy_layers import LAYER_NOTE, layer_table, layers_csv, peaks_table
from efficiency.exports.table import study_table
from pages.energy import money
from pages.shared import downloads, lazy
from pages.shared.escape import escape
from pages.shared.results import arithmetic, caveats, chart_tabs, findings, folded_html, machine


@st.fragment
def result(study: Study, key: str) -> None:
    """Everything a study says. `key` tells several apart; only this part is drawn again."""
    if study.anatomy is None:
        st.info("This run took no model apart; run it again.", icon=":material/info:")
        return
    caveats(study)
    precision, reuse = _controls(study.anatomy)
    found = account(study, precision, reuse)
    st.html(energy_cards(found))
    chart_tabs(_charts(study.anatomy, study.batch_size, precision, reuse), key)
    _why(found)
    _findings(study)
    st.subheader("Money and carbon", anchor=False)
    money.money(found)
    _tables(study, found, key)
    machine(study)
    layers = partial(layers_csv, reuse=reuse)
    downloads.downloads(study, key, more=(("CSV of layers", "layers.csv", "text/csv", layers),))


def _controls(anatomy: Anatomy) -> tuple[str, Reuse]:
    """Precision and reuse assumption; both are in the address, so a teacher can share them."""
    assumptions = {each.name: each for each in reuses(anatomy.caches)}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        precision = st.segmented_control(
            "Precision",
            SHOWN_PRECISIONS,
            default=SHOWN_PRECISIONS[0],
            required=True,
            key="energy_precision",
            bind="query-params",
        )
        name = st.selectbox(
            "What travels how far",
            list(assumptions),
            format_func=lambda name: assumptions[name].label,
            key="energy_reuse",
            bind="query-params",
            width=330,
        )
    reuse = assumptions[name]
    note = PRECISIONS[precision].note
    st.caption(escape(f"{reuse.meaning} {note[:1].upper()}{note[1:]}{'.' if note else ''}"))
    return precision, reuse


@lru_cache(maxsize=24)
def _charts(anatomy: Anatomy, batch_size: int, precision: str, reuse: Reuse) -> tuple[Chart, ...]:
    """The figures, made once for everybody who looks at the same study in the same way."""
    return energy_charts(anatomy, batch_size, precision, reuse)


def _why(found: Account) -> None:
    st.subheader("Why?", anchor=False)
    for sentence in why(found):
        st.markdown(escape(sentence))
    arithmetic(formula(found))
    st.markdown("**Measured energy.** " + " ".join(map(escape, meter_text(found.anatomy))))
    if found.anatomy.uncounted:
        listed = ", ".join(found.anatomy.uncounted)
        st.caption(escape(f"Operators that ran but have no formula here: {listed}."))


def _findings(study: Study) -> None:
    if study.findings:
        with st.expander(FINDINGS_TITLE, icon=":material/lightbulb:"):
            findings(study)


def _tables(study: Study, found: Account, key: str) -> None:
    lazy.folded(
        f"Every layer ({len(found.anatomy.layers)})",
        partial(_layers, found),
        key=f"{key}_layers",
        icon=":material/stacks:",
    )
    lazy.folded(
        "Every precision, and what was measured",
        partial(_precisions, study),
        key=f"{key}_precisions",
        icon=":material/table:",
    )
    if found.anatomy.peaks:
        make = partial(peaks_table, found.anatomy)
        folded_html("The most that the machine did", make, key, ":material/speed:")


def _layers(found: Account) -> None:
    st.caption(escape(f"In {found.precision.label}. {LAYER_NOTE}"))
    st.html(layer_table(found))


def _precisions(study: Study) -> None:
    st.html(study_table(study))
    st.markdown(escape(METHOD))
