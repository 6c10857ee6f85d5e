"""Weights and masks as pictures: PNGs made here, a few kilobytes, not a number for every weight."""

import base64
import binascii
import struct
import zlib

import numpy as np
import numpy.typing as npt

from efficiency.charts.lottery_looks import counted
from efficiency.core.pruning import MaskImage

Pixels = npt.NDArray[np.uint8]

KEPT = (0x00, 0x72, 0xB2, 0xFF)  # style.BLUE
PRUNED = (0x7E, 0x87, 0x90, 0x30)  # style.GREY, faint on white and on black
BELOW, ABOVE = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)  # style.BLUE, style.VERMILLION
FAINTEST = 0.25  # opacity of a weight that is left but next to zero
FULL_SHARE = 0.98  # of the magnitudes; colours are full for what is larger


def mask_pixels(image: MaskImage) -> Pixels:
    """Blue where weights are left and grey where not: (rows, columns, 4), red to opacity.

    Between kernels is a gap of one cell.
    """
    shares = _shares(image)
    full = 1.0
    if image.block_rows * image.block_columns > 1:  # few blocks are full: the fullest is bluest
        full = max(1 / 255, float(shares.max()))
    weight = shares[..., None] / full
    cells = weight * np.array(KEPT) + (1 - weight) * np.array(PRUNED)
    return _with_gaps(cells, image)


def weight_pixels(image: MaskImage, *, turned: bool = False) -> Pixels:
    """The weights that are left, blue below zero and orange above, the rest grey.

    The larger the magnitude the stronger the colour; of a block it is the mean of the magnitudes,
    and so always orange. turned: with outputs as columns; kernels stay as they are.
    """
    steps = np.frombuffer(base64.b64decode(image.weights), dtype="<i2").astype(np.float64)
    steps = steps.reshape(image.rows, image.columns)
    full = float(np.quantile(np.abs(steps), FULL_SHARE)) or float(np.abs(steps).max()) or 1.0
    strength = np.minimum(1.0, np.abs(steps) / full)
    colors = np.where((steps < 0)[..., None], np.array(BELOW), np.array(ABOVE))
    opacity = 255 * (FAINTEST + (1 - FAINTEST) * strength)
    left = np.concatenate([colors, opacity[..., None]], axis=-1)
    share = _shares(image)[..., None]
    cells = share * left + (1 - share) * np.array(PRUNED)
    if turned:
        tile, across = (image.tile_rows or 1, image.tile_columns or 1), image.columns
        grid = cells.reshape(image.rows // tile[0], tile[0], across // tile[1], tile[1], 4)
        cells = grid.transpose(2, 1, 0, 3, 4).reshape(-1, image.rows // tile[0] * tile[1], 4)
    return _with_gaps(cells, image)


def png(pixels: Pixels) -> str:
    """The picture (rows, columns, 4) as the address of a PNG that holds all of itself."""
    rows, columns = pixels.shape[:2]
    lines = b"".join(b"\0" + line.tobytes() for line in np.ascontiguousarray(pixels))
    header = struct.pack(">IIBBBBB", columns, rows, 8, 6, 0, 0, 0)  # 8 bits, with opacity
    file = b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    )
    return f"data:image/png;base64,{base64.b64encode(file).decode()}"


def left_text(image: MaskImage) -> str:
    """Name, shape, and how many weights are left in truth."""
    share = 100 * image.nonzero / image.parameters if image.parameters else 0.0
    shape = "×".join(map(str, image.shape))
    left = f"{counted(image.nonzero)} of {counted(image.parameters)} weights are left"
    return f"{image.parameter}, {shape}: {left} ({share:.1f} %)."


def _shares(image: MaskImage) -> npt.NDArray[np.float64]:
    """The share of each cell's weights that is left, 0 to 1."""
    shares = np.frombuffer(base64.b64decode(image.kept), dtype=np.uint8) / 255.0
    return shares.reshape(image.rows, image.columns)


def _with_gaps(cells: npt.NDArray[np.float64], image: MaskImage) -> Pixels:
    """Rounded to bytes, and nothing between kernel and kernel."""
    pixels: Pixels = cells.round().astype(np.uint8)
    for axis, size in ((0, image.tile_rows), (1, image.tile_columns)):
        if size:
            between = range(size, pixels.shape[axis], size)
            pixels = np.insert(pixels, list(between), 0, axis=axis)
    return pixels


def _chunk(kind: bytes, data: bytes) -> bytes:
    return (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", binascii.crc32(kind + data))
    )
