"""Energy of counted operations and moved bytes, estimated from published tables.

All figures are for a 45 nm chip: M. Horowitz, "Computing's energy problem (and what we can do about
it)", ISSCC 2014. They are the energy of the arithmetic units and of the memories alone; what a
processor spends on fetching and decoding instructions comes on top (INSTRUCTION_PICOJOULES).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log

from efficiency.core.anatomy import Cache, LayerWork, Stage
from efficiency.core.errors import UnknownName
from efficiency.core.values import Energy, Origin

SOURCE = "Horowitz, ISSCC 2014, 45 nm"


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

# What a processor spends around one operation to fetch, decode and issue it.
INSTRUCTION_PICOJOULES = 70.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Picojoules:
    """An energy, or the range that the source gives for it."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The middle of the range."""
        return (self.low + self.high) / 2

    def __add__(self, other: "Picojoules") -> "Picojoules":
        return Picojoules(low=self.low + other.low, high=self.high + other.high)

    def times(self, count: float) -> "Picojoules":
        """That energy so many times."""
        return Picojoules(low=self.low * count, high=self.high * count)


NOTHING = Picojoules(low=0.0, high=0.0)

# Picojoules of reading or writing 64 bits, by the size of the memory in bytes.
ACCESS_BITS = 64
SRAM_PICOJOULES: dict[int, float] = {8 * 1024: 10.0, 32 * 1024: 20.0, 1024 * 1024: 100.0}
DRAM_PICOJOULES = Picojoules(low=1300.0, high=2600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """How a layer computes: bytes of a stored weight and activation, picojoules of arithmetic."""

    name: str
    label: str
    weight_bytes: int
    activation_bytes: int
    energy: OperationEnergy
    note: str = ""


INT8_MAC = OperationEnergy(multiply=HOROWITZ_2014["int8"].multiply, add=HOROWITZ_2014["int32"].add)
INT8_NOTE = "int8 products summed in 32-bit integers"

PRECISIONS: dict[str, Precision] = {
    each.name: each
    for each in (
        Precision(
            name="fp32",
            label="fp32",
            weight_bytes=4,
            activation_bytes=4,
            energy=HOROWITZ_2014["fp32"],
        ),
        Precision(
            name="fp16",
            label="fp16",
            weight_bytes=2,
            activation_bytes=2,
            energy=HOROWITZ_2014["fp16"],
        ),
        Precision(
            name="bf16",
            label="bf16",
            weight_bytes=2,
            activation_bytes=2,
            energy=OperationEnergy(
                multiply=HOROWITZ_2014["fp16"].multiply, add=HOROWITZ_2014["fp32"].add
            ),
            # fp16's multiplication is the nearest figure, and an upper bound: fewer mantissa bits.
            note="bf16 products taken as fp16 and summed in fp32",
        ),
        Precision(
            name="int8",
            label="int8, sums in int32",
            weight_bytes=1,
            activation_bytes=1,
            energy=INT8_MAC,
            note=INT8_NOTE,
        ),
        Precision(
            name="int8-dynamic",
            label="int8 weights, fp32 activations",
            weight_bytes=1,
            activation_bytes=4,
            energy=INT8_MAC,
            note=INT8_NOTE,
        ),
        Precision(
            name="int32",
            label="int32",
            weight_bytes=4,
            activation_bytes=4,
            energy=HOROWITZ_2014["int32"],
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """An assumption about which numbers travel how far; `name` is what requests and links say."""

    name: str
    label: str
    meaning: str
    cache: Cache | None = None


NO_REUSE = Reuse(
    name="none",
    label="Nothing is reused",
    meaning="Both operands of every multiplication are fetched from DRAM: the worst case.",
)
FROM_DRAM = Reuse(
    name="dram",
    label="Everything from DRAM",
    meaning="For every input, each operator fetches its weights and its inputs from DRAM once and "
    "writes its outputs back.",
)
WEIGHTS_ONCE = Reuse(
    name="weights-once",
    label="Weights once a batch",
    meaning="Weights are fetched from DRAM once for all inputs of a batch; activations go to DRAM "
    "and back.",
)


def reuses(caches: Sequence[Cache]) -> tuple[Reuse, ...]:
    """The assumptions that can be made on a device with these caches, the default first."""
    return (FROM_DRAM, WEIGHTS_ONCE, *map(_in_cache, caches), NO_REUSE)


def find_reuse(name: str, caches: Sequence[Cache]) -> Reuse:
    """The assumption of that name. Raises UnknownName."""
    known = {each.name: each for each in reuses(caches)}
    if name not in known:
        raise UnknownName("reuse assumption", name, tuple(known))
    return known[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerEnergy:
    """Estimated energy of one layer in one stage: its arithmetic, and what moving numbers costs."""

    work: LayerWork
    arithmetic: Picojoules
    movement: Picojoules

    @property
    def total(self) -> Picojoules:
        """Both together."""
        return self.arithmetic + self.movement


def layer_energies(
    layers: Sequence[LayerWork],
    precision: Callable[[str], Precision],
    reuse: Reuse = FROM_DRAM,
    batch_size: int = 1,
) -> tuple[LayerEnergy, ...]:
    """Energy of every layer for the whole batch; `precision` gives the one of a layer's path."""
    weight_bytes = sum(
        each.weights * precision(each.layer).weight_bytes
        for each in layers
        if each.stage is Stage.FORWARD
    )
    return tuple(
        LayerEnergy(
            work=each,
            arithmetic=_arithmetic(each, precision(each.layer)),
            movement=_movement(each, precision(each.layer), reuse, batch_size, weight_bytes),
        )
        for each in layers
    )


def total(energies: Iterable[LayerEnergy]) -> Picojoules:
    """The sum over all layers."""
    return sum((each.total for each in energies), NOTHING)


def estimate(
    layers: Sequence[LayerWork],
    precisions: Mapping[str, str],
    reuse: Reuse = FROM_DRAM,
    batch_size: int = 1,
    otherwise: str = "fp32",
) -> Energy:
    """Joules of one pass over the batch: the middle of the range, which is `low` to `high`.

    precisions: name of the precision of each layer's path; `otherwise` where it is not named.
    Joules are None if nothing was counted.
    """
    used = {precisions.get(each.layer, otherwise) for each in layers if each.multiplications}
    notes = [PRECISIONS[name].note for name in sorted(used) if PRECISIONS[name].note]
    source = "; ".join((f"{SOURCE}; arithmetic and data movement ({reuse.label})", *notes))
    if not any(each.multiplications or each.additions for each in layers):
        return Energy(joules=None, origin=Origin.ESTIMATED, source=source)
    found = total(
        layer_energies(
            layers, lambda path: PRECISIONS[precisions.get(path, otherwise)], reuse, batch_size
        )
    )
    return Energy(
        joules=found.middle * 1e-12,
        low=found.low * 1e-12,
        high=found.high * 1e-12,
        origin=Origin.ESTIMATED,
        source=source,
    )


def sram_picojoules(bytes: int) -> float:  # noqa: A002
    """Picojoules of one 64-bit access to an SRAM of that size.

    Between the sizes of the table, and beyond them, it is drawn straight on logarithmic axes.
    """
    known = sorted(SRAM_PICOJOULES.items())
    (small, low), (large, high) = next(
        (pair for pair in pairwise(known) if bytes <= pair[1][0]), (known[-2], known[-1])
    )
    slope = log(high / low) / log(large / small)
    return low * exp(slope * log(bytes / small))


def _in_cache(cache: Cache) -> Reuse:
    return Reuse(
        name=f"cache-{cache.name}".replace(" ", "-").lower(),
        label=f"What fits in {cache.name} stays there",
        meaning=f"An operator's inputs and outputs stay in {cache.name} where they fit in it "
        "together, and the weights if all of the model's do; the rest comes from DRAM, weights "
        "once a batch. A cache of another size than the table's three is estimated from these.",
        cache=cache,
    )


def _arithmetic(work: LayerWork, precision: Precision) -> Picojoules:
    energy = precision.energy
    spent = work.multiplications * energy.multiply + work.additions * energy.add
    return Picojoules(low=spent, high=spent)


def _movement(
    work: LayerWork, precision: Precision, reuse: Reuse, batch_size: int, weight_bytes: int
) -> Picojoules:
    weights = work.weights * precision.weight_bytes
    activations = (work.inputs + work.outputs) * precision.activation_bytes
    if reuse == NO_REUSE:
        operands = work.multiplications * (precision.weight_bytes + precision.activation_bytes)
        results = work.outputs * precision.activation_bytes
        return _dram(max(operands + results, weights + activations))
    if reuse == FROM_DRAM:
        again = 1 if work.stage is Stage.UPDATE else batch_size
        return _dram(weights * again + activations)
    if reuse.cache is None:
        return _dram(weights + activations)
    near = sram_picojoules(reuse.cache.bytes)
    cached = Picojoules(low=near, high=near)
    spent = NOTHING
    for moved, fits in (
        (weights, weight_bytes <= reuse.cache.bytes),
        (activations, activations <= reuse.cache.bytes),
    ):
        spent = spent + (cached.times(moved * 8 / ACCESS_BITS) if fits else _dram(moved))
    return spent


def _dram(moved: int) -> Picojoules:
    """Picojoules of so many bytes to or from DRAM."""
    return DRAM_PICOJOULES.times(moved * 8 / ACCESS_BITS)
