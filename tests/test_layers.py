"""Who may import whom: read from the source, so that a lazy import counts too."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "core": set(),
    "measure": {"core"},
    "workloads": {"core"},
    "intake": {"core"},
    "charts": {"core"},
    "exports": {"core", "charts"},
    "routines": {"core", "measure", "workloads", "intake"},
    "jobs": {"core", "intake", "routines"},
}
TORCH_FREE = (
    "efficiency.core.serial",
    "efficiency.core.requests",
    "efficiency.charts",
    "efficiency.exports",
    "efficiency.intake",
    "efficiency.jobs",
    "efficiency.routines.architecture",
    "efficiency.workloads.catalogue",
    "efficiency.workloads.recognise",
    "efficiency.cli",
)


def imported(file: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def rooms(modules: set[str]) -> set[str]:
    parts = (module.split(".") for module in modules)
    return {part[1] for part in parts if part[0] == "efficiency" and len(part) > 1}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_room_imports_only_what_lies_below(room: str) -> None:
    files = list((ROOT / "efficiency" / room).rglob("*.py"))
    assert files
    for file in files:
        beyond = (rooms(imported(file)) & {*MAY_IMPORT, "cli"}) - MAY_IMPORT[room] - {room}
        assert not beyond, f"{file} imports {beyond}"


def test_every_room_has_a_rule() -> None:
    found = {file.parent.name for file in (ROOT / "efficiency").glob("*/__init__.py")}
    assert found == set(MAY_IMPORT)


def test_only_pages_import_streamlit() -> None:
    for file in (ROOT / "efficiency").rglob("*.py"):
        assert not any(name.split(".")[0] == "streamlit" for name in imported(file)), file


def test_pages_import_no_torch() -> None:
    for file in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]:
        assert "torch" not in {name.split(".")[0] for name in imported(file)}, file


@pytest.mark.parametrize("module", TORCH_FREE)
def test_web_process_stays_free_of_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
