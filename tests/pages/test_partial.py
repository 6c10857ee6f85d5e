"""Runs that ended before their time show what was measured until then."""

from dataclasses import replace

import pytest

from efficiency.core import serial
from efficiency.core.requests import parse
from efficiency.core.values import Study
from efficiency.jobs import State
from efficiency.jobs.store import Store
from tests import (
    samples,
    samples_amp,
    samples_lottery,
    samples_pruning,
    samples_quantization,
)
from tests.pages.test_pages import Open, words

SAID = {
    State.CANCELLED: "This run was cancelled.",
    State.FAILED: "The disk is full",
    State.LOST: "The disk is full",
}


def ended(study: Study | None, state: State, kind: Study) -> str:
    """A run that was in the middle of this study when it ended so."""
    with Store() as store:
        run = store.submit(parse(kind.request | {"seed": 4321}))
        store.take()
        if study is not None:
            store.update(run, None, serial.encode(replace(study, complete=False)))
        if state is State.CANCELLED:
            store.cancel(run)
        else:
            store.fail(run, "The disk is full; free some space.", state=state)
        store.vacate(run)
    return run


@pytest.mark.parametrize("state", SAID)
def test_what_was_measured_until_then_stands_below_why_it_ended(
    open_page: Open, state: State
) -> None:
    study = samples.report()
    app = open_page("report", run=ended(replace(study, rows=study.rows[:2]), state, study))
    said = words(app)
    assert SAID[state] in said
    assert "Measured until then" in said
    assert study.rows[1].label in said
    assert study.rows[2].label not in said
    assert "Run it again" in [each.label for each in app.button]


@pytest.mark.parametrize(
    ("page", "study"),
    [
        ("report", samples.report()),
        ("energy", samples.energy()),
        ("amp", samples_amp.losing()),
        ("quantization", samples_quantization.small()),
        ("pruning", samples_pruning.small()),
        ("lottery", samples_lottery.won()),
    ],
)
def test_no_page_breaks_over_the_least_that_can_be_measured(
    open_page: Open, page: str, study: Study
) -> None:
    bare = Study(
        kind=study.kind,
        title=study.title,
        request=study.request,
        environment=study.environment,
        rows=(replace(study.rows[0], timing=None, footprint=None, score=None),),
    )
    said = words(open_page(page, run=ended(bare, State.CANCELLED, study)))
    assert "Measured until then" in said
    empty = replace(bare, rows=())
    for nothing in (None, empty):
        said = words(open_page(page, run=ended(nothing, State.CANCELLED, study)))
        assert SAID[State.CANCELLED] in said
        assert "Measured until then" not in said
