"""Preparing: every file a source names is a row or a rejection, and nothing is read twice."""

from __future__ import annotations

import csv
import json
import os
import unicodedata
from pathlib import Path

import pytest

from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.prepare import Prepared, prepare
from featurize.dataset.sources import Reading
from featurize.dataset.table import read_table, write_table
from featurize.errors import SourceError, TableError
from featurize.pictures import file
from featurize.reasons import Reason
from tests.conftest import save_picture


def rejections(done: Prepared) -> dict[str, str]:
    with done.rejected_path.open(newline="", encoding="utf-8-sig") as file:
        return {Path(row["path"]).name: row["reason"] for row in csv.DictReader(file)}


def test_rasta_s_layout_gives_split_style_artist_and_year(paintings: Path, tmp_path: Path) -> None:
    done = prepare(paintings, tmp_path / "dataset.csv")
    table = done.table
    assert len(table) == 21
    assert table.columns["split"].count("train") == 12
    assert set(table.columns["style"]) == {"Baroque", "Cubism", "Naïve_Art_(Primitivism)"}
    first = table.columns["path"][0]
    assert first == "paintings/wikipaintings_train/Baroque/artist-0_work-1-1601.jpg"
    assert (table.columns["artist"][0], table.columns["year"][0]) == ("artist-0", "1601")


def test_without_split_folders_a_split_is_drawn(paintings: Path, tmp_path: Path) -> None:
    done = prepare(paintings / "wikipaintings_train", tmp_path / "dataset.csv", val=0.25, test=0.25)
    assert set(done.table.columns["split"]) == {"train", "val", "test"}
    with pytest.raises(SourceError, match="--split random"):
        prepare(paintings / "wikipaintings_train", tmp_path / "other.csv", split="given")


def test_random_overrules_the_given_split(paintings: Path, tmp_path: Path) -> None:
    given = prepare(paintings, tmp_path / "a.csv").table
    drawn = prepare(paintings, tmp_path / "b.csv", split="random").table
    assert list(given.columns["split"]) != list(drawn.columns["split"])
    assert "test" in drawn.columns["split"]


def test_the_target_names_the_column_of_the_classes(paintings: Path, tmp_path: Path) -> None:
    table = prepare(paintings, tmp_path / "dataset.csv", target="genre").table
    assert set(table.columns["genre"]) == {"Baroque", "Cubism", "Naïve_Art_(Primitivism)"}
    assert "style" not in table.columns
    with pytest.raises(SourceError, match="--target path"):
        prepare(paintings, tmp_path / "dataset.csv", target="path")


def test_both_normal_forms_of_a_name_are_one_class(tmp_path: Path) -> None:
    for form, seed in (("NFC", 1), ("NFD", 2)):
        save_picture(tmp_path / "p" / form / unicodedata.normalize(form, "Naïve") / "a.jpg", seed)
    source = tmp_path / "p"
    (source / "NFC").rename(source / "train")
    (source / "NFD").rename(source / "val")
    assert set(prepare(source, tmp_path / "dataset.csv").table.columns["style"]) == {"Naïve"}


