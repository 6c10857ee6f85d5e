"""Other people's work is seen, our own is not."""

import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from efficiency.core.values import Timing
from efficiency.measure.load import LoadMeter, disturbance, load_of_others
from tests.tries import measured

SPIN = "import time\nend = time.time() + 30\nwhile time.time() < end: pass"
# Started by a process that ends at once, so that it is nobody's child any more.
ORPHAN = (
    "import subprocess, sys; "
    "print(subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=2).pid)"
)


@pytest.fixture
def stranger() -> Iterator[psutil.Process]:
    pid = int(subprocess.check_output([sys.executable, "-c", ORPHAN, SPIN]))
    process = psutil.Process(pid)
    yield process
    process.kill()


@measured
def test_a_stranger_counts_and_our_own_work_does_not(stranger: psutil.Process) -> None:
    meter = LoadMeter()
    before = stranger.cpu_times().user
    own = time.process_time()
    end = time.time() + 1
    while time.time() < end:  # we are as busy as the stranger
        pass
    used = stranger.cpu_times().user - before
    own = time.process_time() - own
    share = meter.share()
    assert share is not None
    assert used > 0.1
    cores = psutil.cpu_count() or 1
    # At least what the stranger used, at most everything that we did not.
    assert used / cores * 0.7 < share < 1 - own / cores * 0.7


@measured
def test_a_busy_child_is_ours() -> None:
    with subprocess.Popen([sys.executable, "-c", SPIN]) as child:
        time.sleep(0.3)  # past its start
        meter = LoadMeter()
        before = psutil.Process(child.pid).cpu_times().user
        time.sleep(1)
        used = psutil.Process(child.pid).cpu_times().user - before
        share = meter.share()
        child.kill()
    assert share is not None
    assert share <= 1 - used / (psutil.cpu_count() or 1) * 0.7


def test_load_of_others_is_a_share() -> None:
    share = load_of_others(0.2)
    assert share is not None
    assert 0 <= share <= 1


STEADY = Timing(samples=(1.0, 1.01, 0.99, 1.0))


def test_quiet_and_steady_is_not_disturbed() -> None:
    assert disturbance(0.05, STEADY) is None
    assert disturbance(None, STEADY) is None


def test_a_disturbed_run_says_why() -> None:
    busy = disturbance(0.5, STEADY)
    assert busy is not None
    assert "50 %" in busy
    uneven = disturbance(0.0, Timing(samples=(1.0, 1.0, 2.0, 2.0)))
    assert uneven is not None
    assert "spread" in uneven
