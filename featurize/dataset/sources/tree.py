"""What folders say about the pictures in them: `train/Baroque/artist_title-1650.jpg`, on disk or in an archive."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from featurize.dataset.sources.base import Listing, Reading
from featurize.dataset.sources.split_folders import said_by_folders
from featurize.dataset.splits.names import split_name

PICTURES = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".avif", ".heic", ".jxl", ".jp2"
}  # fmt: skip
TABLES = (".csv", ".tsv", ".xlsx", ".parquet")
FOLDER = "folder"  # as the column of a label: the class folders say it
_TEXTS = {*TABLES, ".txt", ".json", ".xml", ".md", ".pdf", ".html", ".doc", ".docx", ".xls", ".ods", ".rtf", ".log"}
_NUMBER = re.compile(r"([_\-. ]*\d+(-of-\d+)?)+$")  # of a shard: train-00000-of-00072
_NO_PICTURES = {"thumbs.db", "desktop.ini", "ehthumbs.db"}  # left by file managers; no source names them


def split_of_shard(stem: str, folder: str = "") -> str:
    """The split that a shard's name says (`train-00000-of-00072`), or else its folder's (`train/0000`)."""
    return split_name(_NUMBER.sub("", stem)) or split_name(folder)


def is_leftover(name: str) -> bool:
    """Whether a file or folder was left by a file manager, or is hidden."""
    return name.startswith(".") or name.lower() in _NO_PICTURES or name == "__MACOSX"


def is_picture_name(name: str) -> bool:
    """Whether a name ends like a picture's."""
    dot = name.rfind(".")
    return dot > 0 and name[dot:].lower() in PICTURES  # as `ending` has it; asked several times of each row


def ending(name: str) -> str:
    """The ending of a name in small letters, with its dot; "" where there is none."""
    stem, dot, last = name.rpartition(".")
    return f".{last.lower()}" if dot and stem and "/" not in last else ""


def read_tree(names: Sequence[str], where: Callable[[str], str], reading: Reading, split: str = "") -> Listing:
    """The pictures of a tree of class folders, with or without split folders above.

    Parameters
    ----------
    names : sequence of str
        Relative names of files, parts separated by `/`.
    where : callable
        Relative name -> location.
    reading : Reading
        The class folders are labels of its target, unless it says of another label that it is the `folder`.
    split : str
        The split of pictures that no folder gives one.
    """
    target = next((label for label, column in reading.label_columns.items() if column == FOLDER), reading.target)
    folders = [name[: name.rfind("/") + 1] for name in names]
    pictures = Counter(dict.fromkeys(folders, 0))
    pictures.update(folder for folder, name in zip(folders, names, strict=True) if ending(name) not in _TEXTS)
    said = said_by_folders(pictures)
    classes = [said.classes[folder] for folder in folders]
    splits = [said.splits[folder] or split for folder in folders]
    return Listing([where(name) for name in names], splits, {target: classes}, said.notes, class_folders=True)


def stem(name: str) -> str:
    """The last part of a name without a picture's ending; other dots belong to it.

    Examples
    --------
    >>> stem("a/x.jpg"), stem("67.265.9"), stem("67.265.9.tif.jpg")
    ('x', '67.265.9', '67.265.9')
    """
    last = name[name.rfind("/") + 1 :]
    while is_picture_name(last):
        last = last[: last.rfind(".")]
    return last
