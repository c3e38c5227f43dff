"""Both questions are put to every head by folds that hide what they must hide; one question where that is due."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from classify import compare, write_report
from classify.comparison import contest
from classify.comparison.result import Comparison
from classify.errors import DataError, HeadError
from classify.fitting.planned import Planned, carry_out
from classify.report.advice import advice, uses
from tests.classify.worlds import World, make_world


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
        ({"folds": 500}, DataError, "can't be divided into 500 folds: no class has so many .* --folds 32 is possible"),
        ({"folds": 5, "test": "test"}, DataError, "leave --test test out"),
        ({"folds": 5, "learning_curve": True}, DataError, "--folds scores without one: leave one of them out"),
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
