"""The list of suspects as a file that people look through and fill in: `suspects.csv` and `suspects.xlsx`.

It has every column of the dataset table, and before them why a row is listed and a column for the right label, which
`featurize correct` takes over into the table. A list that was changed is never overwritten: it is renamed.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path

from cache import files
from featurize.dataset.sheets import sheet_bytes
from featurize.dataset.suspects.finding import Suspect
from featurize.dataset.table import DatasetTable
from featurize.wording import MOST_SHOWN, cut, isolated, percent, plain

NAMES = ("suspects.csv", "suspects.xlsx")
WRITTEN = "suspects.sha256"  # of both files as they were written
CORRECT = "correct_"  # and the target: the column to fill in


def reason(suspect: Suspect) -> str:
    """Why a row is listed, in words."""
    return (
        f"labelled {_shown(suspect.label)} ({percent(suspect.own, 0)}), looks like {_shown(suspect.suggested)} "
        f"({percent(suspect.other, 0)})"
    )


def _shown(label: str) -> str:
    return isolated(cut(plain(label), MOST_SHOWN))


def columns_of(table: DatasetTable, target: str, suspects: Sequence[Suspect]) -> dict[str, list[str]]:
    """The list as columns: what to fill in, the suggestion and the reason, then every column of the table.

    Parameters
    ----------
    table : DatasetTable
    target : str
        The label column.
    suspects : sequence of Suspect
        Rows of this table, the most suspicious first.
    """
    own = {
        f"{CORRECT}{target}": [""] * len(suspects),
        f"suggested_{target}": [s.suggested for s in suspects],
        "reason": [reason(s) for s in suspects],
        "probability_of_label": [f"{s.own:.4f}" for s in suspects],
        "probability_of_suggestion": [f"{s.other:.4f}" for s in suspects],
    }
    kept = {name: [values[s.row] for s in suspects] for name, values in table.columns.items()}
    return {**{_free(name, kept): values for name, values in own.items()}, **kept}


def for_reading(columns: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The list as a page shows it: without the empty column to fill in, with what is no label last."""
    first = next(iter(columns), "")
    shown = {name: values for name, values in columns.items() if name != first}
    facts = [name for name in ("split", "size", "mtime_ns", "id") if name in shown]
    return {**{name: values for name, values in shown.items() if name not in facts}, **{f: shown[f] for f in facts}}


def correct_command(listed: Path, table: Path) -> str:
    """What takes the corrections of a list over into the dataset table, to be pasted."""
    named = [] if table == Path("dataset.csv") else ["--dataset", str(table)]
    return shlex.join(["featurize", "correct", str(listed), *named])


def save(columns: Mapping[str, Sequence[str]], folder: Path) -> tuple[list[Path], list[Path]]:
    """Write the list in both forms; returns where they are, and where lists are now that people had changed.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        From `columns_of`.
    folder : Path
        It exists.

    Raises
    ------
    StorageFailed
        The file system refused, or the list does not fit into such a file.
    """
    contents = {name: sheet_bytes(columns, folder / name) for name in NAMES}
    moved = [_set_aside(folder / name) for name in _changed(folder)]
    digests = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    files.write_atomic(folder / WRITTEN, [digests.encode()])
    for name, data in contents.items():
        files.write_atomic(folder / name, [data])
    return [folder / name for name in NAMES], moved


def moved_sentence(old: Path) -> str:
    """What is said of a list that people had changed."""
    return (
        f"the list of suspects that was there had been changed: it is now {str(old)!r}; "
        f"`featurize correct {old}` takes its corrections over"
    )


def _changed(folder: Path) -> Iterator[str]:
    """Lists in a folder that are not as they were written."""
    written = folder / WRITTEN
    with files.clear_reading(folder):
        known = set(written.read_text("utf-8", "replace").split()) if written.is_file() else set()
        for name in NAMES:
            there = folder / name
            if there.is_file() and hashlib.sha256(there.read_bytes()).hexdigest() not in known:
                yield name


def _set_aside(path: Path) -> Path:
    now = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    names = (f"{path.stem}.{now}{f'_{n}' if n else ''}{path.suffix}" for n in count())
    aside = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    files.move(path, aside)
    return aside


def _free(name: str, taken: Mapping[str, object]) -> str:
    """A name that the table's own columns don't have."""
    return next(free for n in count(1) if (free := name if n == 1 else f"{name}_{n}") not in taken)
