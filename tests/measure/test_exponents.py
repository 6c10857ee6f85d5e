"""What float16 loses of gradients, against NumPy's own conversion of the very same numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from efficiency.core.mixed import GradientExponents
from efficiency.measure import exponents
from efficiency.measure.exponents import SCALES, gradient_exponents

SINGLE = np.finfo(np.float32)
# Where float16 begins to lose numbers, from both sides, for every scale; and float32's own ends.
BORDERS = [
    border
    for k in range(SCALES)
    for middle in (np.float32(2.0 ** (-25 - k)), np.float32(65520 * 2.0**-k))
    for border in (np.nextafter(middle, np.float32(0)), middle, np.nextafter(middle, SINGLE.max))
] + [SINGLE.smallest_subnormal, SINGLE.smallest_normal, SINGLE.max, np.float32(0), np.float32(-0.0)]

gradients = st.lists(
    st.one_of(
        st.floats(width=32, allow_nan=True, allow_infinity=True),
        st.sampled_from([float(each) for each in BORDERS]),
        st.builds(
            lambda mantissa, exponent: float(np.float32(mantissa * 2.0**exponent)),
            st.floats(-2, 2),
            st.integers(-40, 20),
        ),
    ),
    max_size=60,
)


def by_numpy(numbers: NDArray[np.float32], k: int) -> tuple[int, int]:
    """How many of the finite numbers but 0 become 0 and infinite in float16, times 2^k."""
    usual = numbers[np.isfinite(numbers) & (numbers != 0)]
    with np.errstate(over="ignore"):
        half = np.ldexp(usual.astype(np.float64), k).astype(np.float16)
    return int((half == 0).sum()), int(np.isinf(half).sum())


def check(found: GradientExponents, numbers: NDArray[np.float32]) -> None:
    usual = numbers[np.isfinite(numbers) & (numbers != 0)]
    assert found.total == len(numbers)
    assert found.zeros == (numbers == 0).sum()
    assert found.not_finite == (~np.isfinite(numbers)).sum()
    logarithms = np.floor(np.log2(np.abs(usual.astype(np.float64)))).astype(int)
    places = {found.first + i: count for i, count in enumerate(found.counts) if count}
    assert places == dict(zip(*np.unique(logarithms, return_counts=True), strict=True))
    for k in range(SCALES):
        assert (found.flushed[k], found.overflowed[k]) == by_numpy(numbers, k), k


@given(gradients)
@settings(max_examples=300, deadline=None)
def test_agrees_with_numpy_on_any_numbers(numbers: list[float]) -> None:
    array = np.array(numbers, np.float32)
    check(gradient_exponents([torch.from_numpy(array)]), array)


def test_borders_are_on_the_right_side() -> None:
    array = np.array(BORDERS, np.float32)
    found = gradient_exponents([torch.from_numpy(array), torch.from_numpy(-array)])
    check(found, np.concatenate([array, -array]))


def test_exactly_half_of_the_smallest_becomes_zero_and_any_more_does_not() -> None:
    half = torch.tensor([2.0**-25])
    above = torch.nextafter(half, torch.tensor([1.0]))
    assert gradient_exponents([half]).flushed[:2] == (1, 0)
    assert gradient_exponents([above]).flushed[:2] == (0, 0)


def test_gradients_of_a_real_step_agree_with_numpy() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 8))
    model(torch.randn(32, 64)).square().mean().mul(1e-4).backward()
    own = [each.grad for each in model.parameters() if each.grad is not None]
    found = gradient_exponents(own)
    check(found, np.concatenate([each.numpy().ravel() for each in own]))
    assert found.flushed[0] > 0, "so small a loss must lose gradients, or this shows nothing"
    assert found.flushed[0] > found.flushed[8] > found.flushed[16]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_lower_precisions_are_counted_as_they_are(dtype: torch.dtype) -> None:
    gradient = (torch.randn(1000, generator=torch.Generator().manual_seed(0)) * 1e-6).to(dtype)
    check(gradient_exponents([gradient]), gradient.float().numpy())


def test_large_tensors_are_counted_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = torch.randn(1000, generator=torch.Generator().manual_seed(0)).reshape(20, 50) * 1e-7
    whole = gradient_exponents([numbers])
    monkeypatch.setattr(exponents, "CHUNK", 7)
    assert gradient_exponents([numbers]) == whole


def test_no_gradients_are_no_error() -> None:
    nothing = gradient_exponents([])
    assert (nothing.total, nothing.counts, set(nothing.flushed)) == (0, (), {0})
    assert gradient_exponents([torch.zeros(3, 4)]).zeros == 12
