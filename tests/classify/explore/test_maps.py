"""A map is the same wherever and in whatever order it is made, keeps its places, and its page does what it offers."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import save
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from cache import cache_in_memory
from classify.commands.main import cli
from classify.errors import DataError
from classify.explore import principal as principal_module
from classify.explore.maps import atlas, layout
from classify.explore.maps.columns import Numbers, column_of
from classify.explore.maps.make import draw_map, map_of, write_map
from classify.explore.maps.mosaic import pasted, snapped
from classify.explore.principal import near_in, principal
from classify.explore.works import Works, load_works
from featurize.commands.console import run
from featurize.dataset.table import DatasetTable
from tests.browser import assert_good_to_read, browser
from tests.classify.explore.collections import EVIL, make_collection
from tests.classify.worlds import KEY, RANDOM_KEY, World
from tests.conftest import ROOT, save_picture


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_collection(tmp_path_factory.mktemp("collection"), pictures=60)


@pytest.fixture(scope="module")
def works(collection: World) -> Works:
    return load_works(collection.table, collection.cache)


@pytest.mark.parametrize("shape", [(300, 20), (30, 80)], ids=["more pictures", "more dimensions"])
def test_components_are_those_of_scikit_learn(shape: tuple[int, int]) -> None:
    X = (np.random.default_rng(0).normal(5, 1, shape) * np.linspace(3, 0.2, shape[1])).astype(np.float32)
    ours, theirs = principal(X, 6), PCA(6, svd_solver="full").fit(X)
    np.testing.assert_allclose(ours.share[:6], theirs.explained_variance_ratio_, rtol=1e-3)
    scores = theirs.transform(X)
    signs = np.sign((scores * ours.scores).sum(0))
    np.testing.assert_allclose(ours.scores * ours.unit, scores * signs, atol=0.02)
    np.testing.assert_array_equal(ours.project(X), ours.scores)
    assert ours.share.sum() == pytest.approx(1)


def test_a_map_by_pca_is_that_of_scikit_learn(works: Works) -> None:
    expected = PCA(2, svd_solver="full").fit_transform(np.asarray(works.X, np.float64))
    xy = map_of(works, method="pca").xy
    np.testing.assert_allclose(xy * np.sign((xy * expected).sum(0)), expected, atol=2e-3)


def test_components_depend_neither_on_the_order_of_sums_nor_of_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X = np.random.default_rng(1).normal(2, 1, (500, 40)).astype(np.float32)
    first = principal(X, 10)
    monkeypatch.setattr(principal_module, "_BLOCK", 37)
    order = np.random.default_rng(2).permutation(500)
    second = principal(X[order], 10)
    np.testing.assert_array_equal(first.axes, second.axes)
    np.testing.assert_array_equal(first.scores[order], second.scores)


def test_neighbours_among_components_are_those_of_scikit_learn() -> None:
    scores = np.round(np.random.default_rng(3).normal(size=(400, 8)) * 1000)
    rows, squares = near_in(scores, 5)
    distances, expected = NearestNeighbors(n_neighbors=6).fit(scores).kneighbors(scores)
    assert (rows == expected[:, 1:]).mean() > 0.995  # equal distances stand in another order
    np.testing.assert_allclose(np.sqrt(squares), distances[:, 1:], atol=1e-6)
    among, far = near_in(scores[:3], 2, scores[3:])
    assert among.shape == (3, 2)
    assert (far > 0).all()


MAKE = """
import hashlib, sys
import numpy as np
from classify.explore.maps.layout import make_layout, to_bytes_of
from tests.classify.explore.test_maps import made_up
print(hashlib.sha256(to_bytes_of(make_layout(made_up(), "tsne"))).hexdigest())
"""


def made_up() -> Works:
    """Works that need no folder."""
    from tests.classify.worlds import make_world

    world = make_world(train=45, test=45, dimension=24)
    return load_works(world.table, world.cache)


@pytest.mark.slow
def test_a_map_is_the_same_on_other_processors() -> None:
    """OpenBLAS and numpy are made to take other instructions, which changes last bits of floating-point sums."""
    pytest.importorskip("openTSNE")
    older = {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "AVX512_SKX AVX512_ICL AVX512_SPR"}
    found = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", MAKE],
            env={**os.environ, "PYTHONPATH": str(ROOT), **extra},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for extra in ({}, older, {"OPENBLAS_NUM_THREADS": "2"})
    }
    assert len(found) == 1


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_map_does_not_depend_on_the_order_of_the_table(method: str, works: Works) -> None:
    pytest.importorskip("openTSNE")
    first = layout.make_layout(works, method)
    again = layout.make_layout(works.take(np.random.default_rng(0).permutation(60)), method)
    assert layout.to_bytes_of(first) == layout.to_bytes_of(again)
    kept = layout.from_bytes_of(layout.to_bytes_of(first))
    assert layout.to_bytes_of(kept) == layout.to_bytes_of(first)
    assert (np.diff(first.xy, axis=0) != 0).any()


def test_added_pictures_find_a_place_and_the_others_keep_theirs(collection: World, works: Works) -> None:
    works = works.take(np.random.default_rng(4).permutation(60))
    some = works.take(np.arange(4, 60))
    cache = collection.cache
    with pytest.raises(DataError, match="no map of these pictures by pca with seed 7 is kept"):
        map_of(works, cache.artifacts, method="pca", adding=True, seed=7)
    first = map_of(some, cache.artifacts, method="pca", seed=7)
    grown = map_of(works, cache.artifacts, method="pca", seed=7, adding=True)
    np.testing.assert_array_equal(grown.xy[4:], first.xy)
    assert grown.layout.added.sum() == 4
    assert "4 pictures placed into the map of 56" in grown.news
    for n in range(4):  # each among those that lie near it in the components
        near = grown.near[n][grown.near[n] > 3]
        assert np.linalg.norm(grown.xy[n] - grown.xy[near], axis=1).min() < np.ptp(grown.xy, axis=0).max() / 4
    again = map_of(works, cache.artifacts, method="pca", seed=7)
    np.testing.assert_array_equal(map_of(works, method="pca").near, near_in(principal(works.X, 50).scores, 6)[0])
    np.testing.assert_array_equal(again.xy, grown.xy)
    assert "taken as it is" in again.news[0]
    fewer = map_of(works.take(np.arange(2, 50)), cache.artifacts, method="pca", seed=7, adding=True)
    np.testing.assert_array_equal(fewer.xy, grown.xy[2:50])
    assert cache.verify() == []


def test_two_pictures_are_no_map_and_three_are(collection: World, works: Works) -> None:
    with pytest.raises(DataError, match="a map needs 3 pictures or more, and 2 pictures"):
        map_of(works.take(np.arange(2)))
    assert map_of(works.take(np.arange(3))).xy.shape == (3, 2)
    with pytest.raises(DataError, match="--colour painter: the dataset table has no such labels"):
        map_of(works, colour="painter")
    undated = replace(works, table=works.table.with_columns(year=["nan"] * len(works)))
    with pytest.raises(DataError, match="--colour year: no picture has a year in that column"):
        map_of(undated, colour="year", method="pca")


@pytest.mark.parametrize(
    "written", [b"nothing", save({"ids": np.zeros((3, 32), np.uint8)}), save({"a": np.zeros(1)}, {"parameters": "{}"})]
)
def test_a_map_that_another_version_wrote_is_left_alone(collection: World, works: Works, written: bytes) -> None:
    artifacts = cache_in_memory(KEY).artifacts
    artifacts.keep(layout._KIND, written)
    made = map_of(works, artifacts, method="pca")
    assert not made.news
    assert map_of(works, artifacts, method="pca").news == ["the map was made before, and is taken as it is"]
    assert len(list(artifacts.every(layout._KIND))) == 2


def test_pictures_that_left_the_table_are_counted(works: Works) -> None:
    artifacts = cache_in_memory(KEY).artifacts
    map_of(works, artifacts, method="pca")
    some = map_of(works.take(np.arange(50)), artifacts, method="pca", adding=True)
    assert some.news == [
        "0 pictures placed into the map of 50",
        "10 pictures of the kept map left out, which are not asked for",
    ]


def test_a_file_that_holds_another_picture_now_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_collection(tmp_path, pictures=24)
    monkeypatch.chdir(tmp_path)
    command = ["map", "--method", "pca"]
    assert run(cli, command) == 0
    assert "changed since" not in capsys.readouterr().err
    save_picture(tmp_path / "pictures" / "3.jpg", 77, size=(50, 40))
    assert run(cli, command) == 0
    assert "1 picture file has changed since `featurize prepare`, as pictures/3.jpg" in capsys.readouterr().err


def test_without_open_tsne_the_way_out_is_said(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(DataError, match=r"pip install 'artstyle\[explore\]'"):
        map_of(works, seed=5)


def test_columns_are_numbers_only_where_all_are() -> None:
    world = make_collection_of({"height": [str(n / 2) for n in range(60)], "no": [str(n % 7) for n in range(60)]})
    assert isinstance(column_of("height", world), Numbers)
    assert not isinstance(column_of("no", world), Numbers)
    mixed = make_collection_of({"height": [*(str(n) for n in range(59)), "tall"]})
    assert not isinstance(column_of("height", mixed), Numbers)


def make_collection_of(columns: dict[str, list[str]]) -> Works:
    works = made_up()
    return Works(works.table.take(range(60)).with_columns(**columns), works.X[:60], works.key, works.recipes)


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=1, max_size=70), st.floats(0.3, 3))
def test_a_mosaic_gives_every_picture_a_square_of_its_own(points: list[tuple[int, int]], shape: float) -> None:
    squares, columns, rows = snapped(np.array(points, float), shape)
    assert len({tuple(square) for square in squares.tolist()}) == len(points)
    assert (squares >= 0).all()
    assert (squares < [columns, rows]).all()
    assert columns * rows < len(points) + max(columns, 1)


def test_a_mosaic_keeps_left_left_and_top_top() -> None:
    xy = np.stack(np.meshgrid(np.arange(12), np.arange(8)), -1).reshape(-1, 2).astype(float)
    squares, columns, rows = snapped(xy, 1.5)
    assert (columns, rows) == (12, 8)
    np.testing.assert_array_equal(squares, xy)


def test_small_pictures_leave_warnings_as_they_were(works: Works) -> None:
    """Threads that each turned warnings off and on again left them off for the rest of the process."""
    before = list(warnings.filters)
    for _ in range(3):
        list(atlas.sheets(works, atlas.Grid.of(len(works))))
    assert list(warnings.filters) == before


def test_a_mosaic_for_print_has_each_picture_in_its_square(tmp_path: Path) -> None:
    colours = [(40 + 3 * n, 250 - 3 * n, 20 * (n % 10)) for n in range(60)]
    for n, colour in enumerate(colours):
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"{n}.png")
    works = make_collection_of({"path": [f"{n}.png" for n in range(60)]})
    works = replace(works, table=DatasetTable(works.table.columns, tmp_path))
    grid = atlas.Grid.of(60)
    squares, columns, rows = snapped(np.random.default_rng(0).normal(size=(60, 2)))
    drawn = np.asarray(Image.open(io.BytesIO(pasted([d for d, _ in atlas.sheets(works, grid)], grid, squares))))
    side, step = grid.side, round(1.06 * grid.side)
    assert drawn.shape == (rows * step, columns * step, 3)
    for (column, row), colour in zip(squares.tolist(), colours, strict=True):
        middle = drawn[row * step + side // 2, column * step + side // 2].astype(int)
        assert abs(middle - colour).max() < 12
    assert (drawn[:, side + 3 : step - 3] > 240).all(), "pictures do not touch"


@pytest.fixture(scope="module")
def page(works: Works, tmp_path_factory: pytest.TempPathFactory) -> Path:
    graded = works.table.with_columns(grade=["" if n % 3 else str(n) for n in range(len(works))])
    graded = graded.with_columns(genre=["__" if n % 2 else "x" * 99 for n in range(len(works))])
    return write_map(map_of(replace(works, table=graded), method="pca"), tmp_path_factory.mktemp("map") / "out")


def test_the_print_says_what_it_shows_and_what_grey_means(works: Works) -> None:
    years = ["" if n % 3 else str(1800 + n) for n in range(len(works))]
    some = replace(works, table=works.table.with_columns(year=years), key=RANDOM_KEY)
    drawn = draw_map(map_of(some, colour="year", method="pca"))
    assert (
        drawn.axes[0].get_title("left") == "60 pictures (tinynet, avgpool, untrained), first two principal components"
    )
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["no year (40)"]
    assert not draw_map(map_of(works, colour="year", method="pca")).legends


def test_the_page_is_good_to_read_and_needs_nothing_else(page: Path) -> None:
    assert sorted(p.name for p in page.parent.iterdir()) == ["index.html", "map.csv", "map.png", "map.svg"]
    assert_good_to_read(page)
    assert EVIL not in page.read_text("utf-8")


# every text that is written on a canvas
DRAWN = """
window.drawn = [];
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (...given) {
  window.drawn.push(given[0]);
  write.apply(this, given);
};
"""


def test_the_page_does_what_it_offers(page: Path) -> None:
    """Search, keyboard, filter by class and year, lasso to a CSV: as a person does it, on a phone's width too."""
    expect = pytest.importorskip("playwright.sync_api").expect
    with browser() as started:
        sheet = started.new_page(viewport={"width": 390, "height": 800})
        said: list[str] = []
        sheet.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
        sheet.on("pageerror", lambda error: said.append(str(error)))
        sheet.add_init_script(DRAWN)
        sheet.goto(page.as_uri())
        expect(sheet.locator("#count")).to_contain_text("60 of 60")
        sheet.keyboard.press("/")
        sheet.keyboard.type("pictures/7.jpg")
        sheet.keyboard.press("Enter")
        sheet.wait_for_selector("#card:not([hidden])")
        card = sheet.inner_text("#card")
        assert "Work & <i>7</i>" in card
        assert "pictures/7.jpg" in card
        assert sheet.locator("#near button").count() == 6
        assert sheet.evaluate(COLOURED) > 50, "the thumbnail is drawn"
        assert sheet.evaluate("getComputedStyle(document.getElementById('picture')).objectFit") == "contain"
        sheet.click("#close")
        sheet.locator("#classes button").first.click()
        expect(sheet.locator("#count")).to_contain_text("45 of 60")
        sheet.locator("#classes button").first.click()
        sheet.evaluate("() => { const f = document.getElementById('from'); f.value = 1850; f.oninput(); }")
        expect(sheet.locator("#count")).to_contain_text("10 of 60")
        sheet.evaluate("() => { const f = document.getElementById('from'); f.value = f.min; f.oninput(); }")
        sheet.select_option("#colour", "grade")
        expect(sheet.locator("#classes")).to_contain_text("no grade40")
        sheet.select_option("#colour", "genre")
        assert sheet.locator("#classes button").all_text_contents() == ["__30", f"{'x' * 39}…30"]
        assert sheet.locator("#classes button").last.get_attribute("title") == "x" * 99
        sheet.locator("#classes button").first.click()  # its name may lie over the other's
        sheet.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert {name for name in sheet.evaluate("window.drawn") if name.startswith("x")} == {f"{'x' * 39}…"}
        sheet.locator("#classes button").first.click()
        sheet.select_option("#colour", "style")
        sheet.focus("#marks")
        sheet.keyboard.press("+")
        sheet.keyboard.press("0")
        sheet.keyboard.press("l")
        box = sheet.locator("#marks").bounding_box()
        assert box is not None
        left, top, right, bottom = box["x"] + 1, box["y"] + 1, box["x"] + box["width"] - 1, box["y"] + box["height"] - 1
        sheet.mouse.move(left, top)
        sheet.mouse.down()
        for x, y in ((right, top), (right, bottom), (left, bottom), (left, top)):
            sheet.mouse.move(x, y)
        sheet.mouse.up()
        expect(sheet.locator("#chosen-text")).to_contain_text("60 selected")
        lines = list(csv.DictReader(io.StringIO(sheet.evaluate("map.csv()").removeprefix("\ufeff"))))
        sheet.close()
    assert said == []
    with (page.parent / "map.csv").open(encoding="utf-8-sig", newline="") as file:
        expected: dict[str, Any] = {line["id"]: line for line in csv.DictReader(file)}
    assert {line["id"] for line in lines} == set(expected)
    for line in lines:
        assert line["path"] == expected[line["id"]]["path"]
        assert line["style"] == expected[line["id"]]["style"]
        assert line["artist"] == expected[line["id"]]["artist"]


