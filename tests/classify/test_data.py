"""Rows to learn from: each label belongs to its own vector, and what is missing is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cache import NotStored, Recipe, Rows
from classify.data import check_trainable, load_examples, map_vectors
from classify.errors import DataError
from classify.heads.rows.gathered import Gathered
from featurize.dataset.table import DatasetTable
from featurize.errors import TableError
from tests.classify.embedded import AVGPOOL, STATS, STYLES, make_dataset


def test_labels_and_vectors_belong_together_in_any_row_order(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    shuffled = table.take(np.random.default_rng(1).permutation(len(table)).tolist())
    plain, mixed = (load_examples(t, cache, [AVGPOOL], "style", "train") for t in (table, shuffled))
    by_id = {i: (x.tobytes(), y) for i, x, y in zip(plain.ids, plain.X, plain.y, strict=True)}
    assert mixed.ids != plain.ids
    for i, x, y in zip(mixed.ids, mixed.X, mixed.y, strict=True):
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


def test_rows_left_in_the_cache_must_be_there(tmp_path: Path) -> None:
    _, cache = make_dataset(tmp_path)
    with pytest.raises(NotStored, match="2 of 2 pictures have no 'avgpool' embedding"):
        map_vectors(cache, np.array([b"0" * 32, b"1" * 32]), [AVGPOOL])


def test_unknown_artists_are_groups_of_their_own(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    examples = load_examples(table, cache, [AVGPOOL], "style", "all")
    unknown = [
        g for g, n in zip(examples.groups, range(len(table)), strict=True) if table.columns["artist"][n] == "Unknown"
    ]
    assert len(unknown) == len(set(unknown)) > 3
    assert examples.artists_known
    nobody = load_examples(table.with_columns(artist=[""] * len(table)), cache, [AVGPOOL], "style", "all")
    assert not nobody.artists_known
    assert len(set(nobody.groups)) == len(table)


def test_rows_without_vector_or_label_are_left_out_and_counted(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path, failed=2)
    labels = list(table.columns["style"])
    labels[2] = ""
    examples = load_examples(table.with_columns(style=labels), cache, [AVGPOOL], "style", "train")
    assert (len(examples), examples.left_out) == (18, 3)


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
    table, cache = make_dataset(tmp_path)
    same = table.with_columns(style=["Baroque"] * len(table))
    with pytest.raises(DataError, match=r"all 21 training pictures have the same style, 'Baroque'"):
        check_trainable(load_examples(same, cache, [AVGPOOL], "style", "train"), "style")


def test_a_class_with_one_picture_is_warned_of(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    styles = ["Fauvism", *table.columns["style"][1:]]
    (warning,) = check_trainable(
        load_examples(table.with_columns(style=styles), cache, [AVGPOOL], "style", "train"), "style"
    )
    assert "only one training picture each for Fauvism" in warning
    assert set(STYLES) <= set(table.columns["style"])
