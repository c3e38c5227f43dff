"""The contract of a reader: a source in, the pictures it names out, with what it says about each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from featurize.dataset.notes import Note

_OWN = (".csv", ".xlsx", ".parquet", ".json", ".npy", ".toml")  # endings of the table and of what lies beside it


@dataclass(frozen=True)
class Asking:
    """How pictures are asked for, where a source is an address in the web.

    Parameters
    ----------
    side : int
        Pixels that the shorter side of a picture needs.
    rate : float
        Requests a second, at most.
    """

    side: int = 512
    rate: float = 4.0


POLITELY = Asking()


@dataclass(frozen=True)
class Reading:
    """What the user says about a source.

    Parameters
    ----------
    target : str
        What the source's classes mean, where it does not say: the name of the label column.
    format : str
        Name of a reader; empty to find out by looking.
    images : str or Path, optional
        Where the pictures of a list are, if not beside it.
    path_column : str
        The column of a table that names the files; empty to find out by looking.
    label_columns : mapping of str to str
        Label -> the table's column for it.
    lists_only : bool
        Take the lists' word for it and look for no picture.
    encoding : str
        The encoding of a table's lines that are not UTF-8; empty for that of this country's spreadsheets.
    names : bool, optional
        Whether artist and year are read from file names; by default they are where most names of class folders have
        the form `artist_title-year`.
    table : Path, optional
        The dataset table that is being written: it and what lies beside it are no files of the source.
    asking : Asking
    """

    target: str = "style"
    format: str = ""
    images: str | Path | None = None
    path_column: str = ""
    label_columns: Mapping[str, str] = field(default_factory=dict)
    lists_only: bool = False
    encoding: str = ""
    names: bool | None = None
    table: Path | None = None
    asking: Asking = POLITELY

    @property
    def images_folder(self) -> Path | None:
        """`images` as a path."""
        return None if self.images is None else Path(self.images)

    def is_own(self, path: str) -> bool:
        """Whether a file was written by this project beside the table: `dataset.csv`, `dataset.notes.json`, ..."""
        if self.table is None or not path.endswith(_OWN):
            return False
        table, file = self.table.absolute(), Path(path)
        return file.parent == table.parent and file.name.startswith((f"{table.stem}.", "artstyle.toml"))


AS_FOUND = Reading()


@dataclass(frozen=True)
class Listing:
    """N pictures that a source names, in a fixed order, whether or not they are there.

    Parameters
    ----------
    paths : sequence of str
        Absolute locations, as `featurize.pictures.archives` reads them; one that is not there is where it should be.
    splits : sequence of str
        "train", "val", "test", or "" where the source says nothing.
    labels : mapping of str to sequence of str
        Label column -> N values as the source writes them; "" where it says nothing.
    notes : sequence of Note
        What the user should know.
    class_folders : bool
        Whether the source is nothing but class folders.
    recognised : sequence of str
        Words of options that say of the columns what was found out by looking.
    troubles : mapping of str to str
        Path -> why the picture could not be fetched.
    lines : sequence of int
        The line of the list on which each picture is named; empty where the source is no single list.

    Raises
    ------
    ValueError
        The columns differ in length.
    """

    paths: Sequence[str]
    splits: Sequence[str]
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: Sequence[Note] = ()
    class_folders: bool = False
    recognised: Sequence[str] = ()
    troubles: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[int] = ()

    def __post_init__(self) -> None:
        lengths = {len(self.paths), len(self.splits), *map(len, self.labels.values())}
        lengths |= {len(self.lines)} if self.lines else set()
        if len(lengths) > 1:
            raise ValueError(f"the columns of a listing differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.paths)


class Reader(ABC):
    """One form of source.

    Attributes
    ----------
    names_files : bool
        Whether a column names the files, or holds the pictures, so that `Reading.path_column` can choose it.
    has_columns : bool
        Whether labels are in columns, so that `Reading.label_columns` can choose them.
    """

    names_files: ClassVar[bool] = False
    has_columns: ClassVar[bool] = False

    @abstractmethod
    def recognises(self, source: Path) -> bool:
        """Whether the source has this form; a quick look."""

    @abstractmethod
    def read(self, source: Path, reading: Reading) -> Listing:
        """Every picture that the source names.

        Raises
        ------
        SourceError
            The source can't be read, or is not what it was said to be.
        """
