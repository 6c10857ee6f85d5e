"""How it works, on a real model: its mask, and a module taken apart step by step."""

import streamlit as st

from efficiency.core.pruning import ModuleAnatomy
from efficiency.core.requests import PruneRequest
from efficiency.core.values import Study
from efficiency.exports.pruning_anatomy import anatomy_step
from pages.pruning.mask import mask
from pages.shared.escape import escape
from pages.shared.latest import shipped

IDEA = (
    "Pruning sets weights to zero, usually the smallest, in the hope that they matter least. A "
    "mask of the same shape says which ones are left. Move the slider: nothing is sent anywhere."
)
STEP = "pruning_step"


def layers(study: Study | None) -> None:
    """The mask of the study's layers, or of those that came with the program."""
    where = _with_masks(study)
    if where is None:
        st.info(
            "Prune a model below, and its weights can be looked at here.",
            icon=":material/grid_view:",
        )
        return
    st.markdown(f"{IDEA} These are the weights of **{escape(where.title)}**.")
    mask(where)


def anatomies(study: Study | None) -> None:
    """What PyTorch does to a module, line by line."""
    where = _with_masks(study)
    found = () if where is None or where.pruned is None else where.pruned.anatomies
    if found:
        st.subheader("What PyTorch does to a module", anchor=False)
        _steps(found)


def _with_masks(study: Study | None) -> Study | None:
    for each in (study, shipped(PruneRequest.kind)):
        if each is not None and each.pruned is not None and each.pruned.masks:
            return each
    return None


@st.fragment
def _steps(found: tuple[ModuleAnatomy, ...]) -> None:
    """One step of one sequence, and the way to the next."""
    sequence = 0
    if len(found) > 1:
        picked = st.segmented_control(
            "Sequence",
            range(len(found)),
            format_func=lambda place: (
                f"{escape(found[place].title)}, {escape(found[place].module)}"
            ),
            default=0,
            required=True,
            key="pruning_sequence",
            on_change=_first,
        )
        sequence = picked or 0
    anatomy = found[sequence]
    last = len(anatomy.steps) - 1
    st.session_state[STEP] = min(st.session_state.get(STEP, 0), last)
    picked_step = st.pills(
        "Step",
        range(last + 1),
        format_func=lambda step: f"{step + 1}. {escape(anatomy.steps[step].title)}",
        required=True,
        key=STEP,
        wrap=True,
    )
    place = picked_step or 0
    with st.container(horizontal=True):
        st.button(
            "Previous",
            icon=":material/arrow_back:",
            disabled=place == 0,
            key="pruning_previous",
            on_click=_go,
            args=(-1,),
        )
        st.button(
            "Next",
            icon=":material/arrow_forward:",
            type="primary",
            disabled=place == last,
            key="pruning_next",
            on_click=_go,
            args=(1,),
        )
    step = anatomy.steps[place]
    st.code(step.code, language="python", wrap_lines=True)
    st.markdown(escape(step.said))
    st.html(anatomy_step(anatomy, place))


def _first() -> None:
    st.session_state[STEP] = 0


def _go(steps: int) -> None:
    st.session_state[STEP] = max(0, st.session_state.get(STEP, 0) + steps)
