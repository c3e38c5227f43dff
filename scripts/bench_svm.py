"""How long the svm takes on many rows, beside logreg on the same rows, and how good it is.

    OMP_NUM_THREADS=2 python scripts/bench_svm.py
    OMP_NUM_THREADS=2 python scripts/bench_svm.py --rows 10000 --heads logreg svm svm:exact=10000
    OMP_NUM_THREADS=2 python scripts/bench_svm.py --heads svm --most-tuned 10000

Made-up rows of 64 numbers: 25 classes of four clusters each, which no linear head can tell apart well; 10,000 other
rows are scored. Seconds are those of tuning and fit together.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from classify.heads import make_head, svm
from classify.heads.tuning import make_folds, tune

Array = np.ndarray[Any, np.dtype[Any]]

FEATURES, CLASSES, CLUSTERS, UNSEEN, SPREAD = 64, 25, 4, 10_000, 2.3


def made_up(rows: int) -> tuple[Array, Array]:
    """X (rows, 64) float32 and classes y (rows,)."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CLASSES * CLUSTERS, FEATURES))
    which = rng.integers(0, len(centres), rows)
    X = centres[which] + SPREAD * rng.standard_normal((rows, FEATURES))
    return X.astype(np.float32), which % CLASSES


def line(spec: str, rows: int) -> str:
    """One head's figures."""
    X, y = made_up(rows + UNSEEN)
    folds = make_folds(y[:rows])
    wall, processor = time.perf_counter(), time.process_time()
    found = tune(make_head(spec), X[:rows], y[:rows], folds)
    head = found.refit(make_head(spec), X[:rows], y[:rows])
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    logs, truth = head.predict_log_proba(X[rows:]), y[rows:]
    right = 100 * float(np.mean(logs.argmax(1) == truth))
    loss = -float(logs[np.arange(len(truth)), truth].mean())
    chosen = ", ".join(f"{name} = {value:g}" for name, value in found.params.items())
    return f"{rows:8,}  {spec:16} {wall:7.1f} {processor:7.1f}  {right:6.2f}  {loss:8.4f}  {chosen}"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--heads", nargs="+", default=["logreg", "svm"], metavar="HEAD")
    parser.add_argument("--most-tuned", type=int, default=svm.MOST_TUNED, help="rows that a fold learns from")
    options = parser.parse_args(argv)
    svm.MOST_TUNED = options.most_tuned
    print("    rows  head              wall s   CPU s  acc. %  log loss  chosen")
    for spec in options.heads:
        print(line(spec, options.rows), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