COLOURED = """() => {
  const c = document.getElementById('picture'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  return d.filter((v, i) => i % 4 === 3 && v).length;
}"""


def test_the_command_makes_maps_and_mosaics_and_says_what_it_did(
    collection: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(collection.table.folder)
    command = ["map", "--method", "pca", "--seed", "11", "--out", str(tmp_path / "map")]
    assert run(cli, command) == 0
    before = (tmp_path / "map" / "index.html").read_bytes()
    assert run(cli, command) == 0
    assert "taken as it is" in capsys.readouterr().out
    assert (tmp_path / "map" / "index.html").read_bytes() == before
    assert run(cli, [*command, "--mosaic", "--colour", "year"]) == 0
    text = (tmp_path / "map" / "index.html").read_text("utf-8")
    assert '"mosaic":{"columns":9,"rows":7}' in text
    assert '"colour":"year"' in text
    with Image.open(tmp_path / "map" / "mosaic.jpg") as drawn:
        assert drawn.size == (9 * 136, 7 * 136)
    assert run(cli, ["map", "--colour", "nothing"]) == 1
    assert "--colour nothing" in capsys.readouterr().err
    for option in ("--out", "--features", "--dataset"):
        assert run(cli, ["map", option, ""]) == 2, "as a variable gives it that is not set"
        assert f"Invalid value for '{option}': an empty name is no" in capsys.readouterr().err
