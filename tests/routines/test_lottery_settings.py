"""Settings of the presets, the images in their three parts, and what is recorded of networks."""

import struct
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from efficiency.core.errors import BadInput
from efficiency.core.lottery import Start, Training
from efficiency.core.requests import LotteryRequest
from efficiency.jobs.messages import LARGEST
from efficiency.routines import lottery
from efficiency.routines.tickets import images, records
from efficiency.routines.tickets.contestants import Learned
from efficiency.routines.tickets.settings import checkpoints_of, networks, settings_of


def test_the_paper_preset_is_the_papers() -> None:
    settings = settings_of(LotteryRequest(workload="lenet300", preset="paper"))
    assert settings.iterations == 50_000
    assert (settings.batch_size, settings.learning_rate) == (60, 1.2e-3)
    assert (settings.rate, settings.output_rate, settings.scope) == (0.2, 0.1, "layer")
    assert (settings.seeds, settings.check_every, settings.rewind_iteration) == (5, 100, 0)
    assert 0.013 < (1 - settings.rate) ** settings.rounds < 0.02


def test_what_the_request_says_goes_before_the_preset() -> None:
    settings = settings_of(
        LotteryRequest(rounds=3, rate=0.5, seeds=2, iterations=70, rewind_iteration=7)
    )
    assert (settings.rounds, settings.rate, settings.output_rate) == (3, 0.5, 0.25)
    assert (settings.seeds, settings.iterations, settings.rewind_iteration) == (2, 70, 7)
    given = settings_of(LotteryRequest(rate=0.5, output_rate=0.1, scope="global"))
    assert (given.output_rate, given.scope) == (0.1, "global")


def test_much_data_is_looked_at_as_rarely_as_in_the_paper() -> None:
    """Or looking at 15,000 images takes longer than training does."""
    assert settings_of(LotteryRequest()).check_every == 20
    assert settings_of(LotteryRequest(data="fashion-mnist")).check_every == 100
    assert settings_of(LotteryRequest(data="/some/folder", preset="paper")).check_every == 100


def test_a_rewind_beyond_the_training_is_refused() -> None:
    with pytest.raises(BadInput, match="needs more iterations than the 50"):
        settings_of(LotteryRequest(iterations=50, rewind_iteration=50))


@pytest.mark.parametrize(
    "asked", [{}, {"iterations": 1_000_000}, {"rounds": 40, "rate": 0.05, "seeds": 20}]
)
def test_checkpoints_reach_from_first_to_last_and_a_study_stays_small(
    asked: dict[str, float],
) -> None:
    settings = settings_of(LotteryRequest(preset="paper", **asked))  # type: ignore[arg-type]
    looked = checkpoints_of(settings)
    assert (looked[0], looked[-1]) == (0, settings.iterations)
    assert list(looked) == sorted(set(looked))
    assert len(looked) * networks(settings) <= 300_000
    assert asked or len(looked) == 501


def test_digits_are_the_same_three_parts_every_time() -> None:
    found, again = images.load("digits"), images.load("digits")
    parts = (found.train, found.validation, found.test)
    assert [len(part) for part in parts] == [1200, 237, 360]
    for name in ("train", "validation", "test"):
        assert torch.equal(getattr(found, name), getattr(again, name))
        labels = getattr(found, f"{name}_labels")
        counts = labels.bincount()
        assert counts.min() >= 0.8 * counts.max()
        assert getattr(found, name).shape == (len(labels), 1, 28, 28)
    pixels = torch.cat(parts)
    assert (float(pixels.min()), float(pixels.max())) == (0.0, 1.0)


def test_images_of_a_folder_are_split_as_in_the_paper(tmp_path: Path) -> None:
    """One in twelve validates, and no image is in two parts: each has its number as a pixel."""
    for part, count in (("train", 240), ("t10k", 12)):
        pixels = np.zeros((count, 28, 28), np.uint8)
        pixels[:, 0, 0] = np.arange(count)
        header = struct.pack(">4I", 0x0803, count, 28, 28)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        labels = (np.arange(count) % 10).astype(np.uint8)
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">2I", 0x0801, count) + labels.tobytes()
        )
    found = images.load(str(tmp_path))
    train, validation, test = (
        (255 * part[:, 0, 0, 0]).round().long()
        for part in (found.train, found.validation, found.test)
    )
    assert (len(train), len(validation), len(test)) == (220, 20, 12)
    assert sorted([*train.tolist(), *validation.tolist()]) == list(range(240))
    assert torch.equal(train % 10, found.train_labels)
    assert torch.equal(validation % 10, found.validation_labels)
    assert torch.equal(test % 10, found.test_labels)
    assert test.tolist() == list(range(12))
    with pytest.raises(BadInput, match="no data called 'no such folder'"):
        images.load("no such folder")


def test_the_largest_study_is_far_from_what_can_be_sent() -> None:
    settings = settings_of(LotteryRequest(preset="paper", rounds=40, rate=0.05, seeds=20))
    looked = checkpoints_of(settings)
    numbers = np.random.default_rng(0).random((2, len(looked))).tolist()
    learned = Learned(weights={}, losses=tuple(numbers[0]), scores=tuple(numbers[1]))
    one = records.training(learned, looked, start=Start.REINITIALISED, level=40, seed=19)
    pictures = 4 * lottery.CELLS
    assert networks(settings) * len(msgspec.json.encode(one)) + pictures < LARGEST / 2


def test_a_loss_that_is_not_a_number_is_no_minimum_and_can_be_stored() -> None:
    learned = Learned(
        weights={}, losses=(float("nan"), 0.5, float("inf")), scores=(0.1, 0.2, 1 / 3)
    )
    one = records.training(learned, (0, 10, 20), start=Start.TICKET, level=1, seed=0)
    assert (one.stop_iteration, one.stop_score) == (10, 0.2)
    assert msgspec.json.decode(msgspec.json.encode(one), type=Training) == one


def test_it_is_said_when_networks_were_still_learning() -> None:
    settings = settings_of(LotteryRequest())
    stopped = [
        records.training(
            Learned(weights={}, losses=losses, scores=(0.1, 0.9)),
            (0, settings.iterations),
            start=Start.TICKET,
            level=0,
            seed=seed,
        )
        for seed, losses in enumerate([(1.0, 0.5), *[(0.5, 1.0)] * 3])
    ]
    assert any("1 of 4 networks had" in each for each in records.caveats(settings, tuple(stopped)))
    assert records.caveats(settings, tuple(stopped[1:])) == ()


def test_it_is_said_when_networks_did_not_learn() -> None:
    settings = settings_of(LotteryRequest())
    found = tuple(
        records.training(
            Learned(weights={}, losses=(0.5, 1.0), scores=(0.1, score)),
            (0, settings.iterations),
            start=start,
            level=1,
            seed=0,
        )
        for start, score in zip(Start, (0.9, 0.1, 0.11), strict=True)
    )
    (said,) = records.caveats(settings, found)
    assert said.startswith("2 of 3 networks learned next to nothing (1 re-initialised, 1 random ")
    assert records.caveats(settings, found[:1]) == ()
