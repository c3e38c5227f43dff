"""The Embedder is a scikit-learn transformer: it clones, stands in pipelines, and embeds each picture once."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from cache import OK, open_cache
from classify import make_head
from featurize import DatasetTable, Embedder
from featurize.engines.fake import DIMENSION, FakeEngines
from featurize.errors import BackboneError, SourceError
from featurize.pictures import decoder_processes
from featurize.run import agreement
from tests.conftest import save_picture
from tests.featurize import fake


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Twelve pictures of two classes, dark and bright."""
    fake.decode_here(monkeypatch)
    made = []
    for n in range(12):
        path = save_picture(tmp_path / f"{n:02}.png", n)
        dark = np.asarray(Image.open(path)) // 3
        Image.fromarray(dark + (120 if n % 2 else 0)).save(path)
        made.append(path)
    return made


@pytest.fixture
def fakes() -> FakeEngines:
    return FakeEngines()


def embedder(fakes: FakeEngines, **settings: Any) -> Embedder:
    """With a fake network; a clone has the same fakes, because functions are not copied."""
    return Embedder("resnet18", "random", size=32, engines=lambda *asked: fakes(*asked), **settings)


def classes(paths: list[Path]) -> list[str]:
    return ["bright" if int(path.stem) % 2 else "dark" for path in paths]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch, paths: list[Path]) -> list[int]:
    """How many pictures were decoded so far, as the length of a list."""
    calls: list[int] = []
    plain = decoder_processes.pixels_here

    def counting(data: bytes, transform: Any) -> Any:
        calls.append(len(data))
        return plain(data, transform)

    monkeypatch.setattr(decoder_processes, "pixels_of", counting)
    return calls


@pytest.mark.parametrize(
    "shape", [list, np.array, lambda paths: [str(path) for path in paths]], ids=["list", "array", "texts"]
)
def test_a_pipeline_is_cross_validated_on_paths_and_embeds_each_picture_once(
    paths: list[Path], fakes: FakeEngines, decoded: list[int], tmp_path: Path, shape: Callable[[list[Path]], Any]
) -> None:
    pipeline = make_pipeline(embedder(fakes, features=tmp_path / "features"), make_head("svm"))
    scores = cross_val_score(pipeline, shape(paths), classes(paths), cv=3)
    assert scores.tolist() == [1, 1, 1]
    once = len(paths) + agreement.SAMPLE  # a few are read again, to be kept with the key
    assert len(decoded) == once, "the second and the third fold find everything in the feature cache"
    made = len(fakes.made)
    cross_val_score(pipeline, shape(paths), classes(paths), cv=4)
    assert len(decoded) == once
    assert len(fakes.made) == made, "where nothing is missing, no network is loaded"


def test_without_a_folder_clones_share_the_network_and_nothing_is_written(
    paths: list[Path], fakes: FakeEngines, decoded: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    pipeline = make_pipeline(embedder(fakes), make_head("svm"))
    assert cross_val_score(pipeline, paths, classes(paths), cv=3).tolist() == [1, 1, 1]
    assert len(decoded) == 3 * len(paths), "each fold embeds its pictures to fit and to score"
    assert len(fakes.made) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_paths_pictures_and_arrays_of_the_same_pixels_have_the_same_embedding(
    paths: list[Path], fakes: FakeEngines, tmp_path: Path
) -> None:
    pixels = [np.asarray(Image.open(path)) for path in paths]
    forms: dict[str, Any] = {
        "paths": paths,
        "texts": [str(path) for path in paths],
        "column": np.array([[str(path)] for path in paths]),
        "pictures": [Image.open(path) for path in paths],
        "arrays": pixels,
        "one array": np.stack(pixels),
        "mixed": [paths[0], Image.open(paths[1]), pixels[2], *map(str, paths[3:])],
    }
    told = embedder(fakes).transform(paths)
    assert told.shape == (len(paths), DIMENSION)
    assert told.dtype == np.float32
    assert not np.isnan(told).any()
    for name, form in forms.items():
        for features in (None, tmp_path / "features"):
            found = embedder(fakes, features=features).fit_transform(form)
            np.testing.assert_allclose(found, told, rtol=1e-5, err_msg=name)  # the fake is touchy about its places


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "PA"])
def test_pictures_of_each_mode_are_seen_as_their_colours(mode: str, fakes: FakeEngines, paths: list[Path]) -> None:
    """Flat colours, so that no conversion blurs anything: the embedding is that of the RGB picture."""
    flat = Image.new("RGB", (40, 40), (255, 255, 255)).convert(mode)
    np.testing.assert_allclose(
        embedder(fakes).transform([flat]), embedder(fakes).transform([Image.new("RGB", (40, 40), "white")]), rtol=1e-5
    )


