"""Which questions are put to the heads by folds, and how the rows are divided for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cache import Store
from classify.comparison.matched import Matched
from classify.data import LabelledRows
from classify.errors import DataError, HeadError
from classify.evaluation.findings import Caution
from classify.fitting.estimate import NO_TUNE, Trainings
from classify.fitting.question import KNOWN, NEW, question_of
from classify.fitting.trial import FOLDS, keeps_artists_apart
from classify.heads.rows.folds import Folds, whole_folds
from classify.lineage import trained_on
from featurize.dataset.table import DatasetTable
from featurize.wording import counted

BOTH = "both"
SMALL = 2000  # pictures up to which a table without a test part is divided into folds by itself
# inner folds on which a head is tuned for which each value is a training of its own: each learns from as many rows as
# with all five, and three fifths of the rows are held out (docs/choices.md)
FEW_INSIDE = 3
FEWER = 3  # folds that are proposed where time matters
LARGE = 20_000  # pictures above which folds beside a given split are made only where both questions are asked for


@dataclass(frozen=True)
class Plan:
    """Which questions are put to all heads by folds.

    Parameters
    ----------
    questions : tuple of str
        "new", "known", both, or none.
    folds, repeats : int
    """

    questions: tuple[str, ...] = ()
    folds: int = FOLDS
    repeats: int = 1

    @property
    def rounds(self) -> int:
        """How often each head is trained for them."""
        return len(self.questions) * self.folds * self.repeats

    def trainings(self, pictures: int) -> Trainings:
        """Those of each head for them, among so many pictures."""
        return Trainings(pictures * (self.folds - 1) // self.folds, self.rounds, FEW_INSIDE)

    def shorter(self, *, tune: bool, whole: bool) -> list[str]:
        """Ways to shorten a comparison.

        Parameters
        ----------
        tune : bool
            Whether parameters are chosen.
        whole : bool
            Whether folds alone score the heads, so that there is no test part to fall back on.
        """
        ways = []
        if self.questions and not whole:
            ways.append("`--folds 0` asks about the test part alone")
        if self.folds > FEWER and whole:
            ways.append(f"`--folds {FEWER}` makes fewer folds")
        if len(self.questions) > 1:
            ways.append("`--question new` or `--question known` asks one question")
        if tune:
            ways.append(NO_TUNE)
        return ways


def _beside(rows: LabelledRows, question: str | None, folds: int | None, seed: int) -> Plan:
    """What is asked by folds of all rows beside a given split.

    Nothing where one question is asked, or none is possible; both by default, unless there are many pictures.

    Raises
    ------
    DataError
        Both are asked for, and can't be answered.
    """
    if question == BOTH:
        if folds == 0:
            raise DataError("--question both is answered by folds: leave --folds 0 out, or ask for 'new' or 'known'")
        return _whole(rows, BOTH, folds, 1, seed)
    count = _fewer(rows, FOLDS)
    both = (NEW, KNOWN)
    able = keeps_artists_apart(rows) and not any(_hindrance(rows, one, count, seed) for one in both)
    if question is not None or folds == 0 or len(rows) > LARGE or not able:
        return Plan(())
    return Plan(both, count)


def _whole(rows: LabelledRows, question: str | None, folds: int | None, repeats: int, seed: int) -> Plan:
    """What is asked by folds where nothing else is.

    Raises
    ------
    DataError
        New painters are asked for and folds can't keep artists apart, or the rows can't be divided.
    """
    if question == BOTH or (question is None and keeps_artists_apart(rows)):
        questions: tuple[str, ...] = (question_of(rows, NEW), KNOWN)
    else:
        questions = (question_of(rows, question),)
    count = folds or _fewer(rows, FOLDS)
    for one in questions:
        found = _hindrance(rows, one, count, seed)
        if found:
            raise DataError(f"{counted(len(rows), 'picture')} can't be divided into {count} folds: {found}")
    return Plan(questions, count, repeats)


def _too_many(rows: LabelledRows, question: str | None, folds: int | None) -> bool:
    """Whether only their number kept both questions from being asked."""
    return question is None and folds != 0 and len(rows) > LARGE and keeps_artists_apart(rows)


def parts_of(rows: LabelledRows, question: str, folds: int, seed: int) -> Folds:
    """Outer folds: training and held-out row numbers; each row is held out once."""
    return whole_folds(rows.y, rows.groups if question == NEW else np.array(rows.ids), folds, seed)


def _fewer(rows: LabelledRows, folds: int) -> int:
    """As many folds, or fewer where classes or artists are few."""
    largest = int(np.unique(rows.y, return_counts=True)[1].max())
    artists = len(np.unique(rows.groups)) if keeps_artists_apart(rows) else folds
    return max(2, min(folds, largest, artists))


def _hindrance(rows: LabelledRows, question: str, folds: int, seed: int) -> str | None:
    """Why the rows can't be divided into so many folds; None where they can."""
    parts = parts_of(rows, question, folds, seed)
    if len(parts) < folds:
        if len(parts) < 2:
            return "no class has two pictures" + (" by different artists" if question == NEW else "")
        return f"no class has so many pictures, or there are fewer artists; --folds {len(parts)} is possible"
    if any(len(np.unique(rows.y[train])) < 2 for train, _ in parts):
        return "with one held out, a single class is left to learn from"
    return None


def scored_by_folds(table: DatasetTable, target: str, train: str | None, test: str | None, folds: int | None) -> bool:
    """Whether folds score the heads, and no given part does."""
    if folds:
        if test is not None:
            raise DataError(f"--folds {folds} scores every picture: leave --test {test} out, or --folds")
        return True
    splits = {split for split, label in zip(table.columns["split"], table.column(target), strict=True) if label}
    labelled = sum(map(bool, table.column(target)))
    given = test is not None or train is not None or len(splits) > 1
    return folds is None and not given and labelled <= SMALL


def check_rounds(folds: int | None, repeats: int, *, by_folds: bool) -> None:
    """Whether there can be so many folds and repeats."""
    if folds is not None and (folds < 0 or folds == 1):
        raise HeadError(f"--folds {folds}: two folds or more are needed, one to score and another to learn from")
    if repeats < 0 or (repeats == 1 and not by_folds):
        raise HeadError(f"--repeats {repeats}: two splits or more are needed to see how much they differ")


def planned(
    matched: Matched,
    caches: Sequence[Store],
    question: str | None,
    folds: int | None,
    repeats: int,
    seed: int,
) -> Plan:
    """The questions that are asked by folds.

    Raises
    ------
    DataError
        What is asked for can't be answered.
    """
    train, test = matched.parts
    if question not in (None, BOTH):
        question_of(train, question)
    if matched.whole:
        return _whole(train, question, folds, max(repeats, 1), seed)
    pool = train.followed_by(test)
    if question is None and any(trained_on(cache) & set(pool.ids) for cache in caches):
        return Plan()
    return _beside(pool, question, folds, seed)


def one_question(matched: Matched, question: str | None, folds: int | None) -> Iterator[Caution]:
    """There are so many pictures that both questions were not asked."""
    pool = matched.parts[0].followed_by(matched.parts[1])
    if not matched.whole and _too_many(pool, question, folds):
        yield Caution(
            "one-question",
            f"With {len(pool):,} pictures the heads were asked about the test part alone: `--question both` also says "
            "how good they are on painters they have met and on painters they have not, by five folds for each, "
            "and takes about ten times as long.",
        )
