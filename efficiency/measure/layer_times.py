"""How long each layer takes by itself, and the whole pass without anybody looking.

Hooks read the clock whenever another module becomes the innermost one that runs. They cost a few
microseconds a layer, so the pass without them is timed too, interleaved with the one with them:
where layers are large both agree, and where they do not, the difference is not the model's.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from efficiency.core.anatomy import Spread
from efficiency.core.values import Timing
from efficiency.measure.blocks import interruptions
from efficiency.measure.layers import Watch, evaluating, refused, separate_operators, watched
from efficiency.measure.timing import MINIMUM_ROUNDS, compare, waiter


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTimes:
    """Seconds of each layer's own time, by its path, and of the whole pass without hooks."""

    layers: dict[str, Spread]
    whole: Spread


def layer_times(
    model: nn.Module,
    inputs: tuple[Tensor, ...],
    *,
    device: str = "cpu",
    budget_seconds: float = 5.0,
    seed: int = 0,
) -> LayerTimes:
    """Time a forward pass of `model(*inputs)` in evaluation mode, layer by layer.

    A layer's own time is without the layers inside it; one that runs several times in a pass gets
    the sum. On other devices than the CPU, the clock is read when the device has finished, so that
    no layer pays for another. Uses as many threads as PyTorch is set to. Raises BadInput, naming
    the layer, if the model does not run on these inputs.
    """
    clock = _LayerClock(waiter(device))

    def whole() -> None:
        clock.between()
        model(*inputs)

    def by_layer() -> None:
        with watched(model, clock.turn) as clock.watch:
            model(*inputs)

    with evaluating(model), torch.inference_mode(), separate_operators():
        with watched(model) as watch, refused(watch, inputs):
            model(*inputs)
        comparison = compare(
            {"whole": whole, "by layer": by_layer},
            device=device,
            budget_seconds=budget_seconds,
            seed=seed,
            threads=torch.get_num_threads(),
        )
    passes = clock.counted()
    return LayerTimes(
        layers={
            layer: _spread(Timing(samples=tuple(each.get(layer, 0) / 1e9 for each in passes)))
            for layer in passes[-1]
        },
        whole=_spread(comparison.timings["whole"]),
    )


class _Pass(NamedTuple):
    own: dict[str, int]
    interruptions: int


class _LayerClock:
    """Splits the time of passes among layers.

    Of the passes those count that `compare` would count: not those of the warm-up, nor the first
    after something else filled the caches, nor those that the scheduler interrupted.
    """

    def __init__(self, wait: Callable[[], None]) -> None:
        self.watch = Watch()
        self._rows: list[list[_Pass]] = [[]]  # passes with nothing else between them
        self._wait = wait
        self._own: dict[str, int] = defaultdict(int)
        self._running: str | None = None
        self._since = 0
        self._interruptions = 0

    def between(self) -> None:
        """Something else runs now."""
        if self._rows[-1]:
            self._rows.append([])

    def counted(self) -> list[dict[str, int]]:
        """Nanoseconds by path, a dict for each pass that counts."""
        warm = [each for row in self._rows[1:] for each in (row[1:] or row)]
        alone = [each for each in warm if each.interruptions == 0]
        return [each.own for each in (alone if len(alone) >= MINIMUM_ROUNDS else warm)]

    def turn(self) -> None:
        """The innermost running module has changed: the time until now was the former one's."""
        self._wait()
        now = time.perf_counter_ns()
        if self._running is None:
            self._interruptions = interruptions()
        else:
            self._own[self._running] += now - self._since
        self._running = self.watch.innermost
        if self._running is None:
            again = interruptions() - self._interruptions
            self._rows[-1].append(_Pass(self._own, again))
            self._own = defaultdict(int)
        self._since = time.perf_counter_ns()


def _spread(timing: Timing) -> Spread:
    low, high = timing.quartiles_seconds
    return Spread(median=timing.median_seconds, low=low, high=high)
