"""By torchao's pt2e: an exported graph with observers, then compiled. pip install torchao too."""

import torch
from torch import Tensor, nn
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer.x86_inductor_quantizer import (
    X86InductorQuantizer,
    get_default_x86_inductor_quantization_config,
)

BATCH_SIZE = 1
DYNAMIC = False
CALIBRATION_INPUTS, CALIBRATION_SEED = 256, 0


def quantize(model: nn.Module, inputs: Tensor, labels: Tensor) -> nn.Module:
    """The model in int8, compiled for inputs of this shape."""
    config = get_default_x86_inductor_quantization_config(is_dynamic=DYNAMIC)
    quantizer = X86InductorQuantizer()
    if DYNAMIC:
        quantizer.set_module_type_qconfig(nn.Linear, config)
    else:
        quantizer.set_global(config)
    graph = torch.export.export(model, (inputs[:BATCH_SIZE],)).module()
    prepared = prepare_pt2e(graph, quantizer)
    chosen = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(CALIBRATION_SEED))
    count = max(BATCH_SIZE, min(CALIBRATION_INPUTS, len(inputs)) // BATCH_SIZE * BATCH_SIZE)
    with torch.no_grad():
        for batch in inputs[chosen[:count]].split(BATCH_SIZE):
            prepared(batch)  # observers note the ranges of activations
    return Compiled(convert_pt2e(prepared), inputs[:BATCH_SIZE])


class Compiled(nn.Module):
    """An exported graph and what Inductor makes of it, without the float weights it was made of."""

    def __init__(self, graph: torch.fx.GraphModule, example: Tensor) -> None:
        super().__init__()
        used = {node.target for node in graph.graph.nodes if node.op == "get_attr"}
        for name in {*graph.state_dict()} - used:
            owner, _, attribute = name.rpartition(".")
            delattr(graph.get_submodule(owner), attribute)
        self.graph = graph
        with torch.no_grad():  # without freezing the graph is slower than float32
            self.run = torch._inductor.compile(graph, [example], {"freezing": True})

    def forward(self, x: Tensor) -> Tensor:
        """Outputs for inputs of the example's shape."""
        outputs: Tensor = self.run(x)
        return outputs
