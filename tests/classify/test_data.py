"""Rows to learn from: each label belongs to its own vector, and what is missing is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cache import NotStored, Recipe, Rows, open_cache
from classify.data import check_trainable, load_examples, load_rows, load_vectors, rows_if_any
from classify.errors import DataError
from classify.heads.rows.gathered import Gathered
from featurize.dataset.groups import Groups
from featurize.dataset.table import DatasetTable
from featurize.errors import TableError
from tests.classify.embedded import AVGPOOL, KEY, STATS, STYLES, make_dataset


def test_labels_and_vectors_belong_together_in_any_row_order(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    shuffled = table.take(np.random.default_rng(1).permutation(len(table)).tolist())
    plain, mixed = (load_examples(t, cache, [AVGPOOL], "style", "train") for t in (table, shuffled))
    by_id = {i: (x.tobytes(), y) for i, x, y in zip(plain.rows.ids, plain.X, plain.y, strict=True)}
    assert mixed.rows.ids != plain.rows.ids
    for i, x, y in zip(mixed.rows.ids, mixed.X, mixed.y, strict=True):
        assert (x.tobytes(), y) == by_id[i]


def test_recipes_stand_side_by_side(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    both = load_examples(table, cache, [AVGPOOL, STATS], "style", "val")
    assert both.X.shape == (9, 13)
    assert np.array_equal(both.X[:, 8:], both.X[:, :5] * 2)


@pytest.mark.parametrize("recipes", [[AVGPOOL], [AVGPOOL, STATS]], ids=["one recipe", "two"])
def test_rows_left_in_the_cache_are_the_rows_that_are_read(tmp_path: Path, recipes: list[Recipe]) -> None:
    """Over several segments, in another order than theirs, by slices, numbers and masks."""
    table, cache = make_dataset(tmp_path)
    (tmp_path / "more").mkdir()
    more, _ = make_dataset(tmp_path / "more", per_style=20)
    known = set(table.columns["id"])
    new = np.array([picture not in known for picture in more.columns["id"]])
    X = np.random.default_rng(3).random((int(new.sum()), 8)).astype(np.float16)
    cache.append(Rows(more.ids[new], np.zeros(len(X), np.uint8), {AVGPOOL: X, STATS: X[:, :5]}))
    more = more.take(np.random.default_rng(1).permutation(len(more)).tolist())
    read = load_examples(more, cache, recipes, "style", "train").X
    left = load_examples(more, cache, recipes, "style", "train", in_memory=read.nbytes - 1).X
    assert isinstance(read, np.ndarray)
    assert isinstance(left, Gathered)
    assert (left.shape, left.dtype, left.size, left.nbytes) == (read.shape, read.dtype, read.size, read.nbytes)
    index = np.random.default_rng(2).integers(0, len(read), 50)
    for at in (slice(None), slice(3, 11), slice(5, 5), slice(30, 10**6), index, -index, read[:, 0] > 0):
        np.testing.assert_array_equal(left[at], read[at])
    np.testing.assert_array_equal(np.concatenate([left, left]), np.concatenate([read, read]))
    assert isinstance(load_examples(more, cache, recipes, "style", "train", in_memory=read.nbytes).X, np.ndarray)


@pytest.mark.parametrize("in_memory", [None, 0])
def test_rows_must_be_in_the_cache_wherever_they_are_to_stay(tmp_path: Path, in_memory: int | None) -> None:
    table, cache = make_dataset(tmp_path)
    elsewhere = table.with_columns(id=[picture[::-1] for picture in table.columns["id"]])
    with pytest.raises(NotStored, match="21 of 21 pictures have no 'avgpool' embedding"):
        load_examples(elsewhere, cache, [AVGPOOL], "style", "train", in_memory)


def test_rows_left_in_the_cache_are_found_after_another_process_merged_segments(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    extra = np.array([b"0" * 32, b"1" * 32])
    made_up = {AVGPOOL: np.ones((2, 8), np.float32), STATS: np.ones((2, 5), np.float32)}
    cache.append(Rows(extra, np.zeros(2, np.uint8), made_up))
    expected = load_examples(table, cache, [AVGPOOL], "style", "train").X
    reader = open_cache(cache.place)
    before = list(Path(cache.place).glob("*.h5"))
    open_cache(cache.place).compact()
    assert not set(Path(cache.place).glob("*.h5")) & set(before), "none of the old segments is left"
    left = load_examples(table, reader, [AVGPOOL], "style", "train", in_memory=0).X
    np.testing.assert_array_equal(left, expected)


def test_unknown_artists_are_groups_of_their_own(tmp_path: Path) -> None:
    table, _ = make_dataset(tmp_path)
    rows = load_rows(table, "style", "all")
    unknown = np.array([name == "Unknown" for name in table.columns["artist"]])
    assert len(set(rows.groups[unknown])) == unknown.sum() > 3
    assert not set(rows.groups[unknown]) & set(rows.groups[~unknown])
    np.testing.assert_array_equal(rows.known, ~unknown)
    assert [name == "" for name in rows.artists] == unknown.tolist()
    assert rows.artists_known
    assert rows.artist_count == 4
    nobody = load_rows(table.with_columns(artist=[""] * len(table)), "style", "all")
    assert not nobody.artists_known
    assert nobody.artist_count == 0
    assert len(set(nobody.groups)) == len(table)


def test_a_name_may_look_like_anything(tmp_path: Path) -> None:
    """What is known is data: nothing is read from a group's name."""
    table, _ = make_dataset(tmp_path)
    rows = load_rows(table.with_columns(artist=["?a"] * len(table)), "style", "train")
    assert rows.known.all()
    assert rows.artist_count == 1


