"""How often prediction sets hold the true class: simulated, and on the pictures of a feature cache, for both questions.

    python scripts/check_coverage.py                                   simulated rows alone
    python scripts/check_coverage.py dataset.csv --heads lda,svm       and real ones, whose vectors lie in features/

Each line is many resamplings: a part of the pictures is put aside, a head is fitted to the others as `classify fit`
does, with its folds, and its sets and its flag are asked about the pictures put aside.

- known: pictures are put aside by chance, so nearly every painter is in the training, too.
- new: whole painters are put aside.

A head is calibrated for one of these and asked about both. Calibrated for known painters and asked about new ones, its
sets promise too much: that is the figure that warns.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classify.arrays import EMBEDDING, as_dataset
from classify.data import Examples, load_examples
from classify.evaluation.conformal import sets
from classify.fitting.asked import read_spec, read_specs
from classify.fitting.kept import familiar, held_out
from classify.fitting.question import KNOWN, NEW, for_question
from classify.fitting.trial import folds_of, train_head
from classify.heads import HeadSpec
from classify.heads.rows.folds import make_folds

FOLDS = 5  # a fifth of the pictures is put aside
CLASSES, FEATURES, ROWS, ASIDE, SPREAD = 6, 12, 240, 400, 0.5  # of the simulation


@dataclass(frozen=True)
class Found:
    """What came of one resampling: shares of the pictures put aside, and how large their sets are."""

    covered: float
    size: float
    right: float
    unlike: float | None


def ask(spec: HeadSpec, learn: Examples, aside: Examples, question: str, coverage: float) -> Found:
    """Fit a head to some pictures as `classify fit` does, and ask it about others."""
    learned = for_question(learn, question)
    folds = folds_of(learned.rows, 0)
    trial = train_head(spec, learned, folds)
    kept, near = held_out(trial, learned, folds), familiar(learned, folds, 0)
    if kept is None:
        raise SystemExit("no picture can be held out: too few of each class")
    said = trial.ask(aside.X)
    inside = sets(said, kept.limit(coverage))
    own = aside.y[:, None] == trial.head.classes_[None]
    flagged = None if near is None else float((near.residuals(aside.X) > near.limit).mean())
    return Found(
        float((inside & own).any(1).mean()),
        float(inside.sum(1).mean()),
        float((trial.head.classes_[said.argmax(1)] == aside.y).mean()),
        flagged,
    )


def simulated(spec: HeadSpec, coverage: float, resamplings: int) -> Iterator[Found]:
    """Classes that overlap, all rows drawn in the same way: what is promised must come out."""
    for seed in range(resamplings):
        rng = np.random.default_rng(seed)
        centres = SPREAD * rng.normal(size=(CLASSES, FEATURES))
        y = rng.integers(CLASSES, size=ROWS + ASIDE)
        X = centres[y] + rng.normal(size=(len(y), FEATURES))
        names = [f"class {k}" for k in y]
        table, cache = as_dataset(X, names, target="class", part="train")
        rows = load_examples(table, cache, EMBEDDING, "class", "train")
        yield ask(spec, rows.take(np.arange(ROWS)), rows.take(np.arange(ROWS, len(y))), KNOWN, coverage)


def real(
    spec: HeadSpec, examples: Examples, asked: str, question: str, coverage: float, repeats: int
) -> Iterator[Found]:
    """Pictures put aside by chance (known) or painter by painter (new); the head is calibrated for a question."""
    for seed in range(repeats):
        groups = examples.rows.groups if asked == NEW else None
        for learn, aside in make_folds(examples.y, groups, FOLDS, seed):
            yield ask(spec, examples.take(learn), examples.take(aside), question, coverage)


def line(name: str, asked: str, question: str, found: Sequence[Found]) -> str:
    """Means over the resamplings."""
    covered = np.array([one.covered for one in found])
    flags = [one.unlike for one in found if one.unlike is not None]
    flagged = f"{100 * np.mean(flags):6.1f} %" if flags else "       –"
    return (
        f"{name:12} {question:>14} {asked:>10} {len(found):>6} {100 * covered.mean():9.1f} % "
        f"{np.mean([one.size for one in found]):9.1f} {100 * np.mean([one.right for one in found]):8.1f} % {flagged}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, nargs="?", help="a dataset table; without one, simulated rows alone")
    parser.add_argument("--features", default="features")
    parser.add_argument("--embedding", default="avgpool")
    parser.add_argument("--target", default="style")
    parser.add_argument("--heads", default="lda")
    parser.add_argument("--coverage", type=float, default=0.9)
    parser.add_argument("--resamplings", type=int, default=200, help="of each line")
    given = parser.parse_args()
    print("head         calibrated for asked about    n   covered   set size    right   flagged")
    spec = read_spec("lda:shrinkage=0.5")
    print(
        line("simulated", "the same", "the same", list(simulated(spec, given.coverage, given.resamplings))), flush=True
    )
    if given.table is None:
        return
    examples = load_examples(given.table, given.features, given.embedding, given.target, "all")
    for spec in read_specs(given.heads):
        for question, asked in ((KNOWN, KNOWN), (NEW, NEW), (KNOWN, NEW), (NEW, KNOWN)):
            repeats = max(given.resamplings // FOLDS, 1)
            found = list(real(spec, examples, asked, question, given.coverage, repeats))
            print(line(str(spec), asked, question, found), flush=True)


if __name__ == "__main__":
    main()
