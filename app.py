"""The dashboard: `streamlit run app.py`. Chooses the page, draws the frame around it.

Pages lie one folder down, as pages/<topic>/page.py: scripts directly in pages/ would make Streamlit
run them without this frame. The file is read twice: imported once when the server starts, and run
as a script for every visitor.
"""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from pages.shared import frame


def draw() -> None:
    """One run of the script: the page that the address names, in its frame."""
    st.set_page_config(
        page_title="Efficiency Lab", page_icon="pages/shared/icon.svg", layout="wide"
    )
    page = st.navigation(
        [
            st.Page("pages/home/page.py", title="Home", icon=":material/home:", default=True),
            st.Page(
                "pages/report/page.py",
                title="Compression report",
                icon=":material/compress:",
                url_path="report",
            ),
            st.Page(
                "pages/energy/page.py",
                title="Energy",
                icon=":material/bolt:",
                url_path="energy",
            ),
            st.Page(
                "pages/amp/page.py",
                title="Mixed precision",
                icon=":material/speed:",
                url_path="amp",
            ),
            st.Page(
                "pages/quantization/page.py",
                title="Quantization",
                icon=":material/grid_on:",
                url_path="quantization",
            ),
            st.Page(
                "pages/pruning/page.py",
                title="Pruning",
                icon=":material/content_cut:",
                url_path="pruning",
            ),
            st.Page(
                "pages/lottery/page.py",
                title="Lottery ticket",
                icon=":material/confirmation_number:",
                url_path="lottery",
            ),
            st.Page("pages/runs/page.py", title="Runs", icon=":material/history:", url_path="runs"),
        ],
        position="top",
    )
    frame.open_frame()
    frame.guarded(page.run)
    frame.close_frame()


if __name__ == "__main__":
    draw()
else:
    # Or the very first visitor of a server is told "Page not found" above any page but Home: until
    # st.navigation has run once, Streamlit takes a folder called pages/ for its older convention.
    PagesManager.uses_pages_directory = False
    app = st.App(__file__)
