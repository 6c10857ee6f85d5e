"""How far outputs have moved: the signal-to-quantization-noise ratio."""

from math import isfinite, log10

from torch import Tensor


def sqnr_db(reference: Tensor, other: Tensor) -> float | None:
    """10 log10(sum reference^2 / sum (reference - other)^2) in dB, summed in float64.

    None where it is not defined: equal tensors, an all-zero reference, or values not finite.
    """
    signal = float(reference.double().square().sum())
    noise = float((reference.double() - other.double()).square().sum())
    if not (isfinite(signal) and isfinite(noise)) or signal == 0 or noise == 0:
        return None
    return 10 * log10(signal / noise)
