"""The weights of every layer and what is left of them, as pictures that are part of the HTML."""

from collections.abc import Iterator

from efficiency.charts.pictures import left_text, png, weight_pixels
from efficiency.core.pruning import MaskImage, Pruning
from efficiency.exports.table import literal

CELL, WIDEST = 16, 640  # pixels of a cell, and of a picture, at the most
TALL = 1.3  # from this ratio of rows to columns on a picture is turned
LEGEND = (
    "Each cell is a weight: blue below zero, orange above, the stronger the larger; grey is "
    "pruned. A convolution is a grid of its kernels."
)


def mask_pictures(found: Pruning) -> str:
    """The HTML of all of them, with what the colours mean; "" where nothing was drawn."""
    if not found.masks:
        return ""
    pictures = "".join(map(_picture, found.masks))
    return f'<p class="quiet">{literal(LEGEND)}</p><div class="masks">{pictures}</div>'


def _picture(image: MaskImage) -> str:
    turned = image.rows > TALL * image.columns
    pixels = weight_pixels(image, turned=turned)
    width = min(WIDEST, CELL * pixels.shape[1])
    said = " ".join(_reading(image, turned))
    return (
        f'<figure><img src="{png(pixels)}" alt="" style="width: {width}px">'
        f"<figcaption>{literal(said)}</figcaption></figure>"
    )


def _reading(image: MaskImage, turned: bool) -> Iterator[str]:
    yield left_text(image)
    if image.block_rows * image.block_columns > 1:
        yield (
            f"A cell stands for {image.block_rows}×{image.block_columns} weights; its colour is "
            "the mean of their magnitudes."
        )
    outputs, inputs = ("Columns", "rows") if turned else ("Rows", "columns")
    if len(image.shape) > 1:
        yield f"{outputs} are outputs, {inputs} inputs."