def test_again_rereads_only_what_changed(paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "dataset.csv"
    first = prepare(paintings, out)
    read: list[Path] = []
    original = file.read
    monkeypatch.setattr("featurize.dataset.choosing.looks.read", lambda path: read.append(path) or original(path))
    again = prepare(paintings, out)
    assert (again.reused, read) == (21, [])
    assert again.table.columns == first.table.columns
    changed = save_picture(paintings / "wikipaintings_val/Cubism/artist-0_work-16-1616.jpg", 99)
    third = prepare(paintings, out)
    assert (third.reused, read) == (20, [changed])
    assert third.table.columns["id"] != first.table.columns["id"]


@pytest.mark.parametrize("what", ["size", "time"])
def test_a_file_is_read_again_when_only_size_or_only_time_changed(paintings: Path, tmp_path: Path, what: str) -> None:
    first = prepare(paintings, tmp_path / "dataset.csv")
    path = first.table.picture(0).path
    before = path.stat()
    data = path.read_bytes()
    path.write_bytes(data + b"x" if what == "size" else data[:-1] + b"x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + (what == "time")))
    again = prepare(paintings, tmp_path / "dataset.csv")
    assert again.reused == 20
    assert again.table.columns["id"][0] != first.table.columns["id"][0]


def test_a_table_that_is_no_table_is_made_anew(paintings: Path, tmp_path: Path) -> None:
    out = tmp_path / "dataset.csv"
    out.write_text("not,a\ntable\n")
    assert len(prepare(paintings, out).table) == 21


def make_rejects(folder: Path) -> dict[str, str]:
    """Files that are no pictures; name -> expected reason."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("I am a text")
    (folder / "folder.jpg").mkdir()
    (folder / "dangling.jpg").symlink_to(folder / "nowhere")
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    save_picture(folder / "pixel.jpg", size=(1, 1))
    return {
        "empty.jpg": "empty",
        "text.jpg": "not a picture",
        "folder.jpg": "not a file",
        "dangling.jpg": "missing",
        "loop.jpg": "missing",
        "pixel.jpg": "too small",
    }


def test_rows_and_rejections_are_all_files_named(paintings: Path, tmp_path: Path) -> None:
    expected = make_rejects(paintings / "wikipaintings_train" / "Baroque")
    done = prepare(paintings, tmp_path / "dataset.csv")
    assert rejections(done) == expected
    assert len(done.table) == 21
    assert done.named == 21 + len(expected)
    assert done.rejected[Reason.MISSING] == 2


@pytest.mark.parametrize(
    "name",
    ["with space.jpg", "with'quote\".jpg", "new\nline.jpg", "naïve.jpg", "nai\u0308ve.jpg", "日本.jpg", "a,b;c.jpg"],
)
def test_any_name_survives_the_table(tmp_path: Path, name: str) -> None:
    save_picture(tmp_path / "p" / "Style" / name)
    prepare(tmp_path / "p", tmp_path / "dataset.csv")
    picture = read_table(tmp_path / "dataset.csv").picture(0)
    assert picture.path.name == name
    assert picture.trouble() is None


def test_a_name_that_is_no_utf8_survives_the_table(tmp_path: Path) -> None:
    target = save_picture(tmp_path / "p" / "Style" / "x.jpg")
    os.rename(target, os.path.join(os.fsencode(target.parent), b"caf\xe9.jpg"))  # noqa: PTH118
    prepare(tmp_path / "p", tmp_path / "dataset.csv")
    assert read_table(tmp_path / "dataset.csv").picture(0).trouble() is None


@pytest.mark.parametrize("make", ["nothing", "empty folder", "text only"])
def test_a_source_without_pictures_is_told(tmp_path: Path, make: str) -> None:
    source = tmp_path / "source"
    if make != "nothing":
        source.mkdir()
    if make == "text only":
        (source / "notes.txt").write_text("nothing to see")
    with pytest.raises(SourceError, match="give a folder"):
        prepare(source, tmp_path / "dataset.csv")
    assert not (tmp_path / "dataset.csv").exists()


def test_a_link_to_a_folder_above_does_not_go_round_for_ever(paintings: Path, tmp_path: Path) -> None:
    (paintings / "wikipaintings_train" / "Baroque" / "again").symlink_to(paintings / "wikipaintings_train" / "Baroque")
    assert len(prepare(paintings, tmp_path / "dataset.csv").table) == 21


def test_what_file_managers_leave_is_no_picture_of_the_source(paintings: Path, tmp_path: Path) -> None:
    (paintings / "wikipaintings_train" / "Cubism" / ".DS_Store").write_bytes(b"x")
    (paintings / "wikipaintings_train" / "Cubism" / "Thumbs.db").write_bytes(b"x")
    assert prepare(paintings, tmp_path / "dataset.csv").named == 21


def test_real_paintings(shared: Path, tmp_path: Path) -> None:
    done = prepare(shared / "data" / "rasta-small", tmp_path / "dataset.csv")
    assert (len(done.table), len(set(done.table.columns["style"])), done.rejected) == (499, 25, {})


def test_what_was_found_on_the_way_is_kept_beside_the_table(tmp_path: Path) -> None:
    for n, style in enumerate(("Art_Nouveau", "Art_Nouveau", "Art Nouveau")):
        save_picture(tmp_path / "p" / style / f"{n}.jpg", n)
    save_picture(tmp_path / "p" / "Art_Nouveau" / "again.jpg", 0)
    done = prepare(tmp_path / "p", tmp_path / "dataset.csv")
    assert set(done.table.columns["style"]) == {"Art_Nouveau"}
    told = json.loads(done.notes_path.read_text())
    assert (told["format"], told["split"], told["rows"]) == ("folders", "random", 4)
    assert [(note["count"], note["examples"]) for note in told["notes"]] == [
        (1, ["Art Nouveau = Art_Nouveau (3 rows)"]),
        (1, ["p/Art_Nouveau/0.jpg = p/Art_Nouveau/again.jpg"]),
    ]


def test_a_list_that_names_a_file_twice_gives_one_row(tmp_path: Path) -> None:
    save_picture(tmp_path / "x.jpg", 1)
    (tmp_path / "list.csv").write_text("path,style\nx.jpg,Cubism\nx.jpg,Dada\n,Dada\n")
    done = prepare(tmp_path / "list.csv", tmp_path / "dataset.csv")
    assert list(done.table.columns["style"]) == ["Cubism"]
    assert done.named == 1
    assert [note.count for note in done.notes if "earlier line" in note.text or "no file" in note.text] == [1, 1]


def test_labels_that_lines_of_one_file_do_not_share_are_named_with_their_lines(tmp_path: Path) -> None:
    for n in range(3):
        save_picture(tmp_path / f"{n}.jpg", n)
    (tmp_path / "1-again.jpg").write_bytes((tmp_path / "1.jpg").read_bytes())
    (tmp_path / "list.csv").write_text(
        "path,style,genre\n0.jpg,Cubism,\n,Dada,\n1.jpg,Dada,\n0.jpg,Dada,portrait\n2.jpg,Dada,\n2.jpg,Dada,\n1-again.jpg,Pop,\n"
    )
    notes = {n.text: n.examples for n in prepare(tmp_path / "list.csv", tmp_path / "dataset.csv").notes}
    assert notes["files are named by several lines that differ: the first line of each counts"] == [
        "0.jpg: style Cubism (line 2) and Dada (line 5)"
    ]
    (same,) = (examples for text, examples in notes.items() if "several labels in the column style" in text)
    assert list(same) == ["1-again.jpg, line 3: Dada and line 5: Pop"]


def test_artists_stay_together_when_asked(paintings: Path, tmp_path: Path) -> None:
    table = prepare(paintings, tmp_path / "dataset.csv", split="artist", val=0.25, test=0.25).table
    parts = dict[str, set[str]]()
    for artist, part in zip(table.columns["artist"], table.columns["split"], strict=True):
        parts.setdefault(artist, set()).add(part)
    assert all(len(p) == 1 for p in parts.values())
    assert len(set(table.columns["split"])) == 3


def test_time_splits_by_year(paintings: Path, tmp_path: Path) -> None:
    done = prepare(paintings, tmp_path / "dataset.csv", split="time", before=1613)
    parts = zip(done.table.columns["year"], done.table.columns["split"], strict=True)
    assert all((int(year) >= 1613) == (part == "test") for year, part in parts)
    assert done.how_split == "time"


def test_the_command_line_takes_it_all(
    paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wanted.txt").write_text("baroque\ncubism\n")
    options = (
        "--classes wanted.txt --where year>1602 --limit 8 --sample stratified --seed 1 --split artist --several drop"
    )
    assert run(cli, ["prepare", "paintings", *options.split(), "--label-column", "style=folder"]) == 0
    said = capsys.readouterr().out
    assert "8 images, 2 style classes, 0 rejected, 13 left out by the selection" in said
    assert "split: artist" in said
    assert run(cli, ["prepare", "paintings", "--label-column", "style"]) == 2
    assert "write LABEL=COLUMN" in capsys.readouterr().err
    assert run(cli, ["prepare", "paintings", "--where", "yeer > 1"]) == 1
    assert "no column 'yeer'" in capsys.readouterr().err


def test_a_table_that_did_not_change_is_not_written_again(paintings: Path, tmp_path: Path) -> None:
    first = prepare(paintings, tmp_path / "dataset.csv").path.stat().st_mtime_ns
    assert prepare(paintings, tmp_path / "dataset.csv").path.stat().st_mtime_ns == first


def test_pictures_without_any_class_are_told_with_the_columns_there_are(tmp_path: Path) -> None:
    save_picture(tmp_path / "x.jpg", 1)
    (tmp_path / "list.csv").write_text("path,Sachgruppe\nx.jpg,Kubismus\n")
    done = prepare(tmp_path / "list.csv", tmp_path / "dataset.csv")
    (note,) = [note for note in done.notes if "nothing can be learned" in note.text]
    assert "--label-column style=COLUMN names its column (there are: Sachgruppe)" in note.text
    named = Reading(label_columns={"style": "Sachgruppe"})
    again = prepare(tmp_path / "list.csv", tmp_path / "dataset.csv", reading=named)
    assert not any("nothing can be learned" in note.text for note in again.notes)


def test_a_table_beside_class_folders_is_pointed_at(tmp_path: Path) -> None:
    save_picture(tmp_path / "museum" / "scans" / "x.jpg", 1)
    (tmp_path / "museum" / "catalogue.csv").write_text("path,style\nscans/x.jpg,Cubism\n")
    done = prepare(tmp_path / "museum", tmp_path / "dataset.csv")
    assert [note.examples for note in done.notes if "give it as SOURCE" in note.text] == [["catalogue.csv"]]


@pytest.mark.parametrize("out", ["dataset.csv", "tables/mine.xlsx"])
def test_what_lies_beside_the_table_is_no_file_of_the_source(
    paintings: Path, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`featurize prepare .`, twice, in the folder of the pictures."""
    monkeypatch.chdir(paintings)
    (paintings / "other.csv").write_text("path,style\n")
    for discard in (False, True, False):
        done = prepare(Path(), Path(out), discard_edits=discard)
        assert sum(done.rejected.values()) == 1
        assert [note.examples for note in done.notes if "give it as SOURCE" in note.text] == [["other.csv"]]
        table = read_table(Path(out))
        write_table(table.with_columns(note=["x"] * len(table)), Path(out))


@pytest.mark.parametrize("name", ["dataset.ods", "dataset", "dataset.tsv"])
def test_a_table_of_another_kind_is_refused(paintings: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(TableError, match=r"written as .csv, .xlsx or .parquet"):
        prepare(paintings, tmp_path / name)
