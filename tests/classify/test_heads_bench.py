"""The benchmark of the heads runs, and its data are the published ones."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "bench_heads.py"
SMALL = ["--rows", "240", "--features", "12"]


def bench(*arguments):
    one = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, SCRIPT, *arguments], env=one, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--no-peers"], ["logistic regression", "RBF SVM", "MLP", "linear SVM", "*314.0", "votes", "no dropout"]),
        (["--large"], ["240 x 12, 27 classes", "7 values x 5 folds", "GiB"]),
        (["--heads", "mlp"], ["MLPClassifier", "the same layers", "fastest to within 1 point"]),
    ],
    ids=lambda value: value[0],
)
def test_a_small_one_prints_its_table(arguments, words):
    pytest.importorskip("torch")
    done = bench(*SMALL, *arguments)
    assert done.returncode == 0, done.stderr
    for word in words:
        assert word in done.stdout
    assert "together" not in done.stdout, "a total would add up ratios between different problems"


def test_each_of_scikit_learns_ways_learns(monkeypatch):
    """And each solves what stands beside it: LogisticRegressionCV reaches the accuracy of the grid search."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import bench_heads

    X, y = bench_heads.make_data(120, 10, 3)
    reached = {}
    for head, ways in bench_heads.PEERS.items():
        for way, _ in ways:
            if way != "MLPClassifier":
                model = bench_heads.peer_model(head, way, len(X))
                (model if "GridSearch" in way else model[-1]).set_params(n_jobs=1)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    reached[head, way] = model.fit(X, y).score(X, y)
    assert min(reached.values()) > 0.4
    exact = [reached["logreg", way] for way in ("GridSearchCV(LogisticRegression)", "LogisticRegressionCV")]
    assert exact[0] == pytest.approx(exact[1], abs=0.1)


def test_the_rows_are_those_of_the_published_figures():
    """So that figures measured elsewhere with the same formula and seed can be compared."""
    code = f"""
import sys; sys.path.insert(0, {str(SCRIPT.parent)!r})
import bench_heads
X, y = bench_heads.make_data(50, 20, 4)
print(X.sum(dtype='float64'), *y[:5])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    total, *labels = done.stdout.split()
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((50, 200), dtype=np.float32)
    y = rng.integers(0, 4, 50)
    means = 0.25 * rng.standard_normal((4, 200), dtype=np.float32)
    mixing = rng.standard_normal((200, 20), dtype=np.float32) * (np.arange(1, 201, dtype=np.float32) ** -0.5)[:, None]
    X = (latent + means[y]) @ mixing + 0.3 * rng.standard_normal((50, 20), dtype=np.float32)
    assert float(total) == pytest.approx(np.maximum(X, 0).sum(dtype=np.float64), rel=1e-5)
    assert labels == [str(label) for label in y[:5]]
