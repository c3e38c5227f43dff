"""Distances of styles and painters are those of SciPy and of a plain computation; names that are near are listed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.cluster.hierarchy import cophenet, leaves_list, linkage
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from classify.commands.main import cli
from classify.errors import DataError
from classify.explore.artist import artist
from classify.explore.styles import FOLDS, draw_styles, styles, write_styles
from classify.explore.works import Works, load_works
from classify.heads.tuning import make_folds
from featurize.commands.console import run
from featurize.dataset.table import write_table
from tests.browser import assert_good_to_read
from tests.classify.explore.collections import EVIL, make_collection
from tests.classify.worlds import make_world


@pytest.fixture(scope="module")
def works() -> Works:
    world = make_world(train=80, test=80, style=1.5, by_artist=1.0, artists=5)
    return load_works(world.table, world.cache)


def test_distances_of_styles_are_those_of_scipy(works: Works) -> None:
    found = styles(works)
    labels = np.array(works.column("style"))
    means = np.stack([works.X[labels == name].mean(0) for name in found.names])
    np.testing.assert_allclose(found.distance, squareform(pdist(means - means.mean(0), "cosine")), atol=1e-5)
    assert found.counts.tolist() == [40] * 4
    assert found.grouped
    assert found.confusion.sum() == 160
    assert np.trace(found.confusion) > 80
    with pytest.raises(DataError, match="2 classes have 2 works or more in the column 'style', and three are needed"):
        styles(works.take(np.flatnonzero(np.isin(labels, found.names[:2]))))


def test_the_tree_is_that_of_scipy(works: Works) -> None:
    """Classes meet at the mean distance of their members, whatever the order; each leaf stands beside its nearest."""
    found = styles(works)
    labels = np.array(works.column("style"))
    means = np.stack([works.X[labels == name].mean(0) for name in found.names])
    distances = pdist((means - means.mean(0)).astype(np.float64), "cosine")
    np.testing.assert_allclose(cophenet(found.tree), cophenet(linkage(distances, "average")), atol=1e-5)
    assert leaves_list(found.tree).tolist() in ([0, 1, 2, 3], [3, 2, 1, 0])
    names = {text.get_text() for text in draw_styles(found)["tree"].axes[0].get_yticklabels()}
    assert names == {name.replace("_", " ") for name in found.names}


def test_the_tree_and_the_matrices_have_one_order() -> None:
    world = make_world(train=160, test=0, style=1.0, by_artist=1.0, artists=2, classes=20)
    found = styles(load_works(world.table, world.cache))
    assert leaves_list(found.tree).tolist() == list(range(20))
    drawn = draw_styles(found)
    tree = [text.get_text() for text in drawn["tree"].axes[0].get_yticklabels()]
    assert tree == [text.get_text() for text in drawn["distance"].axes[0].get_yticklabels()]


def test_labels_of_any_length_and_direction_fit_on_the_page(tmp_path: Path) -> None:
    """A label that is read from the right does not turn the figures after it around, and one of underscores is seen."""
    names = {"Style_0": "שלום", "Style_1": "x" * 99, "Style_2": "__"}
    world = make_world(style=1.5)
    renamed = world.relabelled(style=[names.get(c, c) for c in world.table.columns["style"]])
    page = write_styles(styles(load_works(renamed.table, renamed.cache)), tmp_path / "out").read_text("utf-8")
    text = re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
    assert text.count("שלום") == text.count("\u2068שלום\u2069") > 0
    assert "x" * 59 + "…" in text
    assert "x" * 60 not in text
    assert "<th>__</th>" in text


def test_small_distances_and_large_similarities_are_shown_with_figures_that_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of an untrained network nearly all distances are below 0.005."""
    works = make_collection(tmp_path, pictures=48)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("classify.explore.styles.pairs", lambda found: [("a", "b", 0.00123, 1)])
    assert run(cli, ["styles"]) == 0
    assert "0.0012 " in capsys.readouterr().out
    assert '<td class="n">0.0012</td>' in (tmp_path / "reports" / "styles" / "index.html").read_text("utf-8")
    found = artist(load_works(works.table, works.cache), str(works.artists[5]))
    for similarity, digits in ((0.3, 2), (0.9968, 4), (0.9999999, 2)):
        near = replace(found, painters=(replace(found.painters[0], similarity=similarity),), likeness=())
        assert near.digits == digits


def test_confusions_are_those_of_the_nearest_mean_of_scikit_learn(works: Works) -> None:
    """On rows brought to unit variance, in the same folds."""
    found = styles(works, seed=3)
    names, codes = np.unique(works.column("style"), return_inverse=True)
    expected = np.zeros((4, 4), int)
    for learn, held_out in make_folds(codes, np.array(works.groups.names), FOLDS, 3):
        model = make_pipeline(StandardScaler(), NearestCentroid()).fit(works.X[learn], codes[learn])
        np.add.at(expected, (codes[held_out], model.predict(works.X[held_out])), 1)
    order = [names.tolist().index(name) for name in found.names]
    assert found.confusion.tolist() == expected[np.ix_(order, order)].tolist()


