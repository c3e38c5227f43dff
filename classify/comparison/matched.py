"""The same rows in every embedding, so that heads on different ones can be compared picture by picture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cache import Recipe, Store
from classify.data import Examples, LabelledRows, load_rows, load_vectors, rows_if_any, usual_embedding
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
    beside : tuple of View
        Those whose vectors stand beside these, of other caches or the same.
    """

    cache: Store
    embedding: str
    recipes: tuple[Recipe, ...]
    beside: tuple[View, ...] = ()

    @property
    def parts(self) -> tuple[View, ...]:
        """Each cache's own part."""
        return (replace(self, beside=()), *self.beside)


@dataclass(frozen=True)
class Matched:
    """Rows that every view can show.

    Parameters
    ----------
    target, train, test : str
        The two splits are the same where its rows are scored by folds.
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
        rows = self.rows[split]
        found = [load_vectors(rows, part.cache, part.recipes) for part in view.parts]
        return Examples(rows, np.concatenate(found, axis=1) if view.beside else found[0])

    @property
    def first_embedding(self) -> list[tuple[Store, Recipe]]:
        """What the first view is made of."""
        return [(part.cache, recipe) for part in self.views[0].parts for recipe in part.recipes]

    @property
    def whole(self) -> bool:
        """Whether there is no test part of its own: every row is learned from and, by folds, scored."""
        return self.train == self.test

    @property
    def parts(self) -> tuple[LabelledRows, LabelledRows]:
        """The training part and the test part."""
        return self.rows[self.train], self.rows[self.test]

    @property
    def digest(self) -> str:
        """sha256 over id, split and label of each row of the two splits, in order of the ids."""
        splits = dict(zip((self.train, self.test), self.parts, strict=True)).items()
        lines = sorted((i, s, y) for s, part in splits for i, y in zip(part.ids, part.y.tolist(), strict=True))
        return hashlib.sha256("\n".join("\t".join(line) for line in lines).encode("utf-8", "replace")).hexdigest()


def match(
    table: DatasetTable,
    caches: Sequence[Store],
    embeddings: Sequence[str] | None,
    target: str,
    train: str,
    test: str | None,
    *,
    together: bool = False,
) -> Matched:
    """Find the rows that all embeddings have in common.

    Parameters
    ----------
    embeddings : sequence of str or None
        Each cache shows those that it holds; None takes each cache's usual one.
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
    if together:
        views = (*views, _together(views))
    return Matched(target, train, test, rows if third is None else {**rows, "val": third}, views)


def match_whole(
    table: DatasetTable,
    caches: Sequence[Store],
    embeddings: Sequence[str] | None,
    target: str,
    split: str,
    *,
    together: bool = False,
) -> Matched:
    """As `match`, for the rows of one split, or of "all", which are to be divided into folds."""
    views = tuple(_views(caches, embeddings))
    if together:
        views = (*views, _together(views))
    return Matched(target, split, split, {split: load_rows(table, target, split, caches)}, views)


def _views(caches: Sequence[Store], embeddings: Sequence[str] | None) -> Iterator[View]:
    """Of each cache the embeddings that it holds; each must be in one of them, and each cache hold one."""
    held = [{recipe.name for recipe in cache.recipes()} for cache in caches]
    for cache, names in zip(caches, held, strict=True):
        wanted = list(dict.fromkeys(embeddings)) if embeddings is not None else [usual_embedding(cache)]
        elsewhere = [
            e for e in wanted if not names.issuperset(_names(e)) and any(h.issuperset(_names(e)) for h in held)
        ]
        for embedding in [e for e in wanted if e not in elsewhere] or elsewhere:
            yield View(cache, embedding, tuple(cache.recipe(name) for name in _names(embedding)))


def _names(embedding: str) -> list[str]:
    return [name.strip() for name in embedding.split("+")]


def _together(views: Sequence[View]) -> View:
    if len(views) < 2:
        raise DataError("there is one embedding only, so there is none to put beside it: name more caches with --key")
    name = " + ".join(f"{view.cache.key.backbone} {view.embedding}" for view in views)
    return replace(views[0], embedding=name, beside=tuple(views[1:]))
