"""The question that a head is to answer: how good on pictures by new painters, or by painters it has met?

The answers differ, and so do the best parameters and the right probabilities. For new painters the folds keep each
artist on one side; for known ones they don't.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from classify.data import Examples, LabelledRows
from classify.errors import DataError
from classify.fitting.trial import keeps_artists_apart
from classify.headfile import SavedHead
from classify.heads.calibration import at_bound

NEW, KNOWN = "new", "known"
QUESTIONS = (NEW, KNOWN)
HOLDS = {
    NEW: "probabilities hold for painters who are not in the training pictures",
    KNOWN: "probabilities hold for painters who are in the training pictures; for others the head is far too sure",
}
UNFITTED = "probabilities hold for nobody: they were not fitted to pictures that were held out of the training"


def holds_of(saved: SavedHead) -> str | None:
    """Whose pictures a head's probabilities hold for, as a sentence; None where nobody knows, or the warnings say it.

    The latter is so where no temperature makes the scores fit the held-out classes.
    """
    if at_bound(saved.head.temperature_):
        return None
    if not saved.training.get("calibrated", True):  # heads of earlier versions don't say it
        return UNFITTED
    return HOLDS.get(saved.question or "")


def question_of(rows: LabelledRows, asked: str | None = None) -> str:
    """The question that training on these rows can answer: the one asked, or new painters where that is possible.

    Raises
    ------
    DataError
        There is no such question, or new painters are asked for and folds can't keep artists apart.
    """
    if asked not in (None, *QUESTIONS):
        raise DataError(f"there is no question {asked!r}: ask for painters who are 'new', or who are 'known'")
    possible = keeps_artists_apart(rows)
    if asked == NEW and not possible:
        why = "most classes are by one artist" if rows.artists_known else "no artist is known"
        raise DataError(f"folds can't keep artists apart, because {why}: ask for 'known' painters, or leave it out")
    return asked or (NEW if possible else KNOWN)


def for_question(examples: Examples, question: str) -> Examples:
    """The rows to learn from: for known painters, only rows of one picture belong together, as without artists."""
    if question == NEW or not examples.rows.artists_known:
        return examples
    return Examples(replace(examples.rows, groups=np.array(examples.rows.ids)), examples.X)
