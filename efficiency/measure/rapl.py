"""The energy counters of Intel's and AMD's processors (RAPL), as Linux shows them under powercap.

Files are read directly: zeus 0.16 learns of a wrap from a second process that looks once a second,
so of 20 replayed windows with a wrap, at 250 W, 13 were 262 kJ wrong; differences modulo were not.

Linux lets only root read the counters since 2020, because they tell other users' secrets (PLATYPUS,
CVE-2020-8694). Kernel documentation: power/powercap/powercap.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from efficiency.core.errors import Unavailable
from efficiency.measure.counters import Counter, Register

POWERCAP = Path("/sys/class/powercap")
CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Zones that are read, by how their names begin.

    Of the others, core and uncore are parts of a package, and psys contains it.
    """

    begins: str
    part: str
    note: str


KINDS = (
    _Kind(
        begins="package",
        part="CPU package",
        note="RAPL; all of its cores, so the work of other programs counts too",
    ),
    _Kind(begins="dram", part="memory", note="RAPL; the traffic of other programs counts too"),
)


def rapl_counters(powercap: Path = POWERCAP, cpuinfo: Path = CPUINFO) -> tuple[Counter, ...]:
    """A counter for the CPU packages, and one for their memory if there is one.

    AMD's zones are called intel-rapl too; those of intel-rapl-mmio repeat them. Raises Unavailable.
    """
    try:
        zones = {
            zone: (zone / "name").read_text() for zone in sorted(powercap.glob("intel-rapl:*"))
        }
        counters = [
            Counter(part=kind.part, note=kind.note, registers=registers)
            for kind in KINDS
            if (registers := tuple(_registers(zones, kind.begins)))
        ]
    except PermissionError as error:
        raise Unavailable(
            f"Only root may read this processor's energy counter ({error.filename}); an "
            "administrator opens it until the next start with: "
            f"chmod a+r {powercap}/intel-rapl:*/energy_uj"
        ) from None
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"This processor's energy counters cannot be read ({error}); if this is a container, "
            "which hides them, measure outside of it."
        ) from None
    if not counters or counters[0].part != KINDS[0].part:
        raise Unavailable(_why_none(powercap, cpuinfo))
    return tuple(counters)


def _registers(zones: Mapping[Path, str], begins: str) -> Iterator[Register]:
    for zone, name in zones.items():
        if name.startswith(begins):
            read = partial(_number, zone / "energy_uj")
            read()  # now, so that a counter that cannot be read is found out before measuring
            size = _number(zone / "max_energy_range_uj")
            if size <= 0:
                raise ValueError(f"{zone} has no range")
            yield Register(read=read, joules_per_count=1e-6, size=size)


def _number(file: Path) -> int:
    return int(file.read_text())


def _why_none(powercap: Path, cpuinfo: Path) -> str:
    if sys.platform != "linux":
        return (
            "The energy counters of a processor can be read on Linux only; measure there, or use "
            "the estimate."
        )
    if cpuinfo.exists() and " hypervisor" in cpuinfo.read_text():
        return (
            "This is a virtual machine, and its host does not hand on the processor's energy "
            "counters; measure on a machine of its own, or use the estimate."
        )
    return (
        f"This machine shows no energy counter of its processor under {powercap}; if that is one "
        "of Intel or AMD, an administrator brings them up with: modprobe intel_rapl_msr"
    )
