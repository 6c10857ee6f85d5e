"""Where the operations, the bytes and the time of one pass through a model go, layer by layer.

Counts are exact and know no precision and no price: what they cost is `efficiency.core.energy`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """The part of a training step that work belongs to; inference has the first one only."""

    FORWARD = "forward"
    BACKWARD = "backward"
    UPDATE = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A measured quantity: its median and its quartiles, in the unit of the field that holds it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerWork:
    """What one layer does in one stage, for the whole batch.

    `layer` is the path of the innermost module ("" for the model itself), `module` its class.
    `macs` are multiply-accumulates of matrix products, convolutions, attention and recurrent
    layers; `multiplications` and `additions` are all there are, those of the macs included.
    `weights`, `inputs` and `outputs` are numbers (not bytes) that its operators read from
    parameters and buffers, read from other tensors, and write, as PyTorch runs them: each operator
    reads its operands once and writes its result once. Only floating-point tensors count.
    `seconds` is its own time, without the layers inside it; None where it was not timed.
    """

    layer: str
    module: str
    stage: Stage
    macs: int
    multiplications: int
    additions: int
    weights: int
    inputs: int
    outputs: int
    seconds: Spread | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """One cache of a device: per core, or of the whole device if `shared`."""

    name: str
    bytes: int
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The most that a machine did of one thing: operations (a multiply-accumulate is two) or bytes.

    `name` is a precision (fp32, bf16, fp16, int8) or a memory (DRAM, or the name of a cache).
    `per_second` is None where it cannot be done here, and `unavailable` says why.
    """

    name: str
    label: str
    unit: str
    per_second: float | None
    unavailable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReading:
    """Energy counted by the hardware while the same pass ran many times.

    `joules` are those of one pass above idle power, `counter` names what was read. Watts are of
    the counter's whole domain; `idle_watts` were measured just before, with nothing running.
    """

    counter: str
    joules: Spread
    idle_watts: float
    busy_watts: float
    passes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """One pass (or one training step) of a model taken apart, beside what the machine can do.

    `uncounted` names operators without a formula: comparisons, exponentials, divisions, roots.
    `readings` is empty where the machine has no energy counter; `no_reading` then says why.
    """

    layers: tuple[LayerWork, ...]
    uncounted: tuple[str, ...] = ()
    caches: tuple[Cache, ...] = ()
    peaks: tuple[Peak, ...] = ()
    readings: tuple[MeterReading, ...] = ()
    no_reading: str | None = None
