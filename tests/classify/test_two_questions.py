"""Both questions are put to every head by folds that hide what they must hide, and the advice follows the figures."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import click
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from classify import compare, write_report
from classify.commands.main import cli
from classify.comparison import contest
from classify.comparison.questions.put import SIMPLEST
from classify.comparison.result import Comparison
from classify.errors import DataError, HeadError
from classify.evaluation.recommendation import recommend
from classify.fitting.planned import Planned, carry_out
from classify.heads import HEADS
from classify.report.advice import advice, uses
from classify.report.question_figure import draw_questions
from featurize.commands.console import run
from tests.classify.test_cli_compare import store
from tests.classify.worlds import World, make_world

HEADS_ASKED = ["simpleshot", "knn:k=1", "ridge"]


@pytest.fixture(scope="module")
def world() -> World:
    """Painters are easy to recognise, styles less so: remembering painters helps with those who were met."""
    return make_world(style=0.8, by_artist=1.5, artists=8, train=120, test=120, seed=4)


@pytest.fixture(scope="module")
def folded(world: World) -> Comparison:
    return compare(world.table, world.cache, HEADS_ASKED, folds=4, repeats=2)


def undivided(world: World) -> World:
    return world.relabelled(split=["train"] * len(world.table))


# ---- what the folds hide


def test_every_picture_is_named_once_a_repeat_by_heads_that_never_saw_it(world: World) -> None:
    """For new painters they saw nothing by the same artist either; tuning and calibration see the training part."""
    asked: list[tuple[Any, Any, Any]] = []

    def spy(trial: Planned) -> Any:
        if trial.learn is not None:
            asked.append((trial.train.get().take(trial.learn), trial.test.get().take(trial.held), trial.folds))
        return carry_out(trial)

    with mock.patch.object(contest, "carry_out", spy):
        compare(world.table, world.cache, "simpleshot", folds=3, repeats=2)
    artist = dict(zip(world.table.columns["id"], world.artists.tolist(), strict=True))
    outer = [(train, test, folds) for train, test, folds in asked if len(train) < len(world.table)]
    assert len(outer) == 2 * 2 * 3
    apart = 0
    for train, test, folds in outer:
        assert not set(train.rows.ids) & set(test.rows.ids)
        met = {artist[i] for i in train.rows.ids} & {artist[i] for i in test.rows.ids}
        inner_met = [{artist[train.rows.ids[n]] for n in a} & {artist[train.rows.ids[n]] for n in b} for a, b in folds]
        apart += not met
        assert bool(met) == any(inner_met), "the tuning's folds are of the same kind"
    assert apart == 2 * 3
    times = Counter(i for _, test, _ in outer for i in test.rows.ids)
    assert set(times.values()) == {2 * 2}


def test_labels_that_mean_nothing_give_chance_under_both_questions() -> None:
    """Tuning on what is scored would find more."""
    world = make_world(style=2.0, train=100, test=100, artists=8)
    labels = np.random.default_rng(0).permutation(world.table.columns["style"]).tolist()
    c = compare(world.relabelled(style=labels).table, world.cache, "ridge,svm", folds=4)
    for asked in c.asked:
        for answer in asked.answers:
            assert answer.scores.accuracy.low < 0.25 < answer.scores.accuracy.high
    assert [use.head for use in uses(c)] == ["", ""], "nobody is advised to take a head that guesses"
    assert all("can be told from guessing" in line for line in advice(c)[:2])


def test_known_painters_are_easier_where_painters_can_be_recognised(folded: Comparison) -> None:
    new, known = folded.asked
    assert [new.question, known.question] == ["new", "known"]
    kinds = [entry.kind for entry in folded.entries]
    gains = {
        k: known.answer(n).scores.accuracy.value - new.answer(n).scores.accuracy.value for n, k in enumerate(kinds)
    }
    assert min(gains.values()) > 0.05
    assert gains["knn"] > gains["simpleshot"] + 0.05
    assert kinds[known.ranking[0]] != kinds[new.ranking[0]], "the heads change places"


# ---- every figure again


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
    X = world.X.copy()
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


# ---- what is asked by default, and what is refused


def test_folds_are_the_default_without_a_test_part(world: World) -> None:
    c = compare(undivided(world).table, world.cache, "simpleshot")
    assert (c.dataset.folds, c.dataset.train, [a.question for a in c.asked]) == (5, "all", ["new", "known"])


def test_a_given_split_stays_the_headline_beside_both_questions(world: World) -> None:
    c = compare(world.table, world.cache, "simpleshot")
    alone = compare(world.table, world.cache, "simpleshot", folds=0)
    assert c.best.scores == alone.best.scores
    assert (len(c.rows), len(c.asked_rows), c.dataset.folds) == (120, 240, 0)
    assert [a.question for a in c.asked] == ["new", "known"]
    assert not alone.asked


@pytest.mark.parametrize("question", ["new", "known"])
def test_one_question_and_a_given_split_are_as_ever(world: World, question: str) -> None:
    c = compare(world.table, world.cache, "simpleshot", question=question)
    assert not c.asked
    assert c.dataset.question == question


def test_many_pictures_are_asked_one_question_and_it_is_said(world: World) -> None:
    with mock.patch("classify.comparison.questions.plan.LARGE", 100):
        c = compare(world.table, world.cache, "simpleshot")
        assert not c.asked
        assert ["--question both" in caution.text for caution in c.cautions if caution.kind == "one-question"] == [True]
        assert len(compare(world.table, world.cache, "simpleshot", question="both").asked) == 2


def test_where_no_artist_is_known_the_page_says_nothing_of_painters_met(world: World, tmp_path: Path) -> None:
    nameless = world.relabelled(artist=[""] * 240)
    split = compare(nameless.table, nameless.cache, "simpleshot")
    folds = compare(undivided(nameless).table, nameless.cache, "simpleshot")
    assert [use.whom[:19] for c in (split, folds) for use in uses(c)] == ["no artist is known:"] * 2
    write_report(folds, tmp_path)
    for name in ("index.html", "report.md"):
        text = (tmp_path / name).read_text("utf-8")
        assert "whom the head has met" not in text
        assert "other works of theirs" not in text
        assert "Painters it has met" not in text


def test_without_artists_there_is_one_question(world: World) -> None:
    nameless = undivided(world).relabelled(artist=[""] * 240)
    assert [a.question for a in compare(nameless.table, nameless.cache, "simpleshot").asked] == ["known"]
    with pytest.raises(DataError, match="no artist is known"):
        compare(nameless.table, nameless.cache, "simpleshot", question="both")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"folds": 1}, HeadError, "two folds or more"),
        ({"folds": -3}, HeadError, "--folds -3"),
        ({"folds": 500}, DataError, "can't be divided into 500 folds: 32 is the most"),
        ({"folds": 5, "test": "test"}, DataError, "leave --test test out"),
        ({"folds": 5, "learning_curve": True}, DataError, "--learning-curve"),
        ({"folds": 0, "question": "both"}, DataError, "leave --folds 0 out"),
        ({"question": "other"}, DataError, "there is no question 'other'"),
    ],
)
def test_refusals(world: World, options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        compare(world.table, world.cache, "simpleshot", **options)


def test_folds_of_one_split(world: World) -> None:
    c = compare(world.table, world.cache, "simpleshot", folds=3, train="test")
    assert (c.dataset.train, len(c.rows)) == ("test", 120)


# ---- an interruption


@pytest.mark.parametrize(("after", "entries", "asked"), [(1, 1, 0), (2 + 7, 2, 0), (2 + 10 + 3, 2, 1)])
def test_an_interruption_keeps_the_heads_that_were_finished(world: World, after: int, entries: int, asked: int) -> None:
    """Of two heads on a split: in the second one's own training, and in the folds of either."""
    calls = []

    def stopped(planned: Planned) -> Any:
        calls.append(1)
        if len(calls) > after:
            raise KeyboardInterrupt
        return carry_out(planned)

    with mock.patch.object(contest, "carry_out", stopped):
        c = compare(world.table, world.cache, "simpleshot,knn:k=1", partial=True)
    assert len(c.entries) == entries
    assert [a is not None for one in c.asked for a in one.answers].count(True) == 2 * asked
    assert c.cautions[0].kind == "stopped"
    calls.clear()
    with mock.patch.object(contest, "carry_out", stopped), pytest.raises(KeyboardInterrupt):
        compare(world.table, world.cache, "simpleshot,knn:k=1")


