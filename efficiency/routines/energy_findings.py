"""What the anatomy of a model says about where its energy goes, in sentences with its numbers."""

from efficiency.core.anatomy import Anatomy, Stage
from efficiency.core.energy import (
    FROM_DRAM,
    NOTHING,
    PRECISIONS,
    Picojoules,
    layer_energies,
)
from efficiency.core.roofline import Limit, ridge, time_shares
from efficiency.core.units import joules_text, share_text
from efficiency.core.values import Finding

_SPENT = {
    Limit.ARITHMETIC: "Most of the forward pass's time is arithmetic.",
    Limit.MEMORY: "Most of the forward pass's time is spent waiting for memory.",
    Limit.CALLS: "Most of the forward pass's time is neither arithmetic nor memory, but calls.",
}
_HELP = {
    Limit.ARITHMETIC: "Look at the peaks of the other precisions: only a faster one helps, or "
    "less arithmetic.",
    Limit.MEMORY: "Halving the bytes (bf16 or int8 storage) helps such layers; faster int8 "
    "arithmetic does not.",
    Limit.CALLS: "Give more inputs to each call, or compile the model: cheaper numbers do not "
    "make a call cheaper.",
}


def findings(anatomy: Anatomy, batch_size: int) -> tuple[Finding, ...]:
    """Movement against arithmetic, what int8 saves, whose weights travel, what takes time."""
    found = (
        _movement(anatomy, batch_size),
        _int8(anatomy, batch_size),
        _weights(anatomy, batch_size),
        _time(anatomy),
    )
    return tuple(each for each in found if each is not None)


def _sums(anatomy: Anatomy, precision: str, batch_size: int) -> tuple[Picojoules, Picojoules]:
    """Arithmetic and movement of all layers, everything from DRAM."""
    energies = layer_energies(
        anatomy.layers, lambda path: PRECISIONS[precision], FROM_DRAM, batch_size
    )
    return (
        sum((each.arithmetic for each in energies), NOTHING),
        sum((each.movement for each in energies), NOTHING),
    )


def _movement(anatomy: Anatomy, batch_size: int) -> Finding:
    arithmetic, movement = _sums(anatomy, "fp32", batch_size)
    evidence = (
        f"In fp32 the arithmetic takes {_joules(arithmetic.middle)}; moving the numbers to DRAM "
        f"and back takes {_joules(movement.low)} to {_joules(movement.high)}."
    )
    if movement.low > arithmetic.middle:
        return Finding(
            finding=f"Moving numbers costs {_times(movement, arithmetic)} times as much as "
            "computing with them.",
            evidence=evidence,
            next_step="Choose another reuse assumption to see what keeping them close would save.",
        )
    return Finding(
        finding="Computing costs as much as moving the numbers, or more.",
        evidence=evidence,
        next_step="Cheaper arithmetic (fp16, int8) pays here, not only fewer bytes.",
    )


def _int8(anatomy: Anatomy, batch_size: int) -> Finding:
    wide, narrow = (_sums(anatomy, name, batch_size) for name in ("fp32", "int8"))
    saved = _sum(wide) / _sum(narrow)
    arithmetic = wide[0].middle / narrow[0].middle
    return Finding(
        finding=f"int8 would take {saved:.1f} times less energy, if all of the model used it.",
        evidence=f"Its arithmetic takes {arithmetic:.1f} times less (with 32-bit sums), its "
        "movement 4 times less (1 byte a number instead of 4); the larger part decides.",
        next_step="The compression report measures which layers can be int8 here, and what that "
        "does to the accuracy.",
    )


def _weights(anatomy: Anatomy, batch_size: int) -> Finding | None:
    """Weights are what a larger batch shares; nothing to say where they are a small part."""
    forward = [each for each in anatomy.layers if each.stage is Stage.FORWARD]
    weights = sum(each.weights for each in forward)
    activations = sum(each.inputs + each.outputs for each in forward)
    if not weights > activations / batch_size:
        return None
    share = weights * batch_size / (weights * batch_size + activations)
    return Finding(
        finding=f"{share_text(share)} of what one forward pass moves are weights.",
        evidence=f"{weights:,} weights are read for every input, and {activations // batch_size:,} "
        "activations are read and written.",
        next_step="Several inputs in one call can share the weights: choose a larger batch and "
        "the assumption that weights are fetched once a batch.",
    )


def _time(anatomy: Anatomy) -> Finding | None:
    """What most of the forward pass's time goes into, and what would help that."""
    shares, edge = time_shares(anatomy), ridge(anatomy)
    if shares is None or edge is None:
        return None
    most = max(shares, key=lambda each: shares[each])
    evidence = "; ".join(f"{share_text(share)} {bound.value}" for bound, share in shares.items())
    return Finding(
        finding=_SPENT[most],
        evidence=f"Of the layers' time: {evidence}. Here {edge:.0f} fp32 operations take as long "
        "as moving one byte to or from DRAM; a layer far below both limits is counted as calls.",
        next_step=_HELP[most],
    )


def _sum(parts: tuple[Picojoules, Picojoules]) -> float:
    return (parts[0] + parts[1]).middle


def _joules(picojoules: float) -> str:
    return joules_text(picojoules * 1e-12)


def _times(movement: Picojoules, arithmetic: Picojoules) -> str:
    low, high = movement.low / arithmetic.middle, movement.high / arithmetic.middle
    digits = 1 if low < 10 else 0
    return f"{low:.{digits}f} to {high:.{digits}f}"
