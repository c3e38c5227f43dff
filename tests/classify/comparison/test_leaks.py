"""Copies and artists that stand on both sides of a split are found, counted and warned of, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cache import cache_in_memory
from classify.comparison.compare import compare
from classify.comparison.leaks import overlap, worth_of_artists
from classify.data import load_examples, load_rows
from featurize.dataset.audit import audit
from tests.classify.worlds import AVGPOOL, KEY, RANDOM_KEY, fill, kinds, make_world, run

# ---- copies


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


# ---- artists


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


# ---- what having met the artist is worth


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
