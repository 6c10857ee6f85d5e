"""What an energy study says in numbers and sentences, at one precision and reuse assumption."""

from dataclasses import dataclass

from efficiency.charts.energy import energies_at
from efficiency.charts.energy_layers import ITSELF, Bar, bar, by_layer, range_text
from efficiency.core.anatomy import Anatomy
from efficiency.core.energy import (
    DRAM_PICOJOULES,
    FROM_DRAM,
    INSTRUCTION_PICOJOULES,
    PRECISIONS,
    SOURCE,
    LayerEnergy,
    Precision,
    Reuse,
    sram_picojoules,
)
from efficiency.core.roofline import bytes_moved, operations
from efficiency.core.units import bytes_text, joules_text, seconds_text, share_text
from efficiency.core.values import Energy, Origin, Study
from efficiency.exports.columns import grouped, one_pass
from efficiency.exports.table import card, fact

METHOD = (
    "Operations and the numbers that operators read and write are counted, layer by layer. "
    f"Operations times their published energy ({SOURCE}) are the arithmetic, bytes times the "
    "published energy of a memory access are the movement. Both are those of a 45 nm chip, and "
    f"without the roughly {INSTRUCTION_PICOJOULES:g} pJ that a processor spends around every "
    "instruction: a real machine takes more. Times are medians of each layer's own time, measured "
    "in fp32."
)
FINDINGS_TITLE = "Findings and next steps, in fp32 with everything from DRAM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An energy study's estimate at one precision and one reuse assumption."""

    study: Study
    anatomy: Anatomy
    precision: Precision
    reuse: Reuse
    energies: tuple[LayerEnergy, ...]

    @property
    def whole(self) -> Bar:
        """The sum over all layers and stages."""
        return bar(self.precision.label, self.energies)

    def at(self, precision: str) -> Bar:
        """The same sum in another precision."""
        layers, batch_size = self.anatomy.layers, self.study.batch_size
        return bar(precision, energies_at(layers, precision, self.reuse, batch_size))


def account(study: Study, precision: str = "fp32", reuse: Reuse = FROM_DRAM) -> Account:
    """The estimate of a study with an anatomy."""
    if study.anatomy is None:
        raise ValueError("only a model that was taken apart has an account")
    energies = energies_at(study.anatomy.layers, precision, reuse, study.batch_size)
    return Account(
        study=study,
        anatomy=study.anatomy,
        precision=PRECISIONS[precision],
        reuse=reuse,
        energies=energies,
    )


def energy_cards(found: Account) -> str:
    """The headline numbers as HTML: energy, share of movement, exact counts, parameters."""
    whole, precision = found.whole, found.precision
    per_input = ""
    if found.study.batch_size > 1:
        each = joules_text(whole.total.middle * 1e-12 / found.study.batch_size)
        per_input = f"; {each} an input"
    cards = [
        ("Energy, estimated", *_value_and_range(whole), f"{one_pass(found.study)}{per_input}"),
        (
            "Moving numbers",
            share_text(whole.share_moved),
            f"of the energy; the arithmetic is {joules_text(whole.arithmetic.middle * 1e-12)}",
        ),
    ]
    timing = found.study.rows[0].timing
    if timing is not None:
        first, third = map(seconds_text, timing.quartiles_seconds)
        cards.append(
            (
                "Time, measured",
                seconds_text(timing.median_seconds),
                f"quartiles {first} to {third}",
                f"{one_pass(found.study)} as it ran, in fp32",
            )
        )
    energy = measured(found.study)
    if energy is not None:
        cards.append(
            (
                "Energy, measured",
                joules_text(energy.joules),
                f"quartiles {joules_text(energy.low)} to {joules_text(energy.high)}",
                f"{one_pass(found.study)}, above idle",
            )
        )
    facts = [
        ("MACs", _sum(found, "macs"), "multiply-accumulates"),
        (
            "Multiplications",
            _sum(found, "multiplications"),
            f"{precision.energy.multiply:g} pJ each in {precision.name}",
        ),
        (
            "Additions",
            _sum(found, "additions"),
            f"{precision.energy.add:g} pJ each in {precision.name}",
        ),
    ]
    footprint = found.study.rows[0].footprint
    if footprint is not None:
        size = bytes_text(footprint.parameters * precision.weight_bytes)
        facts.append(("Parameters", footprint.parameters, f"{size} in {precision.name}"))
    return (
        f'<div class="lab-cards">{"".join(card(*each) for each in cards)}</div>'
        f'<div class="lab-facts">{"".join(fact(n, grouped(c), d) for n, c, d in facts)}</div>'
    )


