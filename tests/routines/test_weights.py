"""Precisions, statistics and sizes against numpy and against calculations by hand."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from efficiency.measure.size import file_sizes
from efficiency.routines.precisions import PRECISIONS, Error, store
from efficiency.routines.weights import layer_weights, precision_rows

INF, NAN = float("inf"), float("nan")


def written(tmp_path: Path, tensors: dict[str, Tensor], **metadata: str) -> Path:
    path = tmp_path / "weights.safetensors"
    save_file(tensors, path, metadata or None)
    return path


def sqnr(exact: np.ndarray, decoded: np.ndarray) -> float:
    exact, decoded = exact.astype(np.float64), decoded.astype(np.float64)
    return float(10 * np.log10((exact**2).sum() / ((exact - decoded) ** 2).sum()))


def costs(path: Path, name: str) -> dict[str, tuple[int, float | None]]:
    layer = next(each for each in layer_weights(path) if each.name == name)
    return {each.precision: (each.bytes, each.sqnr_db) for each in layer.precisions}


def test_fp16_is_numpy_s_round_trip(tmp_path: Path) -> None:
    weight = torch.randn(40, 30)
    size, error = costs(written(tmp_path, {"w": weight}), "w")["fp16"]
    numbers = weight.numpy()
    assert size == 2 * 1200
    assert error == pytest.approx(sqnr(numbers, numbers.astype(np.float16)), abs=1e-9)


def test_bf16_keeps_sixteen_of_the_bits(tmp_path: Path) -> None:
    # Values whose lower sixteen bits are zero survive; one bit more is half a step.
    exact = torch.tensor([1.0, -2.5, 3.0])
    assert costs(written(tmp_path, {"w": exact}), "w")["bf16"] == (6, None)
    halfway = store(torch.tensor([1 + 2**-8 + 2**-20]), "bf16").decoded
    assert halfway.item() == 1 + 2**-7


def test_int8_by_hand() -> None:
    rows = torch.tensor([[127.0, 1.0, -0.4], [-2.54, 1.27, 0.009]])
    stored = store(rows, "int8")
    assert stored.arrays[""].tolist() == [[127, 1, 0], [-127, 64, 0]]  # 63.5 rounds to even
    assert stored.arrays[".scale"].flatten().tolist() == pytest.approx([1.0, 0.02])
    assert stored.bytes == 6 + 2 * 4
    assert stored.decoded[0].tolist() == [127.0, 1.0, 0.0]
    error = Error()
    error.add(rows[:1], stored.decoded[:1])
    assert error.sqnr_db == pytest.approx(10 * np.log10((127**2 + 1 + 0.16) / 0.16), abs=1e-5)


def test_int8_has_one_scale_for_a_vector_and_one_for_each_channel() -> None:
    assert store(torch.ones(9), "int8").bytes == 9 + 4
    assert store(torch.ones(6, 3, 2, 2), "int8").bytes == 72 + 6 * 4
    assert store(torch.tensor(3.0), "int8").decoded.item() == 3.0


def test_int4_by_hand() -> None:
    # Two groups: 32 weights with s = 7 / 7, and 2 with s = 0.5.
    row = torch.zeros(34)
    row[:4] = torch.tensor([7.0, -7.0, 2.6, -0.2])
    row[32:] = torch.tensor([3.5, -1.1])
    stored = store(row, "int4")
    assert stored.arrays[".scale"].flatten().tolist() == [1.0, 0.5]
    assert stored.decoded[:4].tolist() == [7.0, -7.0, 3.0, 0.0]
    assert stored.decoded[32:].tolist() == [3.5, -1.0]
    assert stored.bytes == 17 + 2 * 2
    low, high = stored.arrays[""][0, 16] & 15, stored.arrays[""][0, 16] >> 4
    assert (int(low) - 8, int(high) - 8) == (7, -2)


@pytest.mark.parametrize(
    ("shape", "size"),
    [((64, 100), 64 * (50 + 2 * 4)), ((3, 33), 3 * (17 + 2 * 2)), ((8, 4, 3, 3), 8 * (18 + 2 * 2))],
)
def test_int4_bytes(shape: tuple[int, ...], size: int) -> None:
    assert store(torch.rand(shape), "int4").bytes == size


@given(
    st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=200),
    st.sampled_from(["int8", "int4"]),
)
@settings(max_examples=60, deadline=None)
def test_no_level_is_further_away_than_half_a_step(numbers: list[float], precision: str) -> None:
    exact = torch.tensor(numbers)
    stored = store(exact, precision)
    scale = stored.arrays[".scale"].double().flatten()
    if precision == "int4":
        scale = scale.repeat_interleave(32)[: len(numbers)]
    error = (exact.double() - stored.decoded.double()).abs()
    # Rounding an int4 scale to fp16 may leave the largest number a little outside the grid; below
    # the smallest numbers of fp16 that rounding is absolute.
    slack = scale * (0.5 + 7 * 2**-11) + 7 * 2**-25 + exact.abs().double() * 1e-6
    assert bool((error <= slack).all())


def test_uniform_weights_have_the_sqnr_of_the_formula(tmp_path: Path) -> None:
    # Uniform in [-1, 1]: signal 1/3, noise s^2/12 with s = 1/127.
    torch.manual_seed(0)
    path = written(tmp_path, {"w": torch.rand(4, 100_000) * 2 - 1})
    assert costs(path, "w")["int8"][1] == pytest.approx(10 * np.log10(4 * 127**2), abs=0.05)


def test_statistics_against_numpy(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weight = torch.randn(500, 3)
    weight[0, 0] = 0
    layer = layer_weights(written(tmp_path, {"w": weight}))[0]
    numbers = weight.numpy().astype(np.float64)
    assert layer.mean == pytest.approx(numbers.mean())
    assert layer.std == pytest.approx(numbers.std())
    assert (layer.low, layer.high) == (numbers.min(), numbers.max())
    assert (layer.parameters, layer.zeros, layer.not_finite) == (1500, 1, 0)
    assert layer.histogram == tuple(np.histogram(numbers, 48)[0])


def test_values_that_are_not_finite_are_left_out_and_counted(tmp_path: Path) -> None:
    layer = layer_weights(written(tmp_path, {"w": torch.tensor([1.0, NAN, INF, -INF, 3.0])}))[0]
    assert (layer.parameters, layer.not_finite, layer.mean) == (5, 3, 2.0)
    assert sum(layer.histogram) == 2
    none = layer_weights(written(tmp_path, {"w": torch.tensor([NAN])}))[0]
    assert (none.mean, none.std, none.low, none.high) == (None,) * 4
    assert all(each.sqnr_db is None for each in none.precisions)


def test_integers_stay_as_they_are_in_every_precision(tmp_path: Path) -> None:
    steps = torch.tensor([1, 2, 3])
    path = written(tmp_path, {"steps": steps, "mask": torch.tensor([True, False])})
    assert set(costs(path, "steps").values()) == {(24, None)}
    assert set(costs(path, "mask").values()) == {(2, None)}
    rows = precision_rows(layer_weights(path), path)
    assert {row.footprint.bytes_on_disk for row in rows if row.footprint} == {
        rows[0].footprint.bytes_on_disk  # type: ignore[union-attr]
    }


@pytest.mark.parametrize(
    "weight",
    [
        torch.rand(3, dtype=torch.complex64),
        torch.rand(3, 4).to(torch.float8_e4m3fn),
        torch.rand(3, 4).bfloat16(),
        torch.rand(3, 4).double(),
        torch.zeros(0, 5),
        torch.zeros(7),
        torch.tensor(1.5),
        torch.tensor(1 + 2j),
        torch.full((2, 2), 3e38),
        torch.full((2, 2), 1e-40),
        torch.full((2, 2), 1e300, dtype=torch.float64),
    ],
)
def test_every_type_and_range_gives_rows(tmp_path: Path, weight: Tensor) -> None:
    path = written(tmp_path, {"w": weight})
    layers = layer_weights(path)
    assert layers[0].parameters == weight.numel()
    assert [each.precision for each in layers[0].precisions] == list(PRECISIONS)
    rows = precision_rows(layers, path)
    assert rows[0].sqnr_db is None
    assert rows[0].footprint is not None
    assert rows[0].footprint.parameters == weight.numel()
    assert rows[0].footprint.nonzero == int(
        weight.float().count_nonzero() if not weight.is_complex() else weight.count_nonzero()
    )
    msgspec.json.encode((layers, rows))


def test_the_baseline_is_the_file_itself(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tensors = {"a": torch.randn(300, 200), "b": torch.randn(70), "n": torch.tensor(5)}
    path = written(tmp_path, tensors)
    baseline, *others = precision_rows(layer_weights(path), path)
    size, zipped = file_sizes(path)
    assert baseline.name == "baseline"
    assert baseline.footprint is not None
    # safetensors pads its header to eight bytes and orders the tensors in its own way, which
    # changes how many digits the offsets have.
    assert baseline.footprint.bytes_on_disk == pytest.approx(size, abs=32)
    assert baseline.footprint.bytes_zipped == pytest.approx(zipped, rel=0.01)
    assert [row.name for row in others] == ["bf16", "fp16", "int8", "int4"]


def test_a_row_is_what_safetensors_would_write(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(300, 200), "b": torch.randn(70)}
    path = written(tmp_path, tensors)
    rows = {row.name: row for row in precision_rows(layer_weights(path), path)}
    half = tmp_path / "half.safetensors"
    save_file({name: each.half() for name, each in load_file(path).items()}, half)
    footprint = rows["fp16"].footprint
    assert footprint is not None
    assert 0 <= half.stat().st_size - (footprint.bytes_on_disk or 0) < 8
    assert footprint.bytes_zipped == pytest.approx(file_sizes(half)[1], rel=0.01)


def test_sqnr_of_the_file_is_over_all_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tensors = {"a": torch.randn(30, 20), "b": torch.randn(70) * 50}
    path = written(tmp_path, tensors)
    exact = np.concatenate([each.numpy().ravel() for each in tensors.values()])
    for row in precision_rows(layer_weights(path), path)[1:]:
        decoded = np.concatenate(
            [store(t, row.name).decoded.numpy().ravel() for t in tensors.values()]
        )
        assert row.sqnr_db == pytest.approx(sqnr(exact, decoded), abs=1e-6)
        assert row.footprint is not None
        assert row.footprint.nonzero == np.count_nonzero(decoded)


def test_numbers_that_overflow_are_said(tmp_path: Path) -> None:
    path = written(tmp_path, {"w": torch.tensor([1.0, 1e6, -1e5])})
    rows = {row.name: row for row in precision_rows(layer_weights(path), path)}
    assert rows["fp16"].sqnr_db is None
    assert "Numbers too large for this type: 2; no SQNR is defined." in rows["fp16"].notes
    assert rows["bf16"].sqnr_db is not None


def test_weights_stored_in_sixteen_bits_get_an_fp32_row(tmp_path: Path) -> None:
    path = written(tmp_path, {"w": torch.rand(9, 9).bfloat16()})
    rows = precision_rows(layer_weights(path), path)
    assert [row.name for row in rows] == ["baseline", *PRECISIONS]
    assert rows[0].label == "As stored (bfloat16)"
    assert rows[1].sqnr_db is None


def test_tied_weights_count_once(tmp_path: Path) -> None:
    weight = torch.rand(8, 8)
    path = written(tmp_path, {"a": weight, "b": weight.clone()}, tied='{"b":"a"}')
    layers = layer_weights(path)
    assert [layer.name for layer in layers] == ["a"]
    footprint = precision_rows(layers, path)[0].footprint
    assert footprint is not None
    assert footprint.parameters == 64
