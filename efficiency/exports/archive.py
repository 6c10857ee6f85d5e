"""The zip archive of one variant: the folder that was measured, as it lies on the disk."""

from io import BufferedReader
from pathlib import Path
from tempfile import NamedTemporaryFile
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from efficiency.core.errors import UnknownName

DEFLATED_BYTES = 60_000_000


def variants(run_folder: Path) -> tuple[str, ...]:
    """Names of the variants in a run's folder: each holds weights and the script to load them."""
    if not run_folder.is_dir():
        return ()
    folders = (each for each in run_folder.iterdir() if (each / "load_model.py").is_file())
    return tuple(sorted(each.name for each in folders))


def variant_bytes(variant_folder: Path) -> int:
    """Bytes of all files of one variant."""
    return sum(each.stat().st_size for each in variant_folder.rglob("*") if each.is_file())


def archive(run_folder: Path, variant: str) -> BufferedReader:
    """The variant's files as a zip, deflated unless that would keep somebody waiting.

    Zeros shrink, as the report says, but deflating takes about a second for 30 MB.

    The archive is on the disk, in a file without a name that is gone when it is closed; whoever
    reads it decides how much of it is in memory.

    Raises UnknownName. Only names that `variants` lists are opened, so no path can lead outside.
    """
    known = variants(run_folder)
    if variant not in known:
        raise UnknownName("variant", variant, known)
    folder = run_folder / variant
    method = ZIP_DEFLATED if variant_bytes(folder) <= DEFLATED_BYTES else ZIP_STORED
    with NamedTemporaryFile(prefix="efficiency-archive-", suffix=".zip") as file:
        with ZipFile(file, "w", method) as zipped:
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    zipped.write(path, Path(variant) / path.relative_to(folder))
        file.flush()
        return Path(file.name).open("rb")
