"""Rows that are left out, repeat a picture or contradict each other are named on the screen and on the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classify.commands.main import cli
from classify.comparison.compare import compare
from classify.comparison.result import Comparison
from classify.report import write_report
from featurize.commands.console import run
from featurize.commands.main import cli as featurize
from featurize.dataset.table import DatasetTable, read_table, write_table
from tests.classify.embedded import make_dataset
from tests.classify.worlds import World, make_world

Screen = pytest.CaptureFixture[str]


def texts(c: Comparison) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for caution in c.cautions:
        found.setdefault(caution.kind, []).append(caution.text)
    return found


def again(world: World, rows: list[int], **columns: str) -> DatasetTable:
    """The world's table with some of its rows once more, with other values in some columns."""
    table = world.table.take([*range(len(world.table)), *rows])
    changed = {
        name: [*table.columns[name][: len(world.table)], *[value] * len(rows)] for name, value in columns.items()
    }
    return table.with_columns(**changed)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            3,
            "49 training rows repeat a picture of another training row, and each row counts: such a picture weighs",
        ),
        (90, "49 test rows repeat a picture of another test row, and each row counts: figures rest on fewer pictures"),
    ],
    ids=["train", "test"],
)
def test_fifty_copies_of_a_row_are_told(row: int, said: str, tmp_path: Path) -> None:
    world = make_world()
    c = compare(again(world, [row] * 49), [world.cache], ["logreg:C=0.01"])
    (text,) = texts(c)["repeated-rows"]
    assert text.startswith(said)
    assert "`featurize audit --drop-duplicates` removes the repeats" in text
    write_report(c, tmp_path)
    assert text.split(",")[0] in (tmp_path / "index.html").read_text()
    assert text in (tmp_path / "report.md").read_text()
    assert not texts(compare(world.table, [world.cache], ["logreg:C=0.01"])).keys() & {
        "repeated-rows",
        "several-labels",
    }


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_picture_with_two_labels_is_told_in_one_part_and_across_both(split: str) -> None:
    world = make_world()
    table = again(world, [3], style="Style_0", split=split)
    found = texts(compare(table, [world.cache], ["logreg:C=0.01"]))
    (text,) = found["several-labels"]
    assert text.startswith("1 picture stands in several rows with different labels")
    assert "3.jpg (Style_0 and Style_3)" in text
    assert ("repeated-rows" in found) == (split == "train")
    same_file = any("as the same file" in text for text in found.get("duplicates", ()))
    assert same_file == (split == "test"), "in two splits, it is a leak as well"


def test_rows_that_are_left_out_are_counted_for_each_part_and_reason(tmp_path: Path) -> None:
    world = make_world()
    styles = list(world.table.columns["style"])
    styles[85:98] = [""] * 13
    c = compare(world.relabelled(style=styles).table, [world.cache], ["logreg:C=0.01"])
    assert texts(c)["left-out"] == ["Of 80 test rows, 13 have no style: left out of every figure."]
    assert (c.dataset.unlabelled, c.dataset.broken) == ((0, 13), (0, 0))


@pytest.mark.parametrize(("part", "row"), [("train", 3), ("test", 150)])
def test_many_copies_in_one_part_are_told_though_their_files_differ(part: str, row: int) -> None:
    rng = np.random.default_rng(0)
    y, split = np.arange(200) % 4, np.repeat(["train", "test"], 100)
    X = rng.normal(size=(200, 128)) + 4 * np.eye(128)[y]

    def told(copies: int) -> list[str]:
        near = X[row] + 1e-3 * rng.normal(size=(copies, 128))
        more = np.r_[y, [y[row]] * copies], np.r_[split, [part] * copies]
        c = compare(np.concatenate([X, near]), more[0], "prototype", split=more[1], folds=0, tune=False)
        return texts(c).get("copies-within", [])

    assert told(1) == [], "two that look alike happen"
    (text,) = told(20)
    kind = "training picture" if part == "train" else "test picture"
    assert text.startswith(f"21 {kind}s are nearly the same as another {kind}, and each counts")


