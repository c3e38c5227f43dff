"""Everything that can go wrong on the way from embeddings to styles, in one tree.

    ClassifyError      a branch of ArtstyleError (cache/errors.py)
    ├── DataError      labels, splits or vectors don't suffice to train or to score
    ├── HeadError      no such head, or an option it doesn't have
    ├── HeadFileError  a file is no saved head, or damaged
    ├── HeadMismatch   a head is to be applied to embeddings it was not trained on
    ├── FinetuneError  a network can't be fine-tuned as asked, or a run's folder can't be used
    ├── PictureError   pictures to predict can't be found
    ├── AddressError   the address of a picture is not allowed, or can't be fetched
    ├── ServeError     a service can't be started as asked
    ├── Refusal        a service does not answer a request, and says why
    └── AskError       a service could not be asked, or refused to answer

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


class FinetuneError(ClassifyError):
    """A network can't be fine-tuned as asked, or a run's folder can't be used."""


class PictureError(ClassifyError):
    """Pictures to predict can't be found."""


class AddressError(ClassifyError):
    """The address of a picture is not allowed, or can't be fetched."""


class ServeError(ClassifyError):
    """A service can't be started as asked."""


class Refusal(ClassifyError):
    """A service does not answer a request, and says why.

    Parameters
    ----------
    status : int
        Of HTTP.
    code : str
        For programs: "busy".
    message : str
        For people.
    retry_after : int
        Whole seconds after which it is worth trying again; 0 where it is not.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type[Refusal], tuple[int, str, str, int]]:
        return type(self), (self.status, self.code, str(self), self.retry_after)


class AskError(ClassifyError):
    """A service could not be asked, or refused to answer."""
