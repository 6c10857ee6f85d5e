"""SQNR against values known in closed form."""

import pytest
import torch

from efficiency.measure.fidelity import sqnr_db


def test_noise_of_a_tenth_is_twenty_decibels() -> None:
    assert sqnr_db(torch.ones(5), torch.full((5,), 1.1)) == pytest.approx(20, abs=1e-4)


def test_uniform_quantization_gains_six_decibels_a_bit() -> None:
    # 20 log10(2) = 6.02 dB a bit for a signal uniform over the range (Bennett 1948).
    signal = torch.rand(200_000, generator=torch.Generator().manual_seed(0)) * 2 - 1
    eight, four = (sqnr_db(signal, (signal * 2**b / 2).round() / 2**b * 2) for b in (8, 4))
    assert eight is not None
    assert four is not None
    assert eight - four == pytest.approx(4 * 6.02, abs=0.1)
    assert eight == pytest.approx(8 * 6.02, abs=0.1)


@pytest.mark.parametrize("other", [torch.ones(3), torch.tensor([1.0, float("nan"), 1.0])])
def test_undefined_is_none(other: torch.Tensor) -> None:
    assert sqnr_db(torch.ones(3), other) is None


def test_all_zero_reference_is_none() -> None:
    assert sqnr_db(torch.zeros(3), torch.ones(3)) is None