def test_the_command_says_what_an_interruption_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store(tmp_path)
    monkeypatch.chdir(tmp_path)
    calls = []

    def stopped(planned: Planned) -> Any:
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return carry_out(planned)

    monkeypatch.setattr(contest, "carry_out", stopped)
    assert run(cli, ["compare", "--heads", "simpleshot,ridge"]) == 130
    assert "stopped when 0 of 2 heads had been asked everything" in " ".join(capsys.readouterr().out.split())
    assert Path("reports/comparison/index.html").exists()
    assert run(cli, ["compare", "--heads", "simpleshot,ridge", "--out", "other"]) == 130
    said = capsys.readouterr().err
    assert "stopped: no report was written, and the same command begins anew" in said
    assert "kept" not in said
    assert not Path("other").exists()


@pytest.mark.parametrize("where", ["look_for_copies", "look_at_labels"])
def test_an_interruption_after_the_last_head_loses_no_figure(
    world: World, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at afterwards is missing, and it is said; the reader is told while the report is written."""

    def stopped(*args: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    told: list[str] = []
    monkeypatch.setattr(f"classify.comparison.steps.answers.{where}", stopped)
    c = compare(world.table, world.cache, "simpleshot,knn:k=1", folds=0, partial=True, tell=told.append)
    assert len(c.entries) == 2
    assert c.mistakes
    assert c.cautions[0].kind == "stopped"
    assert "2 of 2 heads" in c.cautions[0].text
    assert any("Ctrl-C again" in line for line in told)


@pytest.mark.parametrize(("name", "promised"), [("run", True), ("prepare", False)])
def test_what_an_interruption_keeps_is_promised_where_it_is_kept(
    name: str, promised: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.group()
    def group() -> None:
        pass

    @group.command(name)
    def stopped() -> None:
        raise KeyboardInterrupt

    assert run(group, [name]) == 130
    assert ("is kept" in capsys.readouterr().err) is promised


# ---- the advice


def hits(rng: np.random.Generator, accuracies: list[float], artists: int = 60) -> tuple[np.ndarray, np.ndarray]:
    groups = np.repeat(np.arange(artists), 5)
    return (rng.random((len(groups), len(accuracies))) < accuracies).astype(float), groups.astype(str)


def test_a_better_head_is_called_so_and_equal_ones_give_way_to_the_simplest() -> None:
    rng = np.random.default_rng(0)
    values, groups = hits(rng, [0.5, 0.8, 0.45])
    found = recommend(values, groups, [1, 3, 2])
    assert (found.head, found.first, found.equals, found.better) == (1, 1, (1,), True)
    values[:, 2] = values[:, 1]  # the same answers, from a simpler head
    found = recommend(values, groups, [1, 3, 2])
    assert (found.head, set(found.equals), found.better) == (2, {1, 2}, False)


def test_a_difference_that_the_training_parts_do_not_bear_makes_no_head_better() -> None:
    """Resamples of the scored pictures say nothing of what other training pictures would have changed."""
    values, groups = hits(np.random.default_rng(0), [0.8, 0.5])
    steady = np.array([[0.8, 0.81, 0.79, 0.8, 0.8], [0.5, 0.51, 0.49, 0.5, 0.5]])
    shaky = np.array([[0.95, 0.6, 0.9, 0.65, 0.9], [0.4, 0.65, 0.35, 0.7, 0.4]])
    assert recommend(values, groups, [2, 1], folds=steady, test_share=0.25).better
    assert set(recommend(values, groups, [2, 1], folds=shaky, test_share=0.25).equals) == {0, 1}


def test_simplicity_does_not_outweigh_what_is_clearly_behind() -> None:
    """More than a standard error behind the first, though not significantly."""
    groups = np.repeat(np.arange(40), 5).astype(str)
    first = np.tile([1.0, 1, 1, 0, 0], 40)
    other = first.copy()
    other[:20:5] = 0  # 4 pictures worse, one of 4 artists each
    other[23] = 1
    found = recommend(np.stack([first, other], axis=1), groups, [2, 1])
    assert found.first == 0
    assert found.head == 0
    assert not found.better


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(3, 12))
@settings(max_examples=25, deadline=None)
def test_the_head_to_take_is_among_the_equals_and_no_simpler_one_is_as_near(
    seed: int, heads: int, artists: int
) -> None:
    rng = np.random.default_rng(seed)
    values, groups = hits(rng, rng.uniform(0.2, 0.8, heads).tolist(), artists)
    order = rng.permutation(heads).tolist()
    found = recommend(values, groups, order)
    assert found.head in found.equals
    assert found.first in found.equals
    means = values.mean(0)
    assert means[found.first] == means.max()
    assert list(found.equals) == sorted(found.equals, key=lambda m: (-means[m], m))
    if artists >= 5:
        assert means[found.first] - means[found.head] <= found.slack + 1e-12


def test_every_head_has_a_place_in_the_order_of_simplicity() -> None:
    assert set(SIMPLEST) == set(HEADS)


def test_the_first_lines_say_what_to_take_how_often_it_errs_and_what_to_check(folded: Comparison) -> None:
    lines = advice(folded)
    assert len(lines) == 3
    for line, asked in zip(lines, folded.asked, strict=False):
        taken = asked.recommendation.head
        assert f"Take {folded.entries[taken].name}" in line
        wrong = 1 - asked.answer(taken).scores.accuracy.value
        assert f"for {100 * wrong:.0f}" in line
    assert Path(folded.rows[folded.mistakes[0].row].path).name in lines[2]
    assert not advice(replace(folded, asked=()))


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


def test_a_network_is_tuned_on_three_of_the_five_folds_inside_a_training_part(world: World) -> None:
    """And on all five for the comparison itself; the heads that share their work keep all five."""
    asked: dict[str, list[int]] = defaultdict(list)
    ask = contest.Contest.ask

    def spy(self: contest.Contest, planned: Any) -> Any:
        for one in planned:
            asked[one.spec.kind].append(len(one.folds))
        return ask(self, planned)

    with mock.patch.object(contest.Contest, "ask", spy):
        compare(world.table, world.cache, "softmax:epochs=1,lr=0.01,weight_decay=0,ridge:alpha=1", seeds=1)
    assert asked["softmax"] == [5] + 10 * [3]
    assert asked["ridge"] == 11 * [5]