def test_a_painter_is_compared_with_the_means_of_others_and_a_work_never_with_itself(works: Works) -> None:
    names = np.array(works.column("artist"))
    name = str(names[0])
    found = artist(works, name.upper())
    assert found.name == name
    assert found.rows.tolist() == np.flatnonzero(names == name).tolist()
    X = works.X - works.X.mean(0)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    others = [n for n in np.unique(names) if n != name and (names == n).sum() >= 3]
    means = np.stack([X[names == n].mean(0) for n in others])
    close = 1 - cdist(X[names == name].mean(0)[None], means, "cosine")[0]
    order = np.argsort(-close)[:10]
    assert [p.name for p in found.painters] == [others[n] for n in order]
    np.testing.assert_allclose([p.similarity for p in found.painters], close[order], atol=1e-5)
    for one in found.likeness:
        rest = X[[n for n in found.rows if n != one.row]].mean(0)
        assert one.own == pytest.approx(float(rest @ X[one.row] / np.linalg.norm(rest)), abs=1e-5)
        elsewhere = 1 - cdist(X[[one.row]], means, "cosine")[0]
        assert one.nearest == others[int(elsewhere.argmax())]
    assert [one.own for one in found.likeness] == sorted(one.own for one in found.likeness)


def test_a_stranger_among_a_painters_works_stands_first(works: Works) -> None:
    rows = np.flatnonzero(np.array(works.column("artist")) == works.column("artist")[0])
    X = works.X.copy()
    X[rows[2]] = -3 * X[rows].mean(0)
    assert artist(replace(works, X=X), works.column("artist")[0]).likeness[0].row == rows[2]


def test_unknown_painters_get_near_names(works: Works) -> None:
    with pytest.raises(DataError, match=r"no work is by 'paintr-7': did you mean painter-7"):
        artist(works, "paintr-7")
    few = works.take(np.flatnonzero(np.array(works.column("artist")) == works.column("artist")[0])[:2])
    with pytest.raises(DataError, match="has 2 works here, and 3 are needed"):
        artist(few, works.column("artist")[0])
    nameless = replace(works, table=works.table.with_columns(artist=[""] * len(works)))
    with pytest.raises(DataError, match="no work of the dataset table names its artist"):
        artist(nameless, "Monet")


def test_the_commands_write_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = make_collection(tmp_path, pictures=48)
    names = [EVIL if style == "Style_1" else style for style in world.table.columns["style"]]
    write_table(world.table.with_columns(style=names), tmp_path / "dataset.csv")
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["styles"]) == 0
    assert run(cli, ["artist", str(world.artists[5])]) == 0
    for page in ("styles", "artist"):
        assert_good_to_read(tmp_path / "reports" / page / "index.html")
        assert EVIL not in (tmp_path / "reports" / page / "index.html").read_text("utf-8")
    for page in ("styles", "artist", "map", "neighbours", "timeline"):
        mine = tmp_path / "website" / "index.html"
        mine.parent.mkdir(exist_ok=True)
        mine.write_text("<!doctype html><title>My museum</title>")
        wanted = {"artist": [str(world.artists[5])], "neighbours": ["pictures/3.jpg"]}.get(page, [])
        assert run(cli, [page, *wanted, "--out", "website"]) == 1
        assert "is no page of artstyle, and would be replaced: choose another --out" in capsys.readouterr().err
        assert [path.read_text() for path in mine.parent.iterdir()] == ["<!doctype html><title>My museum</title>"]
    assert run(cli, ["styles", "--out", "reports/styles"]) == 0, "its own page is replaced"
    assert run(cli, ["artist", "Nobody Known"]) == 1
    assert "no work is by 'Nobody Known'" in capsys.readouterr().err


def test_works_that_take_no_part_are_told_on_the_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = make_collection(tmp_path, pictures=60, shown=45)
    columns = {name: list(world.table.columns[name]) for name in ("style", "artist")}
    columns["style"][:8] = [*[""] * 7, "Lonely"]
    columns["artist"][20:25] = ["", "unknown", "?", "Anonymous", ""]
    years = ["" if n < 9 else str(1800 + n) for n in range(60)]
    write_table(world.table.with_columns(**columns, year=years), tmp_path / "dataset.csv")
    monkeypatch.chdir(tmp_path)
    said = "warning: Of 60 works, "
    for command, reason in (
        (["styles"], "7 have no style and 1 has a style that no other work has: left out."),
        (["timeline"], "9 have no year: left out."),
        (["artist", str(world.artists[30])], "5 have no known artist: left out."),
    ):
        assert run(cli, command) == 0
        assert said + reason in capsys.readouterr().err
    page = (tmp_path / "reports" / "styles" / "index.html").read_text("utf-8")
    assert "7 works have no style and are left out. 1 work has a style that no other work has and is left out." in page
