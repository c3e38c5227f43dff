"""Vectors and labels as arrays or DataFrames give what the same rows give as a table and a cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch
from sklearn.linear_model import LogisticRegression

from classify import compare, fit, load_head, predict, save_head
from classify.errors import DataError, HeadError
from featurize import import_vectors
from featurize.errors import FeaturizeError, VectorsError
from tests.classify.worlds import World, make_world
from tests.conftest import save_picture


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(style=1.0, by_artist=0.5)


def test_arrays_are_compared_as_the_table_with_the_same_rows(world: World) -> None:
    columns = world.table.columns
    by_table = compare(world.table, world.cache, ["logreg", "lda", "knn"])
    by_array = compare(
        world.X, columns["style"], ["logreg", "lda", "knn"], groups=world.artists, split=columns["split"]
    )
    assert [e.name for e in by_array.entries] == [e.name for e in by_table.entries]
    for one, other in zip(by_array.entries, by_table.entries, strict=True):
        assert one.predictions == other.predictions
        assert one.params == other.params
        assert one.scores == other.scores
    assert by_array.verdict == by_table.verdict
    assert by_array.leaks.artists == by_table.leaks.artists
    assert [row.artist for row in by_array.rows] == [row.artist for row in by_table.rows]


def test_a_head_is_fitted_to_arrays_as_to_a_table(world: World, tmp_path: Path) -> None:
    """And to a DataFrame, whose index does not matter; it is saved and loaded, and knows no pictures."""
    pandas = pytest.importorskip("pandas")
    columns = world.table.columns
    by_table = fit(world.table, world.cache, "lda").saved.head.state()
    learned = [n for n, part in enumerate(columns["split"]) if part == "train"]
    order = [n + 7 for n in range(len(world.X))]
    X, y = pandas.DataFrame(world.X, index=order), pandas.Series(columns["style"], index=order)
    given = {
        "split": fit(X, y, "lda", groups=world.artists, split=pandas.Series(columns["split"])),
        "rows": fit(world.X[learned], y.iloc[learned], "lda", groups=world.artists[learned]),
    }
    for fitted in given.values():
        state = fitted.saved.head.state()
        assert all(np.array_equal(state[name], array) for name, array in by_table.items())
    save_head(given["rows"].saved, tmp_path / "head.safetensors")
    saved = load_head(tmp_path / "head.safetensors")
    assert saved.head.predict(world.X[:5]).tolist() == given["rows"].saved.head.predict(world.X[:5]).tolist()
    with pytest.raises(FeaturizeError, match="arrays"):
        predict(saved, save_picture(tmp_path / "x.jpg"))


@pytest.mark.parametrize("grouped", [False, True])
def test_without_a_split_a_fifth_is_scored_and_groups_stay_whole(world: World, grouped: bool) -> None:
    groups = world.artists if grouped else None
    first, again, other = (
        compare(world.X, world.table.columns["style"], "prototype", groups=groups, seed=seed) for seed in (1, 1, 2)
    )
    assert first.rows == again.rows != other.rows
    assert first.dataset.test_rows == pytest.approx(32, abs=12)
    assert (first.leaks.artists is not None) is grouped
    assert not grouped or first.leaks.artists.shared_pictures == 0


@pytest.mark.parametrize("names", [["1-2", "2-1"], ["Monet, Claude", "claude-monet"], ["unknown", "a"], [0, 1]])
def test_groups_are_names_to_compare_and_nothing_else(world: World, names: list) -> None:
    """A table takes two spellings for one person, and "unknown" for nobody."""
    groups = [names[n % 2] for n in range(160)]
    y = world.table.columns["style"]
    c = compare(world.X, y, "prototype", groups=groups, split=world.table.columns["split"])
    assert (c.leaks.artists.test_artists, c.leaks.artists.shared_artists) == (2, 2)


def test_rows_without_a_label_are_left_out_and_counted(world: World) -> None:
    y = list(world.table.columns["style"])
    y[:3] = [None, float("nan"), ""]
    fitted = fit(world.X, y, "prototype")
    assert fitted.saved.training["rows"] == 157
    assert any("3 have no style" in warning for warning in fitted.warnings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda X, y: (X[:, 0], y, {}), "the shape"),
        (lambda X, y: (X, y[:-1], {}), "X has 160 rows, but y has 159"),
        (
            lambda X, y: (np.where(np.arange(160)[:, None] == 9, np.nan, X), y, {}),
            "1 of 160 rows of X holds NaN, .* the first is row 9: ",
        ),
        (lambda X, y: ([["a"] * 3] * 160, y, {}), "something else than numbers"),
        (lambda X, y: (X, y, {"split": ["learn"] * 160}), "split names 'learn'"),
        (lambda X, y: (X, y, {"groups": ["a"] * 3}), "groups has 3"),
        (lambda X, y: (X, np.array(y)[:, None], {}), r"y has the shape \(160, 1\): one value for each row"),
        (lambda X, y: (X, "features", {}), "y is 'features': one value for each row"),
        (lambda X, y: (X, None, {}), "y holds no label"),
        (lambda X, y: (X, y, {"split": ["train", None] * 80}), "split is empty for 80 rows, the first is row 1"),
        (lambda X, y: (np.ma.masked_equal(X, X[9, 0]), y, {}), "the first is row 9"),
        (lambda X, y: (X, np.ma.masked_array(y, True), {}), "y holds no label"),
        (lambda X, y: (X * 1e-300, y, {}), "e-300 only, which float32 takes for 0"),
        (lambda X, y: (X, X[:, 0], {}), "a measurement: give names or whole numbers"),
        (lambda X, y: (X + 1j, y, {}), "complex numbers"),
        (lambda X, y: (scipy.sparse.csr_array(X), y, {}), r"X is a sparse matrix: give X\.toarray\(\)"),
        (lambda X, y: (torch.tensor(X, requires_grad=True), y, {}), "requires grad"),
        (lambda X, y: (X + 1e8, y, {}), r"column 0 of X reaches 1e\+08 and deviates by .*subtract the mean"),
        (lambda X, y: ((X * 100).astype(int) + 2**40, y, {}), "which float32 can't hold"),
        (lambda X, y: (X, y, {"target": "split"}), "target='split' is no name for labels"),
        (lambda X, y: (X, y, {"target": "artist", "groups": y}), "target='artist' is no name for labels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_arrays_that_do_not_fit_are_refused_in_a_sentence(world: World, change: object, words: str) -> None:
    X, y, options = change(world.X.astype(float), world.table.columns["style"])
    for do in (compare, fit):
        with pytest.raises(DataError, match=words):
            do(X, y, "prototype", **options)


@pytest.mark.parametrize("kind", [None, "Int64", "float64", "category", "string"])
def test_labels_and_groups_of_every_column_of_pandas_are_the_same_classes(world: World, kind: str | None) -> None:
    """A column of whole numbers with a gap is one of floats in pandas; a gap is NaN, None or NA."""
    pandas = pytest.importorskip("pandas")
    labels = pandas.Series([n % 3 for n in range(160)])
    groups = pandas.Series([n // 10 for n in range(160)])
    if kind:
        labels, groups = (column.astype(kind) for column in (labels, groups))
        labels[7] = groups[5] = pandas.NA if kind in ("Int64", "string") else None
    c = compare(world.X, labels, "prototype", groups=groups, split=world.table.columns["split"])
    assert c.classes == ("0", "1", "2")
    assert c.dataset.unlabelled == ((1, 0) if kind else (0, 0))
    assert fit(world.X, labels, "prototype").saved.classes == ["0", "1", "2"]


def test_rows_that_are_equal_as_numbers_are_one_picture(world: World) -> None:
    X = np.concatenate([world.X, world.X[:5]])
    X[:160, 3], X[160:, 3] = 0.0, -0.0
    fitted = fit(X, [*world.table.columns["style"], *world.table.columns["style"][:5]], "prototype")
    assert any("5 training rows repeat a picture" in warning for warning in fitted.warnings)


def test_rows_of_few_numbers_are_no_copies_of_each_other_by_chance() -> None:
    rng = np.random.default_rng(0)
    c = compare(rng.normal(size=(120, 8)), np.arange(120) % 3, "prototype", groups=np.arange(120))
    assert c.leaks.duplicates == ()


def test_recipes_belong_to_a_feature_cache(world: World) -> None:
    y = world.table.columns["style"]
    with pytest.raises(DataError, match="'avgpool' names recipes of a feature cache"):
        compare(world.X, y, "prototype", embeddings="avgpool")
    with pytest.raises(DataError, match="'avgpool' names recipes of a feature cache"):
        fit(world.X, y, "prototype", embedding="avgpool")


def test_one_group_alone_can_not_be_scored(world: World) -> None:
    with pytest.raises(DataError, match="all 160 rows are of one group"):
        compare(world.X, world.table.columns["style"], "prototype", groups=["a"] * 160)


def test_a_table_has_its_groups_in_its_columns(world: World) -> None:
    for do in (compare, fit):
        with pytest.raises(DataError, match="groups and split belong to vectors"):
            do(world.table, world.cache, "prototype", groups=world.artists)


@pytest.mark.parametrize("column", ["y", "groups", "split"])
def test_rows_that_pandas_names_in_another_order_are_refused(world: World, column: str, tmp_path: Path) -> None:
    """The same index in another order means that each row would get another one's value; the ways out bring it."""
    pandas = pytest.importorskip("pandas")
    index = [f"picture {n}" for n in range(160)]
    X = pandas.DataFrame(world.X, index=index)
    labels = world.table.columns["style"]
    given = {"y": labels, "groups": world.artists, "split": world.table.columns["split"]}
    columns = {name: pandas.Series(values, index=index) for name, values in given.items()}
    mixed = {**columns, column: columns[column].sample(frac=1, random_state=3)}
    for do in (compare, fit):
        with pytest.raises(DataError, match=f"{column} has the index of X in another order: {column}.loc"):
            do(X, mixed["y"], "prototype", groups=mixed["groups"], split=mixed["split"])
    mixed[column] = mixed[column].loc[X.index]
    again = fit(X, mixed["y"], "prototype", groups=mixed["groups"], split=mixed["split"])
    right = fit(world.X, labels, "prototype", groups=world.artists, split=given["split"])
    assert again.saved.head.predict(world.X).tolist() == right.saved.head.predict(world.X).tolist()
    with pytest.raises(VectorsError, match="another order"):
        import_vectors(
            X, pandas.DataFrame({"style": columns["y"]})[::-1], "x", features=tmp_path / "f", dataset=tmp_path / "x.csv"
        )
    assert not list(tmp_path.iterdir())


def test_what_can_not_be_drawn_or_made_is_refused_in_a_sentence(world: World) -> None:
    """A single row, a seed that is none, and a head that is an object of another library."""
    labels = world.table.columns["style"]
    with pytest.raises(DataError, match="1 row can't be divided"):
        compare(world.X[:1], labels[:1], "prototype")
    for seed in (-1, "a"):
        with pytest.raises(HeadError, match=f"seed={seed} is out of bounds"):
            compare(world.X, labels, "prototype", seed=seed)
    for do in (compare, fit):
        with pytest.raises(HeadError, match=r"'logreg' or 'svm:C=3', and LogisticRegression\(\) is none"):
            do(world.X, labels, LogisticRegression())
