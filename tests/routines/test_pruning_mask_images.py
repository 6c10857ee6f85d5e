"""Pictures of masks: every weight in its place, and faithful where cells stand for many."""

import base64
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from efficiency.core.pruning import MaskImage
from efficiency.routines.pruning.mask_images import mask_image, mask_images


def arrays(image: MaskImage) -> tuple[np.ndarray, np.ndarray]:
    """The weights and the share that is left, cell by cell."""
    shape = image.rows, image.columns
    weights = np.frombuffer(base64.b64decode(image.weights), "<i2").reshape(shape)
    kept = np.frombuffer(base64.b64decode(image.kept), "u1").reshape(shape)
    return weights * image.scale, kept / 255


def block_sizes(image: MaskImage) -> np.ndarray:
    """How many weights each cell stands for."""
    height, width = plane_shape(image)
    heights = [min(image.block_rows, height - at) for at in range(0, height, image.block_rows)]
    widths = [min(image.block_columns, width - at) for at in range(0, width, image.block_columns)]
    return np.outer(heights, widths)


def plane_shape(image: MaskImage) -> tuple[int, int]:
    if image.module_type.startswith("Conv"):
        outputs, inputs, *kernel = image.shape
        return outputs * math.prod(kernel[:-1]), inputs * kernel[-1]
    if len(image.shape) < 2:
        return 1, math.prod(image.shape)
    return image.shape[0], math.prod(image.shape[1:])


