"""What a runner, and each process it starts, may take from the machine."""

import resource
import sys
from contextlib import suppress
from pathlib import Path

import psutil


def apply(*, limit_memory: bool) -> None:
    """Limit this process, and each that it starts by itself.

    - Writable memory of its own (RLIMIT_DATA): no more than the machine has, so that a model which
      cannot fit meets a MemoryError with a sentence and not the kernel's killer. Generous on
      purpose: torch reserves far more address space than it uses, so RLIMIT_AS would stop honest
      runs; what is mapped but not written does not count here. Left off for accelerators, whose
      drivers map their memory into the process.
    - If the kernel must kill somebody for memory, it takes these processes and not the web server.
    - No core dumps: each would be as large as the model and all that torch had loaded.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return
    with suppress(OSError):  # /proc may be read-only in a container
        Path("/proc/self/oom_score_adj").write_text("1000")
    if limit_memory:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = psutil.virtual_memory().total
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
