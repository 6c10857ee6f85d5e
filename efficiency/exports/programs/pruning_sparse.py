"""The smallest weights set to zero, and linear layers that multiply with the others alone (CSR)."""

import warnings

from torch import Tensor, nn
from torch.nn.utils import prune

AMOUNT = 0.9
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


class SparseLinear(nn.Module):
    """A linear layer whose matrix is stored as values, column indices and row pointers."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.register_buffer("weight", layer.weight.detach().to_sparse_csr())
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """x times the transposed matrix, plus the bias."""
        flat = x.reshape(-1, x.shape[-1])
        product = (self.weight @ flat.T).T
        if self.bias is not None:
            product = product + self.bias
        return product.reshape(*x.shape[:-1], -1)


def shrink(model: nn.Module, example: Tensor) -> nn.Module:
    """Prune the smallest weights of all layers together."""
    pruned = [(layer, "weight") for layer in model.modules() if isinstance(layer, LAYERS)]
    prune.global_unstructured(pruned, prune.L1Unstructured, amount=AMOUNT)
    return model


def finish(model: nn.Module) -> nn.Module:
    """Make the zeros permanent, and store the matrices of linear layers sparse."""
    for layer in model.modules():
        if isinstance(layer, LAYERS):
            prune.remove(layer, "weight")
    warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
    for layer in list(model.modules()):
        for name, child in list(layer.named_children()):
            if isinstance(child, nn.Linear):
                setattr(layer, name, SparseLinear(child))
    return model
