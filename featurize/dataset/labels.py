"""Labels as people write them -> one spelling for each class.

`Art Nouveau (Modern)`, `Art_Nouveau_Modern` and `art nouveau/modern` are one class; its name is the spelling
that stands most often. Everything that is changed is told in a note, so that no two classes merge unseen.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from featurize.dataset.blanks import is_error, says_nothing
from featurize.dataset.dates import read_date, says_no_date
from featurize.dataset.notes import Note
from featurize.dataset.people import says_unknown
from featurize.dataset.spelling import words_of
from featurize.dataset.table import tidy

NAMED = ("style", "genre", "artist")  # columns whose values are names of classes or people

_EMPTY = {"", "nan", "none", "null", "n/a", "na", "?", "-"}
_NEGATIVE = re.compile(r"\s*-\d+(?:[.,]\d+)?\s*")
_PLAIN_YEAR = re.compile(r"\s*-?\d{0,4}(?:\.0+)?\s*")
_NO_CLASS = {"unknown", "other", "unspecified", "notspecified", "unclassified"}


@lru_cache(maxsize=200_000)
def label_key(label: str) -> str:
    """What two spellings of one label have in common.

    Case, accents, brackets, quotes and everything that separates words are ignored; digits stay apart, and a number
    keeps its minus.

    Examples
    --------
    >>> label_key("Art Nouveau (Modern)") == label_key("Art_Nouveau_Modern")
    True
    >>> label_key("Naïve Art (Primitivism)")
    'naiveartprimitivism'
    >>> label_key("1900-10") == label_key("190010")
    False
    >>> label_key("-1") == label_key("1")
    False
    """
    if _NEGATIVE.fullmatch(label):
        return label.strip()
    return re.sub(r"(?<!\d) | (?!\d)", "", words_of(label)) or tidy(label)


def settle(
    columns: Mapping[str, Sequence[str]], target: str, several: str = "first"
) -> tuple[dict[str, list[str]], list[Note]]:
    """Label columns of a source in one spelling, with notes of all that was changed.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        As the source has them.
    target : str
        The column that is to be told; treated as names of classes, whatever it is called.
    several : str
        "first" takes the first of several labels in a cell, "whole" leaves the cell as it is, "drop" takes none.

    Returns
    -------
    columns : dict of str to list of str
    notes : list of Note
    """
    settled, notes = {}, []
    for name, values in columns.items():
        if name == "year":
            settled[name], told = _years(values)
            if not all(map(_PLAIN_YEAR.fullmatch, values)) and not any(
                c != "year" and list(column) == list(values) for c, column in columns.items()
            ):
                settled["date" if "date" not in columns else "year_as_written"] = _mapped(values, tidy)
        elif name in (*NAMED, target):
            settled[name], told = _names(name, values, several if name != "artist" else "whole")
        else:
            settled[name], told = _mapped(values, tidy), []
        notes += told
    return settled, notes


def _names(column: str, values: Sequence[str], several: str) -> tuple[list[str], list[Note]]:
    counts = Counter(values)
    chosen, notes = {}, []
    emptied: dict[str, int] = {}
    split: dict[str, int] = {}
    for value, count in counts.items():
        labels = [tidy(v) for v in _labels_of(value)] if several != "whole" else [tidy(value)]
        if len(labels) > 1:
            split[value] = count
        label = "" if len(labels) > 1 and several == "drop" else labels[0]
        if label and (
            label.lower() in _EMPTY or is_error(label) or (column != "artist" and _is_no_class(label, column))
        ):
            emptied[value] = count
            label = ""
        chosen[value] = label
    if split:
        what = {"first": "the first counts", "drop": "they count as none"}[several]
        notes.append(_note(f"rows with several labels in {column!r}: {what}", split))
    if emptied:
        notes.append(_note(f"rows whose {column!r} says that it is not known: left empty", emptied))
    spelling, merged = _spellings(Counter(_mapped(values, chosen.__getitem__)))
    if merged:
        notes.append(Note(f"rows whose {column!r} was spelled otherwise", sum(merged.values()), list(merged)))
    return [spelling[chosen[v]] for v in values], notes


def _spellings(counts: Mapping[str, int]) -> tuple[dict[str, str], dict[str, int]]:
    """Each spelling -> the one that stands most often; and what was merged, with how many rows."""
    alike: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        alike[label_key(label) if label else ""].append(label)
    spelling, merged = {}, {}
    for labels in alike.values():
        name = min(labels, key=lambda label: (-counts[label], label))
        for label in sorted(labels):
            spelling[label] = name
            if label != name:
                merged[f"{label} = {name} ({counts[name]} rows)"] = counts[label]
    return spelling, merged


def _years(values: Sequence[str]) -> tuple[list[str], list[Note]]:
    """Years in digits, with notes of dates that have none."""
    years: dict[str, str] = {}
    unread: Counter[str] = Counter()
    wide: Counter[str] = Counter()
    for value, count in Counter(values).items():
        dated = None if says_no_date(value) else read_date(value)
        years[value] = str(dated.year) if dated and dated.year is not None else ""
        if dated and dated.year is None:
            wide[value] = count
        elif not dated and not says_no_date(value):
            unread[value] = count
    notes = []
    if unread:
        notes.append(_note("dates could not be read with certainty: no year (they stay as they were written)", unread))
    if wide:
        notes.append(_note("dates are open to one side, or longer than a century: no year", wide))
    return [years[v] for v in values], notes


def _labels_of(cell: str) -> list[str]:
    """The labels in a cell: separated by `;`, `|` or `,`, or a list as Python and JSON write it."""
    text = cell.strip()
    if text[:1] == "[" and text[-1:] == "]":
        text = text[1:-1].replace("'", "").replace('"', "")
    depth, labels, word = 0, [], ""
    for c in text:
        depth += (c == "(") - (c == ")")
        if c in ";|," and depth <= 0:
            labels.append(word)
            word = ""
        else:
            word += c
    return [label for label in (*labels, word) if label.strip()] or [""]


def _is_no_class(label: str, column: str) -> bool:
    named = label_key(label).removesuffix(label_key(column))
    return named in _NO_CLASS or says_nothing(label) or says_unknown(label)


def _mapped(values: Sequence[str], change: Callable[[str], str]) -> list[str]:
    """The values changed, each distinct one once."""
    known = {value: change(value) for value in set(values)}
    return [known[v] for v in values]


def _note(text: str, counts: Mapping[str, int]) -> Note:
    ordered: Iterable[str] = sorted(counts, key=lambda value: (-counts[value], value))
    return Note(text, sum(counts.values()), [f"{value} ({counts[value]} rows)" for value in ordered])
