"""The same rows in every embedding, so that heads on different ones can be compared picture by picture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cache import FeatureCache, Recipe
from cache.rows import ABSENT, OK
from classify.data import Examples, load_examples
from classify.errors import DataError
from featurize.dataset.table import DatasetTable


@dataclass(frozen=True)
class View:
    """One embedding of the rows.

    Parameters
    ----------
    cache : FeatureCache
    embedding : str
        Recipes as asked for, joined by "+": their vectors stand side by side.
    recipes : tuple of Recipe
    """

    cache: FeatureCache
    embedding: str
    recipes: tuple[Recipe, ...]


@dataclass(frozen=True)
class Matched:
    """Rows that every view can show.

    Parameters
    ----------
    table : DatasetTable
        The rows with a label, and without those that are broken in any of the caches.
    target, train, test : str
    left_out : int
        Rows of the two splits that are not in `table`.
    other_splits : frozenset of str
        Splits that have rows beside the two.
    views : tuple of View
    """

    table: DatasetTable
    target: str
    train: str
    test: str
    left_out: int
    other_splits: frozenset[str]
    views: tuple[View, ...]

    def load(self, view: View, split: str) -> Examples:
        """Rows of a split; in the same order for every view."""
        return load_examples(self.table, view.cache, view.recipes, self.target, split)

    @property
    def digest(self) -> str:
        """sha256 over id, split and label of each row of the two splits, in order of the ids."""
        columns = self.table.columns
        rows = zip(columns["id"], columns["split"], self.table.column(self.target), strict=True)
        lines = sorted(row for row in rows if row[1] in (self.train, self.test))
        return hashlib.sha256("\n".join("\t".join(line) for line in lines).encode("utf-8", "replace")).hexdigest()


def match(
    table: DatasetTable,
    caches: Sequence[FeatureCache],
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
        Both splits are the same one.
    NotStored
        A cache has no such recipe.
    TableError
        There is no such label column, or a split is empty.
    """
    if test is None:
        test = "test" if "test" in set(table.columns["split"]) else "val"
    if test == train:
        raise DataError(f"training and test split are both {train!r}: scores on what was learned by heart say nothing")
    labels = table.column(target)
    status = np.stack([cache.status(table.ids) for cache in caches])  # (caches, rows)
    broken = ((status != OK) & (status != ABSENT)).any(0)  # absent ones are asked for later, and named then
    usable = ~broken & np.array([bool(label) for label in labels])
    splits = np.array(table.columns["split"])
    asked = np.concatenate([table.rows_of(train), table.rows_of(test)])
    there = frozenset(splits[usable].tolist()) - {train, test, ""}
    kept = table.take(np.flatnonzero(usable).tolist())
    views = tuple(_views(caches, embeddings))
    return Matched(kept, target, train, test, int((~usable[asked]).sum()), there, views)


def _views(caches: Sequence[FeatureCache], embeddings: Sequence[str]) -> Iterator[View]:
    for cache in caches:
        for embedding in dict.fromkeys(embeddings):
            recipes = tuple(cache.recipe(name.strip()) for name in embedding.split("+"))
            yield View(cache, embedding, recipes)
