"""Weights and masks as small pictures: every weight a cell, or every block of weights one.

A convolution is laid out as a grid of kernels. What is too large is down-sampled in square blocks,
so that the picture keeps its shape; the share that is left in a block is counted, not guessed.
"""

import base64
import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from efficiency.core.pruning import MaskImage
from efficiency.routines.pruning.selection import place, prunable

CELLS = 65_536  # in one picture
PICTURES = 100  # in one study
BASE64_BYTES = 1_500_000  # in one study; a cell takes four: three bytes, in base64
BYTES_PER_CELL = 4
LARGEST = 2**15 - 1
FULL = 2**8 - 1


def mask_image(
    parameter: str,
    module_type: str,
    weights: Tensor,
    mask: Tensor | None,
    cells: int = CELLS,
) -> MaskImage:
    """The picture of a parameter, of at most so many cells.

    What counts as left is what the mask keeps; without a mask, every weight that is not 0.
    Weights that are NaN or infinite are drawn as 0.
    """
    weights = weights.detach().cpu()
    mask = (weights if mask is None else mask.detach().cpu()) != 0
    kernel = _kernel(module_type, weights.shape)
    plane, left = _plane(weights, kernel), _plane(mask, kernel)
    tile = kernel
    block = (1, 1)
    if plane.numel() > cells:
        tile = (0, 0)
        block = _block(plane.shape, kernel, cells)
    values = plane.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    drawn = values.double() if block == (1, 1) else _block_means(values.abs(), block)
    scale = float(drawn.abs().max()) / LARGEST if drawn.numel() else 0.0
    steps = drawn / scale if scale > 0 else torch.zeros_like(drawn)
    return MaskImage(
        parameter=parameter,
        module_type=module_type,
        shape=tuple(weights.shape),
        parameters=weights.numel(),
        nonzero=int(mask.sum()),
        rows=drawn.shape[0],
        columns=drawn.shape[1],
        tile_rows=tile[0],
        tile_columns=tile[1],
        block_rows=block[0],
        block_columns=block[1],
        scale=scale,
        weights=_base64(steps.round(), "<i2"),
        kept=_base64((_block_means(left, block) * FULL).round(), "u1"),
    )


def mask_images(
    model: nn.Module,
    masks: Mapping[str, Tensor],
    *,
    pictures: int = PICTURES,
    base64_bytes: int = BASE64_BYTES,
) -> tuple[tuple[MaskImage, ...], tuple[str, ...]]:
    """Pictures of all weights that can be pruned, and of what else has a mask; and who has none.

    `model` is as it was before pruning; what has no mask was left alone. The more parameters, the
    fewer cells each has, so that all together fit. Of more than so many `pictures`, the largest
    parameters are drawn and the names of the others returned.
    """
    wanted = tuple(dict.fromkeys((*prunable(model), *masks)))
    weights = {name: model.get_parameter(name) for name in wanted}
    ranked = sorted(wanted, key=lambda name: weights[name].numel(), reverse=True)
    drawn = [name for name in wanted if name in ranked[:pictures]]
    cells = _cells_each([weights[name].numel() for name in drawn], base64_bytes // BYTES_PER_CELL)
    images = tuple(
        mask_image(
            name,
            type(place(model, name)[0]).__name__,
            weights[name],
            masks.get(name, torch.ones_like(weights[name])),
            cells,
        )
        for name in drawn
    )
    return images, tuple(name for name in wanted if name not in drawn)


def _kernel(module_type: str, shape: torch.Size) -> tuple[int, int]:
    """Rows and columns of a convolution's kernel, deeper ones stacked; (0, 0) of anything else."""
    if "Conv" not in module_type or len(shape) < 3:
        return 0, 0
    return math.prod(shape[2:-1]), shape[-1]


def _plane(values: Tensor, kernel: tuple[int, int]) -> Tensor:
    """The numbers as one matrix, kernels side by side."""
    if kernel != (0, 0):
        kernels = values.reshape(values.shape[0], values.shape[1], *kernel)
        return kernels.transpose(1, 2).reshape(
            values.shape[0] * kernel[0], values.shape[1] * kernel[1]
        )
    return values.reshape(values.shape[0] if values.ndim > 1 else 1, -1)


def _block(shape: torch.Size, kernel: tuple[int, int], cells: int) -> tuple[int, int]:
    """The smallest square block of weights, or of whole kernels, that makes few enough cells."""
    height, width = kernel if kernel != (0, 0) else (1, 1)
    rows, columns = shape[0] // height, shape[1] // width
    side = max(1, math.isqrt(rows * columns // cells))
    while math.ceil(rows / side) * math.ceil(columns / side) > cells:
        side += 1
    return min(side, rows) * height, min(side, columns) * width


def _block_means(plane: Tensor, block: tuple[int, int]) -> Tensor:
    """The mean of every block, in float64; those at the lower and right edge may be smaller."""
    rows, columns = (math.ceil(size / each) for size, each in zip(plane.shape, block, strict=True))
    below, right = rows * block[0] - plane.shape[0], columns * block[1] - plane.shape[1]
    blocks = F.pad(plane, (0, right, 0, below)).reshape(rows, block[0], columns, block[1])
    heights = torch.full((rows, 1), block[0])
    heights[-1:] -= below
    widths = torch.full((1, columns), block[1])
    widths[:, -1:] -= right
    return blocks.sum(dim=(1, 3), dtype=torch.float64) / (heights * widths)


def _cells_each(sizes: list[int], total: int) -> int:
    """How many cells each picture may have, if the small ones leave the large ones their room."""
    left = sorted(sizes)
    while left and left[0] <= total // len(left):
        total -= left.pop(0)
    return min(CELLS, max(1, total // len(left))) if left else CELLS


def _base64(values: Tensor, kind: str) -> str:
    return base64.b64encode(values.numpy().astype(kind).tobytes()).decode("ascii")
