"""Edits stay with their pictures when pictures come, go, move, are left out or are scanned again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.choosing.selection import Selection
from featurize.dataset.prepare import prepare
from featurize.dataset.table import read_table
from featurize.errors import SourceError
from tests.conftest import save_picture
from tests.featurize.edits.tables import P0, P1, again, edit, notes, rows_of, write_list


def test_a_row_put_back_is_there_again(listed: Path) -> None:
    again(listed)
    kept = rows_of(listed / "dataset.csv")[P0]
    edit(listed / "dataset.csv", lambda rows: rows[1:])
    assert again(listed).kept.deleted == 1
    edit(listed / "dataset.csv", lambda rows: [*rows, kept])
    done = again(listed)
    assert (len(done.table), done.kept.deleted, done.kept.added, done.kept.labels) == (10, 0, 0, 0)


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


def test_all_rows_deleted_is_said(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[:1])
    again(listed)
    (listed / "pictures" / "p0.jpg").unlink()
    with pytest.raises(SourceError, match="--discard-edits brings them back"):
        again(listed)


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
