"""Noise layer by layer of an exported graph, which has no modules but knows where they were.

Every step of such a graph carries the path of the module that it came from. It is run as it is
written, without a compiler: quantize, dequantize, compute in float32. A layer is compared where it
has computed, before a ReLU and before its output is rounded.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Interpreter, Node

from efficiency.core.quantization import LayerNoise
from efficiency.routines.quantization.folding import norms_after
from efficiency.routines.quantization.layer_noise import Place, compared

PREFIX = "model."  # of every path in a graph: the model was exported inside of another module


@torch.no_grad()
def graph_noise(
    row: str, model: nn.Module, graph: GraphModule, tensors: Mapping[str, Tensor], inputs: Tensor
) -> tuple[LayerNoise, ...]:
    """As `layer_noise`, for a graph of the same model and its tensors by their names.

    Integers have their scales and zero points beside them (`recipes/packing.py`).
    """
    paths = {path for path, _ in model.named_modules()}
    recorder = _Recorder(graph, paths)
    recorder.run(inputs)
    places = {
        path: Place(weight=_weight(tensors, f"{path}.weight"), outputs=[output])
        for path, output in recorder.outputs.items()
    }
    folded = {
        layer: norm for layer, norm in norms_after(model, inputs[:1]).items() if norm not in places
    }
    return compared(row, model, inputs, places, folded)


class _Recorder(Interpreter):
    """Keeps what the last step of each layer gives."""

    def __init__(self, graph: GraphModule, paths: set[str]) -> None:
        super().__init__(graph)
        self.outputs: dict[str, Tensor] = {}
        self._paths = paths

    def run_node(self, n: Node) -> Any:
        """Run the step."""
        result = super().run_node(n)
        stack = n.meta.get("nn_module_stack")
        if n.op == "call_function" and stack and isinstance(result, Tensor):
            path = str(list(stack.values())[-1][0]).removeprefix(PREFIX)
            if path in self._paths:
                self.outputs[path] = result.detach().float().clone()
        return result


def _weight(tensors: Mapping[str, Tensor], name: str) -> Tensor | None:
    """The weights as floats; None if there are none of that name, or nothing was rounded."""
    if f"{name}::scale" not in tensors:
        return None
    integers, scale = tensors[name], tensors[f"{name}::scale"]
    zero_point = tensors[f"{name}::zero_point"]
    shape = (-1, *(1,) * (integers.ndim - 1)) if scale.numel() > 1 else ()
    return (integers.float() - zero_point.float().reshape(shape)) * scale.float().reshape(shape)
