"""Wrong labels are found and listed, the list keeps all that people have, and corrections find their way back."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache import OK, Recipe, Rows, Store, create_cache
from cache.ids import from_hex
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.copies import unit_rows
from featurize.dataset.sheets import read_sheet
from featurize.dataset.suspects import finding, looking, sheet
from featurize.dataset.suspects.correcting import correct
from featurize.dataset.suspects.finding import Suspect, find_suspects
from featurize.dataset.suspects.looking import look_at_labels
from featurize.dataset.table import DatasetTable, read_table, write_table
from featurize.errors import TableError
from tests.cache.samples import KEY

AVGPOOL = Recipe("avgpool", {"formula": "mean"})


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clusters(count: int, seed: int, spread: float = 0.25) -> tuple[np.ndarray, list[str]]:
    """Unit vectors around three centres, and the centres' names."""
    rng = np.random.default_rng(seed)
    codes = np.arange(count) % 3
    return unit(np.eye(12)[codes] + spread * rng.standard_normal((count, 12))), [f"class {c}" for c in codes]


def names(count: int) -> list[str]:
    return [f"{n:064x}" for n in range(count)]


@settings(max_examples=25)
@given(st.integers(0, 1000), st.lists(st.integers(0, 59), min_size=1, max_size=4, unique=True))
def test_labels_that_were_exchanged_stand_first_with_the_right_suggestion(seed: int, swapped: list[int]) -> None:
    """Or behind two others at most: a picture far from its cluster may be odder than one of a wrong class."""
    vectors, labels = clusters(60, seed, spread=0.15)
    wrong = [f"class {(int(label[-1]) + (n in swapped)) % 3}" for n, label in enumerate(labels)]
    found = find_suspects(vectors, wrong, range(60), names(60))
    first = found.found[: len(swapped) + 2]
    assert {s.row for s in first} >= set(swapped)
    assert all(s.suggested == labels[s.row] and s.label == wrong[s.row] for s in first if s.row in swapped)
    assert [s.own for s in found.found] == sorted(s.own for s in found.found)
    assert found.judged == 60


def test_each_prediction_is_out_of_fold_by_the_definition() -> None:
    """The densities, one picture at a time; no picture of the own fold counts, least of all the picture itself."""
    vectors, labels = clusters(40, 1, spread=0.6)
    codes = np.array([int(label[-1]) for label in labels])
    fold = finding._folds(names(40), codes, 0)
    scores, others = finding._out_of_fold(vectors, codes, 3, fold, 0)
    for n in range(40):
        for k in range(3):
            away = [m for m in range(40) if fold[m] != fold[n] and codes[m] == k]
            density = np.mean([np.exp(12 * (float(vectors[n] @ vectors[m]) - 1)) for m in away])
            assert scores[n, k] == pytest.approx(np.log(density), abs=1e-4)
        assert others[n] == sum(fold[m] != fold[n] and codes[m] == codes[n] for m in range(40))
    assert np.bincount(fold, minlength=finding.FOLDS).min() >= 3


def test_rows_of_one_picture_do_not_vouch_for_each_other() -> None:
    vectors, labels = clusters(30, 2)
    pictures = names(30)
    vectors, labels, pictures = np.concatenate([vectors, vectors[:1]]), [*labels, "class 1"], [*pictures, pictures[0]]
    labels[0] = "class 1"  # a picture with a wrong label, in two rows
    assert {s.row for s in find_suspects(vectors, labels, range(31), pictures).found[:2]} == {0, 30}


def test_vectors_that_say_nothing_about_the_labels_accuse_nobody() -> None:
    vectors = unit(np.random.default_rng(5).standard_normal((90, 12)))
    found = find_suspects(vectors, ["a"] * 60 + ["b"] * 15 + ["c"] * 15, range(90), names(90))
    assert (found.judged, found.found) == (90, ())
    assert found.agreement <= found.chance


@pytest.mark.parametrize(
    ("labels", "judged"),
    [([], 0), (["a"] * 5, 0), (["a", "b"], 0), ([*"aaaaab"], 5), ([*"aaaabb"], 4)],
    ids=["no rows", "one class", "one each", "a single one", "a pair"],
)
def test_classes_of_too_few_pictures_are_not_judged(labels: list[str], judged: int) -> None:
    vectors = (
        unit(np.random.default_rng(0).standard_normal((len(labels), 4))) if labels else np.zeros((0, 4), np.float32)
    )
    assert find_suspects(vectors, labels, range(len(labels)), names(len(labels))).judged == judged


