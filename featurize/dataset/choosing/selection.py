"""Which of a source's pictures are wanted: by a condition, by class, by number."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurize.dataset.conditions import rows_where
from featurize.dataset.labels import label_key
from featurize.dataset.sheets.encoding import decode
from featurize.errors import SourceError


@dataclass(frozen=True)
class Selection:
    """What is wanted; the conditions hold one after the other, in this order.

    Parameters
    ----------
    where : str
        A condition on the label columns.
    classes : sequence of str
        Names of classes, in any spelling; empty for all.
    min_per_class : int
        Classes with fewer pictures are left out.
    top : int
        This many classes, those with the most pictures; 0 for all.
    limit : int
        This many pictures; 0 for all.
    sample : str
        "proportional" keeps the shares of the classes, "stratified" takes the same number of each as far as it has
        them.
    """

    where: str = ""
    classes: Sequence[str] = ()
    min_per_class: int = 0
    top: int = 0
    limit: int = 0
    sample: str = "proportional"

    @property
    def by_class(self) -> bool:
        """Whether pictures without a class are left out."""
        return bool(self.classes or self.min_per_class or self.top or self.limit)


EVERYTHING = Selection()


def read_classes(path: Path) -> list[str]:
    """Names of classes in a text file, one a line; a number before a name, as in `style_class.txt`, is skipped.

    Raises
    ------
    SourceError
        The file can't be read, or names no class.
    """
    try:
        lines = [line.strip() for line in decode(path.read_bytes()).text.splitlines()]
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise SourceError(f"--classes {str(path)!r} can't be read: {why}") from error
    names = [line for line in lines if line and not line.startswith("#")]
    pairs = [name.split(maxsplit=1) for name in names]
    if names and all(len(pair) == 2 and pair[0] == str(n) for n, pair in enumerate(pairs)):
        names = [pair[1] for pair in pairs]
    if not names:
        raise SourceError(f"--classes {str(path)!r} names no class: write one a line")
    return names


def select(
    columns: Mapping[str, Sequence[str]], target: str, names: Sequence[str], selection: Selection, seed: int
) -> list[int]:
    """Numbers of the wanted rows, ascending.

    A sample depends on the seed and the pictures' names within the source alone: pictures that are added later
    take the places of few others.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        Label columns of N rows.
    target : str
        The column of the classes.
    names : sequence of str
        N names within the source.
    selection : Selection
    seed : int

    Raises
    ------
    SourceError
        The condition is not understood, a class is not there, or nothing is left.
    """
    labels = columns.get(target, [""] * len(names))
    rows = list(range(len(names)))
    if selection.where:
        rows = rows_where(selection.where, columns, len(names))
    if selection.by_class and any(labels):
        rows = _of_wanted_classes(rows, labels, selection, target)
    if selection.limit and selection.limit < len(rows):
        rows = _sample(rows, labels, names, selection, seed)
    if not rows:
        raise SourceError(f"of {len(names)} pictures none is left by the selection: ask for less")
    return rows


def _of_wanted_classes(rows: list[int], labels: Sequence[str], selection: Selection, target: str) -> list[int]:
    counts = Counter(labels[row] for row in rows if labels[row])
    wanted = set(counts)
    if selection.classes:
        by_key = {label_key(name): name for name in counts}
        lacking = [name for name in selection.classes if label_key(name) not in by_key]
        if lacking:
            there = ", ".join(sorted(counts)[:30])
            raise SourceError(f"--classes: there is no {target} {lacking[0]!r} (there are: {there})")
        wanted = {by_key[label_key(name)] for name in selection.classes}
    wanted = {name for name in wanted if counts[name] >= selection.min_per_class}
    if selection.top:
        wanted = set(sorted(wanted, key=lambda name: (-counts[name], name))[: selection.top])
    return [row for row in rows if labels[row] in wanted]


def _sample(
    rows: Sequence[int], labels: Sequence[str], names: Sequence[str], selection: Selection, seed: int
) -> list[int]:
    classes: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        classes[labels[row]].append(row)
    sizes = {name: len(members) for name, members in sorted(classes.items())}
    quota = {"proportional": _in_proportion, "stratified": _evenly}[selection.sample](sizes, selection.limit)
    chosen = []
    for name, members in classes.items():
        drawn = sorted(
            members, key=lambda row: hashlib.sha256(f"{seed}:{names[row]}".encode("utf-8", "replace")).digest()
        )
        chosen += drawn[: quota[name]]
    return sorted(chosen)


def _in_proportion(sizes: Mapping[str, int], limit: int) -> dict[str, int]:
    """Shares kept, by the method of the largest remainder."""
    total = sum(sizes.values())
    quota = {name: size * limit // total for name, size in sizes.items()}
    remainders = sorted(sizes, key=lambda name: (-(sizes[name] * limit % total), name))
    for name in remainders[: limit - sum(quota.values())]:
        quota[name] += 1
    return quota


def _evenly(sizes: Mapping[str, int], limit: int) -> dict[str, int]:
    """The same for each class; what a small class can't give, the larger ones do."""
    quota = dict.fromkeys(sizes, 0)
    left = limit
    by_size = sorted(sizes, key=lambda name: (sizes[name], name))
    for n, name in enumerate(by_size):
        quota[name] = min(sizes[name], left // (len(by_size) - n))
        left -= quota[name]
    return quota
