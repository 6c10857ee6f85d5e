"""Real text that comes with every Python: the source of its own standard library.

Each Python version has its own, so weights trained on it belong to one version.
"""

import os
from pathlib import Path
from typing import NamedTuple

# Not everybody has the tests, and they would be found twice: within the packages, and apart.
LEFT_OUT = {"test", "tests"}


class Sources(NamedTuple):
    """Texts to train on and texts held out: whole files, in alphabetical order of their paths."""

    train: list[str]
    held_out: list[str]


def read(pattern: str) -> Sources:
    """The files that match a pattern below the library's folder; every fourth one is held out.

    Raises FileNotFoundError where a Python was installed without its source.
    """
    library = Path(os.__file__).parent
    paths = {path.relative_to(library) for path in library.glob(pattern)}
    names = sorted(path.as_posix() for path in paths if not LEFT_OUT & {*path.parts})
    texts = [(library / name).read_text(encoding="utf-8", errors="replace") for name in names]
    if not texts:
        raise FileNotFoundError(
            f"This Python has no source of its standard library ({pattern} in {library}); "
            "use an ordinary installation of Python."
        )
    held_out = texts[3::4]
    del texts[3::4]
    return Sources(texts, held_out)
