"""The mask of one layer at one level as a picture: what is left is blue, what is pruned is grey.

The picture is a PNG made here, a few kilobytes, instead of a number for every weight.
"""

import base64
import binascii
import struct
import zlib

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.charts.lottery_looks import counted
from efficiency.core.lottery import LevelMask, Lottery
from efficiency.core.pruning import MaskImage

Pixels = npt.NDArray[np.uint8]

HEIGHT = 420
KEPT = (0x00, 0x72, 0xB2, 0xFF)  # style.BLUE
PRUNED = (0x7E, 0x87, 0x90, 0x30)  # style.GREY, faint on white and on black
WIDE = 1.6  # from this ratio of columns to rows on, cells need not be square


def mask_figure(image: MaskImage) -> go.Figure:
    """The mask of a layer; rows are outputs, columns inputs, or kernels side by side."""
    pixels = mask_pixels(image)
    rows, columns = pixels.shape[:2]
    figure = style.new_figure(HEIGHT)
    figure.add_image(source=png(pixels), hoverinfo="skip")
    figure.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})
    figure.update_xaxes(visible=False, fixedrange=True, range=[-0.5, columns - 0.5])
    square = rows * WIDE > columns and columns * WIDE > rows
    figure.update_yaxes(
        visible=False,
        fixedrange=True,
        range=[rows - 0.5, -0.5],
        scaleanchor="x" if square else False,
    )
    return figure


def mask_pixels(image: MaskImage) -> Pixels:
    """Red, green, blue and opacity of every cell, with a gap of one cell between kernels."""
    shares = np.frombuffer(base64.b64decode(image.kept), dtype=np.uint8)
    shares = shares.reshape(image.rows, image.columns)
    full = 255.0
    if image.block_rows * image.block_columns > 1:  # few blocks are full: the fullest is bluest
        full = max(1.0, float(shares.max()))
    weight = shares[..., None] / full
    cells = weight * np.array(KEPT) + (1 - weight) * np.array(PRUNED)
    pixels: Pixels = cells.round().astype(np.uint8)
    for axis, size in ((0, image.tile_rows), (1, image.tile_columns)):
        if size:
            between = range(size, pixels.shape[axis], size)
            pixels = np.insert(pixels, list(between), 0, axis=axis)
    return pixels


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


def _chunk(kind: bytes, data: bytes) -> bytes:
    return (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", binascii.crc32(kind + data))
    )


def masks_at(found: Lottery, level: int) -> tuple[LevelMask, ...]:
    """The masks of all layers at a level, from first layer to last."""
    return tuple(each for each in found.masks if each.level == level)


def reading(image: MaskImage) -> str:
    """What a picture shows, and how many weights are left in truth."""
    share = 100 * image.nonzero / image.parameters if image.parameters else 0.0
    shape = "×".join(map(str, image.shape))
    cell = "Each cell is one weight"
    if image.block_rows * image.block_columns > 1:
        cell = (
            f"Each cell stands for {image.block_rows}×{image.block_columns} weights, the bluer "
            "the more of them are left"
        )
    where = "Kernels are side by side" if image.tile_rows else "Rows are outputs, columns inputs"
    left = f"{counted(image.nonzero)} of {counted(image.parameters)} weights are left"
    return (
        f"{image.parameter}, {shape}: {left} ({share:.1f} %). {cell}; blue is left, grey is "
        f"pruned. {where}."
    )
