"""A comparison says what is in the data, and not what isn't."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cache import FeatureCache, Rows, cache_in_memory
from cache.ids import from_hex
from classify.comparison.cautions import near_chance
from classify.comparison.compare import compare
from classify.comparison.curves import nested_subsets
from classify.comparison.leaks import overlap, worth_of_artists
from classify.comparison.matched import match
from classify.comparison.mistakes import most_confident, most_confused
from classify.comparison.questions.plan import Plan
from classify.comparison.result import Comparison
from classify.comparison.task import Task, dataset_facts
from classify.data import load_examples, load_rows
from classify.errors import DataError, HeadError
from classify.evaluation.entry import Estimate
from classify.evaluation.ordering import related_order
from classify.evaluation.repeats import judge_repeats, resampled_splits
from classify.fitting import place, train_head
from classify.heads import HeadSpec
from featurize.dataset.audit import audit
from featurize.errors import TableError
from tests.cache.samples import network
from tests.classify.worlds import AVGPOOL, KEY, RANDOM_KEY, STATS, World, fill, make_world


def run(world: World, heads: tuple[str, ...] = ("logreg:C=0.01",), **options: object) -> Comparison:
    return compare(world.table, [world.cache], heads, **{"folds": 0, **options})


def kinds(comparison: Comparison) -> set[str]:
    return {caution.kind for caution in comparison.cautions}


# ---- what is found


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


# ---- leaks


def test_planted_near_duplicates_are_found_and_nothing_else() -> None:
    world = make_world(dimension=64, train=100, test=60)
    X = world.X.copy()
    rng = np.random.default_rng(5)
    for n in range(5):
        X[100 + n] = X[n] + 0.15 * rng.normal(size=64)
    cache = cache_in_memory(KEY)
    fill(cache, world.table, X)
    c = compare(world.table, [cache], ["logreg:C=0.01"])
    assert {(d.row, d.train_path) for d in c.leaks.duplicates} == {(n, f"pictures/{n}.jpg") for n in range(5)}
    assert not any(d.identical for d in c.leaks.duplicates)
    assert "duplicates" in kinds(c)


def test_the_same_file_on_both_sides_is_found_even_untrained() -> None:
    world = make_world(key=RANDOM_KEY, dimension=64)
    ids = list(world.table.columns["id"])
    ids[100] = ids[7]
    table = world.table.with_columns(id=ids)
    c = compare(table, [world.cache], ["logreg:C=0.01"])
    (found,) = c.leaks.duplicates
    assert (found.row, found.train_path, found.identical) == (20, "pictures/7.jpg", True)
    assert "duplicates" in kinds(c)


def test_copies_of_one_test_picture_are_all_named_and_counted_once() -> None:
    """Ten test pictures have three altered copies each in the training part."""
    world = make_world(dimension=64, train=200, test=60)
    X = world.X.copy()
    rng = np.random.default_rng(5)
    planted = {(n, 3 * n + k) for n in range(10) for k in range(3)}
    for n, copy in planted:
        X[copy] = X[200 + n] + rng.uniform(0.05, 0.2) * rng.normal(size=64)
    cache = cache_in_memory(KEY)
    fill(cache, world.table, X)
    c = compare(world.table, [cache], ["logreg:C=0.01"])
    assert {(d.row, d.train_path) for d in c.leaks.duplicates} == {(n, f"pictures/{k}.jpg") for n, k in planted}
    (text,) = [caution.text for caution in c.cautions if caution.kind == "duplicates"]
    assert text.startswith("10 test pictures are nearly the same as a training picture")


def test_the_audit_and_the_comparison_name_the_same_pairs(tmp_path: Path) -> None:
    """Several copies, equal files, a series of look-alikes: both ask one finder about the same rows."""
    world = make_world(dimension=64, train=150, test=60)
    X = world.X.copy()
    rng = np.random.default_rng(6)
    for n in range(8):
        for k in range(1 + n % 4):
            X[5 * n + k] = X[150 + n] + rng.uniform(0.05, 0.9) * rng.normal(size=64)
    X[[*range(100, 112), 190]] = X[100] + 0.5 * rng.normal(size=(13, 64))
    ids = list(world.table.columns["id"])
    ids[200] = ids[90]
    table = world.table.with_columns(id=ids)
    cache = cache_in_memory(KEY)
    fill(cache, table, X)
    c = compare(table, [cache], ["logreg:C=0.01"])
    told = {(table.columns["path"].index(d.train_path), 150 + d.row) for d in c.leaks.duplicates}
    found = audit(table, tmp_path / "dataset.csv", cache=cache, recipe=AVGPOOL, pictures=False)
    equal = {tuple(group.rows) for group in found.duplicates}
    assert equal == {(90, 200)}
    pairs = {pair.rows for pair in found.copies}
    assert {pair.rows for pair in c.twice.pairs} == pairs
    across = {rows for rows in pairs if rows[0] < 150 <= rows[1]}
    assert told == across | equal
    assert 10 < len(told) < len(pairs)


def test_shared_artists_are_counted() -> None:
    world = make_world()
    train, test = set(world.artists[:80]), world.artists[80:]
    c = run(world)
    overlap = c.leaks.artists
    assert overlap is not None
    assert overlap.shared_pictures == sum(a in train for a in test)
    assert overlap.shared_artists == len(train & set(test))
    assert overlap.test_artists == len(set(test))
    assert "artist-overlap" in kinds(c)


def test_the_warning_of_shared_artists_speaks_of_pictures_whose_artist_is_known() -> None:
    """Two thirds of the test pictures have an artist, all of them met: that is not all of the test pictures."""
    world = make_world()
    names = [world.artists[0] if n % 3 else "unknown" for n in range(len(world.artists))]
    c = run(replace(world, table=world.table.with_columns(artist=names)))
    said = next(caution.text for caution in c.cautions if caution.kind == "artist-overlap")
    assert " of the test pictures whose artist is known are by one who is in the training part" in said


def test_pictures_of_unknown_artists_are_in_no_overlap() -> None:
    """Neither as known, nor as met, though one of them stands in both parts; and what is left is counted by hand."""
    world = make_world()
    names = [name if n % 3 else "unknown" for n, name in enumerate(world.artists)]
    ids = list(world.table.columns["id"])
    ids[80 + 4], ids[80 + 2] = ids[0], ids[3]  # rows 84 and 0, of an unknown artist, are one picture
    names[84] = names[82] = ""
    train, test = set(names[:80]) - {"unknown"}, [name for name in names[80:] if name not in ("unknown", "")]
    table = world.table.with_columns(artist=names, id=ids)
    parts = [load_rows(table, "style", split) for split in ("train", "test")]
    hits = np.arange(80) % 2 == 0
    found = overlap(*parts, hits)
    assert (found.test_pictures, found.test_artists) == (len(test), len(set(test)))
    assert found.shared_pictures == sum(name in train for name in test)
    assert found.shared_artists == len(train & set(test))
    seen = np.array([name in train for name in names[80:]])
    assert found.seen.value == pytest.approx(hits[seen].mean())
    assert found.unseen.value == pytest.approx(hits[~seen].mean())


def test_inverted_names_in_one_part_change_no_overlap() -> None:
    """As catalogues write them: "Monet, Claude" beside "claude-monet"."""
    world = make_world()
    names = [f"claude-{a.replace('-', '')}" for a in world.artists]
    inverted = [n if i < 80 else f"{n.split('-')[1].title()}, Claude" for i, n in enumerate(names)]
    plain, turned = (run(world.relabelled(artist=artists)) for artists in (names, inverted))
    assert plain.leaks.artists == turned.leaks.artists
    assert plain.leaks.artists.shared_pictures > 40
    assert "artist-names" not in kinds(turned)


def test_names_that_may_mean_a_training_artist_are_shown_and_not_merged() -> None:
    world = make_world(disjoint=True)
    artists = [f"A{n}. Painter{n}" for n in range(160)]
    artists[:4] = ["Claude Monet", "claude-monet", "Edgar Degas", "Mary Cassatt"]
    artists[80:87] = ["C. Monet", "c-monet", "Monet, C.", "unknown", "Degas", "Berthe Morisot", "Mary Cassatt"]
    artists[4] = "M. Cassatt"
    c = run(world.relabelled(artist=artists))
    assert c.leaks.artists.shared_pictures == 1, "Mary Cassatt is no candidate: she is in both parts anyway"
    assert {(n.test_name, n.train_name, n.pictures) for n in c.leaks.artists.candidates} == {
        ("C. Monet", "Claude Monet", 3),
        ("Degas", "Edgar Degas", 1),
    }
    (text,) = [caution.text for caution in c.cautions if caution.kind == "artist-names"]
    assert text.startswith("4 test pictures are counted as by new artists")
    assert "“C. Monet” may be “Claude Monet”" in text


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


def test_disjoint_artists_give_no_warning() -> None:
    c = run(make_world(disjoint=True))
    assert c.leaks.artists is not None
    assert c.leaks.artists.shared_pictures == 0
    assert "artist-overlap" not in kinds(c)


def test_folds_that_cannot_keep_artists_apart_are_warned_of() -> None:
    """One artist a style in the training part: tuning sees the same hand on both sides of its folds."""
    world = make_world(by_artist=2.0, artists=1, disjoint=True)
    c = run(world, ("logreg",))
    assert not c.dataset.grouped_tuning
    assert "ungrouped-folds" in kinds(c)
    assert "ungrouped-folds" not in kinds(run(world, ("logreg:C=1",))), "nothing was tuned"
    assert "ungrouped-folds" not in kinds(run(make_world(by_artist=2.0, disjoint=True), ("logreg",)))


def test_unknown_artists_are_not_one_artist() -> None:
    world = make_world()
    c = run(world.relabelled(artist=["unknown"] * 160))
    assert c.leaks.artists is None
    assert c.leaks.worth is None
    assert c.best.scores.clustered is None
    assert c.dataset.train_artists is None


@pytest.mark.parametrize(("by_artist", "worth"), [(3.0, True), (0.0, False)], ids=["artists leak", "artists don't"])
def test_worth_of_having_met_the_artist(by_artist: float, worth: bool) -> None:
    world = make_world(style=0.5, by_artist=by_artist, artists=6, train=150, test=150)
    parts = [load_examples(world.table, world.cache, [AVGPOOL], "style", s) for s in ("train", "test")]
    found = worth_of_artists(*parts)
    assert found is not None
    assert (found.difference.low > 0) is worth
    assert found.difference.value == pytest.approx(found.random.value - found.disjoint.value)


def test_the_worth_of_an_artist_is_measured_on_two_thousand_pictures() -> None:
    """More would take long and say little more; artists are taken whole."""
    world = make_world(style=1.0, by_artist=1.0, artists=60, train=1600, test=1200, dimension=4)
    parts = [load_examples(world.table, world.cache, [AVGPOOL], "style", s) for s in ("train", "test")]
    found = worth_of_artists(*parts)
    assert found is not None
    assert 1900 <= found.pictures <= 2000


def test_rare_training_pictures_are_not_taken_for_a_leak() -> None:
    """Nine in ten pictures of a class are by one artist: held out, the class is rare. That alone must not count."""
    world = make_world(style=0.7, train=200, test=200, dimension=32)
    y = world.table.columns["style"]
    names = [f"{c}-{'main' if n % 10 else 'other'}" for n, c in zip(np.arange(400) // 4, y, strict=True)]
    parts = [
        load_examples(world.table.with_columns(artist=names), world.cache, [AVGPOOL], "style", s)
        for s in ("train", "test")
    ]
    found = worth_of_artists(*parts)
    assert found is not None
    assert abs(found.difference.value) < 0.05  # 0.83 where the random folds may learn from all other pictures


# ---- warnings about classes


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


# ---- the rules of a fair comparison


def test_what_is_compared_is_known_without_a_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes, counts and artists come from the table; matrices are not read to be thrown away."""
    world = make_world()
    matched = match(world.table, [world.cache], ["avgpool"], "style", "train", None)
    for read in ("gather", "mapped"):
        monkeypatch.setattr(FeatureCache, read, lambda *arguments: pytest.fail("vectors were read"))
    task = Task.of(matched)
    facts = dataset_facts(matched, task, "known", Plan())
    assert (facts.train_rows, facts.test_rows) == (80, 80)
    assert facts.train_artists == len(set(world.artists[:80]))


