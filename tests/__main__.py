"""The one check: format, lint, types, tests. `python -m tests`; arguments go to pytest."""

import subprocess
import sys

# Three at once on two cores: while one waits for a page or a process, the others compute.
CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("pytest", "--numprocesses=3", "--dist=loadfile", *sys.argv[1:]),
)

for check in CHECKS:
    print("$", *check, flush=True)
    if code := subprocess.run((sys.executable, "-m", *check), check=False).returncode:
        sys.exit(code)
