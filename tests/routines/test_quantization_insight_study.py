"""Calibration and seeds: many models, each quantized by what the caller gives."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from efficiency.core.quantization import CalibrationPoint
from efficiency.measure.fidelity import sqnr_db
from efficiency.routines.quantization import seeds as seeds_module
from efficiency.routines.quantization.calibration_study import (
    NOISE,
    NOT_SCALED,
    RIGHT,
    TOKENS,
    calibration_study,
)
from efficiency.routines.quantization.classic import fx_model
from efficiency.routines.quantization.qat import qat_fx
from efficiency.routines.quantization.seeds import qat_seeds
from efficiency.routines.quantization.settings import Settings
from efficiency.routines.subject import Subject
from efficiency.routines.variant import model_of
from efficiency.workloads import catalogue, training
from efficiency.workloads.catalogue import Recipe

PER_TENSOR = Settings(engine="x86", granularity="per-tensor")


def untrained(name: str) -> Subject:
    workload = catalogue.get(name)
    torch.manual_seed(0)
    return Subject(model=workload.build(), workload=workload, split=workload.load_split(), seed=0)


@pytest.fixture(scope="module")
def lenet() -> Subject:
    subject = untrained("lenet")
    assert subject.split is not None
    training.fit(subject.model, subject.split, Recipe(epochs=6, rate=3e-3), seed=0)
    return subject


@pytest.fixture(scope="module")
def points(lenet: Subject) -> tuple[CalibrationPoint, ...]:
    quantize = partial(fx_model, lenet, Settings(engine="x86", observer="minmax"))
    return calibration_study(lenet, quantize, counts=(1, 16, 256), seeds=2, seconds=60)


def of(points: tuple[CalibrationPoint, ...], source: str, samples: int) -> list[CalibrationPoint]:
    return [each for each in points if each.source == source and each.samples == samples]


def test_every_number_of_every_source_has_all_seeds(points: tuple[CalibrationPoint, ...]) -> None:
    for source in (RIGHT, NOISE, NOT_SCALED):
        for samples in (1, 16, 256):
            assert [each.seed for each in of(points, source, samples)] == [0, 1]
    assert len(points) == 3 * 3 * 2


def test_more_inputs_are_better_and_unscaled_ones_a_failure(
    points: tuple[CalibrationPoint, ...],
) -> None:
    def mean_db(source: str, samples: int) -> float:
        return sum(each.sqnr_db or 0.0 for each in of(points, source, samples)) / 2

    assert mean_db(RIGHT, 256) > mean_db(RIGHT, 1) + 3
    assert mean_db(RIGHT, 256) > mean_db(NOISE, 256) + 1
    assert mean_db(NOT_SCALED, 256) < 3
    right, wrong = (of(points, source, 256)[0].score for source in (RIGHT, NOT_SCALED))
    assert right is not None
    assert wrong is not None
    assert right > 0.85
    assert wrong < 0.3


@torch.no_grad()
def test_a_point_is_the_model_calibrated_on_those_inputs(
    lenet: Subject, points: tuple[CalibrationPoint, ...]
) -> None:
    split = lenet.split
    assert split is not None
    order = torch.randperm(len(split.train_inputs), generator=torch.Generator().manual_seed(1))
    settings = Settings(engine="x86", observer="minmax")
    quantized = fx_model(lenet, settings, split.train_inputs[order[:16]])
    outputs = quantized(split.held_out_inputs)
    point = of(points, RIGHT, 16)[1]
    assert point.sqnr_db == pytest.approx(
        sqnr_db(lenet.model(split.held_out_inputs), outputs), abs=0.1
    )
    assert point.score == pytest.approx(training.evaluate(quantized, split), abs=0.005)


def test_tokens_have_random_tokens_as_wrong_data() -> None:
    subject = untrained("transformer")
    given: list[Tensor] = []

    def quantize(inputs: Tensor) -> nn.Module:
        given.append(inputs)
        return subject.model

    told: list[tuple[int, int]] = []
    found = calibration_study(
        subject,
        quantize,
        counts=(1, 2),
        seeds=1,
        on_point=lambda done, total: told.append((done, total)),
    )
    assert [(each.source, each.samples) for each in found] == [(RIGHT, 1), (RIGHT, 2), (TOKENS, 1)]
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert torch.equal(given[0], given[1][:1])  # the smaller set is part of the larger one
    assert not given[2].is_floating_point()
    assert all(each.sqnr_db is None for each in found)  # the float model itself


def test_no_seed_is_begun_that_would_not_be_done_in_time() -> None:
    subject = untrained("lenet")
    found = calibration_study(subject, lambda inputs: subject.model, counts=(1,), seconds=0)
    assert {each.seed for each in found} == {0}
    assert calibration_study(replace(subject, split=None), lambda inputs: subject.model) == ()


def test_every_seed_has_a_network_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = untrained("lenet")
    made: list[int] = []

    def fresh(workload: catalogue.Workload, seed: int) -> dict[str, Tensor]:
        made.append(seed)
        torch.manual_seed(seed)
        return workload.build().state_dict()

    monkeypatch.setattr(seeds_module, "trained", fresh)
    told: list[float] = []
    found = qat_seeds(
        subject,
        static=lambda one: one.model,
        qat=lambda one: catalogue.get("lenet").build(),
        seeds=(3, 7),
        on_step=lambda step, share: told.append(share),
    )
    assert made == [each.seed for each in found] == [3, 7]
    assert told == sorted(told)
    assert told[-1] < 1
    assert all(each.static_score == each.float_score for each in found)
    assert found[0].float_score != found[1].float_score
    assert (
        qat_seeds(replace(subject, split=None), lambda one: one.model, lambda one: one.model) == ()
    )


@pytest.mark.slow
def test_qat_gets_back_what_one_scale_for_all_channels_loses() -> None:
    """The network that was chosen to show it; with a scale for each channel nothing is lost."""
    subject = untrained("mobilenet")
    assert subject.split is not None
    inputs = subject.split.train_inputs[:256]
    found = qat_seeds(
        subject,
        static=lambda one: fx_model(one, PER_TENSOR, inputs),
        qat=lambda one: model_of(qat_fx(one, PER_TENSOR, 0.25), one),  # a quarter is enough
        seeds=(0,),
    )
    (only,) = found
    assert only.float_score >= 0.95
    assert only.static_score < only.float_score - 0.04
    assert only.qat_score > only.static_score + 0.02
    model = catalogue.get("mobilenet").build()
    model.load_state_dict(training.trained(subject.workload, 0))
    per_channel = fx_model(replace(subject, model=model), Settings(engine="x86"), inputs)
    assert training.evaluate(per_channel, subject.split) >= only.float_score - 0.02
