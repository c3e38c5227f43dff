"""Every head on scikit-learn's digits, tuned, beside a peer of scikit-learn's that is tuned and calibrated directly.

    python scripts/check_digits.py                     every head
    python scripts/check_digits.py --heads linear-svm lda
    python scripts/check_digits.py --seed 9            another half
    python scripts/check_digits.py --halves 10         ten ways of halving the digits: means

1,797 x 64, a stratified half to learn from and the other half to score. Many features are active in few pictures, or in
none of a fold: what a tuning that shares its work must not stumble over. Heads are calibrated, as `classify fit` does
where it tunes. A peer is tuned by GridSearchCV on the same folds, and calibrated by a temperature, found by scipy on
scores that cross_val_predict held out.
Ends with 1 where a head names a hundredth less than its peer, or its log loss is more than 20 % above its peer's.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from classify.heads import HEADS, HeadSpec
from classify.heads.rows.folds import Folds, make_folds
from classify.heads.tuning import tune

Array = np.ndarray[Any, np.dtype[Any]]

BEHIND = 0.01  # accuracy that a head may lack to its peer
WORSE = 1.2  # times the peer's log loss
SMALL = 1e-9  # the least probability whose logarithm is taken


@dataclass(frozen=True)
class Digits:
    """Two stratified halves."""

    X: Array
    y: Array
    unseen: Array
    truth: Array

    @classmethod
    def load(cls, seed: int = 0) -> Digits:
        """As scikit-learn ships them; the seed says which pictures are learned from."""
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        X, codes = load_digits(return_X_y=True)
        y = np.array([f"digit {code}" for code in codes])
        X, unseen, y, truth = train_test_split(X.astype(np.float32), y, test_size=0.5, random_state=seed, stratify=y)
        return cls(X, y, unseen, truth)


@dataclass(frozen=True)
class Row:
    """Accuracy and log loss of a head and of its peer."""

    head: str
    params: str
    accuracy: float
    log_loss: float
    peer: str = ""
    peer_accuracy: float = float("nan")
    peer_log_loss: float = float("nan")

    @property
    def good(self) -> bool:
        """Whether it is about as good as its peer, or better."""
        behind = self.accuracy < self.peer_accuracy - BEHIND
        return not behind and not self.log_loss > WORSE * self.peer_log_loss

    def __str__(self) -> str:
        own = f"{self.head:11} {100 * self.accuracy:6.2f} {self.log_loss:9.4f}"
        if not self.peer:
            return f"{own} {'-':>7} {'-':>9} {'-':>6}  {self.params}"
        ratio = self.log_loss / self.peer_log_loss
        return (
            f"{own} {100 * self.peer_accuracy:7.2f} {self.peer_log_loss:9.4f} {ratio:6.2f}  {self.params}; {self.peer}"
        )


def check(kind: str, digits: Digits, folds: Folds) -> Row:
    """One head and its peer."""
    spec = HeadSpec(kind)
    plain = spec.make().set_params(calibrate=True)
    tuning = tune(plain, digits.X, digits.y, folds, spec.grid)
    head = tuning.refit(plain, digits.X, digits.y)
    accuracy, log_loss = figures(head.predict_proba(digits.unseen), head.classes_, digits.truth)
    params = ", ".join(f"{name} = {value:g}" for name, value in tuning.params.items() if name != "members")
    if kind not in PEERS:
        return Row(kind, params, accuracy, log_loss)
    name, make, grid = PEERS[kind]
    return Row(kind, params, accuracy, log_loss, name, *peer(make, grid, digits, folds))


def mean(rows: Sequence[Row]) -> Row:
    """A head on several halves: means, and how far its accuracy ranges."""
    accuracies = [row.accuracy for row in rows]
    fields = ("accuracy", "log_loss", "peer_accuracy", "peer_log_loss")
    means: dict[str, Any] = {name: float(np.mean([getattr(row, name) for row in rows])) for name in fields}
    span = f"{100 * min(accuracies):.2f} to {100 * max(accuracies):.2f} on {len(rows)} halves"
    return rows[0] if len(rows) == 1 else replace(rows[0], params=span, **means)


def peer(make: Callable[[], Any], grid: dict[str, Sequence[Any]], digits: Digits, folds: Folds) -> tuple[float, float]:
    """Accuracy and log loss of scikit-learn's way; scores are logarithms of probabilities where there are no others."""
    from sklearn.model_selection import GridSearchCV, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), make())
    named = {f"{pipeline.steps[-1][0]}__{name}": values for name, values in grid.items()}
    search = GridSearchCV(pipeline, named, cv=list(folds)).fit(digits.X, digits.y)
    best = search.best_estimator_
    method = "decision_function" if hasattr(best, "decision_function") else "predict_proba"
    held_out = cross_val_predict(best, digits.X, digits.y, cv=list(folds), method=method)
    scores = getattr(best, method)(digits.unseen)
    if method == "predict_proba":
        held_out, scores = (np.log(np.maximum(found, SMALL)) for found in (held_out, scores))
    codes = np.searchsorted(best.classes_, digits.y)
    return figures(probabilities(scores / temperature(held_out, codes)), best.classes_, digits.truth)


