"""The paintings of a collection that are most similar to given ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cache import Store
from cache.buckets import Place
from cache.folder import as_cache
from cache.ids import from_hex
from classify.errors import DataError, PictureError
from classify.evaluation.nearest import Nearest, centre_of, crowding, nearest
from classify.explore.newcomers import read_pictures, vectors_of
from classify.explore.pages import PAGE, render, write_folder
from classify.explore.works import Works, load_works, rows_of
from featurize.dataset.sheets import csv_bytes
from featurize.dataset.table import DatasetTable
from featurize.engines import EngineFactory, make_engine
from featurize.errors import Undecodable
from featurize.progress import Progress
from featurize.wording import counted, decimals

K = 8


@dataclass(frozen=True)
class Neighbours:
    """The works most similar to each of M pictures.

    Parameters
    ----------
    works : Works
        The collection that was searched.
    pictures : tuple of Path
        The M pictures.
    own : tuple of int
        Which work each of them is; -1 for a picture that is not in the collection.
    found : Nearest
        The works, the most similar first; never the picture itself.
    csls : bool
        Whether they stand in the order of CSLS.
    unread : mapping of Path to Undecodable
        Pictures that were asked for, too, and why they can't be shown.
    """

    works: Works
    pictures: tuple[Path, ...]
    own: tuple[int, ...]
    found: Nearest
    csls: bool
    unread: Mapping[Path, Undecodable] = field(default_factory=dict)

    @property
    def k(self) -> int:
        """How many works were found for each picture."""
        return int(self.found.rows.shape[1])

    @property
    def digits(self) -> int:
        """Decimals with which a similarity is shown: up to four, so that only that of a copy looks like 1."""
        return decimals((1 - self.found.similarity[self.found.rows >= 0]).tolist(), most=4)


def neighbours(
    table: DatasetTable | str | Path,
    cache: Store | Place,
    pictures: Sequence[str | Path],
    k: int = K,
    *,
    embedding: str | None = None,
    split: str = "all",
    csls: bool = False,
    weights: str | None = None,
    device: str = "auto",
    engines: EngineFactory = make_engine,
    progress: Progress | None = None,
) -> Neighbours:
    """The works of a collection most similar to each of some pictures.

    Every work is compared. Similarity is the cosine of two embeddings, taken from the collection's mean.

    Parameters
    ----------
    table : DatasetTable, str or Path
        The table, or where it lies.
    cache : Store, str or Path
        The feature cache, or the folder of the only one.
    pictures : sequence of str or Path
        Files; those whose bytes the cache does not know are embedded first, and not stored.
    k : int
        How many works.
    embedding : str, optional
        Recipes; "a+b" puts two side by side.
    split : str
        Which part of the collection is searched.
    csls : bool
        Order by CSLS (Conneau et al., ICLR 2018): works that are similar to everything come later.
    weights, device, engines
        See `vectors_of`.
    progress : callable, optional
        Called with (pictures embedded, pictures to embed).

    Raises
    ------
    TableError, DataError, NotStored
        As `load_works` does.
    PictureError
        None of the pictures can be read; some that can't are left out, see `Neighbours.unread`.
    WeightsError, BackboneError
        As `vectors_of` does.
    """
    if k < 1:
        raise DataError(f"--k {k}: ask for one neighbour or more")
    paths, cache = tuple(map(Path, pictures)), as_cache(cache)
    works = load_works(table, cache, embedding, split)
    readable, unread = read_pictures(paths)
    vectors, failed = vectors_of(
        readable, cache, works.recipes, weights, device=device, engines=engines, progress=progress
    )
    unread |= {readable[n].path: why for n, why in failed.items()}
    asked = [picture for n, picture in enumerate(readable) if n not in failed]
    if not asked:
        path, why = next(iter(unread.items()))
        of_all = f"none of {counted(len(paths), 'picture')} can be read; " if len(paths) > 1 else ""
        raise PictureError(f"{of_all}{str(path)!r} can't be read: {why}")
    vectors = np.delete(vectors, list(failed), 0)
    own = rows_of(works, from_hex([picture.id for picture in asked]))
    centre = centre_of(works.X)
    crowded = crowding(works.X, centre) if csls else None
    k = min(k, len(works) - int((own >= 0).any()))
    found = nearest(vectors, works.X, k, centre=centre, own=own, crowded=crowded)
    shown = tuple(picture.path for picture in asked)
    return Neighbours(works, shown, tuple(own.tolist()), found, csls, unread)


def as_csv(result: Neighbours) -> bytes:
    """A line for each picture and neighbour: rank, similarity, path, id and the user's columns."""
    works = result.works
    lines = [
        (picture, rank, row)
        for picture, rows in enumerate(result.found.rows.tolist())
        for rank, row in enumerate(rows)
        if row >= 0
    ]
    similarity = result.found.similarity
    columns = {
        "picture": [str(result.pictures[picture]) for picture, _, _ in lines],
        "rank": [str(rank + 1) for _, rank, _ in lines],
        "similarity": [f"{similarity[picture, rank]:.6f}" for picture, rank, _ in lines],
        "path": [works.paths[row] for _, _, row in lines],
        "id": [works.table.columns["id"][row] for _, _, row in lines],
        "split": [works.column("split")[row] for _, _, row in lines],
    }
    for name in works.labels():
        columns[name if name not in columns else f"{name} (table)"] = [works.column(name)[row] for _, _, row in lines]
    return csv_bytes(columns)


def write_neighbours(result: Neighbours, out: Path) -> Path:
    """Write the page and `neighbours.csv` into a folder; gives the path of the page.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    count = len(result.pictures)
    title = f"Similar to {result.pictures[0].name}" if count == 1 else f"Similar to {count:,} pictures"
    facts = {"r": result, "title": title}
    return write_folder(
        out,
        {
            "neighbours.csv": lambda: as_csv(result),
            PAGE: lambda: render("neighbours.html", result.works, facts),
        },
    )
