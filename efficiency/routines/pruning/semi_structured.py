"""2:4 sparsity (Mishra et al., 2021): of every four weights in a row, the two smaller become zero.

It is the one pattern of zeros that hardware has units for: tensor cores of NVIDIA GPUs, from
compute capability 8.0, multiply only the other half. Everything else computes with the zeros.
"""

import torch
from torch import Tensor, nn

from efficiency.core.errors import Unavailable
from efficiency.routines.recipes import semi_structured as recipe
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Variant, coverage_of

FOUR, KEPT = 4, 2
# Rows and columns must be multiples of these for bfloat16, in both of PyTorch's back ends.
ROWS, COLUMNS = 32, 64
NEEDED = (8, 0)


def two_of_four(weight: Tensor) -> Tensor:
    """The mask, True for the two largest magnitudes of every four next to each other in a row.

    weight: (..., columns), columns a multiple of four.
    """
    magnitudes = weight.detach().abs().unflatten(-1, (-1, FOUR))
    kept = torch.zeros_like(magnitudes, dtype=torch.bool)
    return kept.scatter(-1, magnitudes.topk(KEPT, dim=-1).indices, True).flatten(-2)


def unsuitable(layer: nn.Module) -> str | None:
    """Why a layer cannot be computed with 2:4 sparse weights; None if it can."""
    if type(layer) is not nn.Linear:
        return "PyTorch has 2:4 sparse kernels for linear layers only"
    rows, columns = layer.weight.shape
    if rows % ROWS or columns % COLUMNS:
        return (
            f"its weight is {rows} x {columns}, and the kernels take multiples of {ROWS} rows and "
            f"{COLUMNS} columns"
        )
    return None


def missing(device: str) -> str | None:
    """Why the device cannot compute faster with 2:4 zeros, a sentence; None if it can."""
    if device != "cuda" or not torch.cuda.is_available():
        return (
            "2:4 sparsity is computed faster only by NVIDIA GPUs of compute capability 8.0 or "
            "more (A100, RTX 30 and later), and this runs on a CPU."
        )
    capability = torch.cuda.get_device_capability()
    if capability < NEEDED:
        return (
            "2:4 sparsity needs an NVIDIA GPU of compute capability 8.0 or more; this one has "
            f"{capability[0]}.{capability[1]}."
        )
    try:
        weight = torch.ones(COLUMNS, COLUMNS, dtype=torch.bfloat16, device=device)
        with torch.inference_mode():
            nn.functional.linear(weight, recipe.sparse(weight * two_of_four(weight)))
    except (RuntimeError, NotImplementedError) as error:
        return f"PyTorch's 2:4 kernels do not run on this GPU: {str(error).partition(chr(10))[0]}"
    return None


def semi_structured(subject: Subject, device: str = "cuda") -> Variant:
    """Linear layers with two of four weights zero, everything in bfloat16; not fine-tuned.

    device: that the model will run on. Raises Unavailable where that has no such units, or the
    model no layer of a shape that they take.
    """
    reason = missing(device)
    if reason is not None:
        raise Unavailable(reason)
    return sparsified(subject)


def sparsified(subject: Subject) -> Variant:
    """The file, on whatever device it is made. Raises Unavailable where no layer has the shape."""
    coverage = coverage_of(subject.model, lambda name, layer: unsuitable(layer))
    if not coverage.changed:
        raise Unavailable(
            f"No linear layer of this model is a multiple of {ROWS} by {COLUMNS}, as 2:4 sparse "
            "kernels need it."
        )
    tensors = {
        name: tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor
        for name, tensor in subject.model.state_dict().items()
    }
    for layer in coverage.changed:
        name = f"{layer}.weight" if layer else "weight"
        tensors[name] = tensors[name] * two_of_four(subject.model.get_parameter(name))
    return Variant(
        recipe=recipe,
        tensors=tensors,
        coverage=coverage,
        precision="bf16",
        whole_model=True,
        notes=(
            "Everything computes in bfloat16, so part of any speed-up is not that of the zeros.",
            "Not fine-tuned after half of the weights were set to zero.",
        ),
        settings={"layers": coverage.changed},
    )