def test_rows_of_one_picture_are_one_group_whoever_made_it() -> None:
    ids = ["a", "b", "a", "c", "d", "d"]
    groups = Groups.of(ids, ["Claude Monet", "Monet, Claude", "Unknown", "Degas", "", "anonymous"])
    assert groups.names[0] == groups.names[1] == groups.names[2]
    assert groups.names[4] == groups.names[5]
    assert len(set(groups.names)) == 3
    assert groups.known == [True, True, True, True, False, False]


def test_rows_without_vector_or_label_are_left_out_and_counted(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path, failed=2)
    labels = list(table.columns["style"])
    labels[2] = ""
    table = table.with_columns(style=labels)
    examples = load_examples(table, cache, [AVGPOOL], "style", "train")
    assert (len(examples), examples.rows.left_out) == (18, 3)
    rows = load_rows(table, "style", "train")
    assert (len(rows), rows.left_out) == (20, 1)


def test_rows_need_no_vectors_and_one_list_of_rows_has_several_matrices(tmp_path: Path) -> None:
    """Two caches beside each other: the rows that are broken in one are left out of both."""
    table, cache = make_dataset(tmp_path)
    other = make_dataset(tmp_path, key=replace(KEY, weights="torchvision:resnet18-00000000"), failed=2)[1]
    rows = load_rows(table, "style", "train", [cache, other])
    assert (len(rows), rows.left_out) == (19, 2)
    matrices = [load_vectors(rows, c, [AVGPOOL]) for c in (cache, other)]
    place = {name: n for n, name in enumerate(load_rows(table, "style", "train").ids)}
    np.testing.assert_array_equal(
        matrices[0], load_examples(table, cache, [AVGPOOL], "style", "train").X[[place[name] for name in rows.ids]]
    )
    np.testing.assert_array_equal(matrices[0], matrices[1])


def test_some_of_the_rows_keep_what_is_known_of_them(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    train, val = (load_examples(table, cache, [AVGPOOL], "style", split) for split in ("train", "val"))
    both = train.followed_by(val)
    turned = both.take(np.arange(len(both))[::-1])
    whole = {name: n for n, name in enumerate(table.columns["id"])}
    assert turned.rows.ids == [*val.rows.ids[::-1], *train.rows.ids[::-1]]
    for n, name in enumerate(turned.rows.ids):
        row = whole[name]
        assert turned.y[n] == table.columns["style"][row]
        assert turned.rows.years[n] == table.columns["year"][row]
        assert turned.rows.known[n] == (table.columns["artist"][row] != "Unknown")
        assert turned.rows.paths[n] == tmp_path / table.columns["path"][row]
    np.testing.assert_array_equal(turned.X, np.concatenate([train.X, val.X])[::-1])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"style": ["", *["Baroque"] * 35]}, "no picture of the split 'val' has a label 'style'"),
        ({}, "all 1 pictures of the split 'val' with a label 'style' are broken"),
    ],
    ids=["no label", "broken"],
)
def test_a_split_without_usable_rows_is_refused(tmp_path: Path, column: dict[str, list[str]], message: str) -> None:
    table, cache = make_dataset(tmp_path, failed=1)
    table = table.with_columns(split=["val", *["train"] * 35], **column)
    with pytest.raises(DataError, match=message):
        load_rows(table, "style", "val", [cache])
    assert rows_if_any(table, "style", "val", [cache]) is None
    assert rows_if_any(table, "style", "test", [cache]) is None
    assert len(rows_if_any(table, "style", "train", [cache])) == 35


def test_pictures_that_were_never_embedded_are_an_error_not_a_gap(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    more = DatasetTable(
        {c: [*v, {"id": "f" * 64, "split": "train", "style": "Baroque"}.get(c, "")] for c, v in table.columns.items()},
        tmp_path,
    )
    with pytest.raises(NotStored, match="1 of 22 pictures have no 'avgpool' embedding"):
        load_examples(more, cache, [AVGPOOL], "style", "train")


@pytest.mark.parametrize(
    ("target", "split", "error"), [("genre", "train", TableError), ("style", "nothing", TableError)]
)
def test_what_is_not_there_is_told(tmp_path: Path, target: str, split: str, error: type[Exception]) -> None:
    table, cache = make_dataset(tmp_path)
    with pytest.raises(error):
        load_examples(table, cache, [AVGPOOL], target, split)


def test_one_class_only_can_not_be_learned(tmp_path: Path) -> None:
    table, _ = make_dataset(tmp_path)
    same = table.with_columns(style=["Baroque"] * len(table))
    with pytest.raises(DataError, match=r"there is one style only, 'Baroque', among 21 training pictures"):
        check_trainable(load_rows(same, "style", "train"), "style")


def test_a_class_with_one_picture_is_warned_of(tmp_path: Path) -> None:
    table, _ = make_dataset(tmp_path)
    styles = ["Fauvism", *table.columns["style"][1:]]
    (warning,) = check_trainable(load_rows(table.with_columns(style=styles), "style", "train"), "style")
    assert "only one training picture each for Fauvism" in warning
    assert set(STYLES) <= set(table.columns["style"])
