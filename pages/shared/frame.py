"""What surrounds every page: styles, large type for a projector, and one answer to our own errors.

Importing this module warms the process up: what it imports stays for good, so it is taken out of
the garbage collector's rounds once, and no later round has to look at it again.
"""

import gc
import logging
from collections.abc import Callable

import streamlit as st

from efficiency import intake, jobs
from efficiency.charts import family
from efficiency.core.errors import EfficiencyError
from efficiency.exports import html, text
from efficiency.exports.table import STYLE
from pages.shared.escape import escape

WARMED_UP = (intake, jobs, family, html, text)
gc.collect()
gc.freeze()

PAGE_STYLE = """
[data-testid="stMainBlockContainer"] { max-width: 1280px; padding: 4.5rem 3.5rem 3rem; }
.lab-lede { font-size: 1.1rem; opacity: .8; max-width: 48rem; margin: -.4rem 0 .4rem; }
.lab-quiet { opacity: .75; }
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] { padding: 4.5rem 1rem 2rem; }
}
"""
LARGE_TYPE = "html { font-size: 23px !important; }"
LARGE = 1.3
PRESENTER = "presenter"


def open_frame() -> None:
    """Styles; before the page, so that nothing is drawn twice."""
    large = LARGE_TYPE if presenting() else ""
    st.html(f"<style>{STYLE}{PAGE_STYLE}{large}</style>")


def close_frame() -> None:
    """The foot of every page."""
    st.divider()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle(
            "Presenter mode",
            key=PRESENTER,
            bind="query-params",
            persist_state="session",
            help="Large type for a projector.",
        )
        st.caption("Every number is measured on this machine, or says that it is not.")


def presenting() -> bool:
    """Whether the visitor wants large type."""
    asked = st.query_params.get(PRESENTER) == "true"  # before the switch itself is drawn
    return bool(st.session_state.get(PRESENTER, asked))


def header(title: str, lede: str) -> None:
    """Title of a page and one sentence on what it is for."""
    st.title(title, anchor=False)
    st.html(f'<p class="lab-lede">{lede}</p>')


def guarded(draw: Callable[[], None]) -> None:
    """Draw a page; an error that was foreseen becomes its sentence, another one goes to the log."""
    try:
        draw()
    except EfficiencyError as error:
        st.error(escape(error), icon=":material/error:")
    except Exception:
        logging.getLogger("efficiency").exception("A page failed")
        st.error(
            "Something went wrong on our side, and the log says what; reload the page to go on.",
            icon=":material/error:",
        )