def test_large_classes_are_looked_at_in_part_and_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, labels = clusters(120, 3)
    labels[7] = "class 2"
    monkeypatch.setattr(finding, "_EACH_CLASS", 15)
    monkeypatch.setattr(finding, "_TILE", 7)
    assert find_suspects(vectors, labels, range(120), names(120)).found[0].row == 7


@pytest.fixture
def made(tmp_path: Path) -> tuple[DatasetTable, Store]:
    """A table with columns of its own, a wrong label, a row without a label and one without a vector."""
    vectors, labels = clusters(48, 4)
    labels[5], labels[6] = "class 0", ""
    columns = {
        "id": names(48), "path": [f"pictures/{n:02}, é.jpg" for n in range(48)], "size": ["1"] * 48,
        "mtime_ns": ["2"] * 48, "split": ["train", "val"] * 24, "style": labels, "artist": ["=Degas"] * 48,
        "Inv. No.": [f"00{n}" for n in range(48)], "reason": ["bought"] * 48,
    }  # fmt: skip
    table = DatasetTable(columns, tmp_path)
    write_table(table, tmp_path / "dataset.csv")
    cache = create_cache(tmp_path / "features", KEY)
    ids = from_hex(columns["id"][:47])
    cache.append(Rows(ids, np.full(47, OK, np.uint8), {AVGPOOL: vectors[:47]}))
    return table, cache


def lines(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".xlsx":
        read = read_sheet(path, "", usual=True)
        return [dict(zip(read.header, row, strict=True)) for row in zip(*read.cells, strict=True)]
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def fill_in(path: Path, picture: str, correction: str, column: str = "correct_style") -> None:
    """Write a correction into a list, as a spreadsheet would."""
    found = lines(path)
    for line in found:
        if line["path"] == picture:
            line[column] = correction
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)


def test_rows_without_label_or_vector_are_left_out(made: tuple[DatasetTable, Store]) -> None:
    table, cache = made
    found = look_at_labels(table, "style", [(cache, AVGPOOL)])
    assert found.judged == 46
    assert (found.found[0].row, found.found[0].suggested) == (5, "class 2")


@pytest.mark.parametrize("power", [-80, 80])
def test_the_unit_of_the_vectors_does_not_matter(power: int) -> None:
    """Rows of 1e-24 and of 1e24 have the directions that they have at usual sizes, to the bit."""
    rows = np.random.default_rng(0).normal(size=(20, 70)).astype(np.float32)
    rows[3] = 0
    given = np.ldexp(rows, power)
    assert np.array_equal(unit_rows(given), unit_rows(rows))
    assert np.allclose(np.linalg.norm(unit_rows(given), axis=1), np.arange(20) != 3)


def test_very_many_vectors_are_projected(made: tuple[DatasetTable, Store], monkeypatch: pytest.MonkeyPatch) -> None:
    table, cache = made
    monkeypatch.setattr(looking, "_MOST_NUMBERS", 10)
    monkeypatch.setattr(looking, "_PROJECTED", 9)
    monkeypatch.setattr(looking, "_GATHERED", 7)
    assert look_at_labels(table, "style", [(cache, AVGPOOL)]).found[0].row == 5


