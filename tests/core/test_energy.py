"""The estimate against sums done by hand with the published numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from efficiency.core.anatomy import Cache, LayerWork, Stage
from efficiency.core.energy import (
    DRAM_PICOJOULES,
    FROM_DRAM,
    HOROWITZ_2014,
    INSTRUCTION_PICOJOULES,
    NO_REUSE,
    PRECISIONS,
    SRAM_PICOJOULES,
    WEIGHTS_ONCE,
    Picojoules,
    estimate,
    find_reuse,
    layer_energies,
    reuses,
    sram_picojoules,
    total,
)
from efficiency.core.errors import UnknownName
from efficiency.core.values import Origin

L2 = Cache(name="L2", bytes=1024 * 1024)


def work(layer: str = "fc", stage: Stage = Stage.FORWARD, **changes: int) -> LayerWork:
    counts = {
        "macs": 1_000, "multiplications": 1_000, "additions": 1_010,
        "weights": 1_010, "inputs": 100, "outputs": 10,
    } | changes  # fmt: skip
    return LayerWork(layer=layer, module="Linear", stage=stage, **counts)


def energy(each: LayerWork, precision: str, reuse, batch_size: int = 1):  # type: ignore[no-untyped-def]
    (found,) = layer_energies([each], lambda path: PRECISIONS[precision], reuse, batch_size)
    return found


@pytest.mark.parametrize(
    ("precision", "picojoules"),
    [
        ("fp32", 1_000 * 3.7 + 1_010 * 0.9),
        ("fp16", 1_000 * 1.1 + 1_010 * 0.4),
        ("bf16", 1_000 * 1.1 + 1_010 * 0.9),  # summed in fp32
        ("int8", 1_000 * 0.2 + 1_010 * 0.1),  # summed in 32-bit integers
        ("int32", 1_000 * 3.1 + 1_010 * 0.1),
    ],
)
def test_arithmetic(precision: str, picojoules: float) -> None:
    found = energy(work(), precision, FROM_DRAM).arithmetic
    assert found.low == found.high == pytest.approx(picojoules)


@pytest.mark.parametrize(("precision", "size"), [("fp32", 4), ("fp16", 2), ("int8", 1)])
def test_every_byte_from_dram(precision: str, size: int) -> None:
    found = energy(work(), precision, FROM_DRAM).movement
    accesses = (1_010 + 100 + 10) * size / 8
    assert found.low == pytest.approx(accesses * 1_300)
    assert found.high == pytest.approx(accesses * 2_600)


def test_weights_come_again_for_every_input_or_once_a_batch() -> None:
    batch = work(inputs=400, outputs=40)
    assert energy(batch, "fp32", FROM_DRAM, 4).movement.low == pytest.approx(
        (4 * 1_010 + 440) / 2 * 1_300
    )
    assert energy(batch, "fp32", WEIGHTS_ONCE, 4).movement.low == pytest.approx(
        (1_010 + 440) / 2 * 1_300
    )


def test_an_update_does_not_depend_on_the_batch() -> None:
    update = work(stage=Stage.UPDATE)
    assert energy(update, "fp32", FROM_DRAM, 64) == energy(update, "fp32", FROM_DRAM, 1)


def test_without_reuse_every_multiplication_fetches_both_operands() -> None:
    found = energy(work(), "fp32", NO_REUSE).movement
    assert found.low == pytest.approx((2 * 1_000 + 10) / 2 * 1_300)


def test_what_fits_in_the_cache_costs_what_the_cache_costs() -> None:
    reuse = find_reuse("cache-l2", [L2])
    assert energy(work(), "fp32", reuse).movement.high == pytest.approx(1_120 / 2 * 100)
    large = work(weights=300_000)  # 1.2 MB in fp32, 0.3 MB in int8
    assert energy(large, "fp32", reuse).movement.low == pytest.approx(
        300_000 / 2 * 1_300 + 110 / 2 * 100
    )
    assert energy(large, "int8", reuse).movement.low == pytest.approx(300_110 / 8 * 100)


def test_weights_stay_only_if_all_of_the_model_fit() -> None:
    layers = [work(f"fc{place}", weights=200_000) for place in range(2)]
    found = layer_energies(layers, lambda path: PRECISIONS["fp32"], find_reuse("cache-l2", [L2]))
    assert all(each.movement.low > 200_000 / 2 * 1_300 for each in found)


def test_estimate_sums_layers_and_says_what_is_in_it() -> None:
    layers = [work("a"), work("b")]
    found = estimate(layers, {"a": "int8"})
    parts = [energy(layers[0], "int8", FROM_DRAM), energy(layers[1], "fp32", FROM_DRAM)]
    assert found.joules == pytest.approx(total(parts).middle * 1e-12)
    assert found.low == pytest.approx(total(parts).low * 1e-12)
    assert found.high == pytest.approx(total(parts).high * 1e-12)
    assert found.origin is Origin.ESTIMATED
    for said in ("Horowitz", "45 nm", "Everything from DRAM", "summed in 32-bit integers"):
        assert said in found.source


def test_nothing_counted_is_not_zero_joules() -> None:
    assert estimate([], {}).joules is None
    assert estimate([work(macs=0, multiplications=0, additions=0)], {}).joules is None


def test_unknown_reuse_names_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="weights-once"):
        find_reuse("weights-twice", [])
    assert [each.name for each in reuses([L2])] == ["dram", "weights-once", "cache-l2", "none"]


@pytest.mark.parametrize(("size", "picojoules"), SRAM_PICOJOULES.items())
def test_sram_is_the_table_where_there_is_one(size: int, picojoules: float) -> None:
    assert sram_picojoules(size) == pytest.approx(picojoules)


@given(st.integers(1_024, 2**28), st.integers(1_024, 2**28))
def test_larger_memories_cost_more(one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert sram_picojoules(small) <= sram_picojoules(large) * (1 + 1e-12)


@given(st.sampled_from(sorted(PRECISIONS)), st.integers(1, 512))
def test_more_reuse_never_costs_more(precision: str, batch: int) -> None:
    each = work(inputs=100 * batch, outputs=10 * batch, multiplications=1_000 * batch)
    costs = [
        energy(each, precision, reuse, batch).movement.middle
        for reuse in (NO_REUSE, FROM_DRAM, WEIGHTS_ONCE, find_reuse("cache-l2", [L2]))
    ]
    assert costs == sorted(costs, reverse=True)


def test_the_tables_are_the_published_ones() -> None:
    table = {name: (each.multiply, each.add) for name, each in HOROWITZ_2014.items()}
    assert table == {
        "int8": (0.2, 0.03),
        "int32": (3.1, 0.1),
        "fp16": (1.1, 0.4),
        "fp32": (3.7, 0.9),
    }
    assert SRAM_PICOJOULES == {8_192: 10, 32_768: 20, 1_048_576: 100}
    assert Picojoules(low=1_300, high=2_600) == DRAM_PICOJOULES
    assert INSTRUCTION_PICOJOULES == 70
