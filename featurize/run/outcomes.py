"""What became of every row that a run was asked for: a vector, or one reason from the one list.

The rows without a vector are written into the key's folder as `failures.csv`, for people to mend the files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import OK, Artifacts, Recipe, Store
from cache.ids import plain
from cache.rows import ABSENT
from featurize.dataset.sheets import csv_bytes
from featurize.dataset.table import DatasetTable
from featurize.errors import Undecodable
from featurize.pictures.remote import address_of
from featurize.reasons import Reason

FILE = "failures.csv"


@dataclass(frozen=True)
class Failed:
    """A row that has no vector after a run.

    Parameters
    ----------
    path : Path
    id : str
        sha256 of the picture's bytes, as the dataset table has it.
    reason : Reason
    detail : str
        What the decoder said; may be empty.
    """

    path: Path
    id: str
    reason: Reason
    detail: str

    @property
    def where(self) -> str:
        """The path, or the address: for people to read."""
        return address_of(self.path) or str(self.path)


def failures(
    table: DatasetTable,
    rows: NDArray[np.intp],
    cache: Store,
    recipes: Sequence[Recipe],
    troubles: Mapping[bytes, Undecodable],
    misnamed: Mapping[int, Undecodable],
) -> list[Failed]:
    """The rows that have no vector, in the table's order, each with its one reason.

    Parameters
    ----------
    table : DatasetTable
    rows : ndarray (N,) intp
        Those asked for.
    cache : Store
    recipes : sequence of Recipe
        What a row must have.
    troubles : mapping of bytes to Undecodable
        By id, pictures whose files are not those of the table. Where only the file is gone and the vector is there,
        that is no failure.
    misnamed : mapping of int to Undecodable
        By row, files whose content is not what their id names, though their size and time are those of the table.
    """
    ids = table.ids[rows]
    status = cache.status(ids)
    whole = (status == OK) & ~cache.missing(ids, recipes)
    details = {plain(f.id): f.detail for f in cache.failures()}
    found = []
    for row, picture_id, code, has_all in zip(
        rows.tolist(), ids.tolist(), status.tolist(), whole.tolist(), strict=True
    ):
        trouble = misnamed.get(row) or troubles.get(picture_id)
        if has_all and (trouble is None or trouble.reason != Reason.CHANGED):
            continue
        if trouble is not None:
            why, said = trouble.reason, trouble.detail
        elif code in (OK, ABSENT):
            why, said = Reason.NOT_TRIED, ""
        else:
            why, said = Reason(code), details.get(picture_id, "")
        picture = table.picture(row)
        found.append(Failed(picture.path, picture.id, why, said))
    return found


def write_failures(artifacts: Artifacts, failed: Sequence[Failed]) -> Path | None:
    """Write `failures.csv` beside a key's segments, or remove an older one where nothing failed.

    Returns
    -------
    Path or None
        The file; None where nothing failed, or where it lies on no disk of this machine.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    if not failed:
        artifacts.remove(FILE)
        return None
    columns = {
        "path": [f.where for f in failed],
        "id": [f.id for f in failed],
        "reason": [f.reason.label for f in failed],
        "detail": [f.detail for f in failed],
    }
    artifacts.write(FILE, csv_bytes(columns))
    return artifacts.path(FILE)
