"""Exports for other programs: each is read back by an independent reader, and says where its vectors come from."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

import featurize
from cache import open_cache
from cache.artifacts import Artifacts
from featurize.choices import EXPORTS
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.exchange.forms import FORMS
from featurize.networks.licences import remember_licence

Screen = pytest.CaptureFixture[str]
ODD = ["=1+1", "two\twords", "line\nbreak", 'a "quote"', "Naïve_Art", "-", "@home"]
LICENCE = "CC-BY-NC-4.0"


def call(*arguments: object) -> int:
    return run(cli, [str(a) for a in arguments])


def vectors() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(len(ODD), 3)).astype(np.float32)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seven rows with odd labels and their vectors, of a network whose weights are not for sale."""
    monkeypatch.chdir(tmp_path)
    rows = {"style": ODD, "vector": [f"v{n}" for n in range(len(ODD))], "split": ["train"] * len(ODD)}
    featurize.import_vectors(vectors(), rows, "mine")
    cache = open_cache("features")
    remember_licence(Artifacts(cache.place, cache.key.digest), LICENCE)
    return tmp_path


def test_the_forms_that_can_be_chosen_are_those_there_are() -> None:
    assert tuple(FORMS) == EXPORTS


@pytest.mark.parametrize(("name", "column"), [("out.parquet", "vectors"), ("atlas.parquet", "vector_vector")])
def test_parquet_has_each_label_as_it_is_and_the_vectors_as_lists(here: Path, name: str, column: str) -> None:
    assert call("export", name, *(["--format", "atlas"] if "atlas" in name else [])) == 0
    read = pq.read_table(here / name)
    assert read.column("style").to_pylist() == ODD
    assert np.array_equal(np.array(read.column(column).to_pylist(), np.float32), vectors())
    assert json.loads(read.schema.metadata[b"artstyle"])["licence of the weights"] == LICENCE


def test_orange_reads_names_types_roles_and_labels_as_they_are(here: Path) -> None:
    assert call("export", "out.tab") == 0
    with (here / "out.tab").open(newline="", encoding="utf-8") as file:
        names, types, roles, *rows = csv.reader(file, delimiter="\t")
    assert names == ["vectors:0", "vectors:1", "vectors:2", "style", "id", "path", "split", "vector"]
    assert types == [*["continuous"] * 3, "discrete", "string", "string", "discrete", "string"]
    assert roles == [*[""] * 3, "class", *["meta"] * 4]
    assert [row[3].removeprefix("'") for row in rows] == ODD
    assert np.array_equal(np.array([row[:3] for row in rows], np.float32), vectors())
    assert LICENCE in (here / "out.tab.metadata").read_text(encoding="utf-8")


@pytest.mark.parametrize(("out", "options"), [("p/vectors.tsv", ()), ("p", ("--format", "projector"))])
def test_the_projectors_tables_have_a_line_a_row_and_no_quotes(here: Path, out: str, options: tuple[str, ...]) -> None:
    assert call("export", out, *options) == 0
    lines = (here / "p" / "metadata.tsv").read_text(encoding="utf-8").split("\n")
    assert len(lines) == len(ODD) + 2
    assert lines[0].split("\t") == ["style", "id", "path", "split", "vector"]
    assert [line.split("\t")[0] for line in lines[2:5]] == ["two words", "line break", 'a "quote"']
    assert {line.count("\t") for line in lines[:-1]} == {4}
    assert np.array_equal(np.loadtxt(here / "p" / "vectors.tsv", dtype=np.float32, delimiter="\t"), vectors())
    assert json.loads((here / "p" / "about.json").read_text())["licence of the weights"] == LICENCE


@pytest.mark.parametrize(("name", "file"), [("out.tab", "out.tab"), ("out.tsv", "out-metadata.tsv")])
def test_no_spreadsheet_computes_a_label(here: Path, name: str, file: str) -> None:
    assert call("export", name) == 0
    cells = (here / file).read_text(encoding="utf-8").replace("\n", "\t").split("\t")
    assert not [cell for cell in cells if cell.startswith(("=", "@"))]


def test_the_older_forms_say_where_the_vectors_come_from(here: Path) -> None:
    assert call("export", "out.h5") == 0
    assert call("export", "out.npz") == 0
    with h5py.File(here / "out.h5") as file:
        assert json.loads(file.attrs["about"])["licence of the weights"] == LICENCE
    with np.load(here / "out.npz") as arrays:
        assert json.loads(str(arrays["about"]))["network"] == "imported:mine"


def test_what_was_exported_can_be_imported(here: Path) -> None:
    """The ids are those of the table, so that the vectors stand beside those that they come from."""
    for name in ("out.parquet", "out.h5", "out.npz"):
        assert call("export", name, "--key", "imported-mine") == 0
        more = ["--array", "features_vectors"] if name.endswith("npz") else []
        assert call("import", name, "--table", "dataset.csv", "--name", name, *more) == 0
        cache = open_cache("features", f"imported-{name}")
        ids = featurize.read_table("dataset.csv").ids
        assert np.array_equal(cache.gather(ids, cache.recipes()[0]), vectors())


def test_a_file_beside_that_no_export_wrote_is_not_replaced(here: Path, capsys: Screen) -> None:
    (here / "metadata.tsv").write_text("mine")
    assert call("export", "vectors.tsv") == 1
    assert "no export wrote it" in capsys.readouterr().err
    assert (here / "metadata.tsv").read_text() == "mine"
    assert not (here / "vectors.tsv").exists()


def test_an_unknown_ending_names_those_that_are_known(here: Path, capsys: Screen) -> None:
    assert call("export", "out.xyz") == 1
    assert ".parquet, .tab, .tsv" in capsys.readouterr().err


@pytest.mark.parametrize(("form", "name"), [("parquet", "dataset.csv"), ("npz", "mine.npz"), ("hdf5", "dataset.csv")])
def test_a_file_that_no_export_wrote_is_not_replaced(here: Path, capsys: Screen, form: str, name: str) -> None:
    np.savez(here / "mine.npz", x=np.zeros(3))
    before = (here / name).read_bytes()
    assert call("export", name, "--format", form) == 1
    assert f"'{name}' is there, and no export wrote it" in capsys.readouterr().err
    assert (here / name).read_bytes() == before


def test_nothing_is_exported_among_feature_caches(here: Path, capsys: Screen) -> None:
    before = sorted((here / "features").rglob("*"))
    key = next((here / "features").iterdir()).name
    for out in ("features", f"features/{key}", f"features/{key}/deep"):
        assert call("export", out, "--format", "projector") == 1
        assert "choose another place" in capsys.readouterr().err
    assert call("export", f"features/{key}/out.npz") == 1
    assert sorted((here / "features").rglob("*")) == before


@pytest.mark.parametrize("name", ["out.h5", "out.npz", "out.parquet", "out.tab", "out.tsv", "vectors.tsv"])
def test_what_an_export_wrote_is_replaced_by_the_next(here: Path, name: str) -> None:
    assert [call("export", name), call("export", name)] == [0, 0]
