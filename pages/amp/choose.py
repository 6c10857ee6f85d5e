"""Choosing what to train, in which precision, at which sizes; what is very slow asks first."""

from dataclasses import dataclass, replace
from math import prod

import streamlit as st

from efficiency import jobs
from efficiency.core.mixed import CONFIRM, PRESETS, TrainingSizes
from efficiency.core.requests import AMP_DTYPES, AMP_PRESETS, AMP_WORKLOADS, AmpRequest
from efficiency.core.units import seconds_text
from efficiency.jobs import Run, State
from efficiency.workloads import catalogue
from pages.shared.escape import escape
from pages.shared.fields import Fields
from pages.shared.latest import Shown, latest
from pages.shared.run_panel import follow, start

FIELDS = Fields("amp", AmpRequest())
MLP = "mlp"  # the tutorial's network, on random data
MLP_LABEL = "MLP, the tutorial's network"
MOST = {"batch_size": 1 << 16, "width": 1 << 15, "layers": 64, "batches": 10_000, "epochs": 1_000}
# fp16 training against fp32, seen on a CPU without fp16 arithmetic. A run here tries a step first
# and says what it takes on this machine.
TIMES_SLOWER = (40, 100)
HALF_ROWS, OTHER_ROWS = 2, 4  # of a float16 study on a CPU


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The choices that everybody makes; the sizes are apart."""

    workload: str
    preset: str
    dtype: str
    device: str

    @property
    def very_slow(self) -> bool:
        """Known without looking at the machine."""
        return self.dtype == "float16" and self.device == "cpu"


def last() -> Shown | None:
    """The newest study of this kind, here or shipped."""
    return latest(AmpRequest.kind)


@st.fragment
def choose(shown: Shown | None) -> None:
    """The controls, and the button that starts the run."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        workload = st.selectbox(
            "Network",
            AMP_WORKLOADS,
            format_func=_label,
            key="amp_workload",
            bind="query-params",
            help=FIELDS.help["workload"],
            width=260,
        )
        preset = st.segmented_control(
            "Sizes",
            AMP_PRESETS,
            default=AMP_PRESETS[0],
            required=True,
            key="amp_preset",
            help=FIELDS.help["preset"],
        )
        dtype = st.segmented_control(
            "Lower precision",
            AMP_DTYPES,
            default=AMP_DTYPES[0],
            required=True,
            key="amp_dtype",
            help=FIELDS.help["dtype"],
        )
        device = FIELDS.device("cuda")
    chosen = Chosen(workload=workload, preset=str(preset), dtype=str(dtype), device=device)
    st.caption(escape(_description(chosen)))
    sizes = _sizes(chosen)
    confirmed = not chosen.very_slow or _confirmed(chosen, sizes, shown)
    if not st.button(
        "Run", type="primary", icon=":material/play_arrow:", key="amp_run", disabled=not confirmed
    ):
        return
    start(
        lambda: AmpRequest(
            workload=chosen.workload,
            preset=chosen.preset,
            dtype=chosen.dtype,
            device=chosen.device,
            batch_size=sizes.get("batch_size"),
            width=sizes.get("width"),
            layers=sizes.get("layers"),
            batches=sizes.get("batches"),
            epochs=sizes.get("epochs"),
            sweep=bool(st.session_state.get("amp_sweep")),
            confirm_slow=chosen.very_slow,
        )
    )


def confirm(run: Run) -> None:
    """Start all the same what was refused only because it would be slow: the page said so."""
    request = run.request
    if not (run.state == State.FAILED and run.bad_input and isinstance(request, AmpRequest)):
        return
    if request.confirm_slow or not (run.error or "").endswith(CONFIRM):
        return
    if st.button("Start it all the same", icon=":material/hourglass_top:", key="amp_confirm"):
        follow(jobs.submit(replace(request, confirm_slow=True)))


def _label(workload: str) -> str:
    return MLP_LABEL if workload == MLP else catalogue.get(workload).label


def _description(chosen: Chosen) -> str:
    if chosen.workload != MLP:
        whole = chosen.preset == "tutorial"
        part = "All of its usual training" if whole else "The first part of its usual training"
        return f"{catalogue.get(chosen.workload).description} {part}."
    sizes = PRESETS[chosen.preset]
    return (
        f"{sizes.layers} layers {sizes.width} wide with ReLU on random data, {sizes.epochs} epochs "
        f"of {sizes.batches} batches of {sizes.batch_size}, SGD, mean squared error."
    )


def _sizes(chosen: Chosen) -> dict[str, int]:
    """The sizes that somebody filled in; what is not in it is the preset's or the workload's."""
    found = {}
    with st.expander("Other sizes, and a sweep", icon=":material/tune:"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            for name, most in MOST.items():
                if chosen.workload != MLP and name in ("width", "layers"):
                    continue
                value = st.number_input(
                    name.replace("_", " ").capitalize(),
                    1,
                    most,
                    None,
                    key=f"amp_{name}",
                    placeholder=_usual(chosen, name),
                    help=FIELDS.help[name],
                    width=150,
                )
                if value is not None:
                    found[name] = int(value)
        st.checkbox(FIELDS.help["sweep"], key="amp_sweep")
    return found


def _usual(chosen: Chosen, name: str) -> str:
    return str(getattr(PRESETS[chosen.preset], name)) if chosen.workload == MLP else "its own"


def _confirmed(chosen: Chosen, sizes: dict[str, int], shown: Shown | None) -> bool:
    """Say how slow it will be, and ask."""
    low, high = TIMES_SLOWER
    st.warning(
        f"float16 on a CPU: without float16 arithmetic, which few CPUs have, training was **{low} "
        f"to {high} times slower** than in float32 on another machine."
        f"{_duration(chosen, sizes, shown)} bfloat16 is the lower precision that CPUs are made "
        "for.",
        icon=":material/hourglass_top:",
    )
    return st.checkbox("Start it all the same", key="amp_confirm_slow")


def _duration(chosen: Chosen, sizes: dict[str, int], shown: Shown | None) -> str:
    """How long it would take, scaled from what a step of the mlp in float32 last took here."""
    if shown is None or shown.run is None or shown.study.mixed is None:
        return ""
    timing, before = shown.study.rows[0].timing, shown.study.mixed.sizes
    on_cpu = shown.study.request.get("device") == "cpu"
    if chosen.workload != MLP or not on_cpu or timing is None or before is None or not before.width:
        return ""
    after = replace(PRESETS[chosen.preset], **sizes)
    step = timing.median_seconds * _products(after) / _products(before)
    low, high = (
        seconds_text(after.steps * step * (HALF_ROWS * times + OTHER_ROWS))
        for times in TIMES_SLOWER
    )
    return f" If so here too, this one will take about **{low} to {high}**."


def _products(sizes: TrainingSizes) -> int:
    """Multiply-accumulates of a forward pass; the other passes are in proportion."""
    return prod((sizes.batch_size, sizes.layers or 1, sizes.width or 1, sizes.width or 1))
