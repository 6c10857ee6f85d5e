"""Weights as a picture: colours by sign and magnitude, grey where nothing is left."""

import base64
from array import array
from dataclasses import replace

import numpy as np

from efficiency.charts.pictures import ABOVE, BELOW, PRUNED, left_text, weight_pixels
from efficiency.core.pruning import MaskImage
from tests import samples_pruning as samples


def picture(steps: list[int], kept: list[int]) -> MaskImage:
    """One row of cells."""
    return replace(
        samples.image("fc.weight", (1, len(steps)), 0.5),
        weights=base64.b64encode(array("h", steps).tobytes()).decode(),
        kept=base64.b64encode(bytes(kept)).decode(),
    )


def test_sign_is_the_colour_and_magnitude_its_strength() -> None:
    (pixels,) = weight_pixels(picture([-32767, -3000, 3000, 32767, 32767], [255] * 4 + [0]))
    assert [tuple(each[:3]) for each in pixels[:4]] == [BELOW, BELOW, ABOVE, ABOVE]
    far, near, *_ = (int(each[3]) for each in pixels)
    assert far == 255 > near > 64
    assert tuple(pixels[4]) == PRUNED


def test_a_block_that_is_half_left_lies_between() -> None:
    ((whole, half, gone),) = weight_pixels(picture([9, 9, 9], [255, 128, 0])).astype(int)
    assert (np.minimum(whole, gone) <= half).all()
    assert (half <= np.maximum(whole, gone)).all()
    assert tuple(half) not in (tuple(whole), tuple(gone))


def test_weights_that_are_all_zero_have_a_picture() -> None:
    assert weight_pixels(picture([0, 0], [255, 0])).shape == (1, 2, 4)


def test_every_weight_has_its_cell_and_kernels_a_gap() -> None:
    image = samples.images()[1]
    pixels = weight_pixels(image)
    assert (pixels == PRUNED).all(-1).sum() == image.parameters - image.nonzero
    assert pixels.shape == (16 * 3 + 15, 6 * 3 + 5, 4)
    assert left_text(image).startswith("conv2.weight, 16×6×3×3: 432 of 864 weights are left (50.0")


def test_turned_outputs_are_columns_and_kernels_stay_as_they_are() -> None:
    image = samples.images()[1]  # 16 x 6 kernels of 3 x 3
    plain, turned = weight_pixels(image), weight_pixels(image, turned=True)
    assert turned.shape == (plain.shape[1], plain.shape[0], 4)
    for output, into in ((0, 0), (15, 0), (4, 5)):
        rows, columns = slice(4 * output, 4 * output + 3), slice(4 * into, 4 * into + 3)
        assert (plain[rows, columns] == turned[columns.start : columns.stop, rows]).all()
    matrix = samples.images()[2]
    assert (weight_pixels(matrix, turned=True) == weight_pixels(matrix).transpose(1, 0, 2)).all()
