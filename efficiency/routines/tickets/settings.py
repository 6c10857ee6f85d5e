"""How the networks of a request are trained and pruned: its preset, and what it asks instead.

The paper preset of LeNet-300-100 is that of Frankle and Carbin (ICLR 2019, arXiv 1803.03635),
section 2 and figure 2: Adam 1.2e-3, batches of 60, 50,000 iterations, 20 % of the weights left in
each round and 10 % in the output layer, five seeds, until 1.5 % are left. The paper did not prune
the tutorial's LeNet; it gets the same, with fewer rounds, as its first layer has 54 weights.

The classroom preset is over in a minute or so on two cores, and shows on the digits most of what
the paper shows. Imports no torch, so that pages can ask it too.
"""

from dataclasses import replace

from efficiency.core.errors import BadInput
from efficiency.core.lottery import TrainingSettings
from efficiency.core.requests import LotteryRequest
from efficiency.workloads import idx

POINTS = 300_000  # losses in one study, about 5 MB; the paper preset has half as many

PAPER = TrainingSettings(
    iterations=50_000,
    batch_size=60,
    learning_rate=1.2e-3,
    check_every=100,
    rounds=19,
    rate=0.2,
    output_rate=0.1,
    scope="layer",
    seeds=5,
)
CLASSROOM = replace(PAPER, iterations=300, check_every=20, rounds=5, rate=0.4, output_rate=0.2)
PRESETS: dict[tuple[str, str], TrainingSettings] = {
    ("paper", "lenet300"): PAPER,
    ("paper", "lenet"): replace(PAPER, rounds=14),
    ("classroom", "lenet300"): replace(CLASSROOM, iterations=400),
    ("classroom", "lenet"): CLASSROOM,
}


def settings_of(request: LotteryRequest) -> TrainingSettings:
    """The preset with everything that the request says itself. Raises BadInput."""
    preset = PRESETS[request.preset, request.workload]
    asked = {
        name: value
        for name in ("rounds", "rate", "seeds", "iterations")
        if (value := getattr(request, name)) is not None
    }
    settings = replace(
        preset, **asked, scope=request.scope, rewind_iteration=request.rewind_iteration
    )
    if request.output_rate is not None:
        settings = replace(settings, output_rate=request.output_rate)
    elif request.rate is not None:
        settings = replace(settings, output_rate=request.rate / 2)
    if settings.rewind_iteration >= settings.iterations:
        raise BadInput(
            f"Rewinding to iteration {settings.rewind_iteration} needs more iterations than the "
            f"{settings.iterations} of this training; take an earlier one, or train longer."
        )
    return replace(settings, check_every=_check_every(settings, request.data))


def networks(settings: TrainingSettings) -> int:
    """How many networks are trained: one dense, and three at each level, for every seed."""
    return settings.seeds * (1 + 3 * settings.rounds)


def checkpoints_of(settings: TrainingSettings) -> tuple[int, ...]:
    """The iterations after which networks are looked at: before the first, after the last."""
    between = range(0, settings.iterations, settings.check_every)
    return (*between, settings.iterations)


def _check_every(settings: TrainingSettings, data: str) -> int:
    """What the preset says, or more where that would take too long, or too much room.

    The digits have 597 images to look at, data like MNIST 15,000: with LeNet-300-100, to look at
    these after every 20 iterations took 2.5 times as long as the iterations. The paper does so
    after every 100.
    """
    least = settings.check_every if data == idx.DIGITS else PAPER.check_every
    room = max(1, POINTS // networks(settings) - 2)  # the first and the last are looked at anyway
    return max(least, -(-settings.iterations // room))
