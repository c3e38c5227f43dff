"""The same rows in every embedding, so that heads on different ones can be compared picture by picture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cache import Recipe, Store
from classify.data import Examples, LabelledRows, load_rows, load_vectors, rows_if_any
from classify.errors import DataError
from featurize.dataset.table import DatasetTable


@dataclass(frozen=True)
class View:
    """One embedding of the rows.

    Parameters
    ----------
    cache : Store
    embedding : str
        Recipes as asked for, joined by "+": their vectors stand side by side.
    recipes : tuple of Recipe
    """

    cache: Store
    embedding: str
    recipes: tuple[Recipe, ...]


@dataclass(frozen=True)
class Matched:
    """Rows that every view can show.

    Parameters
    ----------
    target, train, test : str
    rows : mapping of str to LabelledRows
        Of the two splits, and of val where it is a third one that has any: the rows with a label, and without those
        that are broken in any of the caches.
    views : tuple of View
    """

    target: str
    train: str
    test: str
    rows: Mapping[str, LabelledRows]
    views: tuple[View, ...]

    def load(self, view: View, split: str) -> Examples:
        """Rows of a split with their vectors; in the same order for every view."""
        return Examples(self.rows[split], load_vectors(self.rows[split], view.cache, view.recipes))

    @property
    def parts(self) -> tuple[LabelledRows, LabelledRows]:
        """The training part and the test part."""
        return self.rows[self.train], self.rows[self.test]

    @property
    def digest(self) -> str:
        """sha256 over id, split and label of each row of the two splits, in order of the ids."""
        splits = zip((self.train, self.test), self.parts, strict=True)
        lines = sorted((i, s, y) for s, part in splits for i, y in zip(part.ids, part.y.tolist(), strict=True))
        return hashlib.sha256("\n".join("\t".join(line) for line in lines).encode("utf-8", "replace")).hexdigest()


def match(
    table: DatasetTable,
    caches: Sequence[Store],
    embeddings: Sequence[str],
    target: str,
    train: str,
    test: str | None,
) -> Matched:
    """Find the rows that all embeddings have in common.

    Parameters
    ----------
    test : str or None
        None takes the test split, or val where the table has none.

    Raises
    ------
    DataError
        The splits are not two, or one of them has no usable rows.
    NotStored
        A cache has no such recipe.
    TableError
        There is no such label column, or a split is empty.
    """
    if test is None:
        test = "test" if "test" in set(table.columns["split"]) else "val"
    if test == train:
        raise DataError(f"training and test split are both {train!r}: scores on what was learned by heart say nothing")
    if "all" in (train, test):
        raise DataError(f"the splits {train!r} and {test!r} share pictures: name two splits that have none in common")
    rows = {split: load_rows(table, target, split, caches) for split in (train, test)}
    third = rows_if_any(table, target, "val", caches) if "val" not in rows else None
    views = tuple(_views(caches, embeddings))
    return Matched(target, train, test, rows if third is None else {**rows, "val": third}, views)


def _views(caches: Sequence[Store], embeddings: Sequence[str]) -> Iterator[View]:
    for cache in caches:
        for embedding in dict.fromkeys(embeddings):
            recipes = tuple(cache.recipes_named(embedding))
            yield View(cache, embedding, recipes)
