"""Home: what do you want to save? One number each from the last report, and where to go next."""

import streamlit as st

from efficiency import jobs
from efficiency.core.judgement import rule
from efficiency.exports.html import headline_cards
from pages.home.lessons import LESSONS
from pages.shared import frame, run_list
from pages.shared.escape import escape
from pages.shared.latest import latest
from pages.shared.results import origin

REPORT = "pages/report/page.py"
STEPS = (
    ("Choose", "Bring a model file, or take one of the examples."),
    ("Compress", "Lower precision, quantization and pruning, each saved as a file of its own."),
    (
        "Measure",
        "All of them loaded again and timed side by side, round by round, on this machine.",
    ),
    ("Understand", "Faster, slower, or no measurable difference; and why."),
    ("Take away", "The compressed model with its loader, and the report as one file."),
)

frame.header(
    "What do you want to save?",
    "Measure what makes a neural network smaller, faster and cheaper on this machine, and what it "
    "costs in accuracy.",
)

shown = latest("report")
if shown is None:
    st.info(
        "Nothing has been measured here yet. The first report takes about a minute.",
        icon=":material/science:",
    )
else:
    st.html(headline_cards(shown.study))
    origin(shown.study, shipped=shown.run is None)
    st.caption(f"{escape(shown.study.title)}. {escape(rule(shown.study))}")

with st.container(horizontal=True, vertical_alignment="center"):
    if st.button("Measure a model", type="primary", icon=":material/play_arrow:"):
        st.switch_page(REPORT)
    if shown is not None and shown.run is not None:
        st.page_link(
            REPORT,
            label="Open the last report",
            icon=":material/open_in_new:",
            query_params={"run": shown.run.id},
        )

st.subheader("Learn what is behind it", anchor=False)
for column, lesson in zip(st.columns(len(LESSONS)), LESSONS, strict=True):
    with column, st.container(border=True, height="stretch"):
        st.markdown(f"**{lesson.title}**  \n{lesson.question}")
        if last := latest(lesson.kind):
            st.markdown(escape(lesson.number(last.study)))
            origin(last.study, shipped=last.run is None)
        st.page_link(run_list.page_of(lesson.kind), label="Open", icon=":material/arrow_forward:")

st.subheader("How it works", anchor=False)
for column, (number, (title, sentence)) in zip(
    st.columns(len(STEPS)), enumerate(STEPS, start=1), strict=True
):
    with column:
        st.markdown(f"**{number}. {title}**  \n{sentence}")

st.subheader("Recent runs", anchor=False)
waiting = jobs.queue_length()
st.caption(
    "Nothing is running; a new run starts at once."
    if not waiting
    else f"{waiting} run{'s' if waiting > 1 else ''} in the queue; a new one comes after."
)
run_list.links(jobs.recent(5))
