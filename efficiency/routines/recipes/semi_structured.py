"""2:4 semi-structured weights: two of every four are zero, and NVIDIA's sparse tensor cores skip
them.

The file has them dense, in bfloat16. They become sparse when the model is moved to a GPU, as the
sparse form exists only there; on a CPU the model computes the same with the zeros in place.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.sparse import SparseSemiStructuredTensor, to_sparse_semi_structured

from efficiency.routines.recipes.bf16 import InBfloat16


class SparseOnGpu(InBfloat16):
    """A bfloat16 model whose linear layers of these paths become sparse on their way to a GPU."""

    def __init__(self, model: nn.Module, layers: tuple[str, ...]) -> None:
        super().__init__(model)
        self.layers = layers

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "SparseOnGpu":
        """What `to`, `cuda` and the like call with what is to be done to every tensor."""
        super()._apply(fn, recurse)
        for path in self.layers:
            layer = self.model.get_submodule(path)
            weight = layer.get_parameter("weight")
            if weight.is_cuda and not isinstance(weight, SparseSemiStructuredTensor):
                layer.weight = nn.Parameter(sparse(weight.detach()), requires_grad=False)
        return self


def sparse(weight: Tensor) -> Tensor:
    """The compressed form of a weight on a GPU, two of each four in a row zero."""
    # NVIDIA's library runs on every GPU that has the units, PyTorch's own kernels on some.
    SparseSemiStructuredTensor._FORCE_CUTLASS = not torch.backends.cusparselt.is_available()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the interface may change; versions are pinned
        compressed: Tensor = to_sparse_semi_structured(weight.contiguous())
    return compressed


def restore(
    model: nn.Module, tensors: dict[str, Tensor], example: Tensor, *, layers: tuple[str, ...]
) -> nn.Module:
    """The model in bfloat16, its `layers` sparse once it is on a GPU. `example` is not needed."""
    model = model.to(torch.bfloat16)
    model.load_state_dict(tensors)
    return SparseOnGpu(model, layers).eval()
