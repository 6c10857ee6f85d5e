"""The number of threads is fixed inside the block and restored whatever happens."""

import psutil
import pytest
import torch

from efficiency.measure.threads import fixed_threads, steady_threads


def test_threads_are_fixed_and_restored() -> None:
    before = torch.get_num_threads()
    with fixed_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_threads_are_restored_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError), fixed_threads(before + 1):
        raise KeyError
    assert torch.get_num_threads() == before


def test_one_core_is_left_to_the_others() -> None:
    physical = psutil.cpu_count(logical=False) or 1
    assert 1 <= steady_threads() <= max(1, physical - 1)
