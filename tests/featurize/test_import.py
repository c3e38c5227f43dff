"""Vectors of other programs: every form gives the same rows, what does not fit is one sentence, nothing is lost."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

import featurize
from cache import OK, list_caches, open_cache
from classify.commands.main import cli as classify_cli
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.table import read_table
from featurize.errors import VectorsError
from featurize.exchange import importing
from featurize.reasons import Reason
from tests.conftest import save_picture

Screen = pytest.CaptureFixture[str]
COUNT, WIDTH = 60, 8


def call(*arguments: object) -> int:
    return run(cli, [str(a) for a in arguments])


def blobs() -> np.ndarray:
    """Vectors around three centres, one a class."""
    drawn = np.random.default_rng(0)
    return (drawn.normal(size=(COUNT, WIDTH)) + 4 * np.eye(3, WIDTH)[np.arange(COUNT) % 3]).astype(np.float32)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of 60 rows, rows.csv, and their vectors, vectors.npy."""
    monkeypatch.chdir(tmp_path)
    lines = [f"style {n % 3},painter {n // 2},{'test' if n % 5 == 0 else 'train'}" for n in range(COUNT)]
    (tmp_path / "rows.csv").write_text("\n".join(["style,artist,split", *lines]) + "\n")
    np.save("vectors.npy", blobs())
    return tmp_path


def bring(vectors: str = "vectors.npy", *more: str, table: str = "rows.csv", name: str = "mine") -> int:
    return call("import", vectors, "--table", table, "--name", name, *more)


def stored() -> np.ndarray:
    """The vectors in the only cache, in the table's order."""
    (cache,) = list_caches("features")
    return cache.gather(read_table("dataset.csv").ids, importing.RECIPE)


def _write_npz(path: Path, vectors: np.ndarray) -> None:
    np.savez_compressed(path, vectors=np.asfortranarray(vectors), years=np.arange(len(vectors)))


def _write_list(path: Path, vectors: np.ndarray) -> None:
    pq.write_table(pa.table({"title": ["x"] * len(vectors), "vector": list(vectors)}), path, row_group_size=7)


def _write_fixed(path: Path, vectors: np.ndarray) -> None:
    flat = pa.array(vectors.ravel())
    pq.write_table(pa.table({"v": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])}), path)


def _write_columns(path: Path, vectors: np.ndarray) -> None:
    pq.write_table(pa.table({f"x{n}": column for n, column in enumerate(vectors.T)}), path)


