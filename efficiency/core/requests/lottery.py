"""A request for the lottery ticket experiment."""

from dataclasses import dataclass
from typing import ClassVar

from efficiency.core.errors import BadInput
from efficiency.core.requests.base import DEVICES, Request, check_known, option
from efficiency.core.requests.prune import SCOPES

LOTTERY_WORKLOADS = ("lenet300", "lenet")
LOTTERY_PRESETS = ("classroom", "paper")


@dataclass(frozen=True, slots=True, kw_only=True)
class LotteryRequest(Request):
    """Do pruned networks learn as well from their first weights, and better than their controls?

    What is None is that of the preset and the network (`efficiency.routines.tickets.settings`).
    """

    kind: ClassVar[str] = "lottery"

    workload: str = option(
        "lenet300", "The network: lenet300 (LeNet-300-100, as in the paper), or lenet."
    )
    preset: str = option(
        "classroom",
        "Sizes: classroom is over in a lesson's minute, paper are those of Frankle and Carbin.",
    )
    data: str = option(
        "digits",
        "What to learn: digits, fashion-mnist or mnist where they are installed, or a folder with "
        "the four IDX files of such data.",
    )
    rounds: int | None = option(None, "How often is pruned.")
    rate: float | None = option(None, "Share of the weights left that each round prunes.")
    output_rate: float | None = option(
        None, "The same for the output layer; half of the rate if left out."
    )
    scope: str = option("layer", "Prune the smallest of each layer, or of all together (global).")
    seeds: int | None = option(None, "Networks of every kind, each from weights of its own.")
    iterations: int | None = option(None, "Steps that every network is trained for.")
    rewind_iteration: int = option(
        0, "Rewind to the weights after so many steps; 0 is the first weights."
    )

    def __post_init__(self) -> None:
        check_known("workload", self.workload, LOTTERY_WORKLOADS)
        check_known("preset", self.preset, LOTTERY_PRESETS)
        check_known("scope", self.scope, SCOPES)
        check_known("device", self.device, DEVICES)
        if self.seed < 0:
            raise BadInput(f"The seed is {self.seed}; it must be 0 or more.")
        if not self.data:
            raise BadInput("Name the data, like digits, or a folder with IDX files.")
        for name, least, most in (
            ("rounds", 1, 40),
            ("seeds", 1, 20),
            ("iterations", 1, 1_000_000),
        ):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise BadInput(f"{value} {name} is not between {least} and {most}.")
        for name in ("rate", "output_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise BadInput(
                    f"The {name.replace('_', ' ')} is {value}; it is a share between 0 and 1, "
                    "like 0.2."
                )
        if self.rewind_iteration < 0:
            raise BadInput(f"Rewinding to iteration {self.rewind_iteration}: it must be 0 or more.")
