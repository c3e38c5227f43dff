"""What people change in a dataset table survives every later `prepare`, and is told from what the source changed."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.edits.finding import find_edits
from featurize.dataset.edits.memory import NO_EDITS, Cell, Edits, Memory, memory_path, recall, remember
from featurize.dataset.edits.merging import Merge
from featurize.dataset.edits.older import back_up
from featurize.dataset.edits.rewriting import Pair, by_people
from featurize.dataset.prepare import Prepared, prepare
from featurize.dataset.selection import Selection
from featurize.dataset.table import read_table, table_columns, write_table
from featurize.errors import SourceError, TableError
from tests.conftest import save_picture

Row = dict[str, str]


def rows_of(path: Path) -> dict[str, Row]:
    """Path -> row of a table."""
    columns = table_columns(path)
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return {row["path"]: row for row in rows}


def edit(path: Path, change: Any) -> None:
    """Change the rows of a table as a person would, and save it as a text editor does."""
    rows = list(rows_of(path).values())
    rows = change(rows) or rows
    write_rows(path, rows)


def write_rows(path: Path, rows: Sequence[Row], **dialect: Any) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, names, restval="", lineterminator="\n", **dialect)
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A list of ten pictures with style, artist, inventory number and date; `dataset.csv` is made of it beside."""
    for n in range(10):
        save_picture(tmp_path / "pictures" / f"p{n}.jpg", n)
    write_list(tmp_path)
    return tmp_path


def write_list(folder: Path, changes: Mapping[int, Row] | None = None, without: Sequence[int] = ()) -> None:
    rows = [
        {
            "file": f"p{n}.jpg",
            "style": "ab"[n % 2],
            "artist": f"Painter {n % 5}",
            "year": str(1800 + n),
            "inv": f"00{n}",
        }
        | (changes or {}).get(n, {})
        for n in range(10)
        if n not in without
    ]
    write_rows(folder / "list.csv", rows)


def again(folder: Path, **options: Any) -> Prepared:
    options = {"split": "random", "val": 0.3, "test": 0.3} | options
    return prepare(folder / "list.csv", folder / "dataset.csv", **options)


def notes(done: Prepared) -> str:
    return "\n".join(f"{note.count} {note.text} {list(note.examples)}" for note in done.notes)


P0, P1, P2, P3 = (f"pictures/p{n}.jpg" for n in range(4))


def test_labels_splits_rows_and_columns_of_people_are_kept_and_counted(listed: Path) -> None:
    before = again(listed)
    assert before.kept.total == 0

    def change(rows: list[Row]) -> list[Row]:
        by_path = {row["path"]: row for row in rows}
        by_path[P0]["style"] = "Rococo"
        by_path[P1]["artist"] = ""
        by_path[P1]["split"] = "val" if by_path[P1]["split"] != "val" else "train"
        for row in rows:
            row["note"] = "mine" if row["path"] == P2 else ""
        return [row for row in rows if row["path"] != P3]

    split = rows_of(listed / "dataset.csv")[P1]["split"]
    edit(listed / "dataset.csv", change)
    for done in (again(listed), again(listed)):
        rows = rows_of(listed / "dataset.csv")
        assert (rows[P0]["style"], rows[P1]["artist"], rows[P2]["note"]) == ("Rococo", "", "mine")
        assert rows[P1]["split"] == ("val" if split != "val" else "train")
        assert P3 not in rows
        assert len(rows) == 9
        assert str(done.kept) == "5 edits kept: 2 labels, 1 split, 1 deleted row and 1 added column"
        assert done.named == 10
        assert done.reused == 9


