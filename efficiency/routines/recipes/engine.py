"""Whose kernels run quantized operators: fbgemm's, oneDNN's, both (x86), or QNNPACK's."""

import torch


def use_engine(name: str) -> None:
    """Choose the kernels for this whole process; what another machine lacks, it replaces."""
    engines = [each for each in torch.backends.quantized.supported_engines if each != "none"]
    torch.backends.quantized.engine = name if name in engines else engines[-1]
