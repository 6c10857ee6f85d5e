"""The estimate against sums done by hand with the published numbers."""

import pytest

from efficiency.core.values import Flops, LayerFlops, Origin
from efficiency.measure.energy import HOROWITZ_2014, estimate_energy

FLOPS = Flops(
    total=6_000,
    by_layer=(LayerFlops(layer="conv", macs=1_000), LayerFlops(layer="fc", macs=2_000)),
)


@pytest.mark.parametrize(
    ("precision", "picojoules"),
    [
        ({}, 3_000 * 4.6),
        ({"conv": "fp16", "fc": "fp16"}, 3_000 * 1.5),
        ({"conv": "bf16", "fc": "bf16"}, 3_000 * (1.1 + 0.9)),
        ({"conv": "int8", "fc": "int8"}, 3_000 * 0.3),  # 0.2 + a 32-bit addition of 0.1
        ({"fc": "int8"}, 1_000 * 4.6 + 2_000 * 0.3),
        ({"not a layer": "int8"}, 3_000 * 4.6),
    ],
)
def test_energy_is_the_sum_over_layers(precision: dict[str, str], picojoules: float) -> None:
    energy = estimate_energy(FLOPS, precision)
    assert energy.joules == pytest.approx(picojoules * 1e-12)
    assert energy.origin is Origin.ESTIMATED
    assert "Horowitz" in energy.source
    assert "arithmetic only" in energy.source
    assert ("bf16 products taken as fp16" in energy.source) == ("bf16" in precision.values())


def test_nothing_counted_is_not_zero_joules() -> None:
    assert estimate_energy(Flops(total=0), {}).joules is None
    nothing = Flops(total=0, by_layer=(LayerFlops(layer="a", macs=0),))
    assert estimate_energy(nothing, {}).joules is None


def test_the_table_is_the_published_one() -> None:
    table = {name: (each.multiply, each.add) for name, each in HOROWITZ_2014.items()}
    assert table == {
        "int8": (0.2, 0.03),
        "int32": (3.1, 0.1),
        "fp16": (1.1, 0.4),
        "fp32": (3.7, 0.9),
    }