def measured(study: Study) -> Energy | None:
    """What the machine's counters said of one pass, all together; None where there are none."""
    energies = (row.energy for row in study.rows if row.energy is not None)
    return next((each for each in energies if each.origin == Origin.MEASURED), None)


def why(found: Account) -> tuple[str, ...]:
    """Three sentences: where the energy goes, what precision changes, which layer takes most."""
    return tuple(
        each for each in (_where(found), _precision(found), _largest(found)) if each is not None
    )


def formula(found: Account) -> str:
    """How the estimate comes about, with the figures of the table."""
    energy, reuse = found.precision.energy, found.reuse
    memory = f"{DRAM_PICOJOULES.low / 1e3:g} to {DRAM_PICOJOULES.high / 1e3:g} nJ"
    if reuse.cache is not None:
        near = sram_picojoules(reuse.cache.bytes) / 1e3
        memory += f" ({near:.2g} nJ in {reuse.cache.name})"
    return (
        f"energy = multiplications × {energy.multiply:g} pJ + additions × {energy.add:g} pJ "
        f"+ bytes moved ÷ 8 × {memory}"
    )


def meter_text(anatomy: Anatomy) -> tuple[str, ...]:
    """What the machine's own counters say, or the sentence why they say nothing."""
    if not anatomy.readings:
        return (anatomy.no_reading or "The energy was not measured on this machine.",)
    return tuple(
        f"{each.counter}: {joules_text(each.joules.median)} a pass above idle (quartiles "
        f"{joules_text(each.joules.low)} to {joules_text(each.joules.high)}), over "
        f"{grouped(each.passes)} passes; {each.busy_watts:.1f} W busy, {each.idle_watts:.1f} W "
        "idle."
        for each in anatomy.readings
    )


def _where(found: Account) -> str | None:
    whole, precision = found.whole, found.precision
    if not whole.total.middle:
        return None
    weights = sum(each.weights for each in found.anatomy.layers)
    activations = sum(each.inputs + each.outputs for each in found.anatomy.layers)
    size = "1 byte" if precision.weight_bytes == 1 else f"{precision.weight_bytes} bytes"
    assumed = f"{found.reuse.label[:1].lower()}{found.reuse.label[1:]}"
    return (
        f"{share_text(whole.share_moved)} of the energy goes into moving numbers ({assumed}: "
        f"{grouped(weights)} weights and {grouped(activations)} activations of {size} each), the "
        f"rest into {grouped(_sum(found, 'multiplications'))} multiplications and "
        f"{grouped(_sum(found, 'additions'))} additions."
    )


def _precision(found: Account) -> str | None:
    name = "int8" if found.precision.name == "fp32" else found.precision.name
    before, after = found.at("fp32"), found.at(name)
    if not after.total.middle:
        return None
    movement = _less(before.movement.middle, after.movement.middle)
    verb = "stay" if PRECISIONS[name].weight_bytes == 4 else "become"
    width = f"4 bytes {verb} {PRECISIONS[name].weight_bytes}"
    if not after.arithmetic.middle:
        return f"From fp32 to {name} the movement takes {movement} ({width})."
    return (
        f"From fp32 to {name} the arithmetic takes "
        f"{_less(before.arithmetic.middle, after.arithmetic.middle)}, the movement {movement} "
        f"({width}), both together {_less(before.total.middle, after.total.middle)}."
    )


def _largest(found: Account) -> str | None:
    whole = found.whole.total.middle
    if not whole:
        return None
    bars = [bar(layer or ITSELF, each) for layer, each in by_layer(found.energies).items()]
    most = max(bars, key=lambda each: each.total.middle)
    does = [each for each in found.anatomy.layers if (each.layer or ITSELF) == most.label]
    moved = sum(map(bytes_moved, does))
    per_byte = f"{sum(map(operations, does)) / moved:.2g}" if moved else "0"
    return (
        f"{most.label} takes most, {share_text(most.total.middle / whole)}: it does {per_byte} "
        "operations for each byte it moves in fp32."
    )


def _less(before: float, after: float) -> str:
    """How an energy changed, to come after "takes"."""
    if not after:
        return "nothing"
    if abs(before / after - 1) < 0.005:
        return "as much"
    return (
        f"{before / after:.3g} times less" if before > after else f"{after / before:.3g} times more"
    )


def _sum(found: Account, field: str) -> int:
    return sum(getattr(each, field) for each in found.anatomy.layers)


def _value_and_range(whole: Bar) -> tuple[str, str]:
    value, _, within = range_text(whole.total).partition(" (")
    return value, within.rstrip(")")
