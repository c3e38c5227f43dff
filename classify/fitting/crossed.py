"""How good a head is that learns from everything: folds take turns in being held out, tuning and calibration included.

A final head learns from all labelled rows, so no row is left to score it on. Each fold's head is made from the other
folds just as the final one is made from all, and answers the pictures of its own fold once (nested cross-validation:
Varma and Simon, "Bias in error estimation when using cross-validation for model selection", 2006). The folds' heads
learned from less than the final one, so the figures are rather too low than too high.
"""

from __future__ import annotations

import numpy as np

from classify.data import Examples
from classify.fitting.scoring import Score, score_answers
from classify.fitting.trial import folds_of, train_head
from classify.heads import HeadSpec
from classify.heads.rows.folds import Folds

CROSSED = "cross-validation"  # what these figures are called, where others have the name of a split


def cross_validated(
    spec: HeadSpec, examples: Examples, folds: Folds, *, tune: bool = True, seed: int = 0, device: str | None = None
) -> Score:
    """Score a head on every row that the folds hold out.

    Parameters
    ----------
    spec : HeadSpec
    examples : Examples
        All labelled rows.
    folds : pairs of row numbers
        From `folds_of`; at least one.
    tune, seed, device
        As in `train_head`.

    Raises
    ------
    HeadError
        The head refuses these rows.
    """
    named, confidence, truth = [], [], []
    for learn, held in folds:
        part = examples.take(learn)
        inner = folds_of(part.rows, seed) if tune else ()
        trial = train_head(spec, part, inner, tune=tune, seed=seed, device=device)
        probabilities = trial.ask(examples.X[held])
        named.append(trial.head.classes_[probabilities.argmax(1)])
        confidence.append(probabilities.max(1))
        truth.append(examples.y[held])
    every = [np.concatenate(parts) for parts in (named, confidence, truth)]
    return score_answers(every[0], every[1], every[2], examples.rows.classes, CROSSED)
