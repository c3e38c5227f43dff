"""The forms that vectors are exported in, by name and by ending; one file a form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from featurize.errors import TableError
from featurize.exchange.forms.base import Contents, Writer, write_about
from featurize.exchange.forms.hdf5 import write_hdf5
from featurize.exchange.forms.npz import write_npz
from featurize.exchange.forms.orange import write_tab, write_tab_metadata
from featurize.exchange.forms.parquet import write_atlas, write_parquet
from featurize.exchange.forms.projector import write_metadata, write_vectors

Parts = Sequence[tuple[Path, Writer]]  # the files of an export, the one that the user names last


def _single(write: Writer) -> Callable[[Path], Parts]:
    return lambda path: [(path, write)]


def _orange(path: Path) -> Parts:
    return [(path.with_name(f"{path.name}.metadata"), write_tab_metadata), (path, write_tab)]


def _projector(path: Path) -> Parts:
    """Beside a file of vectors that is named, or within a folder."""
    if path.suffix.lower() == ".tsv":
        stem = "" if path.stem == "vectors" else f"{path.stem}-"
        beside = {name: path.with_name(stem + name) for name in ("metadata.tsv", "about.json")}
    else:
        beside = {name: path / name for name in ("metadata.tsv", "about.json")}
        path = path / "vectors.tsv"
    return [(beside["metadata.tsv"], write_metadata), (beside["about.json"], write_about), (path, write_vectors)]


FORMS: Mapping[str, Callable[[Path], Parts]] = {
    "hdf5": _single(write_hdf5),
    "npz": _single(write_npz),
    "parquet": _single(write_parquet),
    "orange": _orange,
    "atlas": _single(write_atlas),
    "projector": _projector,
}
ENDINGS: Mapping[str, str] = {
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".npz": "npz",
    ".parquet": "parquet",
    ".tab": "orange",
    ".tsv": "projector",
}


def parts_of(path: Path, form: str | None = None) -> Parts:
    """The files that an export has, and what writes each.

    Raises
    ------
    TableError
        There is no such form, or no form has this ending.
    """
    chosen = form or ENDINGS.get(path.suffix.lower())
    if chosen is None:
        raise TableError(
            f"{path.name!r} has none of the known endings: use {', '.join(ENDINGS)}, or say with --format "
            f"which form it is to have ({', '.join(FORMS)})"
        )
    if chosen not in FORMS:
        raise TableError(f"{chosen!r} is no form of an export: use {', '.join(FORMS)}")
    return FORMS[chosen](path)


__all__ = ["ENDINGS", "FORMS", "Contents", "Parts", "parts_of"]
