"""Several listings as one, whatever columns each has."""

from __future__ import annotations

from collections.abc import Sequence

from featurize.dataset.sources.base import Listing


def joined(parts: Sequence[Listing]) -> Listing:
    """Listings one after the other; columns that a part lacks are empty there."""
    columns = list(dict.fromkeys(column for part in parts for column in part.labels))
    return Listing(
        [path for part in parts for path in part.paths],
        [split for part in parts for split in part.splits],
        {c: [v for part in parts for v in part.labels.get(c, [""] * len(part))] for c in columns},
        [note for part in parts for note in part.notes],
        all(part.class_folders for part in parts),
        _each_once([pair for part in parts for pair in zip(part.recognised[::2], part.recognised[1::2], strict=True)]),
        {path: why for part in parts for path, why in part.troubles.items()},
    )


def _each_once(options: Sequence[tuple[str, str]]) -> list[str]:
    return [word for pair in dict.fromkeys(options) for word in pair]
