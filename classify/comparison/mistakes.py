"""Which classes a head confuses, and where it is surest and wrong: the pictures an expert wants to see first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from classify.comparison.result import TestRow
from classify.data import Examples
from classify.evaluation.entry import Entry
from classify.evaluation.findings import Confusion, Mistake, TrainPicture
from classify.evaluation.nearest import nearest
from featurize.dataset.table import DatasetTable, relative_path

PAIRS, PICTURES, MISTAKES = 6, 3, 12  # shown in a report


def most_confused(entry: Entry, rows: Sequence[TestRow], pairs: int = PAIRS) -> tuple[Confusion, ...]:
    """Pairs of classes that a head takes for each other, the most frequent first.

    Both directions count together: `truth` is the class that is mistaken more often. Only pairs with two
    mistakes or more.
    """
    matrix = np.array(entry.scores.confusion)
    both = np.triu(matrix + matrix.T, 1)
    out = []
    for place in np.argsort(-both, axis=None, kind="stable")[:pairs].tolist():
        a, b = divmod(place, len(matrix))
        if both[a, b] < 2:
            break
        if matrix[a, b] < matrix[b, a]:
            a, b = b, a
        out.append(_confusion(entry, rows, a, b))
    return tuple(out)


def most_confident(entry: Entry, rows: Sequence[TestRow], count: int = MISTAKES) -> tuple[Mistake, ...]:
    """Wrong answers with the highest probability."""
    answers = entry.predictions
    wrong = [n for n, row in enumerate(rows) if answers.predicted[n] != row.label]
    wrong.sort(key=lambda n: -answers.confidence[n])
    return tuple(Mistake(n, answers.predicted[n], answers.confidence[n], answers.truth[n]) for n in wrong[:count])


def with_nearest(
    mistakes: Sequence[Mistake], train: Examples, test: Examples, table: DatasetTable
) -> tuple[Mistake, ...]:
    """The mistakes, each with the training picture that looks most like it to the network.

    Parameters
    ----------
    mistakes : sequence of Mistake
    train, test : Examples
        In the embedding of the head that made them.
    table : DatasetTable
        For paths as it has them.
    """
    found = nearest(test.X[np.array([m.row for m in mistakes], np.intp)], train.X, 1)
    out = []
    for mistake, (row,), (similarity,) in zip(mistakes, found.rows.tolist(), found.similarity.tolist(), strict=True):
        path = relative_path(train.rows.paths[row], table.folder)
        out.append(replace(mistake, nearest=TrainPicture(train.rows.ids[row], path, str(train.y[row]), similarity)))
    return tuple(out)


def _confusion(entry: Entry, rows: Sequence[TestRow], a: int, b: int) -> Confusion:
    matrix = entry.scores.confusion
    return Confusion(
        truth=a,
        predicted=b,
        count=matrix[a][b],
        back=matrix[b][a],
        of=sum(matrix[a]),
        mistaken=_surest(entry, rows, a, b),
        typical=_surest(entry, rows, b, b) or _surest(entry, rows, b, None),
    )


def _surest(entry: Entry, rows: Sequence[TestRow], truth: int, predicted: int | None) -> tuple[int, ...]:
    answers = entry.predictions
    here = [n for n, r in enumerate(rows) if r.label == truth and predicted in (None, answers.predicted[n])]
    return tuple(sorted(here, key=lambda n: -answers.confidence[n])[:PICTURES])
