"""Everything that can go wrong in the cache, in one tree.

    CacheError
    ├── ForeignKey      something carries another key than the folder it lies in, or its key.json was changed
    ├── UnclearKey      no set of embeddings, or several, fit what was asked for
    ├── SegmentDamaged  a segment's bytes are not those that were written
    ├── NotStored       vectors were asked for that the cache does not hold
    └── StorageFailed   the file system refused: full, read-only, no permission, input/output error

Every message is one sentence that names the offending value and the way out.
"""

from __future__ import annotations

from pathlib import Path


class CacheError(Exception):
    """The root of the tree."""


class ForeignKey(CacheError):
    """A key.json or a segment belongs to another key than its folder."""


class UnclearKey(CacheError):
    """None or several of the cache's keys fit."""


class SegmentDamaged(CacheError):
    """A segment was cut, changed, or is not a segment at all.

    Parameters
    ----------
    path : Path
        The segment.
    what : str
        What does not fit, as the end of the sentence "segment PATH is damaged: ...".
    """

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"segment {str(path)!r} is damaged: {what}; none of its rows is used, "
            "and the next `featurize run` sets it aside and embeds them again"
        )
        self.path = path
        self.what = what


class NotStored(CacheError):
    """Rows or recipes that the cache does not hold."""


class StorageFailed(CacheError):
    """The file system refused to write."""
