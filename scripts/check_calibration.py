"""How far probabilities are off for either question, whichever question a head was calibrated for, by nested folds.

    python scripts/check_calibration.py dataset.csv --heads logreg,svm,lda

Every picture is held out once and named by a head that was tuned, fitted and calibrated without it, as `classify fit`
does it. Asked about "new": folds keep artists apart; "known": they don't. Calibrated for "new" or "known": the folds
inside each training part do, or don't.

The calibration error is that of the reports (docs/comparison.md). "by chance" is what exact probabilities would show on
so few pictures: a mean over draws of the truth from the head's own probabilities.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from classify.comparison.questions.plan import parts_of
from classify.data import Examples, load_examples
from classify.evaluation.metrics import expected_calibration_error, reliability_bins
from classify.fitting.asked import read_specs
from classify.fitting.question import KNOWN, NEW, for_question
from classify.fitting.trial import folds_of, train_head
from classify.heads import HeadSpec

HEADS = "logreg,svm,lda,prototype,simpleshot,mlp"
FOLDS = 5
DRAWS = 1000


def held_out(
    spec: HeadSpec, examples: Examples, asked: str, calibrated: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Confidence (N,) and hits (N,) of every picture, named by the fold's head that did not see it."""
    confidence, hits = np.zeros(len(examples)), np.zeros(len(examples), bool)
    for learn, aside in parts_of(examples.rows, asked, FOLDS, seed):
        learned = for_question(examples.take(learn), calibrated)
        trial = train_head(spec, learned, folds_of(learned.rows, seed))
        said = trial.ask(examples.X[aside])
        confidence[aside] = said.max(1)
        hits[aside] = trial.head.classes_[said.argmax(1)] == examples.y[aside]
    return confidence, hits


def error(confidence: np.ndarray, hits: np.ndarray) -> float:
    """The expected calibration error."""
    return expected_calibration_error(reliability_bins(confidence, hits))


def by_chance(confidence: np.ndarray, seed: int) -> float:
    """Its mean where the truth is drawn from these probabilities."""
    rng = np.random.default_rng(seed)
    return float(np.mean([error(confidence, rng.random(len(confidence)) < confidence) for _ in range(DRAWS)]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="a dataset table, whose vectors lie in --features")
    parser.add_argument("--features", default="features")
    parser.add_argument("--embedding", default="avgpool")
    parser.add_argument("--target", default="style")
    parser.add_argument("--heads", default=HEADS)
    parser.add_argument("--seed", type=int, default=0, help="of the folds")
    given = parser.parse_args()
    examples = load_examples(given.table, given.features, given.embedding, given.target, "all")
    print("head        calibrated for asked about    right  confidence   error  by chance")
    for spec in read_specs(given.heads):
        for calibrated, asked in ((NEW, NEW), (KNOWN, KNOWN), (KNOWN, NEW), (NEW, KNOWN)):
            confidence, hits = held_out(spec, examples, asked, calibrated, given.seed)
            figures = hits.mean(), confidence.mean(), error(confidence, hits), by_chance(confidence, given.seed)
            right, sure, off, chance = (100 * figure for figure in figures)
            print(
                f"{spec!s:11} {calibrated:>14} {asked:>11} {right:7.1f} % {sure:8.1f} % {off:6.1f} % {chance:7.1f} %",
                flush=True,
            )


if __name__ == "__main__":
    main()
