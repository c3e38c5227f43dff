"""What is exported, and the contract of what writes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import Recipe, Store
from featurize.dataset.table import DatasetTable

_BLOCK = 4096  # rows read at a time


@dataclass(frozen=True)
class Contents:
    """Rows that have all the vectors, and where the vectors are.

    Parameters
    ----------
    table : DatasetTable
    cache : Store
    recipes : sequence of Recipe
    target : str
        The label column that tools colour by and learn.
    about : mapping of str to str
        Where the vectors come from: network, weights, licence and what else a reader must know.
    """

    table: DatasetTable
    cache: Store
    recipes: Sequence[Recipe]
    target: str
    about: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.table)

    def texts(self) -> dict[str, Sequence[str]]:
        """The columns of text: `id`, `path`, `split`, and each label as `labels/<column>`."""
        facts = {name: self.table.columns[name] for name in ("id", "path", "split")}
        return {**facts, **{f"labels/{name}": self.table.columns[name] for name in self.table.labels}}

    def plain_texts(self) -> dict[str, list[str]]:
        """The same by the table's own names, in valid Unicode; a column that is empty throughout is left out."""
        named = {name: self.table.columns[name] for name in ("id", "path", "split", *self.table.labels)}
        return {name: list(map(in_unicode, column)) for name, column in named.items() if any(column)}

    def blocks(self, recipes: Sequence[Recipe]) -> Iterator[NDArray[np.floating]]:
        """Vectors of some recipes side by side, (n, D) a block, in the order of the rows."""
        ids = self.table.ids
        for start in range(0, len(ids), _BLOCK):
            parts = [self.cache.gather(ids[start : start + _BLOCK], recipe) for recipe in recipes]
            yield np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]

    def widths(self) -> list[int]:
        """How many numbers the vectors of each recipe have."""
        return [self.cache.gather(self.table.ids[:1], recipe).shape[1] for recipe in self.recipes]


Writer = Callable[[Contents, Path], None]  # writes all of a file that no one reads yet


def write_about(contents: Contents, path: Path) -> None:
    """Where the vectors come from, as JSON."""
    path.write_text(json.dumps(dict(contents.about), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def in_unicode(text: str) -> str:
    """A text without the stray bytes that file names may hold."""
    return text.encode("utf-8", "replace").decode()
