"""Everything that can go wrong on the way from embeddings to styles, in one tree.

    ClassifyError      a branch of ArtstyleError (cache/errors.py)
    ├── DataError      labels, splits or vectors don't suffice to train or to score
    ├── HeadError      no such head, or an option it doesn't have
    ├── HeadFileError  a file is no saved head, or damaged
    ├── HeadMismatch   a head is to be applied to embeddings it was not trained on
    ├── PictureError   pictures to predict can't be found
    └── AddressError   the address of a picture is not allowed, or can't be fetched

Every message is one sentence that names the offending value and the way out.
"""

from __future__ import annotations

from cache.errors import ArtstyleError


class ClassifyError(ArtstyleError):
    """Everything that can go wrong on the way from embeddings to styles."""


class DataError(ClassifyError):
    """Labels, splits or vectors don't suffice to train or to score."""


class HeadError(ClassifyError):
    """No such head, or an option it doesn't have."""


class HeadFileError(ClassifyError):
    """A file is no saved head, or damaged."""


class HeadMismatch(ClassifyError):
    """A head is to be applied to embeddings it was not trained on."""


class PictureError(ClassifyError):
    """Pictures to predict can't be found."""


class AddressError(ClassifyError):
    """The address of a picture is not allowed, or can't be fetched."""
