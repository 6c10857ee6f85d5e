"""What zeros are worth in a file that leaves them out, and in arithmetic that skips them."""

import torch
from safetensors.torch import save
from torch import Tensor, nn

from efficiency.core.errors import Unavailable
from efficiency.routines.recipes import csr
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Variant, coverage_of


def csr_bytes(tensors: dict[str, Tensor]) -> int:
    """Bytes of the safetensors file whose matrices are stored in CSR where that is smaller."""
    return len(save(csr.packed(tensors)))


def csr_variant(subject: Subject, pruned: nn.Module) -> Variant:
    """The file of a pruned model in CSR; `pruned` is one whose zeros are permanent.

    Raises Unavailable where PyTorch was built without what multiplies sparse matrices.
    """
    if not torch.backends.mkl.is_available():
        raise Unavailable(
            "PyTorch multiplies sparse matrices by Intel's MKL, and its build here has none."
        )
    state = pruned.state_dict()
    stored = csr.packed({name: state[name] for name in subject.model.state_dict()})
    sparse = csr.sparse_names(stored)

    def why_not(path: str, layer: nn.Module) -> str | None:
        if not any(f"{path}.{name}" in sparse for name, _ in layer.named_parameters(recurse=False)):
            return "no smaller in CSR"
        if type(layer) is not nn.Linear:
            return "in CSR in the file only; PyTorch has no sparse kernel for it"
        return None

    coverage = coverage_of(pruned, why_not)
    dense = len(sparse) - len(coverage.changed)
    notes: tuple[str, ...] = (
        f"{len(sparse)} matrices are stored in CSR: values, their columns, and where rows begin. "
        f"{len(coverage.changed)} of them belong to linear layers and are computed so too.",
    )
    if dense:
        notes += (
            "PyTorch has sparse matrix products only: convolutions and recurrent layers get their "
            "zeros back when the file is loaded, and compute with them.",
        )
    return Variant(recipe=csr, tensors=stored, coverage=coverage, notes=notes)