def test_labels_of_the_test_part_change_nothing_but_the_scores() -> None:
    """Tuning, fitting and probabilities must not see them."""
    world = make_world(style=0.7)
    labels = list(world.table.columns["style"])
    labels[80:] = labels[80:][::-1]
    a, b = (
        run(world, ("logreg", "mlp:epochs=2,lr=0.001")),
        run(world.relabelled(style=labels), ("logreg", "mlp:epochs=2,lr=0.001")),
    )
    for entry in a.entries:
        (other,) = (e for e in b.entries if e.name == entry.name)
        assert other.tuned == entry.tuned
        assert other.predictions.predicted == entry.predictions.predicted
        assert other.predictions.confidence == entry.predictions.confidence


def test_the_same_seed_gives_the_same_comparison() -> None:
    a, b = (run(make_world(style=0.7), ("logreg", "mlp:epochs=2,lr=0.001", "svm"), repeats=2) for _ in range(2))
    assert [e.predictions for e in a.entries] == [e.predictions for e in b.entries]
    assert (a.verdict, a.leaks, a.repeats, a.dataset) == (b.verdict, b.leaks, b.repeats, b.dataset)


def test_what_a_spec_gives_is_not_tuned() -> None:
    c = run(make_world(), ("logreg", "logreg:C=3"))
    by_name = {e.name: e for e in c.entries}
    assert by_name["logreg:C=3"].tuned == {}
    assert by_name["logreg:C=3"].params["C"] == 3
    tuned = by_name["logreg"].tuned["C"]
    assert tuned["chosen"] in tuned["tried"]
    assert by_name["logreg"].params["C"] == tuned["chosen"]
    assert tuned["accuracy"][tuned["tried"].index(tuned["chosen"])] == max(tuned["accuracy"])