def test_by_folds_all_rows_are_spoken_of_once() -> None:
    world = make_world()
    styles = list(world.table.columns["style"])
    styles[85:98] = [""] * 13
    table = again(world.relabelled(style=styles), [3, 3])
    c = compare(table, [world.cache], ["prototype"], folds=3, question="known")
    assert texts(c)["left-out"] == ["Of 162 rows, 13 have no style: left out of every figure."]
    (text,) = texts(c)["repeated-rows"]
    assert text.startswith("2 rows repeat a picture of another row, and each row counts: figures rest on fewer")


def call(*arguments: object) -> int:
    return run(cli, [str(a) for a in arguments])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two broken training pictures, another that has no label either, repeats, and an unlabelled picture elsewhere."""
    table, _ = make_dataset(tmp_path, failed=3)
    styles = list(table.columns["style"])
    styles[2] = styles[8] = styles[11] = ""  # train, val, test
    table = table.with_columns(style=styles)
    write_table(table.take([*range(len(table)), 3, 3, 10]), tmp_path / "dataset.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_screen_of_every_command_says_it(here: Path, capsys: Screen) -> None:
    left_out = "Of 23 training rows, 1 has no style and 2 have no embedding, because the file is broken: left out."
    repeated = "2 training rows repeat a picture of another training row"
    assert call("fit", "--head", "logreg:C=1", "--out", "h.safetensors") == 0
    said = capsys.readouterr().err
    assert f"warning: {left_out}" in said
    assert f"warning: {repeated}" in said
    assert "warning: Of 9 val rows, 1 has no style: left out of every figure." in said
    assert call("evaluate", "--head", "h.safetensors") == 0
    said = capsys.readouterr().err
    assert "warning: Of 7 test rows, 1 has no style: left out of every figure." in said
    assert "warning: 1 test row repeats a picture of another test row" in said
    assert call("compare", "--heads", "logreg:C=1", "--out", "report") == 0
    said = "".join(capsys.readouterr())
    page = (here / "report" / "index.html").read_text()
    for text in (left_out, repeated, "Of 7 test rows, 1 has no style", "1 test row repeats a picture"):
        assert f"warning: {text}" in said
        assert text in page


def test_the_audit_names_repeats_and_removes_them(here: Path, capsys: Screen) -> None:
    before = len(read_table(here / "dataset.csv"))
    arguments = ["audit", "--no-pictures", "--drop-duplicates", "--out", "audit"]
    assert run(featurize, arguments) == 0
    assert "! 3 rows repeat a picture of another row of its split, and each row counts" in capsys.readouterr().out
    assert len(read_table(here / "dataset.csv")) == before - 3
    capsys.readouterr()
    assert call("compare", "--heads", "logreg:C=1", "--out", "report") == 0
    assert "repeat" not in "".join(capsys.readouterr())


def test_a_picture_in_two_splits_repeats_no_row_of_its_split(here: Path, capsys: Screen) -> None:
    table = read_table(here / "dataset.csv")
    write_table(table.with_columns(split=[*table.columns["split"][:-3], "train", "val", "test"]), here / "dataset.csv")
    assert run(featurize, ["audit", "--no-pictures", "--out", "audit"]) == 0
    said = capsys.readouterr().out
    assert "! 2 rows repeat a picture of another row of its split" in said
    assert "! 1 picture with the same content in several splits" in said


def test_the_audit_names_pictures_with_several_labels(here: Path, capsys: Screen) -> None:
    table = read_table(here / "dataset.csv")
    styles = [*table.columns["style"][:-1], "Cubism"]
    assert styles[10] == "Baroque"
    write_table(table.with_columns(style=styles), here / "dataset.csv")
    assert run(featurize, ["audit", "--no-pictures", "--out", "audit"]) == 0
    said = capsys.readouterr().out
    lines = f"lines 12 and {len(table) + 1}"
    assert f"! 1 picture has several labels (as 10.jpg, {lines}: labelled Baroque and Cubism)" in said


def test_one_path_with_two_ids_is_an_error(here: Path, capsys: Screen) -> None:
    table = read_table(here / "dataset.csv")
    lines = (here / "dataset.csv").read_text().splitlines()
    lines[-1] = lines[-1].replace(table.columns["id"][10], table.columns["id"][7])
    (here / "dataset.csv").write_text("\n".join(lines) + "\n")
    assert call("compare", "--out", "report") == 1
    said = capsys.readouterr().err
    assert "has 'pictures/Baroque/10.jpg' in two rows with different ids" in said
    assert np.all([word in said for word in ("remove the wrong row", "`featurize prepare`")])
