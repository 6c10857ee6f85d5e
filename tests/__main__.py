"""The one check: format, lint, types, tests. `python -m tests`; arguments go to pytest."""

import os
import subprocess
import sys

# Hundreds of processes import the same modules, and would compile them each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

QUICK = (("ruff", "format", "--check", "."), ("ruff", "check", "."))
TYPES = ("mypy",)
# Four at once on two cores: while one waits for a page or a process, the others compute.
TESTS = (
    "pytest",
    "--numprocesses=4",
    "--dist=loadfile",
    "--no-loadscope-reorder",  # tests/conftest.py has the long ones first
    *sys.argv[1:],
)


def command(check: tuple[str, ...]) -> tuple[str, ...]:
    """The same Python for all of them; each is announced."""
    print("$", *check, flush=True)
    return (sys.executable, "-m", *check)


for check in QUICK:
    if code := subprocess.run(command(check), check=False).returncode:
        sys.exit(code)
# Types beside the tests: they are one process that never waits.
with subprocess.Popen(command(TYPES), stdout=subprocess.PIPE, text=True) as types:
    tests = subprocess.run(command(TESTS), check=False).returncode
    print("mypy:", types.communicate()[0], flush=True)
sys.exit(tests or types.returncode)
