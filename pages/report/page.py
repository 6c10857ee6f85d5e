"""Compression report: choose a model, follow its run, read the result (`?run=<id>`)."""

import streamlit as st

from efficiency.core.requests import ReportRequest
from efficiency.core.values import Study
from efficiency.jobs import Run
from pages.report import choose
from pages.shared import downloads, frame, run_page
from pages.shared.latest import latest
from pages.shared.results import results


def show(run: Run, study: Study) -> None:
    """A finished report with everything to take away."""
    results(study, key=run.id)
    downloads.variant_downloads(run, study)
    downloads.downloads(study, run.id)


def show_latest() -> None:
    """What a report looks like, before anybody has asked for one."""
    st.divider()
    run_page.show_last(
        latest(ReportRequest.kind),
        "No report has been measured here yet; an example takes about a minute.",
        results,
        before="The last report: ",
    )


frame.header(
    "Compression report",
    "What a model costs now, what every technique does to its size, speed, memory, energy and "
    "accuracy here, and the compressed files to take away.",
)

current = run_page.asked(ReportRequest.kind)
if current is not None:
    run_page.show(current, another="Measure another model", draw=show)
else:
    waiting = choose.choose()
    if waiting is None:  # a file that was just brought has the page for itself
        show_latest()
