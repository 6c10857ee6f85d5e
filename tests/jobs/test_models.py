"""What people brought is deleted with the last run about it, and after a day without any."""

import os
import time
from pathlib import Path

import pytest
import torch

from efficiency import intake, jobs
from efficiency.core import paths
from efficiency.core.errors import UnknownName
from efficiency.core.requests import ReportRequest
from efficiency.jobs import supervisor
from efficiency.jobs.store import Store
from tests.jobs.example import ExampleRequest
from tests.jobs.watch import until


@pytest.fixture
def model(tmp_path: Path) -> str:
    torch.save({"weight": torch.randn(4, 4)}, tmp_path / "small.pt")
    return intake.accept(tmp_path / "small.pt", "small.pt").model


def brought(model: str, seconds_ago: float) -> None:
    """Make it look as if the model had been accepted that long ago."""
    then = time.time() - seconds_ago
    os.utime(paths.model_folder(model), (then, then))


def test_a_model_goes_with_the_last_run_about_it(model: str) -> None:
    brought(model, jobs.FRESH_SECONDS + 60)
    first, second = (jobs.submit(ReportRequest(model=model, seed=seed)) for seed in (0, 1))
    jobs.delete(first.id)
    assert intake.load(model).model == model
    jobs.delete(second.id)
    with pytest.raises(UnknownName, match="giving the file again"):
        intake.load(model)
    assert not paths.model_folder(model).exists()


def test_a_model_that_somebody_else_has_just_brought_stays(model: str, tmp_path: Path) -> None:
    run = jobs.submit(ReportRequest(model=model))
    brought(model, jobs.FRESH_SECONDS + 60)
    assert intake.accept(tmp_path / "small.pt", "mine.pt").model == model
    jobs.delete(run.id)
    assert intake.load(model).model == model


def test_a_supervisor_deletes_old_models_whenever_it_has_nothing_to_do(model: str) -> None:
    jobs.wait(jobs.submit(ExampleRequest(seed=1)).id)
    brought(model, supervisor.UNATTENDED_SECONDS + 60)  # after it has started
    jobs.wait(jobs.submit(ExampleRequest(seed=2)).id)
    until(lambda: not paths.model_folder(model).exists())


def test_a_model_without_a_run_goes_after_a_day(model: str) -> None:
    with Store() as store:
        supervisor.forget_models(store)
        assert intake.load(model).model == model
        brought(model, supervisor.UNATTENDED_SECONDS + 60)
        kept = store.submit(ReportRequest(model=model))
        supervisor.forget_models(store)
        assert intake.load(model).model == model
        store.delete(kept)
        supervisor.forget_models(store)
    with pytest.raises(UnknownName):
        intake.load(model)
