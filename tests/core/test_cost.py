"""Money and carbon against sums done by hand."""

import pytest

from efficiency.core.cost import Tariff, cost
from efficiency.core.errors import BadInput

NAN, INFINITE = float("nan"), float("inf")


def test_a_million_runs_of_a_joule() -> None:
    tariff = Tariff(price_per_kwh=0.3, grams_co2_per_kwh=400, usage_effectiveness=1.5)
    found = cost(1.0, 3_600_000, tariff)
    assert found.kwh == pytest.approx(1.5)
    assert found.money == pytest.approx(0.45)
    assert found.grams_co2 == pytest.approx(600)


def test_free_power_costs_nothing() -> None:
    found = cost(1.0, 10, Tariff(price_per_kwh=0, grams_co2_per_kwh=0))
    assert (found.money, found.grams_co2) == (0, 0)
    assert found.kwh > 0


@pytest.mark.parametrize("value", [-0.01, NAN, INFINITE])
def test_bad_prices_are_one_sentence(value: float) -> None:
    with pytest.raises(BadInput, match="price of a kWh"):
        Tariff(price_per_kwh=value, grams_co2_per_kwh=400)
    with pytest.raises(BadInput, match="CO2"):
        Tariff(price_per_kwh=0.3, grams_co2_per_kwh=value)
    with pytest.raises(BadInput, match="0 or more"):
        cost(1.0, value, Tariff(price_per_kwh=0.3, grams_co2_per_kwh=400))


@pytest.mark.parametrize("value", [0.99, -1, NAN, INFINITE])
def test_no_building_uses_less_than_its_computers(value: float) -> None:
    with pytest.raises(BadInput, match="at least 1"):
        Tariff(price_per_kwh=0.3, grams_co2_per_kwh=400, usage_effectiveness=value)
