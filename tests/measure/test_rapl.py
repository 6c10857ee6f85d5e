"""The powercap tree as Linux shows it, whole, closed, hidden or not there."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from efficiency.core.errors import Unavailable
from efficiency.measure.rapl import rapl_counters
from tests.measure.replay import RAPL_RANGE, zone

NOBODY = 65534


def reason(powercap: Path, cpuinfo: Path) -> str:
    with pytest.raises(Unavailable) as caught:
        rapl_counters(powercap, cpuinfo)
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.fixture
def cpuinfo(tmp_path: Path) -> Path:
    """Of a machine that is not virtual."""
    file = tmp_path / "cpuinfo"
    file.write_text("flags\t: fpu vme avx2\n")
    return file


@pytest.fixture
def powercap() -> Iterator[Path]:
    """An empty tree that every user may enter; pytest's own folders are only its user's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def not_root() -> Iterator[None]:
    """Root may read every file, so be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_packages_and_memory_are_read_and_nothing_twice(powercap: Path) -> None:
    for number, name, value in (
        ("intel-rapl:0", "package-0", 100),
        ("intel-rapl:0:0", "core", 60),
        ("intel-rapl:0:1", "uncore", 10),
        ("intel-rapl:0:2", "dram", 7),
        ("intel-rapl:1", "package-1-die-0", 200),
        ("intel-rapl:1:0", "dram", 8),
        ("intel-rapl:2", "psys", 999),
        ("intel-rapl-mmio:0", "package-0", 100),
    ):
        zone(powercap, number, name, value)
    (powercap / "intel-rapl").mkdir()  # the parent of all zones, which has no counter
    package, memory = rapl_counters(powercap)
    assert (package.part, package.read()) == ("CPU package", (100, 200))
    assert (memory.part, memory.read()) == ("memory", (7, 8))


def test_the_difference_is_right_across_a_wrap(powercap: Path) -> None:
    energy = zone(powercap, "intel-rapl:0", "package-0", RAPL_RANGE - 1_000_000)
    (package,) = rapl_counters(powercap)
    before = package.read()
    energy.write_text("2500000\n")
    assert package.joules(before, package.read()) == pytest.approx(3.5)
    assert package.joules(before, before) == 0


@pytest.mark.skipif(os.name != "posix", reason="files have no owner and no group")
def test_a_closed_counter_says_how_to_open_it(powercap: Path, cpuinfo: Path) -> None:
    energy = zone(powercap, "intel-rapl:0", "package-0")
    energy.chmod(0o400 if os.geteuid() == 0 else 0)
    with not_root():
        said = reason(powercap, cpuinfo)
    assert str(energy) in said
    assert f"chmod a+r {powercap}/intel-rapl:*/energy_uj" in said
    energy.chmod(0o444)
    with not_root():
        assert rapl_counters(powercap, cpuinfo)


def test_no_counter_says_why_and_what_to_do(powercap: Path, cpuinfo: Path) -> None:
    assert "modprobe intel_rapl_msr" in reason(powercap, cpuinfo)
    assert "modprobe intel_rapl_msr" in reason(powercap / "absent", cpuinfo)
    assert "modprobe intel_rapl_msr" in reason(powercap, cpuinfo.with_name("absent"))
    cpuinfo.write_text("flags\t: fpu vme hypervisor avx2\n")
    assert reason(powercap, cpuinfo).startswith("This is a virtual machine")


def test_zones_without_a_package_are_no_counter(powercap: Path, cpuinfo: Path) -> None:
    zone(powercap, "intel-rapl:0", "psys", 5)
    zone(powercap, "intel-rapl:0:0", "dram", 5)
    assert "no energy counter" in reason(powercap, cpuinfo)


def test_other_systems_are_told_where_it_works(
    powercap: Path, cpuinfo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert "on Linux only" in reason(powercap, cpuinfo)


def test_zones_that_a_container_hides_are_named_so(powercap: Path, cpuinfo: Path) -> None:
    (powercap / "intel-rapl:0").symlink_to("../../devices/virtual/powercap/masked")
    assert "container" in reason(powercap, cpuinfo)


@pytest.mark.parametrize("content", ["", "not a number\n"])
def test_a_damaged_counter_is_unavailable(powercap: Path, cpuinfo: Path, content: str) -> None:
    zone(powercap, "intel-rapl:0", "package-0").write_text(content)
    assert "cannot be read" in reason(powercap, cpuinfo)


def test_a_counter_without_a_range_is_unavailable(powercap: Path, cpuinfo: Path) -> None:
    zone(powercap, "intel-rapl:0", "package-0", size=0)
    assert "has no range" in reason(powercap, cpuinfo)
