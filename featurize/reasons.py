"""The one list of what can become of a picture file.

Codes below 64 say something about a file's bytes, or about an imported vector, so they are stored with its id in the
feature cache, and the file is not tried again unless asked for. Codes from 64 say something about a path at one
moment; they are reported and never stored. Codes are never reused for another meaning.
"""

from __future__ import annotations

from enum import IntEnum

_SENTENCES = {
    "OK": "embedded",
    "EMPTY": "the file is empty",
    "NOT_A_PICTURE": "no picture format is recognised in it",
    "TRUNCATED": "the picture is cut short",
    "BROKEN": "the picture's data are damaged",
    "TOO_LARGE": "the picture declares too many pixels",
    "TOO_SMALL": "the picture is too small",
    "UNSUPPORTED": "the picture's format is not supported",
    "CRASHED": "the decoder crashed on it",
    "HUNG": "the decoder did not come to an end",
    "NOT_FINITE": "its imported vector holds a number that is not finite",
    "MISSING": "there is no such file",
    "UNREADABLE": "the file can't be read",
    "NOT_A_FILE": "it is not a file",
    "CHANGED": "the file was changed since `featurize prepare` saw it",
    "NOT_TRIED": "it was not tried: run the same command again",
    "NOT_FETCHED": "it could not be fetched",
}


class Reason(IntEnum):
    """What became of a picture file."""

    OK = 0
    EMPTY = 1
    NOT_A_PICTURE = 2
    TRUNCATED = 3
    BROKEN = 4
    TOO_LARGE = 5
    TOO_SMALL = 6
    UNSUPPORTED = 7
    CRASHED = 8
    HUNG = 9
    NOT_FINITE = 10
    MISSING = 64
    UNREADABLE = 65
    NOT_A_FILE = 66
    CHANGED = 67
    NOT_TRIED = 68
    NOT_FETCHED = 69

    @property
    def label(self) -> str:
        """As it stands in tables and files: "not a picture"."""
        return self.name.lower().replace("_", " ")

    @property
    def sentence(self) -> str:
        """The reason as a sentence for people."""
        return _SENTENCES[self.name]

    @property
    def is_about_bytes(self) -> bool:
        """Whether it is stored with the id: trying the same bytes again would end the same."""
        return self < Reason.MISSING
