"""torchao's names, imported without what it says to people who did not ask.

Its import logs a warning for every extension that was built for another machine, and for enums that
PyTorch has since learned to handle itself.
"""

from efficiency.core.quiet import quiet

with quiet():
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer.x86_inductor_quantizer import (
        X86InductorQuantizer,
        get_default_x86_inductor_quantization_config,
    )

__all__ = [
    "Int8DynamicActivationInt8WeightConfig",
    "X86InductorQuantizer",
    "convert_pt2e",
    "get_default_x86_inductor_quantization_config",
    "prepare_pt2e",
    "quantize_",
]