def temperature(scores: Array, codes: Array) -> float:
    """The one that makes held-out classes likeliest, by a plain search."""
    from scipy.optimize import minimize_scalar

    def loss(log: float) -> float:
        return -float(np.log(probabilities(scores / np.exp(log))[np.arange(len(codes)), codes] + 1e-300).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-9, 9), method="bounded").x))


def probabilities(scores: Array) -> Array:
    """Softmax of scores (n, K)."""
    from scipy.special import softmax

    found: Array = softmax(scores, axis=1)
    return found


def figures(found: Array, classes: Array, truth: Array) -> tuple[float, float]:
    """Accuracy and log loss of probabilities (n, K)."""
    codes = np.searchsorted(classes, truth)
    own = found[np.arange(len(codes)), codes]
    return float(np.mean(found.argmax(1) == codes)), -float(np.log(np.maximum(own, 1e-300)).mean())


def _linear_svc() -> Any:
    from sklearn.svm import LinearSVC

    return LinearSVC(max_iter=20_000)


def _svc() -> Any:
    from sklearn.svm import SVC

    return SVC()


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=2000)


def _ridge() -> Any:
    from sklearn.linear_model import RidgeClassifier

    return RidgeClassifier()


def _lda() -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr")


def _knn() -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(metric="cosine")


def _network() -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier((512, 256), batch_size=32, max_iter=12, random_state=0)


def _layer() -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier((), batch_size=32, max_iter=12, random_state=0)


def _grid(kind: str) -> dict[str, Sequence[Any]]:
    """The head's own values."""
    return dict(HeadSpec(kind).grid)


# head -> (peer, how it is made, values that are tried)
PEERS: dict[str, tuple[str, Callable[[], Any], dict[str, Sequence[Any]]]] = {
    "logreg": ("LogisticRegression", _logistic, _grid("logreg")),
    "softmax": ("MLPClassifier(())", _layer, {"learning_rate_init": (1e-3, 3e-3, 1e-2, 3e-2)}),
    "mlp": ("MLPClassifier", _network, {"learning_rate_init": (3e-4, 1e-3)}),
    "linear-svm": ("LinearSVC", _linear_svc, {"C": (1e-4, 1e-3, 1e-2, 1e-1, 1.0)}),
    "svm": ("SVC", _svc, {"C": (0.1, 1.0, 10.0, 100.0)}),
    "ridge": ("RidgeClassifier", _ridge, _grid("ridge")),
    "lda": ("LinearDiscriminantAnalysis", _lda, _grid("lda")),
    "knn": ("KNeighborsClassifier", _knn, {"n_neighbors": _grid("knn")["k"]}),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; 1 where a figure is too bad."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--heads", nargs="+", default=list(HEADS), choices=list(HEADS), metavar="HEAD")
    parser.add_argument("--halves", type=int, default=1, help="so many ways of halving")
    parser.add_argument("--seed", type=int, default=0, help="which halves; of several, the first")
    options = parser.parse_args(argv)
    halves = [Digits.load(seed) for seed in range(options.seed, options.seed + options.halves)]
    print(f"{'head':11} {'acc. %':>6} {'log loss':>9} {'peer %':>7} {'log loss':>9} {'ratio':>6}  chosen; peer")
    good = True
    for kind in options.heads:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's, of solvers that were stopped
            row = mean([check(kind, digits, make_folds(digits.y)) for digits in halves])
        good = good and row.good
        print(row, "" if row.good else "TOO BAD", flush=True)
    return int(not good)


if __name__ == "__main__":
    raise SystemExit(main())
