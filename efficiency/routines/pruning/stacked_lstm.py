"""Taking units out of an LSTM with any number of layers, for torch-pruning's dependency graph.

Its own way (1.6.1) is for one layer only and cuts the wrong side of the weights. A unit has four
rows (its gates) in both matrices and in the biases of its layer, and one column wherever its state
is read: in the recurrent matrix, and in the input matrix of the layer above. All layers of an
`nn.LSTM` are equally wide, so each loses as many units, its own weakest ones.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

GATES = 4


def unit_strengths(lstm: nn.LSTM, level: int) -> Tensor:
    """Sum of the squares of each unit's recurrent weights, to it and from it, (hidden_size,)."""
    weight: Tensor = getattr(lstm, f"weight_hh_l{level}").detach()
    squares = weight.reshape(GATES, lstm.hidden_size, lstm.hidden_size).square()
    return squares.sum((0, 2)) + squares.sum((0, 1))


def lost_units(lstm: nn.LSTM, lost_of_last: Sequence[int]) -> list[list[int]]:
    """Which units each layer loses, if the last one, whose outputs are seen, loses these."""
    weakest = [
        unit_strengths(lstm, level).topk(len(lost_of_last), largest=False).indices.sort().values
        for level in range(lstm.num_layers - 1)
    ]
    return [*(each.tolist() for each in weakest), sorted(lost_of_last)]


class StackedLSTM:
    """What torch-pruning asks of a kind of layer: how to take its inputs and outputs out."""

    pruning_dim = 1  # set by torch-pruning, which keeps one for every kind

    def prune_out_channels(self, layer: nn.LSTM, idxs: Sequence[int]) -> nn.LSTM:
        """Take these units out of the last layer, and as many out of each layer below."""
        width = layer.hidden_size
        below: Tensor | None = None
        for level, lost in enumerate(lost_units(layer, idxs)):
            kept = _others(width, lost)
            rows = torch.cat([kept + gate * width for gate in range(GATES)])
            for name in (f"{kind}_l{level}" for kind in ("weight_ih", "weight_hh")):
                _keep(layer, name, rows, 0)
            if layer.bias:
                _keep(layer, f"bias_ih_l{level}", rows, 0)
                _keep(layer, f"bias_hh_l{level}", rows, 0)
            _keep(layer, f"weight_hh_l{level}", kept, 1)
            if below is not None:
                _keep(layer, f"weight_ih_l{level}", below, 1)
            below = kept
        layer.hidden_size = width - len(idxs)
        return layer

    def prune_in_channels(self, layer: nn.LSTM, idxs: Sequence[int]) -> nn.LSTM:
        """Take these features out of what goes into the first layer."""
        _keep(layer, "weight_ih_l0", _others(layer.input_size, idxs), 1)
        layer.input_size -= len(idxs)
        return layer

    def get_out_channels(self, layer: nn.LSTM) -> int:
        """How many outputs there are."""
        return layer.hidden_size

    def get_in_channels(self, layer: nn.LSTM) -> int:
        """How many inputs there are."""
        return layer.input_size


def _others(count: int, lost: Sequence[int]) -> Tensor:
    kept = torch.ones(count, dtype=torch.bool)
    kept[list(lost)] = False
    return kept.nonzero().flatten()


def _keep(layer: nn.LSTM, name: str, kept: Tensor, dim: int) -> None:
    old: nn.Parameter = getattr(layer, name)
    setattr(layer, name, nn.Parameter(old.detach().index_select(dim, kept), old.requires_grad))
