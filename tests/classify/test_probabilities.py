"""From the exported probabilities alone, scikit-learn and scipy compute the figures of the comparison again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats
from sklearn import metrics

from classify.comparison.compare import compare
from classify.comparison.result import Comparison
from classify.errors import DataError
from classify.report.probabilities import write_probabilities
from tests.classify.worlds import make_world


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    world = make_world(style=0.6, by_artist=0.5, classes=7, train=140, test=120)
    labels = ["Only trained" if n in (0, 1, 2) else s for n, s in enumerate(world.table.columns["style"])]
    return compare(world.relabelled(style=labels).table, [world.cache], ["logreg", "lda", "prototype"], seed=3)


@pytest.fixture(scope="module", params=["npz", "parquet"])
def answers(comparison: Comparison, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Heads -> (truth, probabilities, groups), as somebody else reads the file."""
    path = write_probabilities(comparison, tmp_path_factory.mktemp("export") / f"answers.{request.param}")
    if request.param == "npz":
        found = np.load(path)
        own = dict(zip(found["heads"].tolist(), found["probabilities"], strict=True))
        return {name: (found["truth"], p, found["groups"], found["ids"]) for name, p in own.items()}
    table = pq.read_table(path).to_pydict()
    classes = [name.removeprefix("p: ") for name in table if name.startswith("p: ")]
    out = {}
    for name in dict.fromkeys(table["head"]):
        rows = [n for n, head in enumerate(table["head"]) if head == name]
        p = np.array([table[f"p: {c}"] for c in classes]).T[rows]
        truth = np.array([classes.index(table["truth"][n]) for n in rows])
        out[name] = (truth, p, np.array(table["group"])[rows], np.array(table["id"])[rows])
        assert [classes.index(table["predicted"][n]) for n in rows] == p.argmax(1).tolist()
    return out


def test_every_figure_of_a_head_is_computed_again(comparison: Comparison, answers: dict) -> None:
    assert list(answers) == [e.name for e in comparison.entries]
    for entry in comparison.entries:
        truth, p, _, ids = answers[entry.name]
        s, tested, named = entry.scores, np.unique(truth), p.argmax(1)
        assert ids.tolist() == [row.id for row in comparison.rows]
        assert s.accuracy.value == metrics.accuracy_score(truth, named)
        interval = stats.binomtest(int((named == truth).sum()), len(truth)).proportion_ci(method="wilson")
        assert (s.accuracy.low, s.accuracy.high) == pytest.approx((interval.low, interval.high))
        assert s.macro_f1 == pytest.approx(metrics.f1_score(truth, named, labels=tested, average="macro"))
        assert s.balanced_accuracy == pytest.approx(
            metrics.recall_score(truth, named, labels=tested, average="macro", zero_division=0)
        )
        for k, top in ((3, s.top3), (5, s.top5)):
            assert top == pytest.approx(metrics.top_k_accuracy_score(truth, p, k=k, labels=np.arange(p.shape[1])))
        precisions = [metrics.average_precision_score(truth == c, p[:, c]) for c in tested]
        assert s.mean_average_precision == pytest.approx(np.mean(precisions))
        clipped = np.maximum(p, 0)
        assert s.log_loss == pytest.approx(metrics.log_loss(truth, clipped, labels=np.arange(p.shape[1])))
        assert s.calibration_error == pytest.approx(calibration_error(p.max(1), named == truth))


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Guo et al. (2017), equation 3, with scipy's bins."""
    bins = np.ceil(confidence * 10).clip(1)  # (low, high]
    edges = np.arange(0.5, 11)
    said, was, share = (
        stats.binned_statistic(bins, values, statistic, bins=edges).statistic
        for values, statistic in ((confidence, "mean"), (right, "mean"), (right, "count"))
    )
    filled = share > 0
    return float((np.abs(said - was)[filled] * share[filled]).sum() / len(right))


def test_every_pair_of_heads_is_tested_again(comparison: Comparison, answers: dict) -> None:
    """McNemar's exact test is the binomial test of those that one alone gets right."""
    right = {name: p.argmax(1) == truth for name, (truth, p, _, _) in answers.items()}
    names = [e.name for e in comparison.entries]
    for x in comparison.verdict.contrasts:
        first, second = right[names[x.first]], right[names[x.second]]
        alone = int((first & ~second).sum()), int((second & ~first).sum())
        assert (x.only_first, x.only_second) == alone
        assert x.p == pytest.approx(stats.binomtest(alone[0], sum(alone)).pvalue if sum(alone) else 1)
        assert x.difference.value == pytest.approx(first.mean() - second.mean())


def test_the_interval_by_artist_is_a_bootstrap_of_the_exported_groups(comparison: Comparison, answers: dict) -> None:
    """With other draws, and so within the bootstrap's own error."""
    entry = comparison.best
    truth, p, groups, _ = answers[entry.name]
    right = p.argmax(1) == truth
    artists = [np.flatnonzero(groups == name) for name in np.unique(groups)]
    rng = np.random.default_rng(9)
    drawn = [np.concatenate([artists[n] for n in rng.integers(0, len(artists), len(artists))]) for _ in range(2000)]
    count = len(artists)
    tail = stats.norm.cdf(-np.sqrt(count / (count - 1)) * stats.t.ppf(0.975, count - 1))
    low, high = np.quantile([right[rows].mean() for rows in drawn], [tail, 1 - tail])
    assert (entry.scores.clustered.low, entry.scores.clustered.high) == pytest.approx((low, high), abs=0.02)


def test_another_ending_is_refused(comparison: Comparison, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'.*answers.xls': give a file that ends in .parquet or .npz"):
        write_probabilities(comparison, tmp_path / "answers.xls")


@pytest.mark.parametrize("kind", ["npz", "parquet"])
def test_figures_over_repeated_folds_are_computed_again_from_all_repeats(kind: str, tmp_path: Path) -> None:
    world = make_world(style=0.6, classes=3, train=60, test=60)
    c = compare(world.table, [world.cache], ["ridge", "lda"], folds=3, repeats=3, question="known", tune=False)
    path = write_probabilities(c, tmp_path / f"answers.{kind}")
    found = np.load(path) if kind == "npz" else pq.read_table(path).to_pandas()
    for n, entry in enumerate(c.entries):
        if kind == "npz":
            truth, p, ids, repeats = found["truth"], found["probabilities"][n], found["ids"], found["repeats"]
        else:
            own = found[found["head"] == entry.name]
            truth = np.array([c.classes.index(name) for name in own["truth"]])
            p, ids, repeats = own[[f"p: {name}" for name in c.classes]].to_numpy(), own["id"], own["repeat"]
            assert own["predicted"].tolist() == [c.classes[k] for k in p.argmax(1)]
        assert list(ids) == [row.id for row in c.rows] * 3
        assert list(repeats) == [0] * 120 + [1] * 120 + [2] * 120
        assert entry.scores.accuracy.value == pytest.approx((p.argmax(1) == truth).mean())
        assert entry.scores.log_loss == pytest.approx(metrics.log_loss(truth, p, labels=[0, 1, 2]))
