"""How busy everybody else keeps this machine's CPU while we measure.

Read from the kernel's counters (10 ms ticks on Linux): all time that was not idle, less what this
process and its children used. Time that the hypervisor gave to other machines counts as others'.
"""

import time

import psutil

from efficiency.core.units import share_text
from efficiency.core.values import Timing

# The web server, the supervisor and a quiet desktop together stay well under this share.
TOLERATED_LOAD = 0.15
# Half of the rounds within a quarter of the median is what one undisturbed core gives.
TOLERATED_SPREAD = 0.25


class LoadMeter:
    """Measures from the moment it is made."""

    def __init__(self) -> None:
        self._start = _counters()

    def share(self) -> float | None:
        """Share (0 to 1) of the machine's CPU time since then that other processes used.

        None if no tick of the kernel's clock has passed yet.
        """
        total, busy, ours = (now - then for now, then in zip(_counters(), self._start, strict=True))
        return None if total <= 0 else min(1.0, max(0.0, (busy - ours) / total))


def load_of_others(seconds: float = 0.25) -> float | None:
    """Sleep for `seconds` and return the share of CPU time that other processes used meanwhile."""
    meter = LoadMeter()
    time.sleep(seconds)
    return meter.share()


def disturbance(load: float | None, baseline: Timing) -> str | None:
    """Why the times are doubtful, as one sentence; None if they are not."""
    if load is not None and load > TOLERATED_LOAD:
        return (
            f"Other processes used {share_text(load, 0)} of this machine's CPU time during the "
            "measurement: the speed ratios are paired and hold, the times themselves may be "
            "too long."
        )
    first, third = baseline.quartiles_seconds
    spread = (third - first) / baseline.median_seconds
    if spread > TOLERATED_SPREAD:
        return (
            f"The baseline's own times are spread by {share_text(spread, 0)} between their "
            "quartiles: something disturbed this machine, so measure again when it is quiet."
        )
    return None


def _counters() -> tuple[float, float, float]:
    """CPU seconds since boot: of all cores, of those not idle, of this process and its children."""
    machine = psutil.cpu_times()._asdict()
    # Linux counts the time of guests a second time inside user and nice.
    total = sum(machine.values()) - machine.get("guest", 0) - machine.get("guest_nice", 0)
    busy = total - machine["idle"] - machine.get("iowait", 0)
    process = psutil.Process()
    ours = _used(process) + sum(map(_used, process.children(recursive=True)))
    return total, busy, ours


def _used(process: psutil.Process) -> float:
    """CPU seconds of a process and of the children it has waited for."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # it ended between being listed and being read
        return 0.0
    waited = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + waited)
