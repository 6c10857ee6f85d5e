"""2:4 sparsity: the mask everywhere, the speed and the kernels only where a GPU has them."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from efficiency.core.errors import Unavailable
from efficiency.measure.fidelity import sqnr_db
from efficiency.measure.timing import compare
from efficiency.routines.pruning.semi_structured import (
    missing,
    semi_structured,
    sparsified,
    two_of_four,
    unsuitable,
)
from efficiency.routines.recipes.bf16 import InBfloat16
from efficiency.routines.variant import model_of
from tests.routines.subjects import bare, untrained

sparse_units = pytest.mark.skipif(
    missing("cuda") is not None, reason=missing("cuda") or "this GPU computes 2:4 sparsity"
)


def test_two_largest_of_every_four_stay() -> None:
    weight = torch.tensor([[1.0, -3.0, 2.0, 0.5, 0.0, 0.0, -9.0, 8.0]])
    assert two_of_four(weight).int().tolist() == [[0, 1, 1, 0, 0, 0, 1, 1]]
    torch.manual_seed(0)
    weight = torch.randn(32, 64)
    kept = two_of_four(weight)
    assert (kept.unflatten(-1, (-1, 4)).sum(-1) == 2).all()
    least_kept = weight.abs().masked_fill(~kept, 9).unflatten(-1, (-1, 4)).amin(-1)
    most_lost = weight.abs().masked_fill(kept, 0).unflatten(-1, (-1, 4)).amax(-1)
    assert (least_kept >= most_lost).all()
    assert (two_of_four(torch.ones(2, 8)).unflatten(-1, (-1, 4)).sum(-1) == 2).all()  # ties


def test_layers_of_other_shapes_say_why_not() -> None:
    assert unsuitable(nn.Linear(128, 64)) is None
    assert "84 x 120" in (unsuitable(nn.Linear(120, 84)) or "")
    assert "linear layers only" in (unsuitable(nn.Conv2d(64, 64, 3)) or "")


def test_where_there_are_no_such_units_there_is_a_reason() -> None:
    with pytest.raises(Unavailable, match=r"compute capability 8\.0"):
        semi_structured(untrained("transformer"), "cpu")
    with pytest.raises(Unavailable, match="No linear layer"):
        sparsified(untrained("lenet"))


def test_the_file_has_the_zeros_and_computes_with_them_anywhere() -> None:
    subject = bare(nn.Sequential(nn.Linear(224, 256), nn.ReLU(), nn.Linear(256, 64)))
    subject = replace(subject, workload=replace(subject.workload, name="two"))
    variant = sparsified(subject)
    assert variant.coverage.changed == ("2",)  # 224 columns are no multiple of 64
    assert variant.settings == {"layers": ("2",)}
    weight = variant.tensors["2.weight"]
    assert weight.dtype is torch.bfloat16
    assert torch.count_nonzero(weight) == weight.numel() // 2
    assert torch.count_nonzero(variant.tensors["0.weight"]) > 0.99 * 224 * 256
    fresh = nn.Sequential(nn.Linear(224, 256), nn.ReLU(), nn.Linear(256, 64))
    restored = variant.recipe.restore(fresh, variant.tensors, torch.empty(0), layers=("2",))
    inputs = torch.randn(4, 224)
    dense = nn.Sequential(nn.Linear(224, 256), nn.ReLU(), nn.Linear(256, 64)).to(torch.bfloat16)
    dense.load_state_dict(variant.tensors)
    with torch.inference_mode():
        assert torch.equal(restored(inputs), InBfloat16(dense)(inputs))
        assert torch.equal(restored.to("cpu")(inputs), InBfloat16(dense)(inputs))


@pytest.mark.cuda
@sparse_units
def test_on_a_gpu_the_sparse_layers_compute_the_same() -> None:
    subject = untrained("transformer")
    variant = semi_structured(subject)
    inputs = torch.randint(4096, (8, 64))
    with torch.inference_mode():
        dense = model_of(variant, subject)(inputs)
        model = model_of(variant, subject).to("cuda")
        sparse = model(inputs.to("cuda")).cpu()
    kinds = {type(each).__name__ for each in model.parameters()}
    assert any("SemiStructured" in kind for kind in kinds)
    found = sqnr_db(dense, sparse)
    assert found is None or found > 30


@pytest.mark.cuda
@sparse_units
def test_on_a_gpu_large_products_are_faster() -> None:
    layer = nn.Linear(8192, 8192, bias=False)
    subject = bare(nn.Sequential(layer))
    variant = sparsified(subject)
    calls = {}
    example = torch.randn(8192, 8192, device="cuda")
    for name, layers in (("dense", ()), ("sparse", ("0",))):
        fresh = nn.Sequential(nn.Linear(8192, 8192, bias=False))
        model = variant.recipe.restore(fresh, variant.tensors, example, layers=layers).to("cuda")
        calls[name] = lambda model=model: model(example)
    with torch.inference_mode():
        speedup = compare(calls, device="cuda", budget_seconds=2).speedups["sparse"]
    assert speedup is not None
    assert speedup.low > 1.05