def test_the_command_says_how_many_edits_it_kept(
    listed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(listed)
    assert run(cli, ["prepare", "list.csv"]) == 0
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    assert run(cli, ["prepare", "list.csv"]) == 0
    assert "1 edit kept: 1 label\n" in capsys.readouterr().out
    assert run(cli, ["prepare", "list.csv", "--discard-edits"]) == 0
    said = capsys.readouterr().out
    assert "kept" not in said
    (backup,) = listed.glob("dataset.2*.csv")
    assert f"the table that was there before is in {backup.name}" in said
    assert rows_of(backup)[P0]["style"] == "Rococo"
    assert rows_of(listed / "dataset.csv")[P0]["style"] == "a"


def test_a_backup_put_back_knows_its_edits(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: [row | {"style": "Rococo"} for row in rows[:9]])
    again(listed)
    backup = again(listed, discard_edits=True).backup
    assert backup is not None
    shutil.copy(backup, listed / "dataset.csv")
    shutil.copy(memory_path(backup), memory_path(listed / "dataset.csv"))
    assert str(again(listed).kept) == "10 edits kept: 9 labels and 1 deleted row"


def test_two_backups_in_one_second_are_two_files(listed: Path) -> None:
    again(listed)
    assert len({back_up(listed / "dataset.csv") for _ in range(3)}) == 3


def test_a_changed_source_is_taken_where_nobody_edited_and_named_where_somebody_did(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    write_list(listed, {0: {"style": "Dada"}, 1: {"style": "Dada"}})
    done = again(listed)
    rows = rows_of(listed / "dataset.csv")
    assert (rows[P0]["style"], rows[P1]["style"]) == ("Rococo", "Dada")
    assert "1 labels that both you and the source changed: yours stay" in notes(done)
    assert f"{P0}: style stays 'Rococo'; the source said 'a', now 'Dada'" in notes(done)
    assert "both you and the source" not in notes(again(listed)), "it is named once"


def test_an_edit_that_the_source_takes_over_is_none_any_more(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    write_list(listed, {0: {"style": "Rococo"}})
    assert again(listed).kept.total == 0
    write_list(listed, {0: {"style": "Dada"}})
    again(listed)
    assert rows_of(listed / "dataset.csv")[P0]["style"] == "Dada"


def test_an_edit_changed_again_still_knows_what_the_source_said(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Cubism"))
    write_list(listed, {0: {"style": "Rococo"}})
    assert "style stays 'Cubism'; the source said 'a', now 'Rococo'" in notes(again(listed))


def test_an_edit_taken_back_is_none_any_more(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    assert again(listed).kept.total == 1
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="a"))
    assert again(listed).kept.total == 0
    write_list(listed, {0: {"style": "Dada"}})
    again(listed)
    assert rows_of(listed / "dataset.csv")[P0]["style"] == "Dada"


def test_a_row_put_back_is_there_again(listed: Path) -> None:
    again(listed)
    kept = rows_of(listed / "dataset.csv")[P0]
    edit(listed / "dataset.csv", lambda rows: rows[1:])
    assert again(listed).kept.deleted == 1
    edit(listed / "dataset.csv", lambda rows: [*rows, kept])
    done = again(listed)
    assert (len(done.table), done.kept.deleted, done.kept.added, done.kept.labels) == (10, 0, 0, 0)


@pytest.mark.parametrize("column", ["style", "inv"])
def test_a_column_that_people_removed_stays_away_unless_it_is_asked_for(listed: Path, column: str) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: [{k: v for k, v in row.items() if k != column} for row in rows])
    done = again(listed)
    assert (column in done.table.columns) == (column == "style"), "a table without its classes is no use"
    assert done.kept.dropped == (column == "inv")
    assert ("'style' was removed from the table" in notes(done)) == (column == "style")
    done = again(listed, discard_edits=True)
    assert column in done.table.columns


def test_a_target_whose_column_people_renamed_keeps_their_labels(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: [{"Stil" if k == "style" else k: v for k, v in r.items()} for r in rows])
    edit(listed / "dataset.csv", lambda rows: rows[0].update(Stil="Rococo", remark="x"))
    done = again(listed)
    assert rows_of(listed / "dataset.csv")[P0]["style"] == "Rococo"
    assert "Stil" not in done.table.columns
    assert (done.kept.labels, done.kept.own, done.kept.dropped) == (1, 1, 0)
    assert "was called 'Stil'" in notes(done)


def test_an_edit_stays_where_its_row_names_the_file_from_the_root(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo", path=str(listed / rows[0]["path"])))
    assert again(listed).kept.labels == 1
    assert rows_of(listed / "dataset.csv")[P0]["style"] == "Rococo"


def test_new_pictures_join_and_order_stays_that_of_people(listed: Path) -> None:
    write_list(listed, without=[0, 5])
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[::-1])
    write_list(listed)
    again(listed)
    assert [p.removesuffix(".jpg")[-1] for p in rows_of(listed / "dataset.csv")] == list("9876432105")


def test_added_rows_are_read_filled_in_and_kept(listed: Path) -> None:
    again(listed)
    save_picture(listed / "more" / "x.jpg", 77)
    edit(listed / "dataset.csv", lambda rows: [*rows, {"path": "more/x.jpg", "style": "Dada", "split": "test"}])
    for _ in range(2):
        done = again(listed)
        row = rows_of(listed / "dataset.csv")["more/x.jpg"]
        assert (len(row["id"]), row["style"], row["split"], row["year"]) == (64, "Dada", "test", "")
        assert done.kept.added == 1
        assert read_table(listed / "dataset.csv").picture(10).trouble() is None


def test_an_added_row_without_its_file_is_rejected_and_comes_back_with_it(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: [*rows, {"path": "more/x.jpg", "style": "Dada"}])
    done = again(listed)
    assert len(done.table) == 10
    assert sum(done.rejected.values()) == 1
    assert "more/x.jpg: style 'Dada'" in notes(done)
    save_picture(listed / "more" / "x.jpg", 77)
    again(listed)
    assert rows_of(listed / "dataset.csv")["more/x.jpg"]["style"] == "Dada"


def test_a_row_copied_for_another_picture_is_another_picture(listed: Path) -> None:
    again(listed)
    save_picture(listed / "more" / "x.jpg", 77)
    edit(listed / "dataset.csv", lambda rows: [*rows, rows[0] | {"path": "more/x.jpg"}])
    again(listed)
    rows = rows_of(listed / "dataset.csv")
    assert rows["more/x.jpg"]["id"] != rows[P0]["id"]
    assert read_table(listed / "dataset.csv").picture(10).trouble() is None


@pytest.mark.parametrize(
    ("options", "without"),
    [
        ({"selection": Selection(where="style == 'a'")}, P1),
        ({"selection": Selection(where="year < 1801")}, P1),
        ({"selection": Selection(top=1)}, P1),
    ],
    ids=["where style", "where year", "top"],
)
def test_edits_of_pictures_that_other_options_leave_out_return_with_them(
    listed: Path, options: dict[str, Any], without: str
) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[1].update(artist="Mine", note="hers"))
    assert again(listed).kept.labels == 1
    done = again(listed, **options)
    assert without not in rows_of(listed / "dataset.csv")
    assert f"{without}: artist 'Mine'" in notes(done)
    again(listed)
    row = rows_of(listed / "dataset.csv")[without]
    assert (row["artist"], row["note"]) == ("Mine", "hers")


def test_selections_see_the_labels_of_people(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    done = again(listed, selection=Selection(where="style == 'Rococo'"))
    assert list(done.table.columns["path"]) == [P0]


def test_another_source_into_the_same_table_and_back_loses_no_edit(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: [row | {"note": "x"} for row in rows[1:]])
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    again(listed)
    other = listed / "other"
    for n in range(4):
        save_picture(other / "ab"[n % 2] / f"{n}.jpg", 50 + n)
    done = prepare(other, listed / "dataset.csv")
    assert len(done.table) == 4
    again(listed)
    rows = rows_of(listed / "dataset.csv")
    assert (rows[P1]["style"], rows[P1]["note"], P0 in rows) == ("Rococo", "x", False)


def test_edits_of_another_target_s_column_return_with_it(tmp_path: Path) -> None:
    for n in range(4):
        save_picture(tmp_path / "p" / "ab"[n % 2] / f"{n}.jpg", n)
    out = tmp_path / "dataset.csv"
    prepare(tmp_path / "p", out)
    edit(out, lambda rows: rows[0].update(style="Rococo"))
    done = prepare(tmp_path / "p", out, target="genre")
    assert "style 'Rococo'" in notes(done)
    prepare(tmp_path / "p", out)
    assert next(iter(rows_of(out).values()))["style"] == "Rococo"


def test_a_renamed_file_and_a_moved_folder_keep_their_edits(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: [row | {"note": row["path"][-5]} for row in rows if row["path"] != P1])
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    again(listed)
    (listed / "pictures").rename(listed / "scans")
    (listed / "scans" / "p2.jpg").rename(listed / "scans" / "two.jpg")
    write_list(listed, {2: {"file": "two.jpg"}})
    done = again(listed)
    rows = rows_of(listed / "dataset.csv")
    assert rows["scans/p0.jpg"]["style"] == "Rococo"
    assert (rows["scans/two.jpg"]["note"], rows["scans/p0.jpg"]["note"]) == ("2", "0")
    assert "scans/p1.jpg" not in rows
    assert str(done.kept) == "3 edits kept: 1 label, 1 deleted row and 1 added column"
    assert str(again(listed).kept) == str(done.kept)


def test_a_picture_scanned_again_keeps_its_edits(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    save_picture(listed / P0, 99)
    again(listed)
    row = rows_of(listed / "dataset.csv")[P0]
    assert row["style"] == "Rococo"
    assert read_table(listed / "dataset.csv").picture(0).trouble() is None


def test_dropped_duplicates_stay_dropped(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(listed / P0, listed / "pictures" / "p9.jpg")
    monkeypatch.chdir(listed)
    assert run(cli, ["prepare", "list.csv"]) == 0
    assert run(cli, ["audit", "--drop-duplicates", "--no-pictures"]) == 0
    assert len(rows_of(listed / "dataset.csv")) == 9
    done = again(listed)
    assert (len(done.table), done.kept.deleted) == (9, 1)


def test_a_year_of_people_moves_its_period_and_its_artist_moves_the_split(listed: Path) -> None:
    again(listed, target="century")
    edit(listed / "dataset.csv", lambda rows: rows[0].update(year="c. 1650"))
    done = again(listed, target="century")
    row = rows_of(listed / "dataset.csv")[P0]
    assert (row["year"], row["century"][:4]) == ("1650", "17th")
    assert done.kept.labels == 1
    edit(listed / "dataset.csv", lambda rows: rows[0].update(artist="Painter 3"))
    again(listed, split="artist")
    parts = {(row["artist"], row["split"]) for row in rows_of(listed / "dataset.csv").values()}
    assert len(parts) == len({artist for artist, _ in parts}), "each artist is in one part"


def test_a_split_by_hand_beside_split_artist_is_said(listed: Path) -> None:
    again(listed, split="artist")
    part = rows_of(listed / "dataset.csv")[P0]["split"]
    edit(listed / "dataset.csv", lambda rows: rows[0].update(split="val" if part != "val" else "train"))
    done = again(listed, split="artist")
    assert done.kept.splits == 1
    assert "an artist may be in two parts" in notes(done)


# what a spreadsheet does by itself


GERMAN_MONTHS = ("Jan", "Feb", "Mrz", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez")


def as_excel(path: Path, rewrite: Any = None, encoding: str = "cp1252") -> None:
    """Open and save a table as a German Excel would."""
    rows = list(rows_of(path).values())
    for row in rows:
        row["mtime_ns"] = f"{float(row['mtime_ns']):.5E}".replace(".", ",")
        if rewrite:
            rewrite(row)
    names = list(rows[0])
    lines = [";".join(names), *(";".join(row[name] for name in names) for row in rows)]
    path.write_bytes("".join(line + "\r\n" for line in lines).encode(encoding, "replace"))


def test_excel_s_own_changes_are_no_edits_and_are_put_back(listed: Path) -> None:
    write_list(listed, {n: {"date": f"{n + 1}-{n + 2}", "height": f"{n}.5"} for n in range(10)})
    before = rows_of(again(listed).path)

    def rewrite(row: Row) -> None:
        row["inv"] = str(int(row["inv"]))
        day, month = row["date"].split("-")
        row["date"] = f"{int(day):02}. {GERMAN_MONTHS[int(month) - 1]}"
        row["height"] = row["height"].replace(".", ",")

    as_excel(listed / "dataset.csv", rewrite)
    done = again(listed)
    assert rows_of(listed / "dataset.csv") == before
    assert done.kept.total == 0
    assert done.reused == 10, "the files' times are remembered"
    assert "30 cells that a spreadsheet rewrote without being asked: put back as they were" in notes(done)


def test_an_edit_made_in_excel_is_told_from_excel_s_own_changes(listed: Path) -> None:
    again(listed)

    def rewrite(row: Row) -> None:
        row["inv"] = str(int(row["inv"])) if row["path"] != P1 else "A 17"
        if row["path"] == P0:
            row["style"] = "Frühbarock"

    as_excel(listed / "dataset.csv", rewrite)
    done = again(listed)
    rows = rows_of(listed / "dataset.csv")
    assert (rows[P0]["style"], rows[P1]["inv"], rows[P2]["inv"]) == ("Frühbarock", "A 17", "002")
    assert done.kept.labels == 2
    header = (listed / "dataset.csv").read_bytes().splitlines()[0]
    assert header.startswith(b"\xef\xbb\xbfid;path;"), "it opens in that Excel as before"


def test_letters_that_excel_s_encoding_lacks_come_back(tmp_path: Path) -> None:
    for n, name in enumerate(["葛飾", "Łódź", "plain"]):
        save_picture(tmp_path / "p" / "作品" / f"{name}.jpg", n)
    out = tmp_path / "dataset.csv"
    before = rows_of(prepare(tmp_path / "p", out).path)
    as_excel(out)
    assert b"??" in out.read_bytes()
    done = prepare(tmp_path / "p", out)
    assert rows_of(out) == before
    assert done.kept.total == 0


def test_ids_that_excel_took_for_numbers_are_found_by_their_path(listed: Path) -> None:
    before = rows_of(again(listed).path)
    as_excel(listed / "dataset.csv", lambda row: row.update(id="1,23457E+63"))
    with pytest.raises(TableError, match="is not an id"):
        read_table(listed / "dataset.csv")
    assert again(listed).kept.total == 0
    assert rows_of(listed / "dataset.csv") == before


def test_a_text_editor_s_changes_are_edits_however_they_look(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: [row | {"inv": str(int(row["inv"]))} for row in rows])
    assert again(listed).kept.labels == 10


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("0012", "12"), ("12.5", "12,5"), ("1889.0", "1889"), ("123456789012345", "1.23457E+14"), ("1.234", "1234"),
        ("+5", "5"), ("1.50", "1,5"), ("1234567890123", "1,23457E+12"), ("1-2", "02. Jan"), ("1-2", "2-Jan"),
        ("3/4", "03. Apr"), ("3/4", "4-Mar"), ("2-1889", "02.01.1889"), ("1989-05-03", "03.05.1989"),
        ("1989-05-03", "5/3/1989"), ("3.5.1989", "1989-05-03"), ("5-1989", "May-89"), ("12.5", "12. Mai"),
        ("3.5.", "3-mai"), ("true", "WAHR"), ("false", "FAUX"), ("1:2", "01:02"), ("葛飾 x", "?? x"), ("Łódź", "?ódz"),
        ("x" * 40_000, "x" * 32_767), ("a \r\n b", "a \n b"), ("nai\u0308ve", "naïve"), ("a ", "a"),
    ],
)  # fmt: skip
def test_what_spreadsheets_do_by_themselves(then: str, now: str) -> None:
    assert by_people([Pair(0, then, now)], [], spreadsheet=True) == []


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("12", "13"), ("0012", "13"), ("Baroque", "Rococo"), ("1-2", "03. Jan"), ("1989-05-03", "04.05.1989"),
        ("", "x"), ("x", ""), ("true", "FALSCH"), ("1889", "1890"), ("1889", "1889?"), ("Müller", "Muller"),
        ("12.5", "12,6"), ("123456789012345", "1.23458E+14"), ("abc", "abd"), ("?", "x"),
    ],
)  # fmt: skip
def test_what_only_people_do(then: str, now: str) -> None:
    pair = Pair(0, then, now)
    assert by_people([pair], [], spreadsheet=True) == [pair]


def test_where_cells_of_the_kind_stand_untouched_a_person_changed_the_others() -> None:
    pairs = [Pair(0, "0012", "12")]
    assert by_people(pairs, ["0013"], spreadsheet=True) == pairs
    assert by_people(pairs, ["13", "x"], spreadsheet=True) == []


# tables of which nothing is remembered, or something wrong


def test_without_a_memory_all_that_differs_is_kept_said_and_backed_up(listed: Path) -> None:
    again(listed)
    memory_path(listed / "dataset.csv").unlink()
    edit(listed / "dataset.csv", lambda rows: [row | {"note": "x"} for row in rows[1:]])
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo", split="test"))
    done = again(listed, split=None)
    rows = rows_of(listed / "dataset.csv")
    assert (rows[P1]["style"], rows[P1]["split"], rows[P1]["note"]) == ("Rococo", "test", "x")
    assert "nothing is remembered of the table before" in notes(done)
    assert "1 pictures of the source were not in the table: added, also those that you had removed" in notes(done)
    assert done.backup is not None
    assert P0 not in rows_of(done.backup)
    assert "nothing is remembered" not in notes(again(listed, split=None))


def test_a_table_without_a_memory_that_agrees_with_its_source_says_nothing(listed: Path) -> None:
    again(listed)
    memory_path(listed / "dataset.csv").unlink()
    done = again(listed)
    assert (done.backup, done.kept.total) == (None, 0)
    assert "remembered" not in notes(done)
    assert recall(listed / "dataset.csv") is not None


def test_a_table_of_other_pictures_is_backed_up_and_not_mixed_in(listed: Path) -> None:
    again(listed)
    memory_path(listed / "dataset.csv").unlink()
    for n in range(4):
        save_picture(listed / "other" / "ab"[n % 2] / f"{n}.jpg", 50 + n)
    done = prepare(listed / "other", listed / "dataset.csv")
    assert len(done.table) == 4
    assert done.backup is not None
    assert len(rows_of(done.backup)) == 10


def test_a_file_that_is_no_table_is_backed_up(listed: Path) -> None:
    (listed / "dataset.csv").write_text("my notes\non everything\n")
    done = again(listed)
    assert done.backup is not None
    assert done.backup.read_text() == "my notes\non everything\n"


@pytest.mark.parametrize("what", ["ragged", "two rows", "no path", "split", "path renamed"])
def test_a_table_that_cannot_be_understood_is_not_written_over(listed: Path, what: str) -> None:
    again(listed)
    table = listed / "dataset.csv"
    if what == "ragged":
        table.write_text(table.read_text() + "a,b\n")
    else:
        change = {
            "two rows": lambda rows: [*rows, rows[0] | {"style": "x"}],
            "no path": lambda rows: [*rows, {"path": "", "style": "x"}],
            "split": lambda rows: rows[0].update(split="held out"),
            "path renamed": lambda rows: [{"Pfad" if k == "path" else k: v for k, v in r.items()} for r in rows],
        }[what]
        edit(table, change)
    before = table.read_bytes()
    with pytest.raises(TableError):
        again(listed)
    assert table.read_bytes() == before
    done = again(listed, discard_edits=True)
    assert done.backup is not None
    assert done.backup.read_bytes() == before


def test_a_damaged_memory_is_said_and_nothing_is_written(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    for damage in ("{", "[]", '{"version": 1}', json.dumps({"version": 99})):
        memory_path(listed / "dataset.csv").write_text(damage)
        with pytest.raises(TableError, match="is damaged: move it away"):
            again(listed)
    assert rows_of(listed / "dataset.csv")[P0]["style"] == "Rococo"


def test_a_table_that_was_deleted_comes_back_with_its_edits(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    again(listed)
    (listed / "dataset.csv").unlink()
    done = again(listed)
    assert rows_of(listed / "dataset.csv")[P0]["style"] == "Rococo"
    assert "is gone" in notes(done)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n", b"\0" * 500])
def test_a_table_that_was_emptied_comes_back_with_its_edits(listed: Path, content: bytes) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    again(listed)
    (listed / "dataset.csv").write_bytes(content)
    done = again(listed)
    assert rows_of(listed / "dataset.csv")[P0]["style"] == "Rococo"
    assert "is empty" in notes(done)


def test_a_run_that_stopped_between_memory_and_table_changes_nothing_for_people(
    listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory is written first; new pictures are then not taken for deleted rows."""
    write_list(listed, without=[0, 1])
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    write_list(listed, without=[2])

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("featurize.dataset.edits.older._replace", stop)
        with pytest.raises(KeyboardInterrupt):
            again(listed)
    done = again(listed)
    rows = rows_of(listed / "dataset.csv")
    assert {P0, P1} <= set(rows)
    assert P2 not in rows
    assert done.kept.deleted == 0
    write_list(listed)
    again(listed)
    assert rows_of(listed / "dataset.csv")[P2]["style"] == "Rococo"


def test_all_rows_deleted_is_said(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[:1])
    again(listed)
    (listed / "pictures" / "p0.jpg").unlink()
    with pytest.raises(SourceError, match="--discard-edits brings them back"):
        again(listed)


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_edits_are_kept_in_every_kind_of_table(listed: Path, ending: str) -> None:
    out = listed / f"dataset{ending}"
    table = prepare(listed / "list.csv", out).table
    write_table(table.with_columns(style=["Rococo", *list(table.columns["style"])[1:]]), out)
    done = prepare(listed / "list.csv", out)
    assert done.kept.labels == 1
    assert read_table(out).columns["style"][0] == "Rococo"
    stands = out.stat().st_mtime_ns
    prepare(listed / "list.csv", out)
    assert out.stat().st_mtime_ns == stands, "a table that did not change is not written again"


# the rules, on any table

value = st.sampled_from(["", "a", "b", "c", "0012", "1-2"])
paths = st.sets(st.sampled_from([f"p{n}" for n in range(6)]), min_size=1)


@st.composite
def labelled(draw: st.DrawFn, among: Sequence[str]) -> dict[str, str]:
    return {path: draw(value) for path in among}


def table_of(styles: Mapping[str, str]) -> dict[str, list[str]]:
    ids, split = [f"id of {path}" for path in styles], ["train"] * len(styles)
    return {"id": ids, "path": list(styles), "split": split, "style": list(styles.values())}


@given(data=st.data())
@settings(max_examples=200)
def test_every_cell_is_the_person_s_where_a_person_wrote_and_else_the_source_s(data: st.DataObject) -> None:
    """Three tables in a row: the source's first words, the person's table, the source's later words."""
    first, later = data.draw(paths), data.draw(paths)
    said = data.draw(labelled(sorted(first)))
    said_later = data.draw(labelled(sorted(later)))
    kept_rows = data.draw(st.sets(st.sampled_from(sorted(first))))
    theirs = {path: data.draw(st.just(said[path]) | value) for path in sorted(kept_rows)}
    now = table_of(theirs) | {"mtime_ns": ["1" * 19] * len(theirs)}
    edits, _ = find_edits(now, Memory(table_of(said), NO_EDITS, ""), lambda path: True)
    merge = Merge(edits, list(said_later))
    merged = dict(zip(said_later, merge.labels({"style": list(said_later.values())})["style"], strict=True))
    deleted = {path for n, path in enumerate(said_later) if n in merge.deleted}
    assert deleted == (first - kept_rows) & later
    for path in set(said_later) - deleted:
        edited = path in theirs and theirs[path] != said[path]
        assert merged[path] == (theirs[path] if edited else said_later[path])
    rows = [n for n in range(len(said_later)) if n not in merge.deleted]
    left = merge.remaining(rows)
    for path in kept_rows - later:
        assert (path in left.cells) == (theirs[path] != said[path]), "edits of what is away are remembered"
    assert set(left.deleted) == first - kept_rows


@given(data=st.data())
def test_a_memory_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    text = st.text(max_size=5)
    names = data.draw(st.lists(text, min_size=1, max_size=8, unique=True))
    columns = {
        "id": [f"{n:064x}" for n in range(len(names))],
        "path": names,
        "style": [data.draw(st.sampled_from(["a", "b"])) for _ in names],
    }
    edits = Edits(
        {name: {"style": Cell(data.draw(st.none() | text), "x")} for name in names[:2]},
        {"note": {"gone": "y"}},
        ("inv",),
        {"old": "0" * 64},
        frozenset(names[1:2]),
        {"old": "0" * 64},
    )
    table = tmp_path_factory.mktemp("memory") / "dataset.csv"
    memory = Memory(columns, edits, "1", "2")
    remember(memory, table)
    assert recall(table) == memory


def test_names_that_are_no_utf8_are_remembered(tmp_path: Path) -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    memory = Memory({"id": ["0"], "path": [name]}, Edits({name: {"style": Cell("a", "b")}}), "")
    remember(memory, tmp_path / "dataset.csv")
    assert recall(tmp_path / "dataset.csv") == memory


def test_rows_that_new_pictures_move_to_another_split_are_named(tmp_path: Path) -> None:
    """Five pictures of a class fill all parts; with forty more the parts fill themselves, and the five draw alone."""
    for n in range(45):
        save_picture(tmp_path / "a" / f"p{n:02}.jpg", n)

    def prepared(count: int) -> tuple[dict[str, str], list[Any]]:
        names = "".join(f"a/p{n:02}.jpg,x\n" for n in range(count))
        (tmp_path / "list.csv").write_text(f"file,style\n{names}", encoding="utf-8")
        done = prepare(tmp_path / "list.csv", tmp_path / "dataset.csv")
        splits = {path: row["split"] for path, row in rows_of(tmp_path / "dataset.csv").items()}
        return splits, [note for note in done.notes if "another split" in note.text]

    before, nothing = prepared(5)
    after, notes = prepared(45)
    moved = [f"{path}: {was}, now {after[path]}" for path, was in before.items() if after[path] != was]
    assert not nothing
    assert moved
    assert [(note.count, list(note.examples)) for note in notes] == [(len(moved), moved)]
    assert not prepared(45)[1]
