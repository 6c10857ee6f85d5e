"""Masks of the lottery: counts are exact, masks only shrink, controls have as many weights left."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils import prune

from efficiency.core.errors import BadInput
from efficiency.core.lottery import TrainingSettings
from efficiency.routines.tickets import masks

LEVELS = 4


def settings(rate: float = 0.2, output_rate: float = 0.1, scope: str = "layer") -> TrainingSettings:
    return TrainingSettings(
        iterations=10,
        batch_size=60,
        learning_rate=1e-3,
        check_every=10,
        rounds=LEVELS,
        rate=rate,
        output_rate=output_rate,
        scope=scope,
        seeds=1,
    )


def weights(sizes: list[int], seed: int, distinct: int) -> dict[str, Tensor]:
    """Layers of these sizes with few different magnitudes, so that many are equal."""
    draw = torch.Generator().manual_seed(seed)
    return {
        f"layer{place}.weight": torch.randint(-distinct, distinct + 1, (size, 2), generator=draw)
        / 7
        for place, size in enumerate(sizes)
    }


layers = st.builds(
    weights,
    st.lists(st.integers(20, 80), min_size=1, max_size=4),
    st.integers(0, 2**32),
    st.integers(0, 1000),
)
rates = st.floats(0.01, 0.6)


@given(layers, rates, rates, st.integers(0, 2**32))
def test_layer_by_layer_every_count_is_reached_and_masks_only_shrink(
    before: dict[str, Tensor], rate: float, output_rate: float, seed: int
) -> None:
    asked = settings(rate, output_rate)
    mask = masks.nothing_pruned(before, tuple(before))
    *_, output = before
    for level in range(1, LEVELS + 1):
        trained = {name: torch.randn(each.shape) for name, each in before.items()}
        smaller = masks.pruned(trained, mask, asked, level)
        for name, each in smaller.items():
            left, size = int(each.sum()), each.numel()
            wanted = size * (1 - (output_rate if name == output else rate)) ** level
            assert abs(left - wanted) <= 0.5 + 1e-9
            assert bool((each <= mask[name]).all())
            gone = (mask[name] > 0) & (each == 0)
            if bool(gone.any()):
                magnitudes = trained[name].abs()
                assert magnitudes[gone].max() <= magnitudes[each > 0].min()
        mixed = masks.shuffled(smaller, seed)
        assert {name: each.sum() for name, each in mixed.items()} == {
            name: each.sum() for name, each in smaller.items()
        }
        assert all(set(each.unique().tolist()) <= {0.0, 1.0} for each in mixed.values())
        mask = smaller


@given(layers, rates)
def test_of_all_layers_together_the_sum_is_reached_and_masks_only_shrink(
    trained: dict[str, Tensor], rate: float
) -> None:
    asked = settings(rate, scope="global")
    mask = masks.nothing_pruned(trained, tuple(trained))
    size = sum(each.numel() for each in trained.values())
    for level in range(1, LEVELS + 1):
        smaller = masks.pruned(trained, mask, asked, level)
        left = sum(int(each.sum()) for each in smaller.values())
        assert abs(left - size * (1 - rate) ** level) <= 0.5 * len(trained) + 1e-9
        assert all(bool((smaller[name] <= mask[name]).all()) for name in mask)
        mask = smaller


def test_one_round_is_what_pytorch_prunes() -> None:
    layer = torch.nn.Linear(30, 20)
    ours = masks.pruned(
        {"weight": layer.weight}, {"weight": torch.ones(20, 30)}, settings(output_rate=0.3), 1
    )
    prune.l1_unstructured(layer, "weight", amount=0.3)
    assert torch.equal(ours["weight"], layer.weight_mask)


def test_what_is_pruned_stays_pruned_even_if_its_weight_is_large() -> None:
    mask = {"weight": torch.tensor([0.0, 1.0, 1.0, 1.0])}
    trained = {"weight": torch.tensor([9.0, 0.0, -2.0, 0.0])}
    smaller = masks.pruned(trained, mask, settings(output_rate=0.5), 1)
    assert smaller["weight"].tolist() == [0, 1, 1, 0]


def test_pruning_everything_of_a_layer_is_refused() -> None:
    with pytest.raises(BadInput, match=r"After 9 rounds nothing would be left of small \(5 w"):
        masks.left_at(9, {"small": 5, "large": 500}, settings(rate=0.3))
    assert masks.left_at(9, {"small": 5, "large": 500}, settings(rate=0.3, scope="global"))


def test_a_derived_seed_depends_on_its_origin_and_on_nothing_else() -> None:
    torch.manual_seed(1)
    first = masks.derived_seed("random mask", 3, 2)
    torch.manual_seed(2)
    assert first == masks.derived_seed("random mask", 3, 2)
    others = {masks.derived_seed("random mask", seed, 2) for seed in range(100)}
    assert len(others) == 100
    assert all(0 <= each < 2**63 for each in others)


def test_another_seed_shuffles_otherwise_and_the_same_alike() -> None:
    mask = {"weight": torch.tensor([1.0] * 50 + [0.0] * 50)}
    one, again, other = (masks.shuffled(mask, seed)["weight"] for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one, mask["weight"])
