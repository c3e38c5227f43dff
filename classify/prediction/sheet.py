"""Predictions as a table: the user's columns first, then what the head says, a row for every picture.

A picture that could not be read has a row, too, with the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cache import files
from cache.writable import check_file
from classify.errors import PictureError
from classify.prediction.answers import picture_json, trouble_json
from classify.prediction.predictor import Prediction
from classify.prediction.result import Predictions
from featurize.dataset.sheets import write_sheet

ENDINGS = (".csv", ".xlsx", ".json", ".parquet")
_NUMBERS = re.compile(r"probability_\d+(_\d+)?|set_size(_\d+)?")
JOINED = "; "  # between the classes of a set


def check_place(out: Path, inputs: Iterable[Path] = (), endings: Sequence[str] = ENDINGS) -> None:
    """Raise where predictions can't be written there: better known before long work than after.

    Parameters
    ----------
    out : Path
    inputs : iterable of Path
        Files that are read, and so must not be replaced.
    endings : sequence of str
        Those that the file's name may have; none for any.

    Raises
    ------
    PictureError
        The file's ending is none of these, or the file is one that is read.
    StorageFailed
        It is a folder, or its folder can't be written to.
    """
    if endings and out.suffix.lower() not in endings:
        last = f"{', '.join(endings[:-1])} or {endings[-1]}" if len(endings) > 1 else endings[0]
        raise PictureError(f"can't tell from the name {str(out)!r} what to write: let it end with {last}")
    check_file(out)
    if any(out.exists() and path.exists() and out.samefile(path) for path in inputs):
        raise PictureError(f"{str(out)!r} is read here, and would be replaced: choose another name")


def write(predictions: Predictions, out: Path) -> None:
    """Write predictions as the file's ending says; see `Predictions.write`."""
    check_place(out)
    files.make_folder(out.absolute().parent)
    if out.suffix.lower() == ".json":
        text = json.dumps(as_json(predictions), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        files.write_atomic(out, [text.encode("utf-8", "backslashreplace")])
    else:
        write_plain(predictions, out)


def write_plain(predictions: Predictions, out: Path) -> None:
    """Write predictions as a table, CSV unless the file's ending is that of another: what `--csv` does."""
    files.make_folder(out.absolute().parent)
    columns = columns_of(predictions)
    write_sheet(columns, out, numbers_of(predictions, columns))


def as_json(predictions: Predictions) -> dict[str, Any]:
    """All of it for programs; `row` of a picture holds the table's cells."""
    pictures = [picture_json(one) for one in predictions]
    if predictions.columns:
        rows = zip(*predictions.columns.values(), strict=True)
        pictures = [
            {**one, "row": dict(zip(predictions.columns, row, strict=True))}
            for one, row in zip(pictures, rows, strict=True)
        ]
    return {**about(predictions), "pictures": pictures}


def about(predictions: Predictions) -> dict[str, Any]:
    """What holds for all of them."""
    saved = predictions.saved
    return {
        "target": saved.target,
        "question": saved.question,
        "holds": predictions.holds,
        "coverage": predictions.coverage,
        "untrained": saved.key.untrained,
    }


def columns_of(predictions: Predictions) -> dict[str, list[str]]:
    """The user's columns under their own names, then ours; one that has the name of the user's gets a number."""
    columns = {name: list(values) for name, values in predictions.columns.items()}
    for name, values in _own(predictions).items():
        columns[_free(name, columns)] = values
    return columns


def reason(prediction: Prediction) -> str:
    """Why a picture could not be read; "" where it was."""
    return "" if prediction.trouble is None else trouble_json(prediction.trouble)["message"]


def numbers_of(predictions: Predictions, columns: Iterable[str]) -> list[str]:
    """Those of the columns that are ours and hold numbers."""
    return [name for name in columns if _NUMBERS.fullmatch(name) and name not in predictions.columns]


def _own(predictions: Predictions) -> dict[str, list[str]]:
    target = predictions.saved.target
    own = {} if "path" in predictions.columns else {"path": [str(one.path) for one in predictions]}
    for rank in range(max((len(one.styles) for one in predictions), default=0)):
        ranked = [one.styles[rank] if rank < len(one.styles) else None for one in predictions]
        own[f"{target}_{rank + 1}"] = [one[0] if one else "" for one in ranked]
        own[f"probability_{rank + 1}"] = [f"{one[1]:.6f}" if one else "" for one in ranked]
    if predictions.coverage is not None:
        own["set"] = [JOINED.join(one.among or ()) for one in predictions]
        own["set_size"] = [str(len(one.among)) if one.among else "" for one in predictions]
    own["unsure"] = [_yes(None if one.trouble else one.unsure) for one in predictions]
    if predictions.saved.familiar is not None:
        own["unlike"] = [_yes(one.unlike) for one in predictions]
    own["reason"] = [reason(one) for one in predictions]
    return own


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """A name that no column has yet: style_1, style_1_2, ..."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
