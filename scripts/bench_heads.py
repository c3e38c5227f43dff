"""How fast heads are tuned and fitted here, beside scikit-learn's way on the same rows.

    python scripts/bench_heads.py                    both ways: 5,000 x 2,048, 10 classes, 7 values of C x 5 folds
    python scripts/bench_heads.py --heads logreg mlp --rounds 3     these only, three times in turn, medians
    python scripts/bench_heads.py --peer-limit 400   scikit-learn's long ones are stopped after so many seconds
    python scripts/bench_heads.py --no-peers         ours alone, beside the published figures
    python scripts/bench_heads.py --growth           cost of one fit against the number of rows, every head
    python scripts/bench_heads.py --large            57,025 rows, 27 classes: logistic regression, tuned and fitted

Each measurement is a process of its own, ours and scikit-learn's in turn; loading libraries and making data are not
counted. A ratio compares two wall times of the same run: on a machine that does other work, repeat it. Where
scikit-learn was stopped, the ratio is the least it can be. Beside each ratio stands what the peer solves: a ratio
between two problems is no measure of a solver. So the last line of a head names the fastest way of scikit-learn's to
about the same accuracy. Ways through scikit-learn-intelex are added where it is installed. Nothing here passes or
fails.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

Array = np.ndarray[Any, np.dtype[Any]]

C_VALUES = tuple(np.logspace(-5, 1, 7).tolist())
FOLDS = 5
GRID = f"{len(C_VALUES)} values x {FOLDS} folds"
NEAR = 0.01  # accuracy that a peer may lack to count as equally good: one in a hundred of 1,000 rows
HEADS = {"logreg": "logistic regression", "svm": "RBF SVM", "mlp": "MLP", "linear-svm": "linear SVM"}
SOLVES = {
    "logreg": "cross-entropy over all classes",
    "svm": "one class against the rest, squared hinge, exact kernel",
    "mlp": "512, dropout, 256, dropout; Adam, batch 32, 12 epochs",
    "linear-svm": "one class against the rest, squared hinge",
}
# scikit-learn's ways: (name, what it solves); the first is what its documentation shows
PEERS = {
    "logreg": (
        ("GridSearchCV(LogisticRegression)", "the same problem"),
        ("LogisticRegressionCV", "the same problem, each C from the last"),
        ("GridSearchCV(SGDClassifier)", "one class against the rest, stochastic"),
    ),
    "svm": (
        ("GridSearchCV(SVC)", "one class against one other, hinge, votes"),
        ("GridSearchCV(Nystroem + LinearSVC)", "the same loss, kernel from 1,000 rows"),
    ),
    "mlp": (("MLPClassifier", "the same layers and steps, no dropout"),),
    "linear-svm": (
        ("GridSearchCV(LinearSVC)", "the same, with the intercept penalised"),
        ("GridSearchCV(SGDClassifier)", "hinge, stochastic"),
    ),
}
INTEL = " by intelex"  # the same through scikit-learn-intelex
# seconds and held-out accuracy of scikit-learn, 2 cores, where it is not run again; the linear SVM was stopped
PUBLISHED = {"logreg": (13.6, 0.907), "svm": (314.0, 0.857), "mlp": (21.0, 0.840), "linear-svm": (600.0, None)}
GROWTH = (1_000, 5_000, 20_000, 57_025)


def make_data(rows: int = 5000, features: int = 2048, classes: int = 10, seed: int = 0) -> tuple[Array, Array]:
    """Non-negative features of low effective rank, like pooled ReLU features: X (rows, features), y (rows,)."""
    rng = np.random.default_rng(seed)
    rank = 200
    latent = rng.standard_normal((rows, rank), dtype=np.float32)
    y = rng.integers(0, classes, rows)
    means = 0.25 * rng.standard_normal((classes, rank), dtype=np.float32)
    mixing = rng.standard_normal((rank, features), dtype=np.float32)
    mixing *= (np.arange(1, rank + 1, dtype=np.float32) ** -0.5)[:, None]
    X = (latent + means[y]) @ mixing + 0.3 * rng.standard_normal((rows, features), dtype=np.float32)
    return np.maximum(X, 0), y


# ---- what is measured, each in a process of its own


def ours(name: str, shape: tuple[int, int, int]) -> dict[str, Any]:
    """Tune over C on 5 folds, where there is a C, and fit to all training rows."""
    from classify.heads import make_head
    from classify.heads.tuning import make_folds, tune

    X, y = make_data(*shape)
    cut = len(X) * 4 // 5
    head = make_head(name, calibrate=False)
    warm_up(name)
    start = time.perf_counter()
    if "C" in head.get_params():
        tuning = tune(head, X[:cut], y[:cut], make_folds(y[:cut], n=FOLDS), {"C": C_VALUES})
        head = tuning.refit(head, X[:cut], y[:cut])
    else:
        head.fit(X[:cut], y[:cut])
    return {"seconds": time.perf_counter() - start, "accuracy": float(head.score(X[cut:], y[cut:]))}


def peer(name: str, way: str, shape: tuple[int, int, int]) -> dict[str, Any]:
    """The same in one of scikit-learn's ways, two processes at a time."""
    if way.endswith(INTEL):
        from sklearnex import patch_sklearn

        patch_sklearn(verbose=False)
    warnings.filterwarnings("ignore")
    X, y = make_data(*shape)
    cut = len(X) * 4 // 5
    model = peer_model(name, way.removesuffix(INTEL), cut)
    start = time.perf_counter()
    model.fit(X[:cut], y[:cut])
    return {"seconds": time.perf_counter() - start, "accuracy": float(model.score(X[cut:], y[cut:]))}


