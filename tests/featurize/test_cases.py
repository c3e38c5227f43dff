"""The small inputs of ../shared/cases, one of each kind of museum file and bug report: the right table for each.

The inputs are written by a script beside the checkout, so these tests are skipped where it is missing; each kind has
tests of its own with inputs that are made here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.table import read_table
from featurize.pictures import decoding
from tests.conftest import ROOT

MAKER = ROOT.parent / "shared" / "cases" / "make_cases.py"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the inputs, written once."""
    if not MAKER.is_file():
        pytest.skip("the cases are not here")
    folder = tmp_path_factory.mktemp("cases")
    subprocess.run([sys.executable, str(MAKER)], cwd=folder, check=True)
    return folder


def lines(*columns: str) -> list[str]:
    """Rows as text: names of files without folders, for "path", and the columns."""
    table = read_table(Path("dataset.csv"))
    names = [path.replace("::", "/").rpartition("/")[2] for path in table.columns["path"]]
    cells = [table.columns.get(column, [""] * len(table)) for column in columns[columns[0] == "path" :]]
    return sorted(" ".join(row).strip() for row in zip(*([names] if columns[0] == "path" else []), *cells, strict=True))


FOUR = ["p0.png a", "p1.png b", "p2.png a", "p3.png b"]
MUELLERS = [f"{row} Müller" for row in FOUR]
SOURCES = {
    "f1": (
        "f1", (), ("split", "style"),
        [f"{part} {style}" for part in ("train", "val") for style in ("drawings", "painting") for _ in range(3)],
        "training_set = train",
    ),
    "f2": ("f2", (), ("style",), ["Cubism"] * 4 + ["Rococo"] * 4, ""),
    "f3": (
        "f3/list.csv", (), ("path", "style"), ["67.265.1.png a", "67.265.2.png a", "67.265.3.png b"],
        "--path-column nr",
    ),
    "f4": (
        "f4/list.csv", (), ("path", "year", "date"),
        ["p0.png -1345 c. 1353–1336 BCE", "p1.png -300 -300", "p2.png -350 350 av. J.-C.",
         "p3.png 1618 1028 AH/AD 1618-1619 (Qajar)"], "",
    ),
    "f5": (
        "f5/list.tsv", (), ("path", "artist", "year"), [f"p{k}.png X{k} {1700 + k}" for k in range(6)], "never closed",
    ),
    "f6/utf16": ("f6/utf16.csv", (), ("path", "style", "artist"), MUELLERS, ""),
    "f6/sep": ("f6/sep.csv", (), ("path", "style", "artist"), MUELLERS, ""),
    "f6/mixed": ("f6/mixed.csv", (), ("path", "style", "artist"), MUELLERS, "line 6: p0.png;a;André"),
    "f6/long": ("f6/long.csv", (), ("path", "style", "artist"), [f"p0.png a {'x' * 140_000}", *MUELLERS[1:]], ""),
    "f6/twice": (
        "f6/twice.csv", (), ("path", "style", "style_2"),
        [f"{row} {x}" for row, x in zip(FOUR, "xxxy", strict=True)], "style_2",
    ),
    "f6/trail": ("f6/trail.csv", (), ("path", "style"), FOUR[:2], ""),
    "f7": ("f7/list.csv", (), ("path", "style"), ["1.png a", "1.png b", "2.png a", "2.png b"], ""),
    "f8": (
        "f8/list.csv", ("--split", "artist"), ("path", "artist",),
        sorted(f"p{k}.png {['Currier', 'Currier|Palmer', 'Palmer', 'Ives'][k % 4]}" for k in range(24)), "no picture",
    ),
    "f8/nobody": ("f8/nobody.csv", (), ("path", "style"), sorted(f"p{k}.png {'ab'[k % 2]}" for k in range(24)), ""),
    "f9": (
        "f9", (), ("path", "artist", "year"),
        sorted(f"vincent-van-gogh_w{k}-1885.png vincent-van-gogh 1885" for k in range(5) for _ in range(2)),
        "10 of 10 file names",
    ),
    "dot.zip": ("dot.zip", (), ("path", "style"), ["0.png a", "1.png b", "2.png a", "3.png b"], ""),
    "slashes.zip": ("slashes.zip", (), ("path", "style"), ["0.png a", "1.png b", "2.png a", "3.png b"], ""),
    "f11": ("f11", (), ("path", "style"), [f"000{k}.image.png {'ab'[k % 2]}" for k in range(4)], ""),
    "f12/pathonly": ("f12/pathonly.parquet", (), ("path", "style"), FOUR, "read from there"),
    "f12/hash": ("f12/hash.parquet", (), ("path", "style"), FOUR, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", SOURCES)
def test_a_source_gives_the_right_table(
    case: str, cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, options, columns, rows, note = SOURCES[case]
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["prepare", str(cases / source), *options]) == 0
    assert note in capsys.readouterr().out
    assert lines(*columns) == rows
    table = read_table(Path("dataset.csv"))
    if case == "f2":
        assert not {"artist", "year"} & set(table.columns), "a camera's names say no artist"
    if case == "f3":
        rejected = Path("dataset.rejected.csv").read_text(encoding="utf-8-sig").splitlines()[1:]
        assert len(rejected) == 1, "64.62 is not 64.png"
    if case == "f8":
        part = dict(zip(table.columns["artist"], table.columns["split"], strict=True))
        assert part["Currier"] == part["Currier|Palmer"] == part["Palmer"] != part["Ives"]


@pytest.mark.parametrize("case", ["f8/nobody.csv", "f8/list.csv"])
def test_the_audit_counts_makers(
    case: str, cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["prepare", str(cases / case)], ["audit", "--no-pictures"]):
        assert run(cli, command) == 0
    found = json.loads(Path("audit/audit.json").read_text(encoding="utf-8"))
    artists = found["artists"]
    assert (artists["known"], artists["distinct"]) == ((0, 0) if "nobody" in case else (24, 3))
    capsys.readouterr()
    if "nobody" in case:
        assert run(cli, ["prepare", str(cases / case), "--split", "artist"]) == 1
        assert "no picture names its artist" in capsys.readouterr().err


def test_dates_before_christ_work_in_conditions_targets_and_splits(
    cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = str(cases / "f4" / "list.csv")
    assert run(cli, ["prepare", source, "--where", "year < -299"]) == 0
    assert lines("path", "year") == ["p0.png -1345", "p1.png -300", "p2.png -350"]
    assert run(cli, ["prepare", source, "--target", "century", "--out", "century.csv"]) == 0
    centuries = read_table(Path("century.csv")).columns["century"]
    assert list(centuries) == ["14th century BCE", "3rd century BCE", "4th century BCE", "17th century"]
    assert run(cli, ["prepare", source, "--split", "time", "--before", "-320", "--val", "0", "--out", "time.csv"]) == 0
    assert list(read_table(Path("time.csv")).columns["split"]) == ["train", "test", "train", "test"]


Y, X = np.mgrid[0:48, 0:64]
GREY = X * 255 / 64
PICTURES = {
    "planar16.tif": np.dstack([X * 1024, Y * 1365, 65535 - X * 1024]) / 257,
    "be_float_deflate.tif": np.dstack([GREY] * 3),
    "be_neg16.tif": np.dstack([X * 1024 / 257] * 3),
    "rgb_float.tif": np.dstack([X / 64, Y / 48, 1 - X / 64]) * 255,
    "ga16.tif": np.dstack([X * 1024 / 257] * 3),
    "rle4.bmp": np.tile(np.array([1, 2, 3, 4, 5, 6, 7, 6])[None, :, None] * 17.0, (8, 1, 3)),
    "grey4_key.png": np.full((16, 16, 3), 255.0),
    "rgb16_key.png": np.full((16, 16, 3), 255.0),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_the_right_pixels(name: str, cases: Path) -> None:
    """To one of 255 steps: how sixteen bits are cut to eight is the policy's (docs/pictures.md)."""
    found = np.asarray(decoding.decode((cases / "t" / name).read_bytes()), float)
    np.testing.assert_allclose(found, PICTURES[name], atol=1.01)


def test_pictures_of_any_kind_are_taken_into_the_table(
    cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["prepare", str(cases / "t")]) == 0
    assert lines("path") == sorted(PICTURES)
