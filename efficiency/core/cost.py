"""Money and carbon of energy: joules of one run of a model, how often it runs, and the prices."""

from dataclasses import dataclass
from math import isfinite

from efficiency.core.errors import BadInput

JOULES_PER_KWH = 3.6e6
DAYS_PER_YEAR = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What a kilowatt-hour costs and emits.

    `usage_effectiveness` (PUE) is the energy of the whole building for each joule of the computer:
    1 is ideal. Raises BadInput for prices below 0 and a usage effectiveness below 1.
    """

    price_per_kwh: float
    grams_co2_per_kwh: float
    usage_effectiveness: float = 1.0

    def __post_init__(self) -> None:
        for name, value in (
            ("price of a kWh", self.price_per_kwh),
            ("CO2 of a kWh", self.grams_co2_per_kwh),
        ):
            if not (isfinite(value) and value >= 0):
                raise BadInput(f"The {name} is {value:g}; it must be 0 or more.")
        if not (isfinite(self.usage_effectiveness) and self.usage_effectiveness >= 1):
            raise BadInput(
                f"The power usage effectiveness is {self.usage_effectiveness:g}; it must be at "
                "least 1, which is a building that uses nothing but for its computers."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a number of runs takes; `money` is in the currency of the tariff."""

    kwh: float
    money: float
    grams_co2: float


def cost(joules_per_run: float, runs: float, tariff: Tariff) -> Cost:
    """Energy, money and carbon of `runs` runs. Raises BadInput if there are fewer than 0."""
    if not (isfinite(runs) and runs >= 0):
        raise BadInput(f"The number of runs is {runs:g}; it must be 0 or more.")
    kwh = joules_per_run * runs * tariff.usage_effectiveness / JOULES_PER_KWH
    return Cost(kwh=kwh, money=kwh * tariff.price_per_kwh, grams_co2=kwh * tariff.grams_co2_per_kwh)
