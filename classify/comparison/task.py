"""What all heads of a comparison have in common: classes, true labels, and the facts about the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classify.comparison.matched import Matched
from classify.comparison.questions.plan import Plan
from classify.comparison.result import DatasetFacts, TestRow
from classify.data import LabelledRows
from classify.fitting.question import NEW
from featurize.dataset.table import DatasetTable, relative_path


@dataclass(frozen=True)
class Task:
    """What all heads have in common.

    Parameters
    ----------
    classes : (K,) str
    truth : (N,) int
        Of the test rows.
    train_codes : (M,) int
        Of the training rows.
    train_counts : (K,) int
    train, test : LabelledRows
    """

    classes: NDArray[np.str_]
    truth: NDArray[np.intp]
    train_codes: NDArray[np.intp]
    train_counts: NDArray[np.intp]
    train: LabelledRows
    test: LabelledRows

    @classmethod
    def of(cls, matched: Matched) -> Task:
        """Codes and counts of the two parts."""
        train, test = matched.parts
        classes = np.unique(np.concatenate([train.y, test.y]))
        codes = np.searchsorted(classes, train.y)
        counts = np.bincount(codes, minlength=len(classes))
        return cls(classes, np.searchsorted(classes, test.y), codes, counts, train, test)

    @property
    def artists_known(self) -> bool:
        """Whether any row names its artist."""
        return self.train.artists_known or self.test.artists_known


def dataset_facts(matched: Matched, task: Task, question: str, plan: Plan) -> DatasetFacts:
    """What is learned from and scored on."""
    train, test, count = task.train, task.test, len(task.classes)
    return DatasetFacts(
        target=matched.target,
        train=matched.train,
        test=matched.test,
        train_rows=len(train),
        test_rows=len(test),
        unlabelled=tuple(part.unlabelled for part in matched.parts),
        broken=tuple(part.broken for part in matched.parts),
        train_counts=tuple(task.train_counts.tolist()),
        test_counts=tuple(np.bincount(task.truth, minlength=count).tolist()),
        train_artists=train.artist_count if task.artists_known else None,
        test_artists=test.artist_count if task.artists_known else None,
        grouped_tuning=question == NEW,
        question=question,
        folds=plan.folds if matched.whole else 0,
        repeats=plan.repeats if matched.whole else 0,
        chance=1 / count,
        majority=float(np.mean(task.truth == task.train_counts.argmax())),
        digest=matched.digest,
    )


def test_rows(rows: LabelledRows, classes: NDArray[np.str_], table: DatasetTable) -> tuple[TestRow, ...]:
    """Rows as a report names them, with places in `classes`."""
    paths = [relative_path(path, table.folder) for path in rows.paths]
    labels = np.searchsorted(classes, rows.y).tolist()
    columns = rows.ids, paths, labels, rows.artists, rows.years, rows.groups.tolist()
    return tuple(TestRow(*row) for row in zip(*columns, strict=True))
