"""Money and carbon of a workload, from the estimate or from what the machine's counter said."""

from math import floor, log10

import streamlit as st

from efficiency.core.cost import DAYS_PER_YEAR, Tariff, cost
from efficiency.core.errors import BadInput
from efficiency.core.units import grams_text, watt_hours_text
from efficiency.exports.columns import THIN
from efficiency.exports.energy import Account, measured
from efficiency.exports.table import card
from pages.shared.escape import escape

ESTIMATE, MEASURED = "the estimate", "the measurement"
DEFAULTS = (
    "The defaults: 0.25 a kWh is only an example; 481 g of CO2 a kWh is the world's electricity in "
    "2023 (Ember, as Statista gives it); a PUE of 1.58 is the average that data centres reported "
    "in 2023 (Uptime Institute's survey)."
)
LEAVES_OUT = {
    ESTIMATE: "Computed from the estimate: arithmetic and data movement of a 45 nm chip, nothing "
    "else. A whole machine takes far more; what the numbers show is what changes.",
    MEASURED: "Computed from the counter's reading above idle: without idle power, and without "
    "what the counter does not see, such as disks, fans and the power supply.",
}


def money(found: Account) -> None:
    """Prices in, costs a day and a year out."""
    training = bool(found.study.request.get("training"))
    runs, tariff, source = _inputs(found, training)
    if tariff is None:
        return
    inputs = 1 if training else found.study.batch_size
    try:
        year, day = (
            [cost(each / inputs, runs * days, tariff) for each in _joules(found, source)]
            for days in (DAYS_PER_YEAR, 1)
        )
    except BadInput as error:
        st.error(escape(error), icon=":material/error:")
        return
    cards = ""
    for title, field, text in (
        ("Energy a year", "kwh", watt_hours_text),
        ("Money a year", "money", money_text),
        ("CO2 a year", "grams_co2", grams_text),
    ):
        low, middle, high = (text(getattr(each, field)) for each in year)
        within = "" if low == high else f"{low} to {high}"
        cards += card(title, middle, within, f"{text(getattr(day[1], field))} a day")
    st.html(f'<div class="lab-cards">{cards}</div>')
    st.caption(escape(f"{LEAVES_OUT[source]} {DEFAULTS}"))


def money_text(amount: float) -> str:
    """An amount to the hundredth, or to two digits where it is less than that."""
    if amount and abs(amount) < 0.1:
        return f"{amount:.{1 - floor(log10(abs(amount)))}f}"
    return f"{amount:,.2f}".replace(",", THIN)


def _inputs(found: Account, training: bool) -> tuple[float, Tariff | None, str]:
    """What somebody pays, with limits; the tariff is None where it was refused."""
    what = "Training steps a day" if training else "Inferences a day"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        runs = st.number_input(
            what,
            0,
            10**12,
            1_000_000,
            step=1_000,
            key="energy_runs",
            persist_state="session",
            width=210,
        )
        price = st.number_input(
            "Price of a kWh",
            0.0,
            100.0,
            0.25,
            step=0.01,
            key="energy_price",
            persist_state="session",
            help="In any currency.",
            width=170,
        )
        grams = st.number_input(
            "g CO2 per kWh",
            0.0,
            5_000.0,
            481.0,
            step=10.0,
            format="%.0f",
            key="energy_grams",
            persist_state="session",
            width=170,
        )
        pue = st.number_input(
            "PUE",
            1.0,
            10.0,
            1.58,
            step=0.01,
            key="energy_pue",
            persist_state="session",
            help="Power usage effectiveness: energy of the building per joule of its computers.",
            width=150,
        )
        source = ESTIMATE
        if measured(found.study) is not None:
            chosen = st.segmented_control(
                "From", (MEASURED, ESTIMATE), default=MEASURED, required=True, key="energy_source"
            )
            source = str(chosen)
    try:
        tariff = Tariff(price_per_kwh=price, grams_co2_per_kwh=grams, usage_effectiveness=pue)
    except BadInput as error:
        st.error(escape(error), icon=":material/error:")
        return float(runs), None, source
    return float(runs), tariff, source


def _joules(found: Account, source: str) -> tuple[float, float, float]:
    """Joules of one pass: low, middle, high."""
    energy = measured(found.study)
    if source == MEASURED and energy is not None and energy.joules is not None:
        return energy.low or energy.joules, energy.joules, energy.high or energy.joules
    whole = found.whole.total
    return whole.low * 1e-12, whole.middle * 1e-12, whole.high * 1e-12
