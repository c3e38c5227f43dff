"""What the first head's embedding shows: leaks, an order of related classes, what its mistakes look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from classify.comparison.contest import Run
from classify.comparison.leaks import audit, audit_folds
from classify.comparison.matched import Matched
from classify.comparison.mistakes import with_nearest
from classify.comparison.questions.put import Put
from classify.comparison.task import Task
from classify.data import Examples
from classify.evaluation.entry import Entry
from classify.evaluation.findings import LeakAudit, Mistake
from classify.evaluation.ordering import related_order
from featurize.dataset.audit.result import Twice
from featurize.dataset.table import DatasetTable

Seen = tuple[LeakAudit, tuple[int, ...], tuple[Mistake, ...]]


def nothing_seen(mistakes: Sequence[Mistake], classes: int) -> Seen:
    """What is known where nobody looked: no leaks, classes by name, mistakes without what is nearest to them."""
    return LeakAudit(None, None, ()), tuple(range(classes)), tuple(mistakes)


@dataclass(frozen=True)
class Looks:
    """What the best head's embedding shows: leaks, an order of related classes, what its mistakes look like."""

    run: Run
    best: Entry
    matched: Matched
    task: Task
    table: DatasetTable
    twice: Twice
    seed: int

    def by_split(self, mistakes: Sequence[Mistake]) -> Seen:
        """Of a test part against the training part."""
        train = self.matched.load(self.run.view, self.matched.train)
        test = self.matched.load(self.run.view, self.matched.test)
        hits = np.array(self.best.predictions.predicted) == self.task.truth
        leaks = audit(train, test, hits, self.table, self.twice, self.seed)
        found = with_nearest(mistakes, train, test, self.table) if self._trained else tuple(mistakes)
        return leaks, self._order(train), found

    def by_folds(self, mistakes: Sequence[Mistake], put: Put) -> Seen:
        """Of each fold of the first repeat against the pictures that were learned from."""
        rows = self.matched.load(self.run.view, self.matched.train)
        folds = put.parts[0]
        fold = put.folding.fold[0]
        leaks = audit_folds(rows, fold, self.table, self.twice, self.seed)
        if not self._trained:
            return leaks, self._order(rows), tuple(mistakes)
        found = {}
        for number, (learn, _) in enumerate(folds):
            mine = [m for m in mistakes if fold[m.row] == number]
            found.update({m.row: m for m in with_nearest(mine, rows.take(learn), rows, self.table)} if mine else {})
        return leaks, self._order(rows), tuple(found[m.row] for m in mistakes)

    @property
    def _trained(self) -> bool:
        return not self.best.untrained

    def _order(self, train: Examples) -> tuple[int, ...]:
        return related_order(train.X, self.task.train_codes, len(self.task.classes))
