"""Where the libraries are that the reading process needs; found without importing them."""

from importlib.util import find_spec
from pathlib import Path

from efficiency.core.errors import Unavailable


def _folder_of(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise Unavailable(f"{name} is not installed; run: pip install -r requirements.txt.")
    return Path(spec.origin).resolve().parents[1]


PACKAGES = _folder_of("torch")
"""The site-packages that torch is in, which may be outside of the interpreter's own prefix."""
