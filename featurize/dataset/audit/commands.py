"""What a reader of an audit may do next, as commands that can be pasted."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

_AUDIT, _PREPARE = "featurize audit", "featurize prepare"
_EACH_TIME = ("--drop-duplicates", "--drop-copies", "--discard-edits", "--remember")


@dataclass(frozen=True)
class Commands:
    """The commands of an audit.

    Parameters
    ----------
    audit : str
        As the audit was asked for.
    prepare : str
        As the table was prepared; "" where that is not known.
    listed : Path
        The list of suspects.
    table : Path
        The dataset table.
    """

    audit: str = _AUDIT
    prepare: str = ""
    listed: Path = Path("audit/suspects.csv")
    table: Path = Path("dataset.csv")

    @property
    def drop_duplicates(self) -> str:
        """Removes the rows that repeat a picture for certain."""
        return shlex.join([*_without(self.audit), "--drop-duplicates"])

    @property
    def drop_copies(self) -> str:
        """Removes those that embeddings alone call copies, too."""
        return shlex.join([*_without(self.audit), "--drop-copies"])

    @property
    def prepare_again(self) -> str:
        """Reads the source again."""
        return shlex.join(_without(self.prepare)) if self.prepare else f"{_PREPARE} SOURCE"

    @property
    def split_by_artist(self) -> str:
        """Prepares the table again, with the artists kept apart."""
        if not self.prepare:
            return f"{_PREPARE} SOURCE --split artist"
        return shlex.join([*_without(self.prepare, "--split", "--before"), "--split", "artist"])


def _without(command: str, *options: str) -> list[str]:
    """The words of a command, less options with a value and those that are meant once."""
    words, found = iter(shlex.split(command)), []
    for word in words:
        if word in options:
            next(words, None)
        elif word not in _EACH_TIME:
            found.append(word)
    return found
