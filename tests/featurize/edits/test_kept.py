"""What people change in a dataset table survives every later `prepare`, and is told from what the source changed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.edits.finding import find_edits
from featurize.dataset.edits.memory import NO_EDITS, Memory, memory_path
from featurize.dataset.edits.merging import Merge
from featurize.dataset.edits.older import back_up
from featurize.dataset.prepare import prepare
from featurize.dataset.table import read_table, write_table
from tests.featurize.edits.tables import P0, P1, P2, P3, Row, again, edit, notes, rows_of, write_list


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
