"""bfloat16: half the bytes of float32, the same range, 8 instead of 24 bits of significand."""

import torch
from torch import Tensor, nn


class InBfloat16(nn.Module):
    """Runs a bfloat16 model on float32 inputs: casts what goes in, leaves token ids alone."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """The model's output in bfloat16."""
        output: Tensor = self.model(x.to(torch.bfloat16) if x.is_floating_point() else x)
        return output


def restore(model: nn.Module, tensors: dict[str, Tensor], example: Tensor) -> nn.Module:
    """The model in bfloat16 behind a cast of its input. `example` is not needed here."""
    model = model.to(torch.bfloat16)
    model.load_state_dict(tensors)
    return InBfloat16(model).eval()
