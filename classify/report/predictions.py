"""`predictions.csv`: one line for each head and each time that it named a picture which it had not learned from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from classify.comparison.result import Comparison, TestRow
from classify.evaluation.entry import Entry, Predictions
from featurize.dataset.sheets import csv_bytes

COLUMNS = (
    "id",
    "path",
    "artist",
    "year",
    "group",
    "truth",
    "head",
    "embedding",
    "backbone",
    "scored_by",
    "question",
    "repeat",
    "fold",
    "predicted",
    "correct",
    "confidence",
    "truth_probability",
    "truth_rank",
)
SPLIT, FOLDS = "split", "folds"


def as_csv(comparison: Comparison) -> bytes:
    """The table as a CSV file.

    `scored_by` is "split" for the test part, asked once, and "folds" for a question that was put by folds; `question`
    is what the head was tuned and calibrated for, `repeat` and `fold` are counted from 1 and empty for the test part.
    `truth_rank` is 1 where the head is right.
    """
    rows = list(_lines(comparison))
    return csv_bytes({name: [row[n] for row in rows] for n, name in enumerate(COLUMNS)})


def _lines(c: Comparison) -> Iterator[list[str]]:
    if not c.dataset.folds:
        for entry in c.entries:
            how = [(SPLIT, c.dataset.question, "", "")] * len(c.rows)
            yield from _answers(c, entry, c.rows, entry.predictions, how)
    for asked in c.asked:
        for n, entry in enumerate(c.entries):
            answer = asked.answers[n]
            for repeat, said in enumerate(answer.predictions if answer else ()):
                how = [(FOLDS, asked.question, str(repeat + 1), str(k + 1)) for k in asked.fold[repeat]]
                yield from _answers(c, entry, c.asked_rows, said, how)


def _answers(
    c: Comparison, entry: Entry, rows: Sequence[TestRow], said: Predictions, how: Sequence[tuple[str, ...]]
) -> Iterator[list[str]]:
    what = entry.name, entry.embedding, entry.backbone + (" (untrained backbone)" if entry.untrained else "")
    for n, row in enumerate(rows):
        named = said.predicted[n]
        facts = row.id, row.path, row.artist, row.year, row.group, c.classes[row.label], *what, *how[n]
        figures = f"{said.confidence[n]:.6g}", f"{said.truth[n]:.6g}", str(said.rank[n] + 1)
        yield [*facts, c.classes[named], str(int(named == row.label)), *figures]
