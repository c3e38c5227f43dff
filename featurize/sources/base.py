"""The contract of a reader: a source in, the pictures it names out, with what it says about each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """A picture that a source names, whether or not it is there.

    Parameters
    ----------
    path : Path
    labels : mapping of str to str
        Label column -> value; columns a source says nothing about are absent.
    split : str
        "train", "val", "test", or "" where the source has none.
    """

    path: Path
    labels: Mapping[str, str] = field(default_factory=dict)
    split: str = ""


class Reader(ABC):
    """One form of source."""

    @abstractmethod
    def recognises(self, source: Path) -> bool:
        """Whether the source has this form; a quick look."""

    @abstractmethod
    def entries(self, source: Path, target: str) -> Iterator[Entry]:
        """Every picture that the source names, in a fixed order.

        Parameters
        ----------
        source : Path
        target : str
            What the source's classes mean, where it does not say: the name of the label column.

        Raises
        ------
        SourceError
            The source can't be read.
        """