def example(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mask = (torch.rand(shape, generator=generator) < 0.3).float()
    return torch.randn(shape, generator=generator), mask


def test_a_convolution_is_a_grid_of_kernels() -> None:
    weights, mask = example(3, 2, 5, 4)
    image = mask_image("c.weight", "Conv2d", weights, mask)
    assert (image.rows, image.columns) == (15, 8)
    assert (image.tile_rows, image.tile_columns) == (5, 4)
    assert (image.block_rows, image.block_columns) == (1, 1)
    drawn, kept = arrays(image)
    for output in range(3):
        for input_ in range(2):
            tile = np.s_[5 * output : 5 * output + 5, 4 * input_ : 4 * input_ + 4]
            assert np.abs(drawn[tile] - weights[output, input_].numpy()).max() <= image.scale / 2
            assert np.array_equal(kept[tile], mask[output, input_].numpy())


@pytest.mark.parametrize(
    ("module_type", "shape", "rows", "columns", "tile"),
    [
        ("Linear", (7, 5), 7, 5, (0, 0)),
        ("LSTM", (8, 3), 8, 3, (0, 0)),
        ("Conv1d", (4, 3, 5), 4, 15, (1, 5)),
        ("Conv3d", (2, 3, 2, 4, 5), 16, 15, (8, 5)),
        ("BatchNorm2d", (9,), 1, 9, (0, 0)),
        ("Attention", (2, 3, 4), 2, 12, (0, 0)),
    ],
)
def test_other_shapes_lie_flat(
    module_type: str, shape: tuple[int, ...], rows: int, columns: int, tile: tuple[int, int]
) -> None:
    weights, mask = example(*shape)
    image = mask_image("any", module_type, weights, mask)
    assert (image.rows, image.columns) == (rows, columns)
    assert (image.tile_rows, image.tile_columns) == tile
    assert (image.parameters, image.nonzero) == (mask.numel(), int(mask.sum()))
    drawn, kept = arrays(image)
    assert kept.sum() == mask.sum()
    if tile[0] < 2:  # the order of the numbers is then the tensor's own
        assert np.abs(drawn - weights.numpy().reshape(rows, columns)).max() <= image.scale / 2


@given(
    shape=st.one_of(
        st.tuples(st.integers(1, 90), st.integers(1, 90)),
        st.tuples(*(st.integers(1, each) for each in (12, 12, 4, 4))),
        st.tuples(st.integers(1, 500)),
    ),
    cells=st.integers(1, 300),
    seed=st.integers(0, 9),
)
def test_down_sampling_is_faithful(shape: tuple[int, ...], cells: int, seed: int) -> None:
    weights, mask = example(*shape, seed=seed)
    module_type = "Conv2d" if len(shape) == 4 else "Linear"
    image = mask_image("any", module_type, weights, mask, cells)
    drawn, kept = arrays(image)
    sizes = block_sizes(image)
    assert image.rows * image.columns <= cells or image.rows * image.columns == 1
    assert sizes.shape == drawn.shape
    assert sizes.sum() == image.parameters
    whole = image.block_rows * image.block_columns == 1
    exact = image.nonzero / image.parameters
    assert np.average(kept, weights=sizes) == pytest.approx(exact, abs=1e-9 if whole else 0.5 / 255)
    shown = np.average(np.abs(drawn), weights=sizes)
    assert shown == pytest.approx(float(weights.abs().double().mean()), abs=image.scale / 2 + 1e-7)
    if len(shape) == 4 and not whole:
        assert (image.tile_rows, image.tile_columns) == (0, 0)
        assert image.block_rows % shape[2] == image.block_columns % shape[3] == 0


def test_every_block_is_counted_by_itself() -> None:
    weights, mask = example(50, 30)
    image = mask_image("any", "Linear", weights, mask, 100)
    drawn, kept = arrays(image)
    side = image.block_rows
    assert side == image.block_columns > 1
    for row in range(image.rows):
        for column in range(image.columns):
            block = np.s_[row * side : (row + 1) * side, column * side : (column + 1) * side]
            assert abs(kept[row, column] - float(mask[block].mean())) <= 0.5 / 255 + 1e-6
            magnitude = float(weights[block].abs().mean())
            assert abs(drawn[row, column] - magnitude) <= image.scale / 2 + 1e-6


def test_a_picture_keeps_its_shape() -> None:
    image = mask_image("any", "Linear", *example(4096, 1024))
    assert image.rows * image.columns <= 65_536
    assert image.rows / image.columns == pytest.approx(4, rel=0.02)
    assert image.rows * image.columns > 0.8 * 65_536
    wide = mask_image("any", "Linear", *example(1, 300_000))
    assert (wide.rows, wide.block_rows) == (1, 1)


def test_without_a_mask_what_is_not_zero_is_left() -> None:
    image = mask_image("any", "Linear", torch.tensor([[0.0, -2.0, 1.0]]), None)
    drawn, kept = arrays(image)
    assert kept.tolist() == [[0, 1, 1]]
    assert drawn[0].tolist() == pytest.approx([0, -2, 1], abs=image.scale / 2)
    empty = mask_image("any", "Linear", torch.zeros(2, 2), None)
    assert (empty.nonzero, empty.scale, arrays(empty)[0].tolist()) == (0, 0, [[0, 0], [0, 0]])


def test_numbers_that_are_none_are_drawn_as_zero() -> None:
    weights = torch.tensor([[math.nan, math.inf, -math.inf, 0.5]])
    image = mask_image("any", "Linear", weights, None)
    assert arrays(image)[0].tolist() == [[0, 0, 0, pytest.approx(0.5)]]


def test_all_layers_share_the_room_there_is() -> None:
    model = nn.Sequential(nn.Linear(300, 200), nn.Linear(200, 10), nn.Linear(10, 400))
    masks = {"0.weight": torch.zeros(200, 300), "1.bias": torch.zeros(10)}
    images, left_out = mask_images(model, masks, base64_bytes=40_000)
    assert [each.parameter for each in images] == ["0.weight", "1.weight", "2.weight", "1.bias"]
    assert left_out == ()
    assert sum(len(each.weights) + len(each.kept) for each in images) <= 40_000 + 8 * len(images)
    assert images[1].block_rows == 1  # small ones are drawn whole
    assert images[0].block_rows > 1
    assert [each.nonzero for each in images] == [0, 2000, 4000, 0]  # no mask: nothing was pruned


def test_who_is_left_out_is_named() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 9), nn.Linear(9, 2), nn.Conv2d(2, 9, 3))
    images, left_out = mask_images(model, {}, pictures=2)
    assert [each.parameter for each in images] == ["1.weight", "3.weight"]
    assert left_out == ("0.weight", "2.weight")
    assert images[1].module_type == "Conv2d"
