"""Choosing network, data and sizes; what takes hours asks first."""

from dataclasses import dataclass

import streamlit as st

from efficiency.core.errors import EfficiencyError
from efficiency.core.lottery import TrainingSettings
from efficiency.core.requests import (
    LOTTERY_PRESETS,
    LOTTERY_WORKLOADS,
    SCOPES,
    LotteryRequest,
)
from efficiency.core.units import seconds_text
from efficiency.exports.columns import grouped
from efficiency.routines.tickets.settings import PRESETS, networks, settings_of
from efficiency.workloads import catalogue, idx
from pages.shared.escape import escape
from pages.shared.fields import Fields
from pages.shared.latest import Shown
from pages.shared.run_panel import start

FIELDS = Fields("lottery", LotteryRequest())
PAPER = "paper"
COUNTS = (
    ("rounds", "Rounds of pruning", 40),
    ("seeds", "Seeds", 20),
    ("iterations", "Iterations", 1_000_000),
)
RATES = (("rate", "Pruned a round"), ("output_rate", "In the output layer"))
FROM_ZERO = (
    ("rewind_iteration", "Rewind to iteration", 1_000_000),
    ("seed", "First seed", 2**31 - 1),
)
SCOPE_LABELS = {"layer": "each layer", "global": "all layers"}
WIDTH = 170  # of a field, in pixels
DATA_LABELS = {"digits": "digits", "fashion-mnist": "Fashion-MNIST", "mnist": "MNIST"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The choices that everybody makes; the sizes are apart."""

    workload: str
    data: str
    preset: str
    device: str

    @property
    def usual(self) -> TrainingSettings:
        """What the preset takes where nothing else is said."""
        return PRESETS[self.preset, self.workload]


@st.fragment
def choose(shown: Shown | None) -> None:
    """The controls, and the button that starts the run."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        workload = st.selectbox(
            "Network",
            LOTTERY_WORKLOADS,
            format_func=lambda name: catalogue.get(name).label,
            key="lottery_workload",
            bind="query-params",
            help=FIELDS.help["workload"],
            width=240,
        )
        data = st.selectbox(
            "Data",
            idx.available(),
            format_func=lambda name: DATA_LABELS[name],
            key="lottery_data",
            help="Digits always are here; others where they are installed.",
            width=180,
        )
        preset = st.segmented_control(
            "Sizes",
            LOTTERY_PRESETS,
            default=LOTTERY_PRESETS[0],
            required=True,
            key="lottery_preset",
            help=FIELDS.help["preset"],
        )
        device = FIELDS.device("cpu")
    chosen = Chosen(workload=workload, data=data, preset=str(preset), device=device)
    try:
        request = _request(chosen, _sizes(chosen))
        settings = settings_of(request)
    except EfficiencyError as error:
        st.error(escape(error), icon=":material/error:")
        return
    st.caption(escape(_description(settings, _seconds(request, settings, shown))))
    confirmed = chosen.preset != PAPER or _confirmed()
    if not st.button(
        "Run",
        type="primary",
        icon=":material/play_arrow:",
        key="lottery_run",
        disabled=not confirmed,
    ):
        return
    start(lambda: request)


def _request(chosen: Chosen, sizes: dict[str, object]) -> LotteryRequest:
    """What is going to be asked. Raises BadInput."""
    return LotteryRequest(
        workload=chosen.workload,
        data=chosen.data,
        preset=chosen.preset,
        device=chosen.device,
        **sizes,  # type: ignore[arg-type]
    )


def _sizes(chosen: Chosen) -> dict[str, object]:
    """What somebody filled in; what is not in it is the preset's."""
    usual = chosen.usual
    found: dict[str, object] = {}
    expander = st.expander("Rounds, rates, seeds", icon=":material/tune:")
    with expander, st.container(horizontal=True, vertical_alignment="bottom"):
        for name, label, most in COUNTS:
            count = st.number_input(
                label,
                1,
                most,
                None,
                key=f"lottery_{name}",
                placeholder=str(getattr(usual, name)),
                help=FIELDS.help[name],
                width=WIDTH,
            )
            found[name] = None if count is None else int(count)
        for name, label in RATES:
            found[name] = st.number_input(
                label,
                0.01,
                0.99,
                None,
                step=0.05,
                key=f"lottery_{name}",
                placeholder=f"{getattr(usual, name):g}",
                help=FIELDS.help[name],
                width=WIDTH,
            )
        for name, label, most in FROM_ZERO:
            found[name] = int(
                st.number_input(
                    label, 0, most, 0, key=f"lottery_{name}", help=FIELDS.help[name], width=WIDTH
                )
            )
        found["scope"] = st.segmented_control(
            "The smallest of",
            SCOPES,
            default=SCOPES[0],
            required=True,
            format_func=lambda scope: SCOPE_LABELS[scope],
            key="lottery_scope",
            help=FIELDS.help["scope"],
        )
    return found


def _description(settings: TrainingSettings, seconds: float | None) -> str:
    """What is going to happen, before it does."""
    rounds = "1 round" if settings.rounds == 1 else f"{settings.rounds} rounds"
    seeds = "1 seed" if settings.seeds == 1 else f"{settings.seeds} seeds"
    said = (
        f"{rounds} of pruning with {seeds}: {networks(settings)} networks, each trained for "
        f"{grouped(settings.iterations)} iterations of {settings.batch_size} images."
    )
    if seconds is not None:
        said += f" About {seconds_text(seconds)}, at the speed of the last such run here."
    return said


def _seconds(
    request: LotteryRequest, settings: TrainingSettings, shown: Shown | None
) -> float | None:
    """How long it will take, by what the same network last took here; None if that is not known."""
    last = None if shown is None or shown.run is None else shown.study
    if last is None or last.lottery is None or not last.lottery.steps_per_second:
        return None
    same = ("workload", "data", "device")
    if any(last.request.get(name) != getattr(request, name) for name in same):
        return None
    return networks(settings) * settings.iterations / last.lottery.steps_per_second


def _confirmed() -> bool:
    """Say what the paper's sizes take, and ask: everybody else waits for it."""
    st.warning(
        "The sizes of the paper take **hours** on a CPU, and one measurement runs at a time. You "
        "can cancel it: what is done stays, and the same run started again goes on where it was.",
        icon=":material/hourglass_top:",
    )
    return st.checkbox("Start it all the same", key="lottery_confirm")
