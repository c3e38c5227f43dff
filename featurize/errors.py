"""Everything that can go wrong on the way from pictures to embeddings, in one tree.

    FeaturizeError       a branch of ArtstyleError (cache/errors.py)
    ├── SourceError      a source of pictures can't be read, or holds none
    ├── NotFetched       one address in the web gives nothing that can be used; becomes a row, stops nothing
    ├── TableError       a dataset table is missing, broken, or lacks what was asked for
    ├── Misfit           a text can't be read as a table in one of several ways (also a ValueError)
    ├── BackboneError    a network, a recipe or a transform is not known, or can't be made ready
    ├── WeightsError     weights can't be had, or don't fit the network
    ├── VectorsError     vectors of another program can't be read, or don't fit their table
    ├── Undecodable      one picture can't be turned into pixels; becomes a row, stops nothing
    ├── NotInArchive     an archive has no member of that name (also a FileNotFoundError)
    ├── DecoderMissing   the process that decodes pictures does not start
    ├── PackageMissing   an optional package is not installed (also an ImportError)
    └── Disagreement     embedding a stored picture again gives other numbers

Every message is one sentence that names the offending value and the way out.
"""

from __future__ import annotations

from cache.errors import ArtstyleError
from featurize.reasons import Reason


class FeaturizeError(ArtstyleError):
    """Everything that can go wrong on the way from pictures to embeddings."""


class SourceError(FeaturizeError):
    """A source of pictures can't be read, or holds none."""


class NotFetched(FeaturizeError):
    """One address in the web gives nothing that can be used.

    Parameters
    ----------
    why : str
    refused : bool
        Whether the server is there and does not give this address.
    """

    def __init__(self, why: str, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused

    def __reduce__(self) -> tuple[type[NotFetched], tuple[str, bool]]:
        return type(self), (str(self), self.refused)


class TableError(FeaturizeError):
    """A dataset table is missing, broken, or lacks what was asked for."""


class Misfit(FeaturizeError, ValueError):
    """A text can't be read as a table in one way; the message names the line, and the caller adds the file's name.

    Parameters
    ----------
    line : int
    what : str
        The end of the sentence "line 3 ...".
    final : bool
        No other way may be tried.
    """

    def __init__(self, line: int, what: str, final: bool = False) -> None:
        super().__init__(f"line {line} {what}")
        self.line = line
        self.what = what
        self.final = final

    def __reduce__(self) -> tuple[type[Misfit], tuple[int, str, bool]]:
        return type(self), (self.line, self.what, self.final)


class BackboneError(FeaturizeError):
    """A network, a recipe or a transform is not known, or can't be made ready."""


class WeightsError(FeaturizeError):
    """Weights can't be had, or don't fit the network."""


class VectorsError(FeaturizeError):
    """Vectors of another program can't be read, or don't fit their table."""


class Undecodable(FeaturizeError):
    """One picture can't be turned into pixels.

    Parameters
    ----------
    reason : Reason
    detail : str
        What the decoder said, or the figure that is out of bounds.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.sentence}{f' ({detail})' if detail else ''}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[Undecodable], tuple[Reason, str]]:
        return type(self), (self.reason, self.detail)  # so that it comes whole out of another process


class NotInArchive(FeaturizeError, FileNotFoundError):
    """An archive has no member of that name: to callers that open paths, a file that is not there."""


class DecoderMissing(FeaturizeError):
    """The process that decodes pictures does not start."""


class PackageMissing(FeaturizeError, ImportError):
    """An optional package is not installed."""


class Disagreement(FeaturizeError):
    """Embedding a stored picture again gives other numbers than the cache holds."""
