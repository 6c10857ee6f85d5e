"""Joules of a pass from the replayed counters of a machine whose power is known."""

from collections.abc import Iterator
from functools import partial
from itertools import repeat
from pathlib import Path
from random import Random

import pytest
import torch

from efficiency.core.anatomy import MeterReading, Spread
from efficiency.core.errors import Unavailable
from efficiency.measure.counters import Counter
from efficiency.measure.meters import MINIMUM_WINDOWS, STILL_SECONDS, WARM_UP_SECONDS, read_meters
from efficiency.measure.rapl import rapl_counters
from tests.measure.replay import Machine, Part, zone
from tests.tries import measured


def why_no_counter() -> str | None:
    """Why this machine has none that may be read; None if it has."""
    try:
        rapl_counters()
    except Unavailable as reason:
        return str(reason)
    return None


NO_COUNTER = why_no_counter()
PASS_SECONDS = 1e-3
PASS_JOULES = 0.03  # above idle: (50 W - 20 W) for a millisecond


def read(
    machine: Machine,
    *counters: Counter,
    pass_seconds: float = PASS_SECONDS,
    seconds: float = 4.0,
) -> tuple[MeterReading, ...]:
    return read_meters(
        machine.passes(pass_seconds),
        seconds=seconds,
        counters=counters,
        clock=machine.clock,
        sleep=machine.sleep,
    )


def test_known_power_gives_known_joules() -> None:
    machine = Machine()
    (found,) = read(machine, Part(machine).counter())
    assert found.joules.median == pytest.approx(PASS_JOULES, rel=1e-3)
    assert found.joules.low <= found.joules.median <= found.joules.high
    assert found.idle_watts == pytest.approx(20, rel=1e-3)
    assert found.busy_watts == pytest.approx(50, rel=1e-3)
    assert found.seconds == pytest.approx(found.passes * PASS_SECONDS)
    assert found.seconds == pytest.approx(4, rel=0.05)
    assert found.counter == "CPU package (replayed)"


@pytest.mark.parametrize("joules", [27.0, 31.0, 45.0])
def test_a_counter_that_wraps_in_most_windows_is_read_right(joules: float) -> None:
    """A busy window takes 25 J; the median would hide a single wrong one."""
    machine = Machine()
    (found,) = read(machine, Part(machine, size=int(joules * 1e6)).counter())
    assert found.joules.low == pytest.approx(PASS_JOULES, rel=1e-2)
    assert found.joules.high == pytest.approx(PASS_JOULES, rel=1e-2)
    assert found.idle_watts == pytest.approx(20, rel=1e-2)


@pytest.mark.parametrize("pace", [0.02, 0.1, 0.13])
def test_a_slow_counter_is_read_when_it_moves(pace: float) -> None:
    """NVML: millijoules, every 100 ms or so; windows that ended anywhere would be 20 % off."""
    machine = Machine()
    (found,) = read(machine, Part(machine, unit=1e-3, size=2**64, pace=pace).counter())
    for joules in (found.joules.low, found.joules.median, found.joules.high):
        assert joules == pytest.approx(PASS_JOULES, rel=0.05)


def noisy(seed: int, watts: float) -> Iterator[float]:
    random = Random(seed)  # noqa: S311
    return iter(lambda: max(1.0, random.gauss(watts, 15.0)), None)


def joules_of(machine: Machine) -> Spread | None:
    try:
        return read(machine, Part(machine).counter(), pass_seconds=0.02)[0].joules
    except Unavailable:
        return None


def test_whatever_the_noise_joules_are_above_zero_or_there_are_none() -> None:
    found = [
        joules_of(Machine(idle=noisy(seed, 20), busy=noisy(seed + 1000, 22))) for seed in range(100)
    ]
    assert 0 < found.count(None) < 100
    assert all(joules.low > 0 for joules in found if joules is not None)


def test_chance_seldom_makes_up_a_difference() -> None:
    """Without noise beyond the windows' own, in 3 % of all cases."""
    found = [
        joules_of(Machine(idle=noisy(seed, 20), busy=noisy(seed + 1000, 20))) for seed in range(200)
    ]
    assert found.count(None) >= 180


def test_no_more_than_idle_is_not_an_energy_of_zero() -> None:
    machine = Machine(busy=repeat(20.0))
    said = r"^Joules cannot be told: the CPU package drew 20\.0\d W .* 20\.0\d W .*larger batch\.$"
    with pytest.raises(Unavailable, match=said):
        read(machine, Part(machine).counter())


def test_less_than_idle_is_not_a_negative_energy() -> None:
    machine = Machine(busy=repeat(15.0))
    with pytest.raises(Unavailable, match=r"drew 15\.0\d W .* with the model running"):
        read(machine, Part(machine).counter())


