"""Every figure of both questions follows from the predictions, and stands in the report."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from classify import compare, write_report
from classify.comparison.result import Comparison
from classify.errors import DataError
from classify.report.question_figure import draw_questions
from tests.classify.comparison.conftest import HEADS_ASKED
from tests.classify.worlds import World


@pytest.fixture(scope="module", params=["folds", "split"])
def written(
    request: pytest.FixtureRequest, world: World, folded: Comparison, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Comparison, list[dict[str, str]]]:
    c = folded if request.param == "folds" else compare(world.table, world.cache, HEADS_ASKED[:2])
    folder = tmp_path_factory.mktemp(request.param)
    write_report(c, folder)
    with (folder / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        return c, list(csv.DictReader(file))


def test_figures_of_both_questions_follow_from_predictions_csv(
    written: tuple[Comparison, list[dict[str, str]]],
) -> None:
    """By scikit-learn and scipy from the file alone."""
    c, lines = written
    for asked in c.asked:
        accuracies = {}
        for n, entry in enumerate(c.entries):
            mine = [
                x for x in lines if (x["scored_by"], x["question"], x["head"]) == ("folds", asked.question, entry.name)
            ]
            assert len(mine) == asked.pictures * asked.repeats
            truth, said = [x["truth"] for x in mine], [x["predicted"] for x in mine]
            right = np.array(truth) == np.array(said)
            scores, answer = asked.answer(n).scores, asked.answer(n)
            assert scores.accuracy.value == pytest.approx(right.mean())
            z, size = stats.norm.ppf(0.975), asked.pictures
            centre = (right.mean() + z**2 / 2 / size) / (1 + z**2 / size)
            reach = z / (1 + z**2 / size) * np.sqrt(right.mean() * (1 - right.mean()) / size + z**2 / 4 / size**2)
            assert (scores.accuracy.low, scores.accuracy.high) == pytest.approx((centre - reach, centre + reach))
            assert scores.macro_f1 == pytest.approx(metrics.f1_score(truth, said, average="macro"))
            assert scores.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(truth, said))
            assert scores.top3 == pytest.approx(np.mean([int(x["truth_rank"]) <= 3 for x in mine]))
            confidence = np.array([float(x["confidence"]) for x in mine])
            bins = np.ceil(confidence * 10)
            gaps = [abs(right[bins == b].sum() - confidence[bins == b].sum()) for b in np.unique(bins)]
            assert scores.calibration_error == pytest.approx(sum(gaps) / len(mine), abs=1e-4)
            where = [(int(x["repeat"]), int(x["fold"])) for x in mine]
            folds = [right[[w == place for w in where]].mean() for place in sorted(set(where))]
            assert answer.folds == pytest.approx(folds)
            share = 1 / (asked.fold_count - 1)
            error = np.sqrt((1 / len(folds) + share) * np.var(folds, ddof=1))
            reach = stats.t.ppf(0.975, len(folds) - 1) * error
            assert (answer.over_folds.low, answer.over_folds.high) == pytest.approx(
                (max(np.mean(folds) - reach, 0), min(np.mean(folds) + reach, 1)), abs=0.005
            )
            accuracies[n] = np.array(folds)
            drawn = bootstrap(right, np.array([x["group"] for x in mine]))
            assert (scores.clustered.low, scores.clustered.high) == pytest.approx(drawn, abs=0.02)
        first = asked.ranking[0]
        ps = {}
        for n in asked.ranking[1:]:
            gap = accuracies[first] - accuracies[n]
            error = np.sqrt((1 / len(gap) + 1 / (asked.fold_count - 1)) * np.var(gap, ddof=1))
            ps[n] = 2 * stats.t.sf(abs(gap.mean() / error), len(gap) - 1)
            assert asked.answer(n).p == pytest.approx(ps[n], rel=0.1)
            assert asked.answer(n).behind.value == pytest.approx(
                asked.answer(first).scores.accuracy.value - asked.answer(n).scores.accuracy.value
            )


def test_what_having_met_the_artist_is_worth_follows_from_predictions_csv(
    written: tuple[Comparison, list[dict[str, str]]],
) -> None:
    """For every head: known less new, picture by picture, with artists resampled."""
    c, lines = written
    assert len(c.gains) == len(c.entries)
    for entry, gain in zip(c.entries, c.gains, strict=True):
        right: dict[str, dict[str, list[bool]]] = {"new": defaultdict(list), "known": defaultdict(list)}
        for x in lines:
            if (x["scored_by"], x["head"]) == ("folds", entry.name):
                right[x["question"]][x["path"]].append(x["truth"] == x["predicted"])
        group = {x["path"]: x["group"] for x in lines if x["scored_by"] == "folds"}
        paths = sorted(group)
        paired = np.array([np.mean(right["known"][p]) - np.mean(right["new"][p]) for p in paths])
        assert gain is not None
        assert gain.value == pytest.approx(paired.mean())
        assert (gain.low, gain.high) == pytest.approx(bootstrap(paired, np.array([group[p] for p in paths])), abs=0.025)


def bootstrap(right: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Expanded percentiles (Hesterberg 2015) over artists, with draws of its own."""
    artists = [right[groups == name] for name in np.unique(groups)]
    count, rng = len(artists), np.random.default_rng(11)
    hits, sizes = np.array([a.sum() for a in artists]), np.array([len(a) for a in artists])
    rows = rng.integers(0, count, (2000, count))
    tail = stats.norm.cdf(-np.sqrt(count / (count - 1)) * stats.t.ppf(0.975, count - 1))
    low, high = np.quantile(hits[rows].sum(1) / sizes[rows].sum(1), [tail, 1 - tail])
    return float(low), float(high)


