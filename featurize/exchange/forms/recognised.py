"""Which files an export wrote: these may be replaced by the next one, others are the user's."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def is_export(paths: Sequence[Path]) -> bool:
    """Whether an export wrote these files.

    Parameters
    ----------
    paths : sequence of Path
        All files of one export, as `featurize.exchange.forms.Parts` has them: the one that says where the vectors come
        from is the last but one; or there is one file, which says it itself.
    """
    try:
        if not all(path.is_file() for path in paths):
            return False
        if len(paths) > 1:
            return _says(paths[-2])
        with paths[0].open("rb") as file:
            begins = file.read(8)
        return any(begins.startswith(magic) and look(paths[0]) for magic, look in _LOOK.items())
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return False  # it can't be read as what an export writes


def _says(path: Path) -> bool:
    """Whether a file beside vectors says where they come from."""
    text = path.read_text(encoding="utf-8")
    facts = (
        json.loads(text) if path.suffix == ".json" else dict(line.partition(": ")[::2] for line in text.splitlines())
    )
    return {"network", "key", "digest"} <= set(facts)


def _hdf5(path: Path) -> bool:
    import h5py

    with h5py.File(path, "r") as file:
        return "key" in file.attrs and {"id", "path", "features"} <= set(file)


def _npz(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return {"key.npy", "id.npy", "path.npy"} <= set(archive.namelist())


def _parquet(path: Path) -> bool:
    import pyarrow.parquet as pq

    return b"artstyle" in (pq.read_schema(path).metadata or {})


_LOOK: Mapping[bytes, Callable[[Path], bool]] = {b"\x89HDF\r\n\x1a\n": _hdf5, b"PK": _npz, b"PAR1": _parquet}
