"""The mask of one layer at one level as a chart: what is left is blue, what is pruned is grey."""

import plotly.graph_objects as go

from efficiency.charts import style
from efficiency.charts.pictures import left_text, mask_pixels, png
from efficiency.core.lottery import LevelMask, Lottery
from efficiency.core.pruning import MaskImage

HEIGHT = 420
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


def masks_at(found: Lottery, level: int) -> tuple[LevelMask, ...]:
    """The masks of all layers at a level, from first layer to last."""
    return tuple(each for each in found.masks if each.level == level)


def reading(image: MaskImage) -> str:
    """What a picture shows, and how many weights are left in truth."""
    cell = "Each cell is one weight"
    if image.block_rows * image.block_columns > 1:
        cell = (
            f"Each cell stands for {image.block_rows}×{image.block_columns} weights, the bluer "
            "the more of them are left"
        )
    where = "Kernels are side by side" if image.tile_rows else "Rows are outputs, columns inputs"
    return f"{left_text(image)} {cell}; blue is left, grey is pruned. {where}."
