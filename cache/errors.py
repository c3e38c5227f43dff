"""The root of all errors of the three packages, and everything that can go wrong in the cache.

    ArtstyleError
    ├── CacheError
    │   ├── ForeignKey      something carries another key than the folder it lies in, or its key.json was changed
    │   ├── EarlierVersion  a cache was made by an earlier version: it can be taken over, not read as it is
    │   ├── UnclearKey      no set of embeddings, or several, fit what was asked for
    │   ├── NotFinite       vectors hold NaN or infinity, with which no head could learn
    │   ├── SegmentDamaged  a segment's bytes are not those that were written
    │   ├── ArtifactDamaged the same of what lies beside the segments: plans, exported networks
    │   ├── NotStored       vectors were asked for that the cache does not hold
    │   └── StorageFailed   the file system refused: full, read-only, no permission, input/output error
    │       └── Unreadable  it lists an object, but can't give its bytes
    ├── FeaturizeError      from pictures to embeddings: the branch is drawn in featurize/errors.py
    └── ClassifyError       from embeddings to styles: the branch is drawn in classify/errors.py

Every message is one sentence that names the offending value and the way out. The command line prints it; a program
catches `ArtstyleError` to catch them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cache.key import Key


class ArtstyleError(Exception):
    """The root of the tree: every error that the packages raise on purpose for their users."""


class CacheError(ArtstyleError):
    """The root of the cache's errors."""


class ForeignKey(CacheError):
    """A key.json or a segment belongs to another key than its folder."""


class EarlierVersion(CacheError):
    """A cache was made by an earlier version of artstyle: it can be taken over, but not read as it is."""


class UnclearKey(CacheError):
    """None or several of the cache's keys fit."""


class NotFinite(CacheError, ValueError):
    """A network gave vectors with numbers that are not finite, and said of their pictures that all is well."""


class SegmentDamaged(CacheError):
    """A segment was cut, changed, or is not a segment at all.

    Parameters
    ----------
    name : str
        The segment's.
    where : str
        Where it lies.
    what : str
        What does not fit, as the end of the sentence "segment WHERE is damaged: ...".
    """

    def __init__(self, name: str, where: str, what: str) -> None:
        super().__init__(
            f"segment {where!r} is damaged: {what}; none of its rows is used, "
            "and the next `featurize run` sets it aside and embeds them again"
        )
        self.name, self.where, self.what = name, where, what

    def __reduce__(self) -> tuple[type[SegmentDamaged], tuple[str, str, str]]:
        return type(self), (self.name, self.where, self.what)  # so that it comes whole out of another process


class ArtifactDamaged(CacheError):
    """A plan, an exported network or another file beside the segments was changed, or belongs to another key.

    Parameters
    ----------
    name : str
        The artifact's.
    where : str
        Where it lies.
    """

    def __init__(self, name: str, where: str) -> None:
        super().__init__(
            f"{where!r} is not what was written under this name: it is not used, and the next `featurize run` sets "
            "it aside and makes it again where it can"
        )
        self.name, self.where = name, where

    def __reduce__(self) -> tuple[type[ArtifactDamaged], tuple[str, str]]:
        return type(self), (self.name, self.where)


class NotStored(CacheError):
    """Rows or recipes that the cache does not hold.

    Parameters
    ----------
    what : str
        What is missing, as the beginning of a sentence.
    key : Key, optional
        The key of the cache. With it, a caller can name the whole command that makes the missing vectors.
    embedding : str
        Names of the recipes that are missing.
    place : str
        Where the cache lies.

    Attributes
    ----------
    table : str
        The dataset table that was asked for, where a caller knows that it is not the usual one.
    """

    table = ""

    def __init__(self, what: str, key: Key | None = None, embedding: str = "", place: str = "") -> None:
        way_out = f": run `featurize run{f' --embedding {embedding}' if embedding else ''}`" if key else ""
        super().__init__(what + way_out)
        self.what, self.key, self.embedding, self.place = what, key, embedding, place


class StorageFailed(CacheError):
    """The file system refused to read or to write."""


class Unreadable(StorageFailed):
    """An object is there, but the storage can't give its bytes."""
