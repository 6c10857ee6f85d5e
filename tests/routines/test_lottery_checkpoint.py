"""What is kept between levels is read as it was written, or not at all."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from efficiency.core import paths
from efficiency.core.lottery import Level, Start, Training
from efficiency.core.requests import LotteryRequest
from efficiency.routines.tickets import checkpoint
from efficiency.routines.tickets.checkpoint import DAMAGED, FOREIGN, Finished, Kept, Origin
from efficiency.routines.tickets.settings import settings_of

ORIGIN = Origin(key="a1b2", settings=settings_of(LotteryRequest()), data="of these images")
# Neither by name nor by type in an order of their own.
TENSORS = {
    "z.weight": torch.arange(6.0).reshape(2, 3).T,
    "a.bias": torch.tensor([0.1, float("nan")], dtype=torch.float64),
    "m.weight": torch.tensor([[1.0]]),
}
KEPT = Kept(
    finished=Finished(
        levels=(Level(level=0, kept=1.0, left=9, by_layer=(("z.weight", 6, 6),)),),
        trainings=(
            Training(
                start=Start.TICKET,
                level=0,
                seed=3,
                losses=(1 / 3, 1e-17),
                scores=(0.1, 0.7),
                stop_iteration=10,
                stop_score=0.1,
                end_score=0.7,
            ),
        ),
        steps=7,
        seconds=0.1,
    ),
    rewound={3: TENSORS, 4: TENSORS},
    masks={3: TENSORS},
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EFFICIENCY_HOME", str(tmp_path))
    return tmp_path


def the_file() -> Path:
    (path,) = paths.checkpoint_folder().iterdir()
    return path


def test_what_is_kept_is_found_to_the_last_bit_and_in_order() -> None:
    checkpoint.keep(ORIGIN, KEPT)
    checkpoint.keep(ORIGIN, replace(KEPT, finished=replace(KEPT.finished, steps=8)))
    found, note = checkpoint.found(ORIGIN)
    assert found is not None
    assert found.finished == replace(KEPT.finished, steps=8)
    for now, before in ((found.rewound, KEPT.rewound), (found.masks, KEPT.masks)):
        assert list(now) == list(before)
        for seed, tensors in before.items():
            assert list(now[seed]) == list(tensors)
            for name, tensor in tensors.items():
                assert now[seed][name].dtype == tensor.dtype
                assert torch.equal(now[seed][name].nan_to_num(7), tensor.nan_to_num(7))
    assert "went on from what it kept of level 0" in note
    the_file()  # only the last one is left


def test_nothing_kept_is_nothing_to_speak_of() -> None:
    assert checkpoint.found(ORIGIN) == (None, "")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:20],
        lambda data: data[: len(data) // 2],
        lambda data: data + b"x",
        lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
        lambda data: bytes([data[0] ^ 1]) + data[1:],
    ],
)
def test_a_damaged_file_is_not_used(damage: Callable[[bytes], bytes]) -> None:
    checkpoint.keep(ORIGIN, KEPT)
    the_file().write_bytes(damage(the_file().read_bytes()))
    assert checkpoint.found(ORIGIN) == (None, DAMAGED)


@pytest.mark.parametrize(
    "other",
    [
        replace(ORIGIN, data="of other images"),
        replace(ORIGIN, settings=replace(ORIGIN.settings, rate=0.1)),
    ],
)
def test_other_data_or_settings_are_another_question(other: Origin) -> None:
    checkpoint.keep(ORIGIN, KEPT)
    assert checkpoint.found(other) == (None, FOREIGN)


def test_forgetting_takes_what_is_done_and_what_is_old() -> None:
    for key in ("a1b2", "old", "another"):
        checkpoint.keep(replace(ORIGIN, key=key), KEPT)
    folder = paths.checkpoint_folder()
    (folder / "a1b2.part").write_bytes(b"of a run that was killed while it wrote")
    long_ago = time.time() - 40 * 24 * 3600
    os.utime(folder / "old.checkpoint", (long_ago, long_ago))
    checkpoint.forget("a1b2")
    assert the_file().name == "another.checkpoint"
