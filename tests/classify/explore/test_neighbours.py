"""Neighbours are exact, found in bounded memory, and shown with all that the table says of them."""

from __future__ import annotations

import csv
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from classify.commands.main import cli
from classify.comparison.compare import compare
from classify.errors import DataError, PictureError
from classify.evaluation import nearest as module
from classify.evaluation.nearest import Best, centre_of, crowding, nearest
from classify.explore.neighbours import neighbours, write_neighbours
from classify.explore.works import load_works
from featurize.commands.console import run
from featurize.errors import Undecodable
from featurize.reasons import Reason
from tests.browser import assert_good_to_read
from tests.classify.explore.collections import EVIL, make_collection
from tests.classify.worlds import RANDOM_KEY, World, make_world
from tests.conftest import save_picture


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_collection(tmp_path_factory.mktemp("collection"))


@settings(max_examples=40)
@given(st.data())
def test_the_best_are_those_of_a_full_sort_however_the_blocks_are_cut(data: st.DataObject) -> None:
    """Few distinct values: ties go to the earlier column."""
    rows, columns, k = (data.draw(st.integers(1, top)) for top in (4, 30, 9))
    row = st.lists(st.integers(0, 4), min_size=columns, max_size=columns)
    values = np.array(data.draw(st.lists(row, min_size=rows, max_size=rows)), float)
    values[data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))] = -np.inf
    best = Best(rows, k)
    cuts = sorted(data.draw(st.sets(st.integers(0, columns), max_size=5)) | {0, columns})
    for start, stop in pairwise(cuts):
        best.offer(values[:, start:stop], np.arange(start, stop))
    for n in range(rows):
        order = [c for c in np.argsort(-values[n], kind="stable").tolist() if np.isfinite(values[n, c])][:k]
        assert best.columns[n].tolist() == order + [-1] * (k - len(order))
        assert best.values[n, : len(order)].tolist() == values[n, order].tolist()


def test_neighbours_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """In several blocks, of vectors as they come, in either half or single precision."""
    monkeypatch.setattr(module, "_BLOCK", 64)
    monkeypatch.setattr(module, "_ASKED", 32)
    rng = np.random.default_rng(0)
    for X in (rng.normal(3, 1, (300, 24)).astype(np.float32), rng.normal(3, 1, (300, 24)).astype(np.float16)):
        found = nearest(X, X, 7, own=np.arange(300))
        around = X.astype(np.float64) - X.mean(0, dtype=np.float64)
        distances, rows = NearestNeighbors(n_neighbors=8, metric="cosine").fit(around).kneighbors(around)
        assert found.rows.tolist() == rows[:, 1:].tolist()
        np.testing.assert_allclose(found.similarity, 1 - distances[:, 1:], atol=1e-5)


def test_csls_is_the_formula_of_the_paper() -> None:
    """2 cos(a, x) - r(a) - r(x), r being the mean cosine of the ten nearest; a hub loses its places."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 10)).astype(np.float32)
    centre = centre_of(X)
    around = X - centre
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    cosines = around @ around.T
    np.fill_diagonal(cosines, -np.inf)
    r = np.sort(cosines, axis=1)[:, -10:].mean(1)
    np.testing.assert_allclose(crowding(X, centre), r, atol=1e-5)
    expected = np.argsort(-(2 * cosines - r[:, None] - r[None]), axis=1)[:, :5]
    found = nearest(X, X, 5, centre=centre, own=np.arange(200), crowded=crowding(X, centre))
    assert found.rows.tolist() == expected.tolist()
    np.testing.assert_allclose(found.similarity, np.take_along_axis(cosines, expected, 1), atol=2e-6)


def test_it_is_as_crowded_as_a_sample_of_different_rows_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many rows; of as many as the sample has, all are looked at."""
    X = np.random.default_rng(2).normal(size=(120, 6)).astype(np.float32)
    asked: list[np.ndarray] = []

    class Watched:
        shape = X.shape

        def __len__(self) -> int:
            return len(X)

        def __getitem__(self, at: Any) -> np.ndarray:
            if not isinstance(at, slice):
                asked.append(at)
            return X[at]

    for most in (50, 119, 120):
        monkeypatch.setattr(module, "SAMPLE", most)
        found = crowding(Watched(), centre_of(X), seed=3)
        assert len(np.unique(asked[-1])) == most
        assert (np.diff(asked[-1]) > 0).all()
        around = (X - X.mean(0)) / np.linalg.norm(X - X.mean(0), axis=1, keepdims=True)
        cosines = around @ around[asked[-1]].T
        cosines[asked[-1], np.arange(most)] = -np.inf  # a row is not its own neighbour
        np.testing.assert_allclose(found, np.sort(cosines, axis=1)[:, -10:].mean(1), atol=1e-5)


def test_among_few_rows_it_is_as_crowded_as_all_others_say() -> None:
    X = np.random.default_rng(4).normal(size=(5, 6)).astype(np.float32)
    around = (X - X.mean(0)) / np.linalg.norm(X - X.mean(0), axis=1, keepdims=True)
    cosines = around @ around.T
    expected = (cosines.sum(1) - cosines.diagonal()) / 4
    np.testing.assert_allclose(crowding(X, centre_of(X)), expected, atol=1e-5)
    assert crowding(X[:1], centre_of(X)).tolist() == [0]


class Endless:
    """Rows that are made when they are read: 200 MB of them."""

    shape = (25_000, 2048)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: slice) -> np.ndarray:
        return np.full((at.stop - at.start, self.shape[1]), at.start + 1, np.float32)


