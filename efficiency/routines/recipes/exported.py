"""A graph of torch.export, compiled by Inductor for this machine when it is first called.

The graph says "dequantize, convolve in float32, quantize". Inductor makes one operator with int8
arithmetic of that, but only where it may take weights for constants ("freezing"); without a
compiler the graph runs as it is written, which is slower than the float model.
"""

import copy
import warnings
from collections.abc import Callable

import torch
import torch._inductor.cpp_builder
import torch._inductor.exc
import torch.ao.quantization.fx._decomposed  # the operators that quantize in a graph
from torch import Tensor, nn
from torch.fx import GraphModule

# Shapes and order in memory are checked before the first call of their kind, not in every one of
# the operators again (2 % of the time of ResNet-50).
OPTIONS = {"freezing": True, "size_asserts": False, "alignment_asserts": False}
FAILURES = (
    torch._inductor.exc.InductorError,
    torch._inductor.exc.CppCompileError,
    torch._inductor.exc.InvalidCxxCompiler,
)


class Compiled(nn.Module):
    """Runs a graph, compiled anew for each shape of input and each number of threads.

    Inductor is called without Dynamo: an exported graph needs no tracing, and none of the checks
    that Dynamo would make before every call (0.1 ms with LeNet, half of its time).

    `uncompiled` says why the graph runs as it is; None unless a compiler is missing or has failed.
    """

    def __init__(self, graph: GraphModule) -> None:
        super().__init__()
        self.uncompiled = no_compiler()
        self._graph = [graph]  # no module of this one: exported graphs cannot `eval` or `train`
        self._made: dict[object, Callable[[Tensor], Tensor]] = {}

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """The output of the graph. The first call of its kind takes seconds to minutes."""
        x = x.contiguous()  # compiled code reads the elements in this order
        key = (x.shape, x.dtype, torch.get_num_threads())
        if key not in self._made:
            self._made[key] = self._compile(x)
        return self._made[key](x)

    def _compile(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        graph = self._graph[0]
        if self.uncompiled is not None:
            return graph
        try:
            with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                own = GraphModule(graph, copy.deepcopy(graph.graph))  # Inductor works in place
                made: Callable[[Tensor], Tensor] = torch._inductor.compile(
                    own, [x.clone()], OPTIONS
                )
                return made
        except FAILURES as error:
            first = str(error).strip().partition("\n")[0]
            self.uncompiled = (
                f"The C++ compiler here does not compile what Inductor made ({first})."
            )
            return graph


def no_compiler() -> str | None:
    """Why Inductor cannot compile on this machine; None if it seems that it can."""
    try:
        torch._inductor.cpp_builder.get_cpp_compiler()
    except torch._inductor.exc.InvalidCxxCompiler:
        return "Inductor finds no C++ compiler here; install g++, or name one in CXX."
    return None


def restore(model: nn.Module, tensors: dict[str, Tensor], example: Tensor) -> nn.Module:
    """The graph `model`, to be compiled; it has its tensors already. `example` is not needed."""
    if not isinstance(model, GraphModule):
        raise TypeError("an exported program's module is what can be compiled here")
    return Compiled(model)
