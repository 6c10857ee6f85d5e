"""Compressed sparse rows (CSR): of a matrix only what is not 0, with the column of each number.

In the file, a matrix W of any tensor with two or more dimensions (the first one its rows) becomes
`W::crow` (where each row begins, int32), `W::columns` (int16 if that is enough, else int32),
`W::values`, and `W::shape`. Linear layers compute with that too. PyTorch has no sparse convolution
and no sparse recurrent layer, so all others get their zeros back.
"""

import math
import warnings

import torch
from safetensors.torch import save
from torch import Tensor, nn

PARTS = ("crow", "columns", "values", "shape")
LARGEST_INT16 = 2**15 - 1
# Bytes that CSR must save: in a file with others, where parts begin and end takes more digits.
WORTH = 100


class SparseLinear(nn.Module):
    """A linear layer that multiplies only with what is not 0. For inference."""

    crow: Tensor
    columns: Tensor
    values: Tensor

    def __init__(
        self,
        crow: Tensor,
        columns: Tensor,
        values: Tensor,
        shape: Tensor,
        bias: nn.Parameter | None,
    ) -> None:
        super().__init__()
        self.out_features, self.in_features = shape.tolist()
        self.register_buffer("crow", crow)
        self.register_buffer("columns", columns.int())  # what MKL takes without converting it
        self.register_buffer("values", values)
        self.bias = bias
        self.matrix = self._matrix()

    def forward(self, x: Tensor) -> Tensor:
        """The outputs; the last dimension of `x` are the inputs."""
        if self.matrix.device != x.device:
            self.matrix = self._matrix()
        rows = x.reshape(-1, self.in_features)
        # A matrix times a vector takes half the time of a matrix times a matrix of one column.
        if len(rows) == 1:
            product = torch.mv(self.matrix, rows[0])
            outputs = product if self.bias is None else product + self.bias
        elif self.bias is None:
            outputs = torch.mm(self.matrix, rows.t()).t()
        else:
            outputs = torch.addmm(self.bias[:, None], self.matrix, rows.t()).t()
        return outputs.reshape(*x.shape[:-1], self.out_features)

    def _matrix(self) -> Tensor:
        """The buffers seen as one sparse tensor; they share their memory."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's that sparse tensors are in beta
            return torch.sparse_csr_tensor(
                self.crow,
                self.columns,
                self.values,
                (self.out_features, self.in_features),
                check_invariants=True,
            )


def packed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors to save: in CSR those that take clearly fewer bytes so, others as they are."""
    stored: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        dense = {name: tensor.contiguous()}
        matrix = tensor.ndim >= 2 and tensor.is_floating_point()
        sparse = _sparse(name, tensor) if matrix else dense
        stored |= sparse if len(save(sparse)) + WORTH < len(save(dense)) else dense
    return stored


def unpacked(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """All tensors dense again."""
    dense = {name: tensor for name, tensor in tensors.items() if "::" not in name}
    return dense | {name: _dense(*_parts(name, tensors)) for name in sparse_names(tensors)}


def sparse_names(tensors: dict[str, Tensor]) -> tuple[str, ...]:
    """The names of the tensors that are stored in CSR."""
    return tuple(name.removesuffix("::crow") for name in tensors if name.endswith("::crow"))


def restore(model: nn.Module, tensors: dict[str, Tensor], example: Tensor) -> nn.Module:
    """The model with these weights, its linear layers sparse. `example` is not needed here."""
    model.load_state_dict(unpacked(tensors))
    for name in sparse_names(tensors):
        path, _, attribute = name.rpartition(".")
        layer = model.get_submodule(path)
        if path and attribute == "weight" and type(layer) is nn.Linear:
            model.set_submodule(path, SparseLinear(*_parts(name, tensors), layer.bias))
    return model.eval()


def _sparse(name: str, tensor: Tensor) -> dict[str, Tensor]:
    matrix = tensor.reshape(len(tensor), -1)
    left = matrix != 0
    crow = torch.zeros(len(matrix) + 1, dtype=torch.int32)
    crow[1:] = left.sum(dim=1).cumsum(0)
    columns = left.nonzero()[:, 1]
    small = matrix.shape[1] - 1 <= LARGEST_INT16
    parts = (crow, columns.to(torch.int16 if small else torch.int32), matrix[left])
    shape = torch.tensor(tensor.shape, dtype=torch.int32)
    return {f"{name}::{part}": each for part, each in zip(PARTS, (*parts, shape), strict=True)}


def _parts(name: str, tensors: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    crow, columns, values, shape = (tensors[f"{name}::{part}"] for part in PARTS)
    return crow, columns, values, shape


def _dense(crow: Tensor, columns: Tensor, values: Tensor, shape: Tensor) -> Tensor:
    height, *rest = shape.tolist()
    dense = torch.zeros(height, math.prod(rest), dtype=values.dtype)
    rows = torch.arange(height).repeat_interleave(crow.diff())
    dense[rows, columns.long()] = values
    return dense.reshape(height, *rest)