def test_the_headline_of_folds_is_the_first_question(folded: Comparison) -> None:
    new = folded.asked[0]
    for n, entry in enumerate(folded.entries):
        assert entry.scores == new.answer(n).scores
        assert entry.predictions == new.answer(n).predictions[0]
        assert entry.probabilities.argmax(1).tolist() == list(entry.predictions.predicted)
    assert len(folded.rows) == len(folded.asked_rows) == 240
    assert (folded.dataset.folds, folded.dataset.repeats, folded.dataset.question) == (4, 2, "new")


def test_mistakes_and_copies_are_looked_for_outside_the_fold(world: World) -> None:
    """The picture most like itself would be itself."""
    noise = np.random.default_rng(0).normal(size=(240, 48)).astype(np.float32)
    X = np.concatenate([world.X, noise], axis=1)  # as many numbers as copies are looked for by
    X[7] = X[100] + 0.01
    table = world.table.with_columns(artist=["unknown" if n in (7, 100) else a for n, a in enumerate(world.artists)])
    from cache import cache_in_memory
    from tests.classify.worlds import KEY, fill

    cache = cache_in_memory(KEY)
    fill(cache, table, X)
    c = compare(table, cache, "simpleshot", folds=4)
    assert all(m.nearest is not None and m.nearest.id != c.rows[m.row].id for m in c.mistakes)
    assert c.leaks.artists is None
    assert not c.leaks.same_files
    own = {(c.rows[d.row].id, d.train_id) for d in c.leaks.duplicates}
    fold = c.asked[0].fold[0]
    if fold[7] != fold[100]:
        assert (world.table.columns["id"][7], world.table.columns["id"][100]) in own


def test_the_figure_says_both_figures_of_every_head(folded: Comparison, world: World) -> None:
    label = draw_questions(folded).get_label()
    for entry in folded.entries:
        assert entry.name in label
    with pytest.raises(DataError, match="question='both'"):
        draw_questions(replace(folded, asked=folded.asked[:1]))


def test_report_files_have_a_column_for_each_question(folded: Comparison, tmp_path: Path) -> None:
    write_report(folded, tmp_path)
    page = (tmp_path / "index.html").read_text("utf-8")
    assert page.index("New painters") < page.index("The ranking")
    assert "What having met the artist is worth" in page
    assert "known<br>painters" in page
    text = (tmp_path / "report.md").read_text("utf-8")
    assert "## Known painters: other works of theirs are among these pictures" in text
    assert text.count("| knn:k=1 |") == 4, "the ranking, both questions, and what having met the artist is worth"
    with (tmp_path / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    counts = defaultdict(int)
    for line in lines:
        counts[line["question"], line["repeat"]] += 1
    assert set(counts) == {("new", "1"), ("new", "2"), ("known", "1"), ("known", "2")}
