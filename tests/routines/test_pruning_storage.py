"""Matrices in CSR: exact, as small as promised, and computed as they are stored."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import Tensor, nn

from efficiency.core.errors import Unavailable
from efficiency.core.requests import PruneRequest
from efficiency.measure.memory import peak_memory
from efficiency.routines import takeaway
from efficiency.routines.pruning.selection import prunable
from efficiency.routines.pruning.storage import csr_bytes, csr_variant
from efficiency.routines.pruning.unstructured import make_permanent
from efficiency.routines.recipes import csr
from efficiency.routines.recipes.packing import count_values
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Variant, model_of
from efficiency.workloads.training import evaluate
from tests.routines.pruned import pruned_copy
from tests.routines.subjects import trained, untrained


def zeroed(model: nn.Module, amount: str) -> nn.Module:
    question = PruneRequest(workload="lenet", technique="global_unstructured", amount=amount)
    pruned, _ = pruned_copy(model, question)
    make_permanent(pruned)
    return pruned


@pytest.fixture(scope="module")
def lenet() -> Subject:
    return trained("lenet")


@pytest.fixture(scope="module")
def sparse(lenet: Subject) -> nn.Module:
    return zeroed(lenet.model, "0.9")


@pytest.fixture(scope="module")
def variant(lenet: Subject, sparse: nn.Module) -> Variant:
    return csr_variant(lenet, sparse)


def random_matrix(*shape: int, density: float, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    kept = torch.rand(shape, generator=generator) < density
    return torch.randn(shape, generator=generator) * kept


@given(
    shape=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    density=st.sampled_from([0.0, 0.01, 0.1, 0.3, 0.6, 1.0]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    seed=st.integers(0, 99),
)
def test_what_is_stored_comes_back_and_is_never_larger(
    shape: list[int], density: float, dtype: torch.dtype, seed: int
) -> None:
    tensors = {
        "layer.weight": random_matrix(*shape, density=density, seed=seed).to(dtype),
        "layer.bias": torch.randn(3),
        "count": torch.tensor(3),
        "mask": torch.zeros(50, 50, dtype=torch.int64),
    }
    stored = csr.packed(tensors)
    assert csr_bytes(tensors) == len(save(stored))
    assert csr_bytes(tensors) <= len(save(tensors))
    assert {"layer.bias", "count", "mask"} <= stored.keys()
    found = csr.unpacked(load(save(stored)))
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)
    values, nonzero = count_values(stored, {"mask"})
    assert values == tensors["layer.weight"].numel() + 3
    assert nonzero == int(tensors["layer.weight"].count_nonzero()) + 3


@pytest.mark.parametrize(("columns", "index_bytes"), [(500, 2), (32_768, 2), (32_769, 4)], ids=str)
def test_a_file_in_csr_has_the_bytes_of_its_parts(columns: int, index_bytes: int) -> None:
    matrix = random_matrix(60, columns, density=0.05)
    matrix[0, -1] = 1  # the highest index is one that must fit
    stored = csr.packed({"w": matrix})
    left = int(matrix.count_nonzero())
    parts = 4 * 61 + (index_bytes + 4) * left + 2 * 4
    header = csr_bytes({"w": matrix}) - parts
    assert sum(tensor.nbytes for tensor in stored.values()) == parts
    assert 0 < header < 400
    assert torch.equal(csr.unpacked(stored)["w"], matrix)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(7,), (1, 7), (5, 7), (2, 3, 7), (0, 7)], ids=str)
def test_a_sparse_layer_computes_what_the_dense_one_does(
    shape: tuple[int, ...], bias: bool
) -> None:
    dense = nn.Sequential(nn.Linear(7, 40, bias=bias))
    dense[0].weight.data = random_matrix(40, 7, density=0.1)
    stored = csr.packed(dict(dense.state_dict()))
    restored = csr.restore(copy.deepcopy(dense), stored, torch.empty(0))
    assert isinstance(restored[0], csr.SparseLinear)
    x = torch.randn(shape)
    with torch.inference_mode():
        assert restored(x).shape == dense(x).shape
        assert torch.allclose(restored(x), dense(x), atol=1e-6)
        if len(shape) == 2:
            strided = torch.randn(shape[::-1]).t()
            assert torch.allclose(restored(strided), dense(strided), atol=1e-6)


def test_a_corrupt_matrix_is_refused() -> None:
    stored = csr.packed({"0.weight": random_matrix(40, 7, density=0.1)})
    stored["0.weight::columns"][0] = 7
    with pytest.raises((RuntimeError, IndexError)):
        csr.restore(nn.Sequential(nn.Linear(7, 40, bias=False)), stored, torch.empty(0))


def test_linear_layers_compute_sparse_and_others_say_why_not(
    lenet: Subject, sparse: nn.Module, variant: Variant
) -> None:
    assert variant.coverage.changed == ("fc1", "fc2", "fc3")
    assert {each.layer for each in variant.coverage.skipped} == {"conv1", "conv2"}
    emptier = csr_variant(lenet, zeroed(lenet.model, "0.99"))
    reasons = {each.layer: each.reason for each in emptier.coverage.skipped}
    assert "in the file only" in reasons["conv2"]
    assert "no smaller in CSR" in reasons["conv1"]
    assert "convolutions and recurrent layers get their zeros back" in " ".join(emptier.notes)
    restored = model_of(variant, lenet)
    assert lenet.split is not None
    images = lenet.split.held_out_inputs[:64]
    with torch.inference_mode():
        assert torch.allclose(restored(images), sparse(images), atol=1e-5)
    assert evaluate(restored, lenet.split) == pytest.approx(
        evaluate(sparse, lenet.split), abs=1 / 300
    )


def test_counts_are_those_of_the_pruned_model(sparse: nn.Module, variant: Variant) -> None:
    parameters, nonzero = count_values(variant.tensors, set())
    assert parameters == sum(each.numel() for each in sparse.parameters())
    assert nonzero == sum(int(each.count_nonzero()) for each in sparse.parameters())
    weights = sum(sparse.get_parameter(name).numel() for name in prunable(sparse))
    zeros = sum(int((sparse.get_parameter(name) == 0).sum()) for name in prunable(sparse))
    assert zeros == pytest.approx(0.9 * weights, abs=1)


def test_memory_shrinks_as_the_file_does(
    lenet: Subject, sparse: nn.Module, variant: Variant
) -> None:
    restored = model_of(variant, lenet)
    x = torch.zeros(1, 1, 28, 28)
    with torch.inference_mode():
        dense_bytes = peak_memory(lambda: sparse(x), sparse).parameters
        sparse_bytes = peak_memory(lambda: restored(x), restored).parameters
    assert sparse_bytes < 0.3 * dense_bytes
    # In memory columns take four bytes.
    assert sparse_bytes > sum(tensor.nbytes for tensor in variant.tensors.values())


def test_the_file_loads_without_our_code(
    lenet: Subject, sparse: nn.Module, variant: Variant, tmp_path: Path
) -> None:
    file = takeaway.write(tmp_path / "csr", lenet.workload, variant, "sparse")
    assert file.stat().st_size == csr_bytes(dict(sparse.state_dict()))
    text = (tmp_path / "csr" / "load_model.py").read_text()
    assert "efficiency" not in re.findall(r"(?:from|import) (\w+)", text)
    done = subprocess.run(
        [sys.executable, "-W", "error", "csr/load_model.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = re.fullmatch(r"accuracy: ([\d.]+) on 360 held-out digits\n", done.stdout)
    assert found
    assert lenet.split is not None
    assert float(found[1]) == pytest.approx(evaluate(sparse, lenet.split), abs=1 / 300)


def test_recurrent_layers_are_sparse_in_the_file_only() -> None:
    subject = untrained("lstm")
    pruned = zeroed(subject.model, "0.9")
    made = csr_variant(subject, pruned)
    assert made.coverage.changed == ("head",)
    reasons = {each.layer: each.reason for each in made.coverage.skipped}
    assert "in the file only" in reasons["lstm"]
    assert "recurrent layers get their zeros back" in " ".join(made.notes)
    restored = model_of(made, subject)
    assert subject.split is not None
    tokens = subject.split.held_out_inputs[:4]
    with torch.inference_mode():
        assert torch.allclose(restored(tokens), pruned(tokens), atol=1e-5)


def test_a_build_without_mkl_says_so(
    lenet: Subject, sparse: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    with pytest.raises(Unavailable, match="MKL"):
        csr_variant(lenet, sparse)
