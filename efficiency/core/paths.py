"""Where things are kept on this machine. EFFICIENCY_HOME moves all of it."""

import os
from pathlib import Path

from platformdirs import user_data_path


def home() -> Path:
    """The one folder of ours; created on first use, readable by its owner only."""
    folder = Path(os.environ.get("EFFICIENCY_HOME") or user_data_path("efficiency-lab"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _inside(name: str) -> Path:
    folder = home() / name
    folder.mkdir(exist_ok=True)
    return folder


def database() -> Path:
    """The SQLite file that knows every run."""
    return home() / "runs.sqlite"


def run_folder(run: str) -> Path:
    """Files of one run: the variants to download. Exists only after somebody made it."""
    return _inside("runs") / run


def model_folder(model: str) -> Path:
    """An accepted file in canonical form. Exists only after intake made it."""
    return _inside("models") / model


def compiled_folder() -> Path:
    """Code that PyTorch's compiler made on this machine; made again where it is missing."""
    return _inside("compiled")


def trained_folder() -> Path:
    """Weights of the example workloads, trained here on first use."""
    return _inside("trained")


def data_folder() -> Path:
    """Data sets that take long to make; made again where they are missing."""
    return _inside("data")


def checkpoint_folder() -> Path:
    """What long runs keep on their way, to go on from if they are stopped."""
    return _inside("checkpoints")
