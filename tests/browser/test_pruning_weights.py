"""Which weights go in the browser's picture, against `torch.nn.utils.prune` on the same weights."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser
from torch import nn
from torch.nn.utils import prune

from efficiency.core.pruning import MaskImage
from efficiency.routines.pruning.mask_images import mask_image
from pages.pruning.mask import document
from tests import samples_pruning as pruning
from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def left_of(chromium: Browser) -> Iterator[Callable[..., Any]]:
    """What weights.js leaves of layers: the number, of how many, and the share of each cell.

    With "counts" for the scope, how many weights each cell stands for.
    """
    source = (ROOT / "pages/pruning/weights.js").read_bytes()
    address = f"data:text/javascript;base64,{base64.b64encode(source).decode()}"
    page = chromium.new_page()

    def evaluate(images: list[MaskImage], share: float, scope: str) -> Any:
        layers = json.dumps([document(each) for each in images])
        return page.evaluate(
            f"""async () => {{
                const w = await import('{address}');
                const model = w.prepare({layers});
                if ('{scope}' === 'counts') {{
                    return model.layers.map(({{ counts }}) => [0, 0, Array.from(counts)]);
                }}
                return w.leftOf(model, {share}, '{scope}').map(({{ left, cell }}, at) =>
                    [left, model.layers[at].counts.reduce((sum, count) => sum + count, 0),
                     Array.from(model.layers[at].values, (_, place) => cell(place))]);
            }}"""
        )

    yield evaluate
    page.close()


def weights(image: MaskImage) -> torch.Tensor:
    steps = torch.frombuffer(bytearray(base64.b64decode(image.weights)), dtype=torch.int16)
    return steps.double() * image.scale


@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize("share", [0.0, 0.37, 0.9, 0.99])
def test_the_weights_that_go_are_those_of_pytorch(
    left_of: Callable[..., Any], share: float, scope: str
) -> None:
    images = [pruning.images()[place] for place in (0, 1, 4)]
    holder = nn.ParameterList(weights(each) for each in images)
    modules = [nn.Module() for _ in holder]
    for module, weight in zip(modules, holder, strict=True):
        module.weight = nn.Parameter(weight.detach())
        if scope == "layer":
            prune.l1_unstructured(module, "weight", amount=share)
    if scope == "global":
        places = [(module, "weight") for module in modules]
        prune.global_unstructured(places, prune.L1Unstructured, amount=share)
    for (left, count, cells), module in zip(left_of(images, share, scope), modules, strict=True):
        expected = module.weight_mask.flatten()  # type: ignore[union-attr, operator]
        assert count == expected.numel()
        assert abs(left - int(expected.sum())) <= 1
        # int16 has ties that float64 of them has too; who of equals goes is nobody's business.
        assert int((torch.tensor(cells) != expected).sum()) <= 4


def test_of_blocks_the_share_that_goes_is_estimated_from_their_mean(
    left_of: Callable[..., Any],
) -> None:
    """As of normal numbers, which PyTorch prunes to compare with: layers small and wide, large and
    narrow, and one that is drawn exactly."""
    random = torch.Generator().manual_seed(0)
    modules = [nn.Module() for _ in range(3)]
    for module, (shape, size) in zip(
        modules, (((200, 300), 0.02), ((400, 500), 0.05), ((20, 30), 0.1)), strict=True
    ):
        module.weight = nn.Parameter(size * torch.randn(shape, generator=random))
    images = [
        mask_image(f"{place}.weight", "Linear", module.weight, None, 2000)  # type: ignore[arg-type]
        for place, module in enumerate(modules)
    ]
    assert [image.block_rows > 1 for image in images] == [True, True, False]
    for share in (0.2, 0.5, 0.9):
        expected = [nn.Module() for _ in modules]
        for copy, module in zip(expected, modules, strict=True):
            copy.weight = nn.Parameter(module.weight.detach().clone())  # type: ignore[union-attr, operator]
        places = [(module, "weight") for module in expected]
        prune.global_unstructured(places, prune.L1Unstructured, amount=share)
        for (left, count, cells), module in zip(
            left_of(images, share, "global"), expected, strict=True
        ):
            exact = float(module.weight_mask.mean())  # type: ignore[union-attr, operator, arg-type]
            assert left / count == pytest.approx(exact, abs=0.02)
            assert sum(cells) / len(cells) == pytest.approx(exact, abs=0.03)
    (left, count, cells), *_ = left_of(images, 0.9, "layer")
    assert left == round(0.1 * count)
    assert sum(cells) / len(cells) == pytest.approx(0.1, abs=0.02)


def test_a_picture_of_blocks_shows_what_is_left_in_a_run(left_of: Callable[..., Any]) -> None:
    image = pruning.down_sampled()
    ((left, count, cells),) = left_of([image], 0.0, "run")
    assert (left, count) == (image.nonzero, image.parameters)
    assert cells == pytest.approx([1, 64 / 255, 0, 1, 1, 0])


@pytest.mark.parametrize(
    ("module", "shape"),
    [("Linear", (70, 90)), ("Conv2d", (9, 11, 3, 3)), ("Conv1d", (20, 31, 5)), ("Linear", (500,))],
)
def test_every_block_has_the_weights_that_the_routine_put_into_it(
    left_of: Callable[..., Any], module: str, shape: tuple[int, ...]
) -> None:
    """The share that is left of each cell, times its weights, is what is left in all."""
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    mask = (weight.abs() > 0.5).float()
    image = mask_image("a.weight", module, weight, mask, 60)
    assert image.block_rows * image.block_columns > 1
    ((left, count, cells),) = left_of([image], 0.0, "run")
    assert count == weight.numel()
    assert left == int(mask.sum())
    ((_, _, sizes),) = left_of([image], 0.0, "counts")
    there = sum(cell * size for cell, size in zip(cells, sizes, strict=True))
    assert there == pytest.approx(left, abs=count / 255 / 2 + 1)