def peer_model(name: str, way: str, rows: int) -> Any:
    """What the way builds, on standardised rows; grids are over the same values of C."""
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, SGDClassifier
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC, LinearSVC

    if way == "MLPClassifier":
        return make_pipeline(StandardScaler(), MLPClassifier((512, 256), batch_size=32, max_iter=12))
    if way == "LogisticRegressionCV":
        return make_pipeline(StandardScaler(), LogisticRegressionCV(Cs=C_VALUES, cv=FOLDS, max_iter=1000, n_jobs=2))
    alphas = [1 / (C * rows * (FOLDS - 1) / FOLDS) for C in C_VALUES]  # SGDClassifier's penalty per row
    known: dict[str, tuple[list[Any], dict[str, Any]]] = {
        "GridSearchCV(LogisticRegression)": ([LogisticRegression(max_iter=1000)], {"C": C_VALUES}),
        "GridSearchCV(SVC)": ([SVC()], {"C": C_VALUES}),
        "GridSearchCV(Nystroem + LinearSVC)": (
            [Nystroem(gamma=None, n_components=min(1000, rows // 2), random_state=0), LinearSVC()],
            {"C": C_VALUES},
        ),
        "GridSearchCV(LinearSVC)": ([LinearSVC()], {"C": C_VALUES}),
        "GridSearchCV(SGDClassifier)": (
            [SGDClassifier(loss="log_loss" if name == "logreg" else "hinge", random_state=0)],
            {"alpha": alphas},
        ),
    }
    steps, grid = known[way]
    pipeline = make_pipeline(StandardScaler(), *steps)
    last = pipeline.steps[-1][0]
    return GridSearchCV(pipeline, {f"{last}__{key}": values for key, values in grid.items()}, cv=FOLDS, n_jobs=2)


def one_fit(name: str, shape: tuple[int, int, int]) -> dict[str, Any]:
    """One fit at the default parameters, and the scores of 1,000 rows."""
    from classify.heads import make_head

    X, y = make_data(*shape)
    warm_up(name)
    start = time.perf_counter()
    head = make_head(name, calibrate=False).fit(X, y)
    fitted = time.perf_counter()
    head.predict_proba(X[:1000])
    return {"seconds": fitted - start, "predict": time.perf_counter() - fitted, "peak": peak_gib()}


def large(path: str, classes: int) -> dict[str, Any]:
    """Tune and fit logistic regression to the rows of a file."""
    from classify.heads import make_head
    from classify.heads.tuning import make_folds, tune

    warm_up("logreg")
    X, y = np.load(path), np.load(path + ".y.npy")
    start = time.perf_counter()
    tuning = tune(make_head("logreg"), X, y, make_folds(y, n=FOLDS), {"C": C_VALUES})
    tuned = time.perf_counter() - start
    tuning.refit(make_head("logreg"), X, y)
    seconds = time.perf_counter() - start
    accuracy = float(tuning.mean_accuracy.max())
    return {"tuned": tuned, "seconds": seconds, "accuracy": accuracy, "params": tuning.params, "peak": peak_gib()}


def write_rows(path: str, rows: int, features: int, classes: int) -> dict[str, Any]:
    """Write data to a file, so that their making does not count as memory of those that read them."""
    X, y = make_data(rows, features, classes)
    np.save(path, X)
    np.save(path + ".y.npy", y)
    return {}


def warm_up(name: str) -> None:
    """Load the libraries that a head uses."""
    from classify.heads import make_head

    X, y = make_data(60, 8, 3)
    make_head(name, calibrate=True).fit(X, y).predict_proba(X)


def peak_gib() -> float:
    """The most memory this process has had, GiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


MEASUREMENTS: dict[str, Callable[..., dict[str, Any]]] = {
    "ours": ours,
    "peer": peer,
    "one_fit": one_fit,
    "large": large,
    "write_rows": write_rows,
}


def measure(name: str, *arguments: Any, limit: float | None = None) -> dict[str, Any] | None:
    """Run one of MEASUREMENTS in a new process, with all it starts; None where it ran past `limit` seconds."""
    command = [sys.executable, __file__, "--measure", json.dumps([name, *arguments])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        out, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None
    if process.returncode:
        raise SystemExit(f"measuring {name} {arguments} failed, see above")
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


# ---- tables


def compare(shape: tuple[int, int, int], heads: list[str], rounds: int, peers: bool, limit: float | None) -> None:
    """Every head, ours and each of scikit-learn's ways in turn."""
    print(f"{shape[0] * 4 // 5:,} training rows x {shape[1]:,}, {shape[2]} classes; C: {GRID}")
    print(f"{'head':39}{'time':>10}{'ratio':>9}{'accuracy':>10}  solves", flush=True)
    for name in heads:
        ways = [*PEERS[name], *intel_ways(name)] if peers else PEERS[name][:1]
        mine, theirs = [], {way: [] for way, _ in ways}  # type: tuple[list[Any], dict[str, list[Any]]]
        for _ in range(rounds):
            mine.append(measure("ours", name, shape))
            for way, found in theirs.items():
                found.append(peer_or_known(name, way, shape, peers, limit))
        seconds, accuracy = middle(mine), mine[0]["accuracy"]
        print(f"{HEADS[name]:39}{seconds:>8.1f} s{'':9}{accuracy:>10.4f}  {SOLVES[name]}", flush=True)
        fair: list[tuple[float, str]] = []
        for way, solves in ways:
            found = theirs[way]
            other, reached = middle(found), found[0]["accuracy"]
            marked = f"{found[0].get('mark', '')}{other:.1f}"
            told = "-" if reached is None else f"{reached:.4f}"
            print(f"  {way:37}{marked:>8} s{other / seconds:>8.1f}x{told:>10}  {solves}", flush=True)
            if reached is not None and reached >= accuracy - NEAR:
                fair.append((other / seconds, way))
        best = f"{min(fair)[1]}, {min(fair)[0]:.1f}x" if fair else "none of these"
        print(f"  fastest to within {100 * NEAR:.0f} point of this accuracy: {best}", flush=True)
    print("> stopped after so long   * not run here: published figure, 5,000 x 2,048 rows on 2 cores")


def middle(found: list[dict[str, Any]]) -> float:
    """The median of the seconds."""
    return float(statistics.median(one["seconds"] for one in found))


def intel_ways(name: str) -> list[tuple[str, str]]:
    """The first way through scikit-learn-intelex, where that is installed and has something faster to offer."""
    from importlib.util import find_spec

    return [(way + INTEL, solves) for way, solves in PEERS[name][:1] if find_spec("sklearnex") and name != "mlp"]


def peer_or_known(name: str, way: str, shape: tuple[int, int, int], peers: bool, limit: float | None) -> dict[str, Any]:
    """scikit-learn's way, or what is known of it where it is not run to its end."""
    if not peers:
        seconds, accuracy = PUBLISHED[name]
        return {"seconds": seconds, "accuracy": accuracy, "mark": "*"}
    return measure("peer", name, way, shape, limit=limit) or {"seconds": limit, "accuracy": None, "mark": ">"}


def growth(features: int, classes: int, sizes: tuple[int, ...]) -> None:
    """One fit of every head at several numbers of rows."""
    from classify.heads import HEADS as ALL

    print(f"seconds of one fit, default parameters, without calibration; {features:,} features, {classes} classes")
    print(f"{'head':12}" + "".join(f"{rows:>10,}" for rows in sizes) + "   exponent   1,000 scores   peak GiB")
    for name in ALL:
        found = [measure("one_fit", name, (rows, features, classes)) or {} for rows in sizes]
        seconds = [one["seconds"] for one in found]
        exponent = np.log(seconds[-1] / seconds[-2]) / np.log(sizes[-1] / sizes[-2])
        row = "".join(f"{one:10.2f}" for one in seconds)
        print(f"{name:12}{row} {exponent:10.2f} {found[-1]['predict']:12.2f} s {found[-1]['peak']:10.2f}", flush=True)


def large_table(rows: int, features: int, classes: int) -> None:
    """Logistic regression over the grid on many rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "rows.npy")
        measure("write_rows", path, rows, features, classes)
        found = measure("large", path, classes) or {}
    print(f"logistic regression, {rows:,} x {features:,}, {classes} classes; C: {GRID}")
    print(f"tuned in {found['tuned']:.1f} s, tuned and fitted in {found['seconds']:.1f} s,", end=" ")
    print(f"best {found['params']}, accuracy of the folds {found['accuracy']:.4f}, peak memory {found['peak']:.2f} GiB")


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, help="instead of 5,000 or 57,025")
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--classes", type=int, help="instead of 10 or 27")
    parser.add_argument("--heads", nargs="+", choices=HEADS, default=list(HEADS))
    parser.add_argument("--rounds", type=int, default=1, help="how often, ours and scikit-learn's in turn; medians")
    parser.add_argument("--no-peers", action="store_true", help="don't run scikit-learn")
    parser.add_argument("--peer-limit", type=float, help="seconds after which one of scikit-learn's is stopped")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, *arguments = json.loads(options.measure)
        print(json.dumps(MEASUREMENTS[name](*arguments)))
    elif options.growth:
        sizes = tuple(rows for rows in GROWTH if rows <= (options.rows or GROWTH[-1]))
        growth(options.features, options.classes or 27, sizes)
    elif options.large:
        large_table(options.rows or 57_025, options.features, options.classes or 27)
    else:
        shape = (options.rows or 5000, options.features, options.classes or 10)
        compare(shape, options.heads, options.rounds, not options.no_peers, options.peer_limit)


if __name__ == "__main__":
    main()
