"""Energy of a model's arithmetic, estimated from counted operations and a published table.

The table is for a 45 nm chip: M. Horowitz, "Computing's energy problem (and what we can do about
it)", ISSCC 2014. It covers the arithmetic only; fetching numbers from memory and the rest of a
processor's work cost more and are not in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from efficiency.core.values import Energy, Flops, Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationEnergy:
    """Picojoules of one multiplication and one addition."""

    multiply: float
    add: float


HOROWITZ_2014: dict[str, OperationEnergy] = {
    "int8": OperationEnergy(multiply=0.2, add=0.03),
    "int32": OperationEnergy(multiply=3.1, add=0.1),
    "fp16": OperationEnergy(multiply=1.1, add=0.4),
    "fp32": OperationEnergy(multiply=3.7, add=0.9),
}

# What a multiply-accumulate in each precision does. Products of 8-bit integers are summed in 32
# bits, those of bfloat16 in fp32. The table has no bfloat16 multiplication; fp16's is the nearest,
# and an upper bound (fewer mantissa bits).
MAC_PICOJOULES: dict[str, float] = {
    "fp32": HOROWITZ_2014["fp32"].multiply + HOROWITZ_2014["fp32"].add,
    "fp16": HOROWITZ_2014["fp16"].multiply + HOROWITZ_2014["fp16"].add,
    "bf16": HOROWITZ_2014["fp16"].multiply + HOROWITZ_2014["fp32"].add,
    "int8": HOROWITZ_2014["int8"].multiply + HOROWITZ_2014["int32"].add,
}
SOURCE = "Horowitz, ISSCC 2014, 45 nm; arithmetic only"


def estimate_energy(flops: Flops, precision: Mapping[str, str]) -> Energy:
    """Joules of one forward pass: sum over layers of multiply-accumulates times their energy.

    precision: fp32, fp16, bf16 or int8 for each layer of `flops.by_layer`; fp32 where not named.
    Joules are None if no operation was counted.
    """
    used = [precision.get(each.layer, "fp32") for each in flops.by_layer]
    source = SOURCE
    if "int8" in used:
        source += "; int8 products summed in 32-bit integers"
    if "bf16" in used:
        source += "; bf16 products taken as fp16 and summed in fp32"
    if not any(each.macs for each in flops.by_layer):
        return Energy(joules=None, origin=Origin.ESTIMATED, source=source)
    picojoules = sum(
        each.macs * MAC_PICOJOULES[name] for each, name in zip(flops.by_layer, used, strict=True)
    )
    return Energy(joules=picojoules * 1e-12, origin=Origin.ESTIMATED, source=source)