def test_a_picture_that_was_turned_by_its_camera_stands_upright(
    fakes: FakeEngines, paths: list[Path], tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(paths[0]).save(tmp_path / "turned.jpg", exif=exif)
    given = [tmp_path / "turned.jpg", Image.open(tmp_path / "turned.jpg")]
    first, second = embedder(fakes).transform(given)
    np.testing.assert_allclose(first, second, rtol=1e-6)
    plain = Image.open(tmp_path / "turned.jpg").convert("RGB")
    plain.info.clear()
    assert not np.allclose(embedder(fakes).transform([np.asarray(plain)])[0], first)


@pytest.mark.parametrize("folder", [None, "features"])
def test_a_broken_picture_is_one_error_that_names_it_or_a_row_of_nan(
    paths: list[Path], fakes: FakeEngines, tmp_path: Path, folder: str | None
) -> None:
    features = folder and tmp_path / folder
    paths[3].write_bytes(b"no picture")
    given = [*paths, tmp_path / "gone.jpg"]
    with pytest.raises(SourceError) as error:
        embedder(fakes, features=features).transform(given)
    assert repr(str(paths[3])) in str(error.value)
    assert "1 more of 13 pictures" in str(error.value)
    rows = embedder(fakes, features=features, broken="nan").transform(given)
    assert np.isnan(rows[[3, 12]]).all()
    assert not np.isnan(np.delete(rows, [3, 12], axis=0)).any()
    with pytest.raises(SourceError, match=r"leave it out$"):
        embedder(fakes, features=features, broken="nan").transform([tmp_path / "gone.jpg"])


def test_what_is_no_list_of_pictures_is_refused_in_a_sentence(paths: list[Path], fakes: FakeEngines) -> None:
    for given, said in (
        (str(paths[0]), "is no list of pictures"),
        ([], "the list is empty"),
        ([3], "picture 0 of the list is of type int"),
        ([np.zeros((40, 40, 3))], "is an array of shape .* and type float64"),
        ([np.zeros((40, 40, 2), np.uint8)], "is an array of shape"),
        ([Image.new("F", (40, 40))], "has the mode 'F'"),
        ([Image.new("RGB", (0, 40))], "too small .it has no pixels"),
        ([np.zeros((0, 40, 3), np.uint8)], "too small .it has no pixels"),
        (Image.new("RGB", (40, 40)), "one picture is no list of pictures"),
        (np.zeros((40, 40, 3), np.uint8), "one picture is no list of pictures"),
        ((path for path in paths), "a generator is no list of pictures"),
        ({paths[0]: 1}, "a dict is no list of pictures"),
        (
            DatasetTable({"id": ["0" * 64], "path": ["a.png"], "split": ["train"]}, paths[0].parent),
            "a DatasetTable is no list of pictures",
        ),
        (None, "a NoneType is no list of pictures"),
    ):
        with pytest.raises(SourceError, match=said):
            embedder(fakes).transform(given)


def test_it_clones_takes_parameters_and_travels_between_processes(tmp_path: Path) -> None:
    made = Embedder("resnet18", "random", "avgpool+stats", size=64, features=tmp_path, broken="nan")
    copy = clone(made)
    assert copy.get_params() == made.get_params()
    assert copy.set_params(broken="raise", size=None).get_params()["size"] is None
    assert pickle.loads(pickle.dumps(made)).get_params() == made.get_params()
    assert make_pipeline(made, make_head("ridge")).get_params()["embedder__size"] == 64
    made.__sklearn_tags__()


def test_fit_checks_the_parameters_and_loads_nothing(fakes: FakeEngines, paths: list[Path]) -> None:
    embedder(fakes).fit(paths, classes(paths))
    assert not fakes.made
    for wrong in ({"broken": "skip"}, {"embedding": "avgpol"}, {"decode": "sloppy"}):
        with pytest.raises(BackboneError, match=next(iter(wrong.values()))):
            embedder(fakes, **wrong).fit()
    with pytest.raises(BackboneError, match="give features=FOLDER, or leave engine='onnx' out"):
        embedder(fakes, engine="onnx").transform(paths)


def test_each_number_has_a_name_and_recipes_stand_side_by_side(paths: list[Path], fakes: FakeEngines) -> None:
    pandas = pytest.importorskip("pandas")
    both = embedder(fakes, embedding="avgpool+stats", mirror=True)
    names = both.get_feature_names_out().tolist()
    assert names == [f"{recipe}-mirror_{n}" for recipe in ("avgpool", "stats") for n in range(DIMENSION)]
    assert embedder(fakes, embedding=["avgpool", "stats"], mirror=True).get_feature_names_out().tolist() == names
    frame = both.set_output(transform="pandas").fit_transform(paths[:2])
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == names
    assert embedder(fakes).fit(paths).get_feature_names_out().tolist() == [f"avgpool_{n}" for n in range(DIMENSION)]


def test_its_vectors_are_those_of_a_run(paths: list[Path], fakes: FakeEngines, tmp_path: Path) -> None:
    """They stand in the feature cache under the network's key, where heads find them."""
    rows = embedder(fakes, features=tmp_path / "features").transform([paths[1], *paths])
    store = open_cache(tmp_path / "features", "resnet18")
    assert len(store.ids()) == len(paths)
    assert (store.status(store.ids()) == OK).all()
    np.testing.assert_array_equal(rows[0], rows[2])
    stored = store.gather(store.ids(), store.recipe("avgpool"))
    assert {row.tobytes() for row in stored} == {row.tobytes() for row in rows}