def test_a_counter_that_stands_still_is_found_out_soon() -> None:
    machine = Machine()
    began = machine.seconds
    with pytest.raises(Unavailable, match=r"counter of the CPU package stood still for 1\.0"):
        read(machine, Part(machine, share=0.0).counter())
    assert machine.seconds - began < STILL_SECONDS + 0.1


@pytest.mark.parametrize(
    ("base", "said"),
    [(0.0, "the counter of the memory stood still"), (3.0, "the memory drew 3.0")],
)
def test_of_two_counters_the_silent_one_is_named_beside_the_other(base: float, said: str) -> None:
    machine = Machine()
    package = Part(machine).counter()
    memory = Part(machine, share=0.0, base=base).counter("memory")
    (found,) = read(machine, package, memory)
    assert found.joules.median == pytest.approx(PASS_JOULES, rel=1e-3)
    assert f"; not counted: {said}" in found.counter


def test_two_counters_that_tell_give_two_readings() -> None:
    machine = Machine()
    package, memory = Part(machine), Part(machine, share=0.1)
    one, other = read(machine, package.counter(), memory.counter("memory"))
    assert one.joules.median == pytest.approx(10 * other.joules.median, rel=1e-3)
    assert (one.counter, other.counter) == ("CPU package (replayed)", "memory (replayed)")


def test_long_calls_get_the_fewest_windows_and_are_not_cut() -> None:
    machine = Machine()
    (found,) = read(machine, Part(machine).counter(), pass_seconds=3.0, seconds=4.0)
    assert found.passes == MINIMUM_WINDOWS
    assert found.joules.median == pytest.approx(3.0 * 30, rel=1e-3)


def test_nothing_runs_while_idle_power_is_measured() -> None:
    machine = Machine()
    began: list[float] = []
    call = machine.passes(PASS_SECONDS)

    def watched() -> None:
        began.append(machine.seconds)
        call()

    start = machine.seconds
    read_meters(
        watched,
        seconds=4.0,
        counters=[Part(machine).counter()],
        clock=machine.clock,
        sleep=machine.sleep,
    )
    assert began[0] - start == pytest.approx(2.0, rel=0.05)
    assert machine.seconds - began[0] == pytest.approx(4.0 + WARM_UP_SECONDS, rel=0.05)


def test_powercap_files_with_a_wrap_give_the_joules_of_all_packages(tmp_path: Path) -> None:
    machine = Machine()
    for number, share, joules in (("0", 0.75, 262_143.0), ("1", 0.25, 5.0)):
        file = zone(tmp_path, f"intel-rapl:{number}", f"package-{number}")
        Part(machine, share=share, joules=joules, file=file)
    Part(machine, share=0.1, joules=9.0, file=zone(tmp_path, "intel-rapl:0:1", "dram"))
    package, memory = read(machine, *rapl_counters(tmp_path), pass_seconds=0.01)
    assert machine.parts[0].shown < 262_143e6
    assert package.joules.median == pytest.approx(10 * PASS_JOULES, rel=1e-3)
    assert package.joules.high == pytest.approx(10 * PASS_JOULES, rel=1e-2)
    assert memory.joules.median == pytest.approx(PASS_JOULES, rel=1e-3)
    assert "other programs counts too" in package.counter


@pytest.mark.skipif(NO_COUNTER is None, reason="this machine has energy counters")
def test_without_a_counter_here_the_call_is_not_made() -> None:
    calls: list[None] = []
    with pytest.raises(Unavailable, match=r"^[^.]*energy counter[^.]*\.$"):
        read_meters(lambda: calls.append(None))
    assert not calls


@pytest.mark.skipif(NO_COUNTER is not None, reason=NO_COUNTER or "")
@measured
def test_twice_the_work_takes_about_twice_the_joules_here() -> None:
    matrix = torch.randn(512, 512)

    def products(count: int) -> None:
        for _ in range(count):
            matrix @ matrix

    one, two = (read_meters(partial(products, count))[0] for count in (4, 8))
    assert 1.3 < two.joules.median / one.joules.median < 3


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
@measured
def test_twice_the_work_takes_about_twice_the_joules_on_a_gpu() -> None:
    matrix = torch.randn(4096, 4096, device="cuda")

    def products(count: int) -> None:
        for _ in range(count):
            matrix @ matrix

    one, two = (read_meters(partial(products, count), device="cuda")[0] for count in (4, 8))
    assert 1.5 < two.joules.median / one.joules.median < 2.5
    assert one.busy_watts > one.idle_watts
