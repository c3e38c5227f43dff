"""A comparison says what is in the data, and not what isn't."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cache import Rows, cache_in_memory
from cache.ids import from_hex
from classify.comparison.cautions import near_chance
from classify.comparison.compare import compare
from classify.comparison.mistakes import most_confident, most_confused
from classify.evaluation.entry import Estimate
from classify.evaluation.ordering import related_order
from tests.cache.samples import network
from tests.classify.worlds import AVGPOOL, KEY, RANDOM_KEY, STATS, fill, kinds, make_world, run


def test_style_in_the_embeddings_is_found() -> None:
    c = run(make_world(style=2.0, disjoint=True))
    assert c.best.scores.accuracy.low > 0.6
    assert "near-chance" not in kinds(c)


def test_shuffled_labels_give_chance_and_a_warning() -> None:
    world = make_world(style=2.0, train=160, test=160)
    labels = np.random.default_rng(1).permutation(world.table.columns["style"]).tolist()
    c = run(world.relabelled(style=labels))
    assert c.best.scores.accuracy.low <= 0.25 <= c.best.scores.accuracy.high
    assert "near-chance" in kinds(c)


def test_always_naming_a_large_class_is_no_achievement() -> None:
    """80 % of the pictures are of one class, and nothing else can be learned: that gives 80 %, and a warning."""
    world = make_world(style=0.0, train=200, test=200, classes=2)
    labels = ["Large" if n % 5 else "Small" for n in range(400)]
    c = run(world.relabelled(style=labels))
    assert c.dataset.majority == pytest.approx(0.8)
    assert c.best.scores.accuracy.value > 0.6
    assert "near-chance" in kinds(c)


def test_an_interval_by_artist_that_reaches_chance_is_warned_of() -> None:
    """Wilson's interval takes pictures as independent, and may stay above it."""
    c = run(make_world(style=2.0, disjoint=True))
    scores = c.best.scores
    assert scores.accuracy.low > c.dataset.chance
    assert not list(near_chance([c.best], c.dataset))
    wide = Estimate(scores.accuracy.value, c.dataset.chance - 0.01, 1)
    (caution,) = near_chance([replace(c.best, scores=replace(scores, clustered=wide))], c.dataset)
    assert c.best.name in caution.text
    assert not list(near_chance([replace(c.best, scores=replace(scores, clustered=None))], c.dataset))


@pytest.mark.parametrize(("artists", "shown"), [(1, False), (4, False), (5, True)])
def test_an_interval_by_artist_needs_five(artists: int, shown: bool) -> None:
    """One artist gave [0, 1] and "the interval reaches down to chance"."""
    world = make_world(style=2.0)
    c = run(world.relabelled(artist=[f"painter {n % artists}" for n in range(160)]))
    assert (c.best.scores.clustered is not None) is shown
    assert ("few-artists" in kinds(c)) is not shown
    assert "near-chance" not in kinds(c)
    texts = [caution.text for caution in c.cautions if caution.kind == "few-artists"]
    assert shown or f"by {artists} artist{'s' * (artists > 1)} only" in texts[0]


def test_untrained_backbone_is_said() -> None:
    c = run(make_world(style=2.0, key=RANDOM_KEY))
    assert c.untrained
    assert c.best.untrained
    assert c.cautions[0].kind == "untrained"


def test_heads_on_a_better_embedding_come_first_and_are_told_apart() -> None:
    world = make_world(style=0.0, train=150, test=150)
    better = make_world(style=2.0, train=150, test=150)
    fill(world.cache, world.table, better.X, STATS)
    c = run(world, embeddings=["avgpool", "stats", "avgpool+stats"])
    assert [e.embedding for e in c.entries][2] == "avgpool"
    assert {e.dimension for e in c.entries} == {16, 32}
    assert any(x.differ for x in c.verdict.contrasts)
    assert (2,) in c.verdict.groups
    assert len({e.name for e in c.entries}) == 3


