"""What a process needs in its environment before Inductor, PyTorch's compiler, works in it."""

import os

from efficiency.core import paths


def environment() -> dict[str, str]:
    """Compiled code is kept in our own folder, whatever the home and the temporary folder allow.

    No pool of helper processes is started either: they serve GPUs only, would live on while times
    are taken, and C++ is compiled by threads that call the compiler and wait for it.
    """
    folder = paths.compiled_folder()
    return {
        "TORCHINDUCTOR_CACHE_DIR": str(folder),
        "TRITON_CACHE_DIR": str(folder / "triton"),
        "TORCH_WARM_POOL": "0",
    }


def settle() -> None:
    """Have all of this in this process, and in those that it starts."""
    os.environ.update(environment())
