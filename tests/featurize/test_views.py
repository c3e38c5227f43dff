"""Recipes that see more of a picture than one square, and the control that needs no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from cache import open_cache
from featurize.choices import CONTROL
from featurize.dataset.prepare import prepare
from featurize.dataset.table import DatasetTable
from featurize.engines import make_engine
from featurize.engines.fake import FakeEngine, FakeEngines
from featurize.errors import BackboneError
from featurize.networks.recipes import formulas, shown_to
from featurize.pictures import decoder_processes
from featurize.pictures.squares.colours import NUMBERS, colours
from featurize.pictures.squares.views import Views
from featurize.pictures.transform import Transform
from featurize.run.extract import Extraction, Settings, extract
from tests.conftest import save_picture
from tests.featurize import fake

SIDE = 224


def ramp(width: int, height: int) -> Image.Image:
    """Red grows to the right, green downwards."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([across, down, np.full_like(across, 128)], 2).astype(np.uint8))


def ends(square: np.ndarray) -> tuple[float, float, float, float]:
    """Shares of the picture where the square begins and ends: left, right, top, bottom."""
    red, green = square[..., 0] / 255, square[..., 1] / 255
    return red[:, 0].mean(), red[:, -1].mean(), green[0].mean(), green[-1].mean()


def test_the_definitions_of_views_are_fixed() -> None:
    names = ("avgpool-views4", "avgpool-views14", "cls-block6-views14")
    assert [f.recipe.digest[:12] for f in formulas(names)] == ["e0ba8ab5a56c", "3db8ab41dd64", "2ea8fc45820e"]


def test_the_first_square_is_the_transform_s_and_the_others_are_where_they_are_said_to_be() -> None:
    transform, picture = Transform(), ramp(800, 400)
    squares = Views(transform, 7)(picture)
    assert squares.shape == (7, SIDE, SIDE, 3) == Views(transform, 7).shape
    assert np.array_equal(squares[0], transform(picture))
    assert np.array_equal(Views(transform, 2)(picture), squares[:2])
    assert ends(squares[1]) == pytest.approx((0, 1, 0, 1), abs=0.01), "the whole picture"
    wide, high = SIDE / 640, SIDE / 320  # resized to 640 x 320
    corners = [(0, wide, 0, high), (1 - wide, 1, 0, high), (0, wide, 1 - high, 1), (1 - wide, 1, 1 - high, 1)]
    centre = (0.5 - wide / 2, 0.5 + wide / 2, 0.5 - high / 2, 0.5 + high / 2)
    for square, place in zip(squares[2:], [*corners, centre], strict=True):
        assert ends(square) == pytest.approx(place, abs=0.01)


def test_another_process_gives_the_same_squares(tmp_path: Path) -> None:
    data = save_picture(tmp_path / "a.jpg", 3, (300, 200)).read_bytes()
    views = Views(Transform().with_options(64, "fast"), 7)
    assert np.array_equal(decoder_processes.pixels_of(data, views), decoder_processes.pixels_here(data, views))


def test_vectors_are_means_over_the_views_that_a_recipe_asks_for() -> None:
    chosen = formulas("avgpool,avgpool-mirror,avgpool-views4,avgpool-views14")
    squares = np.random.default_rng(0).integers(0, 256, (2, 7, 32, 32, 3), dtype=np.uint8)
    engine = FakeEngine(chosen, 2)
    found = engine.embed(squares)
    seen = [engine.run(np.ascontiguousarray(s))[0] for n in range(7) for s in (squares[:, n], squares[:, n, :, ::-1])]
    for formula, count in zip(chosen, (1, 2, 4, 14), strict=True):
        assert np.allclose(found[formula.recipe], np.mean(seen[:count], axis=0), rtol=1e-6)
    alone = FakeEngine(chosen[:2], 2).embed(squares[:, 0])
    for formula in chosen[:2]:
        assert np.array_equal(found[formula.recipe], alone[formula.recipe]), "bits don't depend on what else is made"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"views": 3}, "--views 3: choose one of 1, 2, 4, 14"),
        ({"views": 0}, "--views 0"),
        ({"views": 14, "mirror": True}, "leave --mirror out"),
        ({"views": 4, "names": "avgpool-mirror"}, "averaged already"),
        ({"names": "colour-views14"}, "'colour-views14' is not a known embedding"),
        ({"names": "avgpool-views7"}, "'avgpool-views7' is not a known embedding"),
        ({"names": "avgpool-views4-mirror"}, "is not a known embedding"),
    ],
)
def test_views_that_there_are_not_are_refused(asked: dict[str, object], said: str) -> None:
    with pytest.raises(BackboneError, match=said.replace("(", r"\(")):
        formulas(**{"names": "avgpool", **asked})  # type: ignore[arg-type]


def test_one_and_two_views_are_the_plain_and_the_mirrored_recipe() -> None:
    assert [f.recipe.name for views in (1, 2, 4) for f in formulas("stats,colour", views=views)] == [
        "stats", "colour", "stats-mirror", "colour", "stats-views4", "colour"
    ]  # fmt: skip


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> FakeEngines:
    fake.decode_here(monkeypatch)
    return FakeEngines()


@pytest.fixture
def table(paintings: Path, tmp_path: Path) -> DatasetTable:
    return prepare(paintings, tmp_path / "dataset.csv").table


