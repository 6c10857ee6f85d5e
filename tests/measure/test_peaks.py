"""Peaks: on a clock that the work itself moves, against plain timings, and counted by PyTorch."""

import time
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from efficiency.core.anatomy import Peak
from efficiency.core.errors import Unavailable
from efficiency.measure.blocks import Stopwatch
from efficiency.measure.device import find_device
from efficiency.measure.peaks import LONG_CALL_SECONDS, MINIMUM_ROUNDS, best_of, find_peaks
from efficiency.measure.probes import DTYPES, Load, Probe, copy, probes, product
from efficiency.measure.threads import fixed_threads, steady_threads
from tests.tries import measured


class World:
    """A clock that only work moves, and a list of what was done."""

    def __init__(self) -> None:
        self.nanoseconds = 0
        self.calls: list[tuple[str, int]] = []
        self.watch = Stopwatch(
            wait=lambda: None, clock=lambda: self.nanoseconds, interruptions=lambda: 0
        )

    def probe(
        self, name: str, seconds: Callable[[int], float], sizes: tuple[int, ...] = (1,)
    ) -> Probe:
        """Work of 1000 operations a size that takes `seconds(size)`."""

        def load(size: int) -> Load:
            def call() -> None:
                self.calls.append((name, size))
                self.nanoseconds += round(seconds(size) * 1e9)

            return Load(call=call, amount=1000 * size)

        return Probe(name=name, label=f"{name} work", unit="op", sizes=sizes, load=load)


def broken(size: int) -> Load:
    raise NotImplementedError(f"no kernel of size {size}\nand a long trace")


def test_the_peak_is_what_is_done_undisturbed() -> None:
    """Seven calls in ten lose between half and nine tenths of their time to somebody else."""
    world = World()
    random = Random(0)  # noqa: S311

    def seconds(size: int) -> float:
        return 1e-3 * (random.uniform(2, 10) if random.random() < 0.7 else 1)

    (peak,) = best_of([world.probe("fp32", seconds)], world.watch, budget_seconds=1)
    assert peak == Peak(name="fp32", label="fp32 work", unit="op", per_second=1000 / 1e-3)


def test_the_best_of_several_sizes_counts() -> None:
    world = World()
    took = {1: 4e-5, 2: 5e-5, 4: 2e-4}  # 25, 40 and 20 million a second
    (peak,) = best_of([world.probe("L2", took.__getitem__, (1, 2, 4))], world.watch)
    assert peak.per_second == pytest.approx(40e6)


def test_sizes_grow_until_a_call_is_long() -> None:
    world = World()
    probe = world.probe("bf16", lambda size: size * LONG_CALL_SECONDS / 4, (1, 2, 4, 8, 16, 32))
    best_of([probe], world.watch, budget_seconds=0)
    assert {size for _, size in world.calls} == {1, 2, 4, 8}


def test_slow_arithmetic_is_asked_only_for_its_smallest_size() -> None:
    world = World()
    probe = world.probe("fp16", lambda size: size * 100 * LONG_CALL_SECONDS, (1, 2, 4))
    (peak,) = best_of([probe], world.watch, budget_seconds=0)
    assert {size for _, size in world.calls} == {1}
    assert peak.per_second == pytest.approx(1000 / (100 * LONG_CALL_SECONDS))


def test_what_cannot_be_done_has_a_reason_and_no_figure() -> None:
    world = World()
    never = Probe(name="int8", label="int8 product", unit="op", sizes=(1, 2), load=broken)
    peaks = best_of([never, world.probe("fp32", lambda size: 1e-3)], world.watch)
    assert [peak.name for peak in peaks] == ["int8", "fp32"]
    assert peaks[0].per_second is None
    assert peaks[0].unavailable == "PyTorch cannot do this here: no kernel of size 1"
    assert peaks[1].per_second == pytest.approx(1e6)
    assert peaks[1].unavailable is None


def test_a_size_that_does_not_fit_leaves_the_smaller_ones() -> None:
    world = World()
    fits = world.probe("fp32", lambda size: 1e-4 * size)

    def load(size: int) -> Load:
        return fits.load(size) if size < 4 else broken(size)

    probe = Probe(name="fp32", label="fp32", unit="op", sizes=(1, 2, 4, 8), load=load)
    (peak,) = best_of([probe], world.watch, budget_seconds=0)
    assert peak.per_second == pytest.approx(1e7)
    assert peak.unavailable is None