def test_several_backbones_see_the_same_rows() -> None:
    world = make_world(style=1.0)
    other = cache_in_memory(replace(KEY, network=network("othernet")))
    ids = from_hex(world.table.columns["id"])
    status = np.zeros(len(ids), np.uint8)
    status[[3, 100]] = 7  # broken in this cache only: left out of both
    vectors = world.X.copy()
    vectors[[3, 100]] = np.nan
    other.append(Rows(ids, status, {AVGPOOL: vectors}, {3: "broken", 100: "broken"}))
    c = compare(world.table, [world.cache, other], ["logreg:C=0.01"], folds=0)
    assert (c.dataset.train_rows, c.dataset.test_rows) == (79, 79)
    assert c.entries[0].predictions == c.entries[1].predictions
    assert {e.name for e in c.entries} == {"logreg:C=0.01 · tinynet", "logreg:C=0.01 · othernet"}


def test_one_class_in_two_spellings_is_named_and_its_halves_are_told_apart() -> None:
    """ "Abstract Art" with no training pictures beside "Abstract_Art" with no test pictures: which is which?"""
    world = make_world()
    labels = ["Abstract_Art" if i < 80 else "Abstract Art" if i % 4 == 0 else "Rest" for i in range(160)]
    labels[:80:2] = ["Rest"] * 40
    c = run(world.relabelled(style=labels))
    texts = {caution.kind: caution.text for caution in c.cautions}
    assert "“Abstract Art” and “Abstract_Art” are counted as different classes" in texts["class-spellings"]
    absent = [caution.text for caution in c.cautions if caution.kind == "absent-classes"]
    assert [text.split(" has ")[0] for text in absent] == ["Abstract Art", "Abstract_Art"]
    assert "class-spellings" not in kinds(run(world))


def test_small_and_absent_classes_are_named() -> None:
    world = make_world(classes=2, train=60, test=60)
    labels = list(world.table.columns["style"])
    labels[:4] = ["Only trained"] * 4
    labels[60:63] = ["Only tested"] * 3
    c = run(world.relabelled(style=labels))
    said = {caution.kind: caution.text for caution in c.cautions}
    absent = [caution.text for caution in c.cautions if caution.kind == "absent-classes"]
    assert any("Only trained" in text for text in absent)
    assert any("Only tested" in text for text in absent)
    assert "Only tested" in said["small-classes"]
    assert c.entries[0].scores.per_class[c.classes.index("Only tested")].recall == 0


# ---- what a reader is shown


def test_related_classes_stand_together() -> None:
    rng = np.random.default_rng(0)
    families = np.array([0, 1, 0, 1, 2, 2])  # of six classes
    centres = 5 * rng.normal(size=(3, 20))[families] + rng.normal(size=(6, 20))
    codes = np.repeat(np.arange(6), 10)
    order = related_order(centres[codes] + rng.normal(size=(60, 20)), codes, 7)
    seen = families[list(order[:6])].tolist()
    assert [f for n, f in enumerate(seen) if not n or f != seen[n - 1]] == list(dict.fromkeys(seen))
    assert order[6] == 6  # the class without pictures comes last
    assert sorted(order) == list(range(7))


def test_mistakes_are_the_surest_wrong_answers() -> None:
    c = run(make_world(style=0.7, train=200, test=200))
    p = c.best.predictions
    wrong = [n for n, r in enumerate(c.rows) if p.predicted[n] != r.label]
    shown = most_confident(c.best, c.rows, 5)
    assert [m.confidence for m in shown] == sorted((p.confidence[n] for n in wrong), reverse=True)[:5]
    assert all(c.rows[m.row].label != m.predicted for m in shown)


def test_confused_pairs_are_counted_both_ways() -> None:
    c = run(make_world(style=0.5, train=200, test=200))
    pairs = most_confused(c.best, c.rows)
    matrix = np.array(c.best.scores.confusion)
    both = [p.count + p.back for p in pairs]
    assert both == sorted(both, reverse=True)
    assert both[0] == np.triu(matrix + matrix.T, 1).max()
    for p in pairs:
        assert p.count >= p.back
        assert all(c.rows[n].label == p.truth for n in p.mistaken)
        assert all(c.best.predictions.predicted[n] == p.predicted for n in p.mistaken)
        assert all(c.rows[n].label == p.predicted for n in p.typical)