def run_with(
    table: DatasetTable, root: Path, engines: FakeEngines, said: list[str] | None = None, **options: object
) -> Extraction:
    plain = {"backbone": "resnet18", "weights": "random", "batch_size": 4, "size": 64, "workers": 1}
    say = said.append if said is not None else lambda line: None
    return extract(table, root, Settings(**{**plain, **options}), say=say, engines=engines)  # type: ignore[arg-type]


def stored(done: Extraction, table: DatasetTable, name: str) -> bytes:
    cache = open_cache(done.folder)
    return cache.gather(table.ids, cache.recipe(name)).tobytes()


def test_a_run_by_views_says_its_cost_and_goes_on_with_the_same_bits(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    said: list[str] = []
    whole = run_with(table, tmp_path / "whole", engines, said, views=14)
    assert any("14 views of each picture: the network takes 14 times as long" in line for line in said)

    def stop_at(done: int, total: int) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    asked = Settings(backbone="resnet18", weights="random", batch_size=4, size=64, workers=1, views=14)
    with pytest.raises(KeyboardInterrupt):
        extract(table, tmp_path / "parts", asked, stop_at, engines=engines)
    rest = run_with(table, tmp_path / "parts", engines, views=14)
    assert 0 < rest.embedded < 21
    assert stored(rest, table, "avgpool-views14") == stored(whole, table, "avgpool-views14")
    assert run_with(table, tmp_path / "parts", engines, views=14).embedded == 0


def test_colour_is_kept_beside_what_is_embedded_and_changes_no_bit_of_it(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    plain = run_with(table, tmp_path / "plain", engines, control=False)
    both = run_with(table, tmp_path / "both", engines)
    assert [r.name for r in open_cache(plain.folder).recipes()] == ["avgpool"]
    assert [r.name for r in open_cache(both.folder).recipes()] == ["avgpool", CONTROL]
    assert stored(plain, table, "avgpool") == stored(both, table, "avgpool")
    assert run_with(table, tmp_path / "plain", engines).embedded == 0, "an older cache is not embedded again for it"


def test_an_older_cache_gets_colour_without_a_network(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    old = run_with(table, tmp_path / "old", engines, control=False)
    said: list[str] = []
    asked = Settings(backbone="resnet18", weights="random", size=64, embedding=CONTROL)
    done = extract(table, tmp_path / "old", asked, say=said.append, engines=make_engine)
    assert (done.folder, done.embedded) == (old.folder, 21)
    assert done.engine.startswith("numpy")
    assert not any("loading" in line for line in said)
    new = run_with(table, tmp_path / "new", engines)
    assert stored(done, table, CONTROL) == stored(new, table, CONTROL)


def numbers_of(*squares: np.ndarray) -> list[dict[str, float]]:
    return [dict(zip(NUMBERS, row.tolist(), strict=True)) for row in colours(np.stack(squares))]


def test_colours_are_those_of_an_independent_conversion() -> None:
    """Pillow's LittleCMS gives CIELAB of the same picture to within the steps of 16 levels."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    small = noise.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB", 6504)
    way = ImageCms.buildTransform(*profiles, "RGB", "LAB", ImageCms.Intent.ABSOLUTE_COLORIMETRIC)
    lab = np.asarray(ImageCms.applyTransform(small, way))
    lightness = lab[..., 0] / 2.55
    channels = {"L": lightness, "a": lab[..., 1].astype(np.int8), "b": lab[..., 2].astype(np.int8)}
    (found,) = numbers_of(np.asarray(small))
    for name, values in channels.items():
        assert found[f"mean {name}"] == pytest.approx(values.mean(), abs=2)
        assert found[f"deviation {name}"] == pytest.approx(values.std(), rel=0.1)


def test_directions_and_sizes_of_stripes_are_told() -> None:
    """Stripes of black and white, upright and level, 8 pixels wide."""
    stripes = np.zeros((SIDE, SIDE, 3), np.uint8)
    stripes[:, np.arange(SIDE) // 8 % 2 == 1] = 255
    upright, level = numbers_of(stripes, stripes.swapaxes(0, 1))
    assert upright["edges 0"] == pytest.approx(1) == level["edges 90"]
    assert upright["contrast across 8"] > 200 > 1 > upright["contrast across 16"] == upright["contrast down 8"] == 0
    assert level["contrast down 8"] == upright["contrast across 8"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([32, 64, 97, 224]), st.integers(0, 255))
def test_any_picture_gives_finite_numbers_that_depend_on_it_alone(seed: int, side: int, spread: int) -> None:
    rng = np.random.default_rng(seed)
    batch = rng.integers(255 - spread, 256, (3, side, side, 3), dtype=np.uint8)
    found = colours(batch)
    assert found.shape == (3, len(NUMBERS))
    assert np.isfinite(found).all()
    assert np.array_equal(colours(np.stack([batch[0], 255 - batch[1], batch[2]]))[[0, 2]], found[[0, 2]])
    for start in ("hue", "lightness", "edges"):
        shares = found[:, [n for n, name in enumerate(NUMBERS) if name.startswith(f"{start} ")]]
        assert ((shares.sum(1) < 1.001) & (shares >= 0).all(1)).all()


def test_what_is_shown_follows_what_is_asked() -> None:
    assert shown_to(formulas("avgpool,colour"), Transform()) == Transform()
    assert shown_to(formulas("avgpool,avgpool-views4"), Transform()).shape == (2, SIDE, SIDE, 3)