def test_memory_does_not_grow_with_the_rows() -> None:
    tracemalloc.start()
    nearest(Endless()[0:3], Endless(), 3, centre=np.zeros(2048))
    most = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    assert most < 130, f"{most:.0f} MB"


def test_a_picture_is_not_its_own_neighbour_and_copies_stand_in_the_order_of_the_table(collection: World) -> None:
    found = neighbours(collection.table, collection.cache, [collection.table.folder / "pictures/3.jpg"], 100)
    assert found.own == (3,)
    assert sorted(found.found.rows[0].tolist()) == [n for n in range(40) if n != 3]
    assert (np.diff(found.found.similarity[0]) <= 0).all()
    same = np.ones((6, 4), np.float32) * np.arange(4)
    assert nearest(same[:1], same, 4, centre=np.zeros(4), own=np.zeros(1, int)).rows.tolist() == [[1, 2, 3, 4]]


def test_a_page_and_a_csv_show_what_the_table_says(
    collection: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(collection.table.folder)
    names = ["pictures/3.jpg", "pictures/4.jpg"]
    assert run(cli, ["neighbours", *names, "--k", "39", "--csls", "--out", str(tmp_path / "out")]) == 0
    assert "page: " in capsys.readouterr().out
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert EVIL not in page
    assert "&lt;Script&gt;" in page or "&lt;script&gt;" in page
    assert page.count("no picture</div>") == 2 * 16, "pictures whose files are missing"
    with (tmp_path / "out" / "neighbours.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 2 * 39
    assert {line["title"] for line in lines} <= set(collection.table.columns["title"])
    assert [line["rank"] for line in lines[:39]] == [str(n + 1) for n in range(39)]
    assert_good_to_read(tmp_path / "out" / "index.html")


def test_a_picture_that_is_not_in_the_collection_is_embedded_and_leaves_no_trace(
    collection: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = []

    def made(pictures: list[object], *rest: object) -> tuple[dict[int, np.ndarray], dict[int, Undecodable]]:
        vectors.append(len(pictures))
        return {0: collection.X[5] + np.float32(1e-3)}, {}

    monkeypatch.setattr("classify.explore.newcomers._embedded", made)
    new = save_picture(tmp_path / "new.jpg", 999)
    known = collection.table.folder / "pictures/7.jpg"
    found = neighbours(collection.table, collection.cache, [known, new], 3)
    assert (vectors, found.own) == ([1], (7, -1))
    assert found.found.rows[1, 0] == 5
    assert len(collection.cache.ids()) == 40


def test_what_can_not_be_is_said_in_a_sentence(collection: World, tmp_path: Path) -> None:
    table, cache = collection.table, collection.cache
    picture = table.folder / "pictures/3.jpg"
    with pytest.raises(DataError, match="1 picture with an embedding, and 2 are needed"):
        neighbours(table.take([0]), cache, [picture])
    with pytest.raises(PictureError, match="can't be read"):
        neighbours(table, cache, [tmp_path / "gone.jpg"])


def test_a_broken_picture_among_others_costs_itself(
    collection: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is not there, one is no picture when it is decoded; the others have their neighbours as alone."""

    def made(pictures: list[object], *rest: object) -> tuple[dict[int, np.ndarray], dict[int, Undecodable]]:
        return {1: collection.X[5] + np.float32(1e-3)}, {0: Undecodable(Reason.NOT_A_PICTURE, "no picture")}

    monkeypatch.setattr("classify.explore.newcomers._embedded", made)
    gone, text = tmp_path / "gone.jpg", tmp_path / "text.jpg"
    text.write_bytes(b"no picture")
    known, new = collection.table.folder / "pictures/7.jpg", save_picture(tmp_path / "new.jpg", 998)
    found = neighbours(collection.table, collection.cache, [gone, text, known, new], 3)
    assert (found.pictures, found.own, list(found.unread)) == ((known, new), (7, -1), [gone, text])
    alone = neighbours(collection.table, collection.cache, [known], 3)
    assert found.found.rows[0].tolist() == alone.found.rows[0].tolist()
    assert found.found.rows[1, 0] == 5
    page = write_neighbours(found, tmp_path / "out").read_text("utf-8")
    assert "2 pictures can't be read and are left out" in page
    with pytest.raises(PictureError, match=r"none of 2 pictures can be read; '.*gone.jpg' can't be read"):
        neighbours(collection.table, collection.cache, [gone, gone])


def test_a_picture_in_two_rows_is_one_work(collection: World) -> None:
    table = collection.table.take([0, 1, 1, 2])
    assert load_works(table, collection.cache).table.columns["id"] == [table.columns["id"][n] for n in (0, 1, 3)]


def test_mistakes_stand_beside_the_training_picture_that_is_nearest() -> None:
    world = make_world(style=0.3, dimension=8)
    c = compare(world.table, [world.cache], ["logreg:C=0.01"])
    assert c.mistakes
    learned = np.flatnonzero(np.array(world.table.columns["split"]) == "train")
    around = world.X - world.X[learned].mean(0)
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    for mistake in c.mistakes:
        asked = world.table.columns["id"].index(c.rows[mistake.row].id)
        best = int(learned[np.argmax(around[learned] @ around[asked])])
        assert mistake.nearest is not None
        assert mistake.nearest.id == world.table.columns["id"][best]
        assert mistake.nearest.label == world.table.columns["style"][best]
        assert mistake.nearest.similarity == pytest.approx(float(around[best] @ around[asked]), abs=1e-5)
    untrained = make_world(style=0.3, dimension=8, key=RANDOM_KEY)
    assert all(m.nearest is None for m in compare(untrained.table, [untrained.cache], ["logreg:C=0.01"]).mistakes)