def _write_hdf5(path: Path, vectors: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file["deep/inside"] = vectors
        file["years"] = np.arange(len(vectors))
        file["titles"] = ["x"] * len(vectors)


FORMS: dict[str, Callable[[Path, np.ndarray], None]] = {
    "v.npy": lambda path, vectors: np.save(path, np.asfortranarray(vectors.astype(">f8"))),
    "v.npz": _write_npz,
    "list.parquet": _write_list,
    "fixed.parquet": _write_fixed,
    "columns.parquet": _write_columns,
    "v.h5": _write_hdf5,
    "v.HDF5": _write_hdf5,
    "v.safetensors": lambda path, vectors: save_file({"vectors": vectors}, path),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_vectors_in_the_same_order(
    here: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_BLOCK_BYTES", 4 * WIDTH * 16)  # several blocks
    FORMS[name](here / name, blobs())
    assert bring(name) == 0
    assert np.array_equal(stored(), blobs())


def test_types_beyond_numpys_are_widened(here: Path) -> None:
    import torch

    coarse = torch.from_numpy(blobs()).bfloat16()
    save_torch({"vectors": coarse}, here / "v.safetensors")
    assert bring("v.safetensors") == 0
    assert np.array_equal(stored(), coarse.float().numpy())


@pytest.mark.parametrize(("kind", "kept"), [("int64", "float32"), ("float16", "float16"), ("bool", "float32")])
def test_whole_numbers_and_halves_keep_their_values(here: Path, kind: str, kept: str) -> None:
    np.save("v.npy", blobs().astype(kind))
    assert bring("v.npy") == 0
    assert stored().dtype == kept
    assert np.array_equal(stored(), blobs().astype(kind).astype(kept))


def test_heads_and_reports_work_and_no_picture_is_asked_for(here: Path, capsys: Screen) -> None:
    assert bring() == 0
    asked = ["compare", "--heads", "lda,prototype", "--no-tune", "--out", "report"]
    assert run(classify_cli, asked) == 0
    assert "imported:mine" in (here / "report" / "index.html").read_text(encoding="utf-8")
    assert run(classify_cli, ["fit", "--head", "lda", "--out", "lda.safetensors"]) == 0
    assert call("audit", "--no-pictures") == 0
    assert call("verify") == 0
    assert run(classify_cli, ["map", "--method", "pca", "--out", "map"]) == 0
    assert run(classify_cli, ["styles", "--out", "styles"]) == 0


def test_predicting_from_pictures_is_refused_with_the_reason(here: Path, capsys: Screen) -> None:
    assert bring() == 0
    assert run(classify_cli, ["fit", "--head", "lda", "--out", "lda.safetensors"]) == 0
    save_picture(here / "a.jpg")
    capsys.readouterr()
    assert run(classify_cli, ["predict", "a.jpg", "--head", "lda.safetensors"]) == 1
    said = capsys.readouterr().err
    assert "'mine' were imported from a file" in said
    assert call("run", "--backbone", "imported:mine") == 1
    assert "imported from a file" in capsys.readouterr().err


def test_repeated_it_does_nothing(here: Path, capsys: Screen) -> None:
    assert bring() == 0
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in here.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert bring() == 0
    assert "0 vectors stored now" in capsys.readouterr().out
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in here.rglob("*") if p.is_file()} == before


def test_an_import_that_was_stopped_goes_on(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_BLOCK_BYTES", 4 * WIDTH * 16)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        featurize.import_vectors("vectors.npy", "rows.csv", "mine", progress=stop)
    assert featurize.import_vectors("vectors.npy", "rows.csv", "mine").stored == COUNT - 16
    assert np.array_equal(stored(), blobs())


def test_another_file_under_the_same_name_is_refused_with_a_way_out(here: Path, capsys: Screen) -> None:
    assert bring() == 0
    np.save("vectors.npy", blobs() + 1)
    assert bring() == 1
    assert "choose another --name" in capsys.readouterr().err
    assert bring("vectors.npy", "--dataset", "second.csv", name="other") == 0
    assert len(list_caches("features")) == 2


def test_a_table_in_another_order_than_before_is_noticed(here: Path, capsys: Screen) -> None:
    assert bring() == 0
    table = read_table("dataset.csv")
    featurize.write_table(table.take([1, 0, *range(2, COUNT)]), "dataset.csv")
    assert bring(table="dataset.csv") == 1
    assert "row 1 of the table has another vector" in capsys.readouterr().err


def test_a_dataset_table_that_is_there_is_never_overwritten(here: Path, capsys: Screen) -> None:
    (here / "dataset.csv").write_text(f"id,path,split,style\n{'ab' * 32},a.jpg,train,Baroque\n")
    before = (here / "dataset.csv").read_bytes()
    assert bring() == 1
    assert "it is not overwritten" in capsys.readouterr().err
    assert (here / "dataset.csv").read_bytes() == before
    assert not (here / "features").exists()


def test_edits_of_the_dataset_table_stay_when_the_import_is_repeated(here: Path) -> None:
    assert bring() == 0
    table = read_table("dataset.csv")
    featurize.write_table(table.with_columns(style=["mended", *table.columns["style"][1:]]), "dataset.csv")
    assert bring() == 0
    assert read_table("dataset.csv").columns["style"][0] == "mended"


def test_vectors_for_a_dataset_table_stand_beside_each_other(here: Path) -> None:
    """A second import for the same rows: both under the same ids."""
    assert bring() == 0
    before = (here / "dataset.csv").read_bytes()
    np.save("second.npy", blobs()[:, :5])
    assert bring("second.npy", table="dataset.csv", name="second") == 0
    assert (here / "dataset.csv").read_bytes() == before
    ids = read_table("dataset.csv").ids
    widths = sorted(cache.gather(ids, importing.RECIPE).shape[1] for cache in list_caches("features"))
    assert widths == [5, WIDTH]


def test_rows_with_pictures_are_named_by_them(here: Path) -> None:
    for n in range(3):
        save_picture(here / "pictures" / f"{n}.jpg", n)
    (here / "few.csv").write_text("path,style,split\n" + "".join(f"pictures/{n}.jpg,s{n},train\n" for n in range(3)))
    np.save("few.npy", blobs()[:3])
    assert bring("few.npy", "--dataset", "few-dataset.csv", table="few.csv", name="few") == 0
    assert call("prepare", "few.csv", "--out", "prepared.csv") == 0
    assert set(read_table("few-dataset.csv").columns["id"]) == set(read_table("prepared.csv").columns["id"])


def test_broken_vectors_are_numbered_and_kept_as_failures(here: Path, capsys: Screen) -> None:
    vectors = blobs().astype(np.float64)
    vectors[3, 2], vectors[10, 0], vectors[17, 7] = np.nan, np.inf, 1e300
    np.save("one.npy", np.where(np.arange(COUNT)[:, None] == 3, np.nan, blobs()))
    assert bring("one.npy", "--features", "one", "--dataset", "one.csv", name="one") == 0
    assert "1 has none" in capsys.readouterr().out
    assert call("export", "one.npz", "--features", "one", "--dataset", "one.csv") == 0
    assert "; 1 row has no vector" in capsys.readouterr().out
    np.save("v.npy", vectors)
    assert bring("v.npy") == 0
    shown = capsys.readouterr()
    assert "row 4 (number 3 is nan), row 11 (number 1 is inf) and row 18 (number 8 is 1e+300, too large" in shown.err
    assert "57 have a vector" in shown.out
    cache, ids = open_cache("features"), read_table("dataset.csv").ids
    assert np.flatnonzero(cache.status(ids) != OK).tolist() == [3, 10, 17]
    assert {f.status for f in cache.failures()} == {Reason.NOT_FINITE}


def test_a_file_without_any_good_vector_leaves_nothing(here: Path, capsys: Screen) -> None:
    np.save("v.npy", np.full((COUNT, 2), np.nan))
    assert bring("v.npy") == 1
    assert "no vector in 'v.npy' is usable" in capsys.readouterr().err
    assert not (here / "features").exists()
    assert not (here / "dataset.csv").exists()


def _objects(path: Path) -> None:
    np.save(path, np.array([[1, {}]] * COUNT, dtype=object), allow_pickle=True)


def _pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(blobs()))


def _cut(path: Path) -> None:
    np.save(path, blobs())
    path.write_bytes(path.read_bytes()[:-5])


def _several(path: Path) -> None:
    np.savez(path, a=blobs(), b=blobs())


def _ragged(path: Path) -> None:
    pq.write_table(pa.table({"v": [[1.0, 2.0]] * (COUNT - 1) + [[1.0]]}), path)


def _cut_npz(path: Path) -> None:
    np.savez(path, v=blobs())
    path.write_bytes(path.read_bytes()[:-200])


def _texts_of_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["titles"] = ["x"] * COUNT


def _two_texts_of_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["a"], file["b"] = ["x"] * COUNT, ["y"] * COUNT


def _lists_of_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("v", COUNT, h5py.vlen_dtype(np.float32))


WRONG = {
    "1-d": ("v.npy", lambda p: np.save(p, np.arange(COUNT)), "two dimensions are needed"),
    "3-d": ("v.npy", lambda p: np.save(p, np.zeros((COUNT, 2, 2))), "two dimensions are needed"),
    "no columns": ("v.npy", lambda p: np.save(p, np.zeros((COUNT, 0))), "rows of 0 numbers"),
    "no rows": ("v.npy", lambda p: np.save(p, np.zeros((0, 4))), "0 rows of 4 numbers"),
    "too few": ("v.npy", lambda p: np.save(p, blobs()[:-1]), "holds 59 vectors, 'rows.csv' has 60 rows"),
    "texts of hdf5": ("v.h5", _texts_of_hdf5, "holds text: rows of numbers are needed"),
    "lists of hdf5": ("v.h5", _lists_of_hdf5, "holds lists of different lengths: rows of numbers are needed"),
    "several texts": ("v.h5", _two_texts_of_hdf5, "it holds: a (60 text) and b (60 text)"),
    "texts": ("v.npy", lambda p: np.save(p, np.full((COUNT, 2), "a")), "rows of numbers are needed"),
    "complex": ("v.npy", lambda p: np.save(p, blobs().astype(complex)), "rows of numbers are needed"),
    "objects": ("v.npy", _objects, "could run code"),
    "objects in a zip": ("v.npz", lambda p: np.savez(p, v=np.array([[{}]] * COUNT)), "could run code"),
    "a pickle": ("v.npy", _pickled, "can't be read as an array of numpy"),
    "a pickle by name": ("v.pkl", _pickled, "pickles are never read"),
    "cut": ("v.npy", _cut, "can't be read as an array of numpy"),
    "a cut zip": ("v.npz", _cut_npz, "can't be read as an array of numpy"),
    "empty": ("v.npy", lambda p: p.touch(), "can't be read as an array of numpy"),
    "several": ("v.npz", _several, "name one with --array"),
    "no parquet": ("v.parquet", lambda p: p.write_text("x"), "can't be read as a Parquet file"),
    "no hdf5": ("v.h5", lambda p: p.write_text("x"), "can't be read as an HDF5 file"),
    "no safetensors": ("v.safetensors", lambda p: p.write_text("x"), "can't be read as a safetensors file"),
    "rows of other lengths": ("v.parquet", _ragged, "row 60 of 'v.parquet' has 1 numbers, the first has 2"),
    "labels among the numbers": (
        "v.parquet", lambda p: pq.write_table(pa.table({"x0": [1.0] * COUNT, "t": ["a"] * COUNT}), p), "--array 'x*'"
    ),
    "another ending": ("v.csv", lambda p: p.write_text("1,2"), "none of the known endings"),
    "a folder": ("v.npy", lambda p: p.mkdir(), "is no file"),
    "nothing": ("v.npy", lambda p: None, "there is no file"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_one_sentence_and_leaves_nothing(here: Path, case: str, capsys: Screen) -> None:
    name, write, expected = WRONG[case]
    write(here / name)
    assert bring(name) == 1
    said = capsys.readouterr().err
    assert expected in said
    assert said.count("\n") == 1
    assert not (here / "features").exists()
    assert not (here / "dataset.csv").exists()


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("rows.csv/d.csv", "rows.csv' is a file, and a folder is needed"),
        ("d.txt", "written as .csv, .xlsx"),
        ("dir.csv", "it is a folder"),
    ],
)
def test_a_place_for_no_table_is_told_before_anything_is_stored(
    here: Path, dataset: str, expected: str, capsys: Screen
) -> None:
    (here / "dir.csv").mkdir()
    assert bring("vectors.npy", "--dataset", dataset) == 1
    assert expected in capsys.readouterr().err
    assert not (here / "features").exists()


def test_the_folder_of_the_table_is_made(here: Path) -> None:
    assert bring("vectors.npy", "--dataset", "new/deep/d.csv") == 0
    assert len(read_table("new/deep/d.csv")) == COUNT


def test_the_array_that_is_named_is_taken(here: Path) -> None:
    _several(here / "v.npz")
    assert bring("v.npz", "--array", "b") == 0
    assert np.array_equal(stored(), blobs())
    assert open_cache("features").key.network["array"] == "b"


def test_own_ids_are_kept_under_another_name(here: Path, capsys: Screen) -> None:
    lines = [f"inv. {n},40x50,s{n % 2},train" for n in range(COUNT)]
    (here / "rows.csv").write_text("\n".join(["id,size,style,split", *lines]) + "\n")
    assert bring() == 0
    assert "kept as 'source_id'" in capsys.readouterr().out
    table = read_table("dataset.csv")
    assert table.columns["source_id"][0] == "inv. 0"
    assert table.columns["source_size"][0] == "40x50"


def test_one_picture_has_one_vector(here: Path, capsys: Screen) -> None:
    vectors = blobs()
    vectors[1] = vectors[0]
    np.save("v.npy", vectors)
    ids = [f"{max(n, 1):064x}" for n in range(COUNT)]
    (here / "rows.csv").write_text(
        "id,path,split,style\n" + "".join(f"{i},{n}.jpg,train,s\n" for n, i in enumerate(ids))
    )
    assert bring("v.npy") == 0
    np.save("v.npy", blobs())
    assert bring("v.npy", name="other") == 1
    assert "rows 1 and 2 are the same picture" in capsys.readouterr().err


def test_an_array_in_memory_is_its_file(here: Path) -> None:
    """The same identity, so that importing both does nothing twice."""
    first = featurize.import_vectors(blobs(), "rows.csv", "mine")
    second = featurize.import_vectors("vectors.npy", "rows.csv", "mine")
    assert (first.stored, second.stored) == (COUNT, 0)
    with pytest.raises(VectorsError, match="two dimensions"):
        featurize.import_vectors([1.0, 2.0], "rows.csv", "mine")


def test_a_table_of_pandas_is_taken(here: Path) -> None:
    pandas = pytest.importorskip("pandas")
    rows = pandas.DataFrame({"style": ["a", None] * 30, "split": ["train"] * COUNT})
    done = featurize.import_vectors(blobs(), rows, "mine")
    assert done.table.columns["style"][:2] == ["a", ""]


def test_a_missing_vector_says_how_to_import_more(here: Path, capsys: Screen) -> None:
    assert bring() == 0
    table = read_table("dataset.csv")
    more = {name: [*values, values[-1]] for name, values in table.columns.items()}
    more["id"][-1], more["path"][-1] = "cd" * 32, "other.jpg"
    featurize.write_table(featurize.DatasetTable(more, table.folder), "dataset.csv")
    capsys.readouterr()
    assert run(classify_cli, ["fit", "--head", "lda", "--out", "lda.safetensors"]) == 1
    assert "featurize import VECTORS --table ROWS --name mine" in capsys.readouterr().err


@pytest.mark.parametrize(("vectors", "table"), [("twice.parquet", "rows.csv"), ("vectors.npy", "twice.parquet")])
def test_columns_of_one_name_are_refused(here: Path, capsys: Screen, vectors: str, table: str) -> None:
    column = pa.array(blobs()[:, 0])
    pq.write_table(pa.Table.from_arrays([column, column], ["x", "x"]), here / "twice.parquet")
    assert bring(vectors, table=table) == 1
    assert capsys.readouterr().err == (
        "error: 'twice.parquet' has several columns 'x': give each column a name of its own\n"
    )