@pytest.mark.parametrize("name", sheet.NAMES)
def test_the_list_keeps_every_column_and_says_why(
    name: str, made: tuple[DatasetTable, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, _ = made
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["audit", "--no-pictures"]) == 0
    first = lines(tmp_path / "audit" / name)[0]
    assert [first[c] for c in ("path", "style", "Inv. No.", "split", "id", "reason")] == [
        table.columns[c][5] for c in ("path", "style", "Inv. No.", "split", "id", "reason")
    ], "the table's own columns, also where they have a name that the list uses"
    assert first["suggested_style"] == "class 2"
    assert first["correct_style"] == ""
    assert first["reason_2"].startswith("labelled class 0 (")
    assert "looks like class 2" in first["reason_2"]


def test_a_correction_goes_into_the_table_once_and_nothing_else_changes(
    made: tuple[DatasetTable, Store],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table, _ = made
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["audit", "--no-pictures"]) == 0
    assert run(cli, ["correct", "audit/suspects.csv"]) == 0
    assert "nothing to correct: write the right style into the column correct_style" in capsys.readouterr().out
    fill_in(tmp_path / "audit/suspects.csv", table.columns["path"][5], " class 2 ")
    assert run(cli, ["correct", "audit/suspects.csv"]) == 0
    assert "class 0 -> class 2" in capsys.readouterr().out
    after = read_table(tmp_path / "dataset.csv")
    expected = [*table.columns["style"]]
    expected[5] = "class 2"
    assert after.columns == {**table.columns, "style": expected}
    written = (tmp_path / "dataset.csv").read_bytes()
    assert run(cli, ["correct", "audit/suspects.csv"]) == 0
    assert "nothing to correct, 1 stood there before" in capsys.readouterr().out
    assert (tmp_path / "dataset.csv").read_bytes() == written


def test_a_list_that_was_filled_in_is_never_overwritten(
    made: tuple[DatasetTable, Store],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table, _ = made
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["audit", "--no-pictures"]) == 0
    assert run(cli, ["audit", "--no-pictures"]) == 0
    assert sorted(p.name for p in (tmp_path / "audit").glob("suspects*")) == [
        "suspects.csv", "suspects.sha256", "suspects.xlsx"
    ], "an untouched list is replaced"  # fmt: skip
    fill_in(tmp_path / "audit/suspects.csv", table.columns["path"][5], "class 2")
    capsys.readouterr()
    assert run(cli, ["audit", "--no-pictures"]) == 0
    (kept,) = (tmp_path / "audit").glob("suspects.2*.csv")
    assert "had been changed" in capsys.readouterr().err
    assert not any(line["correct_style"] for line in lines(tmp_path / "audit/suspects.csv"))
    assert [c.now for c in correct(table, kept).changes] == ["class 2"]


def removed(table: DatasetTable, path: Path) -> None:
    write_table(table.take(n for n in range(48) if n != 5), table.folder / "dataset.csv")


def relabelled(table: DatasetTable, path: Path) -> None:
    write_table(table.with_columns(style=["class 1", *table.columns["style"][1:5], "class 1", *["class 0"] * 42]),
                table.folder / "dataset.csv")  # fmt: skip


def without_ids(table: DatasetTable, path: Path) -> None:
    path.write_text("path,style,correct_style\na.jpg,a,b\n")


def no_list(table: DatasetTable, path: Path) -> None:
    path.write_text(f"id,path,style\n{'0' * 64},a.jpg,a\n")


def nothing(table: DatasetTable, path: Path) -> None:
    path.write_bytes(b"")


def gone(table: DatasetTable, path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (removed, "is not in the dataset table with that id, so nothing was changed"),
        (relabelled, "has the style 'class 1' in the dataset table and 'class 0' in the list, so nothing was changed"),
        (without_ids, "it has no column 'id'"),
        (no_list, "it has no column 'correct_style'"),
        (nothing, "suspects.csv"),
        (gone, "there is no list of suspects"),
    ],
)
def test_what_does_not_fit_the_table_changes_nothing_and_is_said(
    spoil: Callable[[DatasetTable, Path], None], said: str, made: tuple[DatasetTable, Store], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    table, _ = made
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["audit", "--no-pictures"]) == 0
    fill_in(tmp_path / "audit/suspects.csv", table.columns["path"][5], "class 2")
    spoil(table, tmp_path / "audit/suspects.csv")
    before = (tmp_path / "dataset.csv").read_bytes()
    capsys.readouterr()
    assert run(cli, ["correct", "audit/suspects.csv"]) == 1
    assert said in capsys.readouterr().err
    assert (tmp_path / "dataset.csv").read_bytes() == before


def test_a_repeated_row_is_corrected_everywhere_and_two_answers_are_refused(tmp_path: Path) -> None:
    columns = {"id": names(1) * 2, "path": ["a.jpg"] * 2, "split": ["train"] * 2, "style": ["x", "x"]}
    table = DatasetTable(columns, tmp_path)
    listed = sheet.columns_of(table, "style", [Suspect(row, "x", "y", 0.1, 0.9) for row in (0, 1)])
    sheet.save({**listed, "correct_style": ["y", ""]}, tmp_path)
    assert correct(table, tmp_path / "suspects.xlsx").table.columns["style"] == ["y", "y"]
    sheet.save({**listed, "correct_style": ["y", "z"]}, tmp_path)
    with pytest.raises(TableError, match=r"line 3: 'a\.jpg' is given 'y' and 'z'"):
        correct(table, tmp_path / "suspects.csv")


def test_a_label_that_was_changed_in_place_is_told(
    made: tuple[DatasetTable, Store],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table, _ = made
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["audit", "--no-pictures"]) == 0
    fill_in(tmp_path / "audit/suspects.csv", table.columns["path"][5], "class 2", "style")
    assert run(cli, ["correct", "audit/suspects.csv"]) == 0
    assert "only the column correct_style is read" in capsys.readouterr().err
