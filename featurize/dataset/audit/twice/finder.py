"""Rows that show one picture: the same file, or a copy of it.

Copies are found in two ways: by the pictures themselves, laid over each other, and by their embeddings. The audit and
the comparison of heads both ask `look_for_copies`, so that both pages list the same pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from featurize.dataset.audit.coverage import same_content
from featurize.dataset.audit.result import Row, Twice
from featurize.dataset.audit.twice.vectors import Embedding, copies_by_embedding, width
from featurize.dataset.copies import FEWEST
from featurize.dataset.table import DatasetTable
from featurize.progress import ProgressBar
from featurize.wording import counted

NO_VECTORS = "not looked at: no feature cache; `featurize run` makes one"
LEFT_OUT = "not looked at: left out"


def look_for_copies(
    table: DatasetTable,
    path: Path,
    target: str,
    embeddings: Sequence[Embedding] = (),
    *,
    most: int | None = None,
    keep: bool = True,
    workers: int | None = None,
    progress: ProgressBar | None = None,
) -> Twice:
    """Everything that stands twice in a table.

    Parameters
    ----------
    table : DatasetTable
    path : Path
        Where it lies; fingerprints of its pictures are kept beside it.
    target : str
        The label column.
    embeddings : sequence of (Store, Recipe)
        Their vectors stand side by side; none compares the pictures alone.
    most : int, optional
        Distinct pictures up to which they are opened; 0 never opens one.
    keep : bool
        Whether fingerprints that had to be made are kept.
    workers : int, optional
        Decoding threads.
    progress : callable, optional
        Called with what goes on and the unit, as `progress_bar` is.

    Raises
    ------
    StorageFailed
        The fingerprints can't be written, or vectors can't be read.
    """
    labels = table.columns.get(target, [""] * len(table))
    found = Twice(same_content(table.columns["id"], table.columns["split"], labels), looked_at={"content": "all"})
    found = _by_pictures(found, table, path, most, keep, workers, progress)
    found = _by_embeddings(found, table, embeddings)
    columns = [table.columns.get(name, [""] * len(table)) for name in ("path", "split", target, "artist", "year")]
    return replace(found, told={row: Row(*(values[row] for values in columns)) for row in _rows(found)})


def _by_pictures(
    found: Twice,
    table: DatasetTable,
    path: Path,
    most: int | None,
    keep: bool,
    workers: int | None,
    progress: ProgressBar | None,
) -> Twice:
    pictures = len(set(table.columns["id"]))
    if most is not None and pictures > most:
        said = LEFT_OUT
        if most:
            said = f"not looked at, because they are over {most:,}: `featurize audit` looks at them"
        return replace(found, looked_at={**found.looked_at, "pictures": said})
    from featurize.dataset.audit.twice.pictures import look_at_pictures

    near, blank, said = look_at_pictures(table, path, keep, workers, progress)
    return replace(found, near=near, blank=blank, looked_at={**found.looked_at, "pictures": said})


def _by_embeddings(found: Twice, table: DatasetTable, embeddings: Sequence[Embedding]) -> Twice:
    if not embeddings:
        return replace(found, looked_at={**found.looked_at, "embeddings": NO_VECTORS})
    embedded = int(np.logical_and.reduce([cache.embedded(table.ids, recipe) for cache, recipe in embeddings]).sum())
    where = " and ".join(f"{recipe.name} of {cache.key.folder_name}" for cache, recipe in embeddings)
    if not embedded:
        return replace(found, looked_at={**found.looked_at, "embeddings": f"none of the rows has {where}"})
    said = f"{embedded:,} of {counted(len(table), 'row')}, {where}"
    if any(cache.key.untrained for cache, _ in embeddings):
        said += ", untrained backbone: by such embeddings copies can't be found"
        return replace(found, looked_at={**found.looked_at, "embeddings": said})
    numbers = width(table, embeddings)
    if numbers < FEWEST:
        said += f": copies can't be found by {counted(numbers, 'number')} a row, {FEWEST} or more are needed"
        return replace(found, looked_at={**found.looked_at, "embeddings": said})
    copies = copies_by_embedding(table, embeddings)
    return replace(found, copies=copies, looked_at={**found.looked_at, "embeddings": said})


def _rows(found: Twice) -> list[int]:
    """Every row that this speaks of."""
    together = (*(d.rows for d in found.duplicates), *(n.rows for n in found.near), *(n.rows for n in found.copies))
    return sorted({row for rows in together for row in rows} | {*found.blank})
