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


@pytest.fixture
def model(tmp_path: Path) -> str:
    torch.save({"weight": torch.randn(4, 4)}, tmp_path / "small.pt")
    return intake.accept(tmp_path / "small.pt", "small.pt").model


def test_a_model_goes_with_the_last_run_about_it(model: str) -> None:
    first, second = (jobs.submit(ReportRequest(model=model, seed=seed)) for seed in (0, 1))
    jobs.delete(first.id)
    assert intake.load(model).model == model
    jobs.delete(second.id)
    with pytest.raises(UnknownName, match="giving the file again"):
        intake.load(model)
    assert not paths.model_folder(model).exists()


def test_a_model_without_a_run_goes_after_a_day(model: str) -> None:
    with Store() as store:
        supervisor.forget_models(store)
        assert intake.load(model).model == model
        yesterday = time.time() - supervisor.UNATTENDED_SECONDS - 60
        os.utime(paths.model_folder(model), (yesterday, yesterday))
        kept = store.submit(ReportRequest(model=model))
        supervisor.forget_models(store)
        assert intake.load(model).model == model
        store.delete(kept)
        supervisor.forget_models(store)
    with pytest.raises(UnknownName):
        intake.load(model)