def test_everything_is_interleaved_over_the_whole_time() -> None:
    world = World()
    names = ("a", "b", "c")
    best_of([world.probe(name, lambda size: 1e-3) for name in names], world.watch, budget_seconds=1)
    rounds = len(world.calls)
    for name in names:
        places = [place for place, (called, _) in enumerate(world.calls) if called == name]
        late = [later - earlier for earlier, later in pairwise(places) if earlier > rounds / 2]
        assert max(late) <= 2 * (2 * len(names))  # two calls a sample, in changing order
    assert world.nanoseconds == pytest.approx(1e9, rel=0.05)


def test_no_budget_still_gives_a_few_rounds() -> None:
    world = World()
    best_of([world.probe("a", lambda size: 0.2)], world.watch, budget_seconds=0)
    assert len(world.calls) >= MINIMUM_ROUNDS


@pytest.mark.parametrize("name", ["fp32", "bf16", "fp16"])
def test_operations_of_a_product_are_those_that_pytorch_counts(name: str) -> None:
    load = product(name, "cpu")(64)
    with FlopCounterMode(display=False) as counter:
        load.call()
    assert load.amount == counter.get_total_flops() == 2 * 64**3


class Written(TorchDispatchMode):
    """Operators that ran, with the address and the bytes of what they wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, int, int]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        self.seen.append((str(func.overloadpacket), out.data_ptr(), out.nbytes))
        return out


def test_int8_products_are_summed_in_int32() -> None:
    load = product("int8", "cpu")(64)
    with Written() as written:
        load.call()
    assert written.seen[-1][0] == "aten._int_mm"
    assert written.seen[-1][2] == 64 * 64 * 4
    assert load.amount == 2 * 64**3


def test_copies_come_round_only_after_the_whole_array() -> None:
    piece, array = 4096, 10 * 4096 + 100  # the rest that makes no piece is left out
    load = copy(array, "cpu")(piece)
    with Written() as written:
        for _ in range(20):
            load.call()
    assert {name for name, _, _ in written.seen} == {"aten.copy_"}
    assert {count for _, _, count in written.seen} == {piece}
    assert load.amount == 2 * piece
    addresses = [address for _, address, _ in written.seen]
    assert len(set(addresses)) == 10
    assert addresses[:10] == addresses[10:]


def test_arrays_for_main_memory_do_not_fit_into_a_cache() -> None:
    """What is in no cache: the label says how large the arrays are, and no piece is larger."""
    here = find_device("cpu")
    memory, cache = probes(here)[-2:]
    assert memory.name == "DRAM"
    assert "read and written" in memory.label
    last = here.caches[-1]
    assert cache.name == last.name
    assert 2 * max(cache.sizes) <= last.bytes * torch.get_num_threads() / 2
    assert max(memory.sizes) > max(cache.sizes)


def seconds_of(call: Callable[[], object]) -> float:
    times = []
    for _ in range(60):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


@measured
def test_this_machine_does_no_better_than_its_peaks() -> None:
    """Up to the twofold by which a busy neighbour in the same core slows one of the two down."""
    before = torch.backends.cuda.matmul.fp32_precision
    with fixed_threads(steady_threads()):
        peaks = {peak.name: peak for peak in find_peaks("cpu", budget_seconds=3)}
        assert torch.backends.cuda.matmul.fp32_precision == before
        for name in ("fp32", "bf16"):
            matrix = torch.randn(384, 384).to(DTYPES[name])
            rate = 2 * 384**3 / seconds_of(lambda matrix=matrix: matrix @ matrix)
            peak = peaks[name].per_second
            assert peak is not None
            assert 0.3 < rate / peak < 2
    assert set(peaks) == {*DTYPES, "DRAM", find_device("cpu").caches[-1].name} - {"tf32"}
    assert all(
        (peak.per_second is None) == (peak.unavailable is not None) for peak in peaks.values()
    )
    memory, cache = peaks["DRAM"].per_second, peaks[find_device("cpu").caches[-1].name].per_second
    assert memory is not None
    assert cache is not None
    assert cache > 1.5 * memory


def test_an_absent_device_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="tpu"):
        find_peaks("tpu")


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
@measured
def test_tensor_cores_are_faster_than_the_others() -> None:
    peaks = {peak.name: peak.per_second or 0 for peak in find_peaks("cuda", budget_seconds=3)}
    assert peaks["fp32"] > 0
    assert peaks["DRAM"] > 0
    features = find_device("cuda").features
    for name in ("tf32", "bf16", "fp16", "int8"):
        if f"tensor_cores_{name}" in features:
            assert peaks[name] > 1.5 * peaks["fp32"]
    assert ("tf32" in peaks) == ("tensor_cores_tf32" in features)
