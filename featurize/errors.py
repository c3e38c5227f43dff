"""Everything that can go wrong on the way from pictures to embeddings, in one tree.

    FeaturizeError
    ├── SourceError      a source of pictures can't be read, or holds none
    ├── TableError       a dataset table is missing, broken, or lacks what was asked for
    ├── BackboneError    a network, a recipe or a transform is not known, or can't be made ready
    ├── WeightsError     weights can't be had, or don't fit the network
    ├── Undecodable      one picture can't be turned into pixels; becomes a row, stops nothing
    ├── DecoderMissing   the process that decodes pictures does not start
    ├── PicturesChanged  files differ from what `featurize prepare` saw
    ├── Disagreement     embedding a stored picture again gives other numbers
    └── Interrupted      Ctrl-C or SIGTERM; what is finished is kept

Every message is one sentence that names the offending value and the way out.
"""

from __future__ import annotations

from featurize.reasons import Reason


class FeaturizeError(Exception):
    """The root of the tree."""


class SourceError(FeaturizeError):
    """A source of pictures can't be read, or holds none."""


class TableError(FeaturizeError):
    """A dataset table is missing, broken, or lacks what was asked for."""


class BackboneError(FeaturizeError):
    """A network, a recipe or a transform is not known, or can't be made ready."""


class WeightsError(FeaturizeError):
    """Weights can't be had, or don't fit the network."""


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


class DecoderMissing(FeaturizeError):
    """The process that decodes pictures does not start."""


class PicturesChanged(FeaturizeError):
    """Files differ from what `featurize prepare` saw."""


class Disagreement(FeaturizeError):
    """Embedding a stored picture again gives other numbers than the cache holds."""


class Interrupted(FeaturizeError):
    """Ctrl-C or SIGTERM; what is finished is kept."""