def test_without_tuning_heads_keep_their_parameters() -> None:
    (entry,) = run(make_world(), ("logreg",), tune=False).entries
    assert entry.tuned == {}
    assert entry.cost.tune_seconds == 0


def test_epochs_are_followed_on_val_where_it_is_a_third_part() -> None:
    world = make_world(train=80, test=80)
    splits = ["train"] * 80 + ["val"] * 30 + ["test"] * 50
    three = run(world.relabelled(split=splits), ("softmax:epochs=3",))
    two = run(world, ("softmax:epochs=3",))
    assert (three.best.watched, two.best.watched) == ("val", "test")
    assert len(three.best.history) == 3
    assert two.best.history[-1]["val_accuracy"] == pytest.approx(two.best.scores.accuracy.value)


@pytest.mark.parametrize(("splits", "expected"), [(("train", "val"), "val"), (("train", "val", "test"), "test")])
def test_the_test_split_is_the_test_part_where_there_is_one(splits: tuple[str, ...], expected: str) -> None:
    world = make_world(train=90, test=90)
    labels = [splits[n * len(splits) // 180] for n in range(180)]
    assert run(world.relabelled(split=labels)).dataset.test == expected


def test_ranking_is_by_accuracy() -> None:
    c = run(make_world(style=0.6), ("logreg:C=1e-9", "logreg:C=0.01", "svm:C=1"))
    values = [e.scores.accuracy.value for e in c.entries]
    assert values == sorted(values, reverse=True)
    hits = [[p == r.label for p, r in zip(e.predictions.predicted, c.rows, strict=True)] for e in c.entries]
    assert values == pytest.approx([np.mean(h) for h in hits])


# ---- errors


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"heads": ()}, HeadError, "--heads"),
        ({"heads": ("logreg", "logrge")}, HeadError, "logrge"),
        ({"heads": ("logreg:depth=3",)}, HeadError, "depth"),
        ({"test": "train"}, DataError, "both 'train'"),
        ({"train": "all"}, DataError, "'all' and 'test' share pictures"),
        ({"test": "val"}, TableError, "'val' is empty"),
        ({"target": "genre"}, TableError, "genre"),
        ({"repeats": 1}, HeadError, "--repeats 1"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_wrong_wishes_are_named(options: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        run(make_world(), **options)


def test_one_class_only_is_refused() -> None:
    with pytest.raises(DataError, match="two classes"):
        run(make_world().relabelled(style=["Baroque"] * 160))


def test_the_seed_of_a_comparison_is_the_head_s_unless_it_has_its_own() -> None:
    assert place(HeadSpec("mlp"), 5).get_params()["seed"] == 5
    assert place(HeadSpec.parse("mlp:seed=3"), 5).get_params()["seed"] == 3


def test_a_head_that_refuses_the_embeddings_says_which() -> None:
    world = make_world()
    train = load_examples(world.table, world.cache, [AVGPOOL], "style", "train")
    with pytest.raises(HeadError, match=r"logreg:sqrt=true.*non-negative"):
        train_head(HeadSpec("logreg", {"sqrt": True}), train, [])


# ---- learning curves and repeats


def test_subsets_are_nested_and_keep_class_shares() -> None:
    codes = np.repeat([0, 1, 2], [100, 50, 3])
    subsets = nested_subsets(codes)
    for small, large in pairwise(subsets):
        assert set(small) < set(large)
    assert [len(s) for s in subsets] == [17, 32, 62, 107]
    assert all((np.bincount(codes[s], minlength=3) >= 2).all() for s in subsets)


def test_learning_curves_end_in_the_comparison() -> None:
    c = run(make_world(style=1.0, train=200, test=100), ("logreg:C=0.01", "svm:C=1"), learning_curve=True)
    assert [curve.name for curve in c.curves] == [e.name for e in c.entries]
    for curve, entry in zip(c.curves, c.entries, strict=True):
        assert curve.pictures[-1] == 200
        assert curve.accuracy[-1] == entry.scores.accuracy
        assert list(curve.pictures) == sorted(curve.pictures)
        assert curve.accuracy[0].value < curve.accuracy[-1].value


@pytest.mark.parametrize("by_artist", [True, False])
def test_resampled_splits(by_artist: bool) -> None:
    world = make_world()
    y, groups = np.array(world.table.columns["style"]), world.artists
    splits = list(resampled_splits(y, groups, 0.5, 4, by_artist=by_artist, seed=0))
    assert len({tuple(test) for _, test in splits}) == 4
    for train, test in splits:
        assert not set(train) & set(test)
        assert len(train) + len(test) == len(y)
        if by_artist:
            assert not set(groups[train]) & set(groups[test])
        else:
            assert np.ptp(np.unique(y[test], return_counts=True)[1]) <= 1


def test_repeats_split_as_the_comparison_does() -> None:
    apart = run(make_world(style=1.0, disjoint=True), repeats=3).repeats
    mixed = run(make_world(style=1.0), repeats=3).repeats
    assert apart is not None
    assert mixed is not None
    assert (apart.kind, apart.shared) == ("artist-disjoint", 0.0)
    assert mixed.kind == "random"
    assert mixed.shared is not None
    assert mixed.shared > 0.5
    assert apart.splits == len(apart.heads[0].accuracies) == 3


def test_repeats_are_judged_against_the_best() -> None:
    rng = np.random.default_rng(0)
    good, bad = 0.8 + 0.01 * rng.normal(size=10), 0.6 + 0.01 * rng.normal(size=10)
    r = judge_repeats({"bad": bad.tolist(), "good": good.tolist()}, [80] * 10, [20] * 10, "random", None)
    assert [h.name for h in r.heads] == ["good", "bad"]
    assert r.heads[0].behind is None
    reach = stats.t.ppf(0.975, 9) * np.sqrt((1 / 10 + 20 / 80) * good.var(ddof=1))  # Nadeau & Bengio: test / train
    assert r.heads[0].mean.value == pytest.approx(good.mean())
    assert r.heads[0].mean.high - r.heads[0].mean.low == pytest.approx(2 * reach)
    behind = r.heads[1].behind
    assert behind is not None
    assert behind.low < 0.2 < behind.high
    assert r.heads[1].p_holm is not None
    assert r.heads[1].p_holm < 0.001


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
