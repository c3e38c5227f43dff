"""How many planted wrong labels the list of suspects holds, beside cleanlab on the same vectors.

    python scripts/bench_suspects.py [--dataset dataset.csv] [--features features] [--key NAME] [--embedding avgpool]
        [--target style] [--shares 0.05,0.1] [--seeds 20]

For each share and seed, so many labels are drawn and given another class at random; the labels that the table has
count as right, so the true recall is a little higher. Printed are means over the seeds: how long the list is, which
share of the planted labels it holds, and which share stands among its first n, 2n (n is how many were planted) and 40
rows. Rows drawn by lot would hold their share of all. cleanlab (https://github.com/cleanlab/cleanlab, to be installed
for this script) is used as its documentation begins: `CleanLearning` around a logistic regression, with its own folds.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

FIRST = 40  # rows that a person looks through in a quarter of an hour

Finder = Callable[[Any, Sequence[str], Sequence[str]], Sequence[int]]  # vectors, labels, ids -> rows, in order


def ours(vectors: Any, labels: Sequence[str], ids: Sequence[str]) -> Sequence[int]:
    """The rows that the audit lists."""
    from featurize.dataset.suspects.finding import find_suspects

    return [suspect.row for suspect in find_suspects(vectors, labels, range(len(labels)), ids).found]


def cleanlab(vectors: Any, labels: Sequence[str], ids: Sequence[str]) -> Sequence[int]:
    """The rows that cleanlab lists, by its label quality."""
    from cleanlab.classification import CleanLearning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    codes = np.unique(labels, return_inverse=True)[1]
    learning = CleanLearning(LogisticRegression(max_iter=400), seed=0)
    found = learning.find_label_issues(StandardScaler().fit_transform(vectors), codes)
    listed = np.flatnonzero(found["is_label_issue"].to_numpy())
    rows: list[int] = listed[np.argsort(found["label_quality"].to_numpy()[listed], kind="stable")].tolist()
    return rows


FINDERS: dict[str, Finder] = {"artstyle": ours, "cleanlab": cleanlab}


def planted(labels: Sequence[str], share: float, seed: int) -> tuple[list[str], set[int]]:
    """Labels of which a share is wrong, and which those are."""
    rng = np.random.default_rng(seed)
    wrong, classes = list(labels), sorted(set(labels))
    rows = rng.choice(len(labels), round(share * len(labels)), replace=False).tolist()
    for row in rows:
        wrong[row] = str(rng.choice([name for name in classes if name != labels[row]]))
    return wrong, set(rows)


def figures(listed: Sequence[int], wrong: set[int]) -> list[float]:
    """Length of the list; share of the planted in it, in its first n, 2n and 40 rows."""
    count = len(wrong)
    lengths = (len(listed), count, 2 * count, FIRST)
    return [float(len(listed)), *(len(wrong.intersection(listed[:length])) / count for length in lengths)]


def main() -> None:
    """Plant, look, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, default=Path("dataset.csv"))
    parser.add_argument("--features", type=Path, default=Path("features"))
    parser.add_argument("--key")
    parser.add_argument("--embedding", default="avgpool")
    parser.add_argument("--target", default="style")
    parser.add_argument("--shares", default="0.05,0.1")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--finders", default=",".join(FINDERS))
    given = parser.parse_args()
    from cache import open_cache
    from featurize.dataset.suspects.looking import unit_vectors
    from featurize.dataset.table import read_table

    warnings.simplefilter("ignore")
    table, cache = read_table(given.dataset), open_cache(given.features, given.key)
    recipe = cache.recipe(given.embedding)
    there = cache.embedded(table.ids, recipe)
    rows = [n for n, label in enumerate(table.column(given.target)) if label and there[n]]
    labels, ids = ([column[n] for n in rows] for column in (table.column(given.target), table.columns["id"]))
    vectors = unit_vectors(cache, recipe, table.ids[rows])
    print(f"{len(rows)} pictures, {len(set(labels))} classes; means of {given.seeds} seeds")
    heads = ("finder", "wrong", "listed", "in list", "first n", "first 2n", f"first {FIRST}")
    print("{:10} {:>6} {:>7} {:>8} {:>8} {:>9} {:>9}".format(*heads))
    for share in map(float, given.shares.split(",")):
        draws = [planted(labels, share, seed) for seed in range(given.seeds)]
        for name in given.finders.split(","):
            measured = [figures(FINDERS[name](vectors, wrong, ids), where) for wrong, where in draws]
            length, *shares = np.mean(measured, axis=0)
            cells = " ".join(f"{100 * value:{width}.1f}" for value, width in zip(shares, (8, 8, 9, 9), strict=True))
            print(f"{name:10} {len(draws[0][1]):6} {length:7.1f} {cells}", flush=True)


if __name__ == "__main__":
    main()
