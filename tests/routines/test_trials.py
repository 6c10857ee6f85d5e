"""Predictions that hang together are worth fewer independent ones."""

import pytest
import torch

from efficiency.core.values import wilson_interval
from efficiency.routines.trials import independent_trials


def test_independent_predictions_count_each() -> None:
    right = torch.rand(360, generator=torch.Generator().manual_seed(0)) < 0.9
    assert independent_trials(right, None) == 360
    # The cluster variance of single predictions is that of the binomial, p (1 - p) / (n - 1).
    assert independent_trials(right, torch.arange(360)) == 359


def test_copies_count_once() -> None:
    files = torch.arange(50)
    right = torch.rand(50, generator=torch.Generator().manual_seed(1)) < 0.6
    assert independent_trials(right.repeat_interleave(20), files.repeat_interleave(20)) == 49


def test_all_right_is_worth_the_files() -> None:
    assert independent_trials(torch.ones(40, dtype=torch.bool), torch.arange(40) // 10) == 4
    assert independent_trials(torch.ones(3, dtype=torch.bool), torch.zeros(3)) == 1


def test_never_more_than_there_are_predictions() -> None:
    balanced = torch.tensor([[True, False]] * 12 + [[True, True], [False, True]])
    assert independent_trials(balanced, torch.arange(14)) <= balanced.numel()


@pytest.mark.parametrize("spread", [0.0, 0.1])
def test_the_interval_holds_what_it_promises(spread: float) -> None:
    """95 of 100 intervals hold the true share, with files alike and with files that differ."""
    generator = torch.Generator().manual_seed(2)
    files = torch.arange(40).repeat_interleave(8)
    truth, repetitions = 0.6, 400
    hits = naive = 0
    for _ in range(repetitions):
        levels = truth + spread * torch.randn(40, generator=generator).clamp(-3, 3)
        chance = levels[files][:, None].expand(-1, 16)
        right = torch.rand(chance.shape, generator=generator) < chance
        share = float(right.float().mean())
        low, high = wilson_interval(share, independent_trials(right, files))
        hits += low <= truth <= high
        low, high = wilson_interval(share, right.numel())
        naive += low <= truth <= high
    assert 0.91 < hits / repetitions < 0.99
    if spread:
        assert naive / repetitions < 0.7  # what the characters alone would have promised
