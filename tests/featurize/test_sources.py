"""Every reader keeps the same contract, on miniatures in the exact form in which sources are published."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from featurize.choices import FORMATS
from featurize.dataset.choosing.looks import Looks
from featurize.dataset.prepare import Prepared, prepare
from featurize.dataset.sources import READERS, Reading, format_of, read_source
from featurize.dataset.table import read_table
from featurize.errors import SourceError
from featurize.pictures.file import digest, read
from tests.featurize.miniatures import MINIATURES, Miniature, jpeg, put, tar


@pytest.fixture(params=MINIATURES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def mini(name: str, tmp_path: Path) -> Miniature:
    where = tmp_path / "data"
    where.mkdir()
    return MINIATURES[name](where)


def prepared(mini: Miniature, tmp_path: Path) -> Prepared:
    return prepare(mini.source, tmp_path / "dataset.csv", reading=mini.reading, split="given" if given(mini) else None)


def given(mini: Miniature) -> bool:
    return any(row["split"] for row in mini.rows.values())


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(folder.rglob("*"))}


class TestEveryReader:
    def test_recognises_its_own_source_and_no_other_does_before_it(self, name: str, mini: Miniature) -> None:
        assert format_of(mini.source) == name

    def test_gives_each_picture_its_own_split_and_labels(self, mini: Miniature, tmp_path: Path) -> None:
        table = prepared(mini, tmp_path).table
        assert set(table.columns["id"]) == set(mini.rows)
        for n, picture in enumerate(table.columns["id"]):
            expected = mini.rows[picture]
            columns = [c for c in expected if c != "split" or given(mini)]
            assert {c: table.columns[c][n] for c in columns} == {c: expected[c] for c in columns}

    def test_loses_no_file(self, mini: Miniature, tmp_path: Path) -> None:
        _, listing = read_source(mini.source, mini.reading)
        done = prepared(mini, tmp_path)
        assert done.named == len(listing) == len(mini.rows) + mini.rejected
        with done.rejected_path.open(newline="", encoding="utf-8-sig") as file:
            assert len(list(csv.DictReader(file))) == mini.rejected

    def test_names_places_whose_bytes_are_the_pictures(self, mini: Miniature, tmp_path: Path) -> None:
        prepared(mini, tmp_path)
        table = read_table(tmp_path / "dataset.csv")
        for picture in map(table.picture, range(len(table))):
            assert picture.trouble() is None
            assert digest(read(picture.path)) == picture.id

    def test_says_the_same_again(self, mini: Miniature) -> None:
        assert read_source(mini.source, mini.reading) == read_source(mini.source, mini.reading)

    def test_says_the_same_when_told_what_it_is(self, name: str, mini: Miniature) -> None:
        told = read_source(mini.source, replace(mini.reading, format=name))
        assert told == read_source(mini.source, mini.reading)

    def test_is_not_read_twice(self, mini: Miniature, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = prepared(mini, tmp_path)
        looked: list[Path] = []
        monkeypatch.setattr("featurize.dataset.choosing.looks.read", lambda path: looked.append(path) or read(path))
        again = prepared(mini, tmp_path)
        assert again.reused == len(mini.rows)
        assert again.table.columns == first.table.columns
        assert len(looked) <= mini.rejected  # what is no picture is tried again

    def test_leaves_the_source_as_it_is(self, mini: Miniature, tmp_path: Path) -> None:
        before = snapshot(tmp_path / "data")
        prepared(mini, tmp_path)
        assert snapshot(tmp_path / "data") == before

    def test_survives_a_move_of_table_and_source_together(self, mini: Miniature, tmp_path: Path) -> None:
        old, new = tmp_path / "old", tmp_path / "new"
        old.mkdir()
        shutil.move(tmp_path / "data", old / "data")
        source = old / mini.source.relative_to(tmp_path)
        prepare(source, old / "dataset.csv", reading=mini.reading)
        old.rename(new)
        table = read_table(new / "dataset.csv")
        assert all(table.picture(n).trouble() is None for n in range(len(table)))

    def test_lists_alone_say_the_same_labels(self, mini: Miniature) -> None:
        """The order and the labels; where files are spelled otherwise, only the list's spelling is known."""
        _, listing = read_source(mini.source, mini.reading)
        _, alone = read_source(mini.source, replace(mini.reading, lists_only=True))
        assert (alone.splits, alone.labels) == (listing.splits, listing.labels)

    def test_a_cut_archive_is_told_in_a_sentence(self, mini: Miniature, tmp_path: Path) -> None:
        if not mini.archives:
            pytest.skip("its pictures are files")
        path = mini.source if mini.source.is_file() else next(p for p in sorted(mini.source.rglob("*")) if p.is_file())
        data = path.read_bytes().rstrip(b"\0")  # tar ends with zeros
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(SourceError, match=path.name) as told:
            prepared(mini, tmp_path)
        assert "\n" not in str(told.value)


def test_the_command_line_offers_every_reader() -> None:
    assert tuple(READERS) == FORMATS
    assert set(MINIATURES) == set(READERS)


def test_artgan_s_real_lists(shared: Path) -> None:
    form, listing = read_source(shared / "data" / "artgan", Reading(lists_only=True))
    assert form == "artgan"
    assert Counter(listing.splits) == {"train": 57_025, "val": 24_421}
    assert len(set(listing.labels["style"])) == 27
    first = {c: v[0] for c, v in listing.labels.items()}
    assert first == {"style": "Impressionism", "artist": "edgar-degas", "year": ""}


def test_artgan_s_lists_without_pictures_say_what_to_do(shared: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none of the 81446 files .* --images FOLDER, .* --lists-only"):
        prepare(shared / "data" / "artgan", tmp_path / "dataset.csv")


def test_artgan_s_other_tasks_are_targets_as_well(tmp_path: Path) -> None:
    mini = MINIATURES["artgan"](tmp_path)
    _, listing = read_source(mini.source, Reading(target="genre", lists_only=True))
    assert Counter(listing.splits) == {"train": 2, "val": 1}
    assert set(listing.labels["genre"]) == {"abstract_painting", "cityscape"}
    with pytest.raises(SourceError, match=r"--target artist: the lists in .* are for style, genre"):
        read_source(mini.source, Reading(target="artist"))


def test_artgan_s_first_artist_lists_have_no_endings(tmp_path: Path) -> None:
    """As in the authors' repository: `Artist/artist_train` beside `Style/style_train.csv`."""
    put(tmp_path / "Style/style_class.txt", b"0 Realism\n")
    put(tmp_path / "Style/style_train.csv", b"Realism/edgar-degas_x.jpg,0\n")
    put(tmp_path / "Artist/artist_class", b"5 Edgar_Degas\n")
    put(tmp_path / "Artist/artist_train", b"Realism/edgar-degas_x.jpg,5\n")
    _, listing = read_source(tmp_path, Reading(lists_only=True))
    assert listing.labels["artist"] == ["edgar-degas"]
    _, listing = read_source(tmp_path, Reading(target="artist", lists_only=True))
    assert listing.labels["artist"] == ["Edgar_Degas"]


def test_a_class_that_no_class_file_names_is_told(tmp_path: Path) -> None:
    put(tmp_path / "style_class.txt", b"0 Realism\n")
    put(tmp_path / "style_train.csv", b"Realism/a_x.jpg,0\nRealism/a_y.jpg,7\n")
    with pytest.raises(SourceError, match=r"'style_train.csv', line 2: class '7' is not in 'style_class.txt'"):
        read_source(tmp_path)


@pytest.mark.parametrize(
    ("listed", "on_disk"),
    [
        ("Baroque/artist_title.jpg", "baroque/Artist_Title.JPG"),
        ("Art_Nouveau_Modern/artist_title.jpg", "Art Nouveau (Modern)/artist-title.jpg"),
        ("a/nai\u0308ve_x.jpg", "a/na\u00efve_x.jpg"),
        ("a/grã©goire_x.jpg", "a/grégoire_x.jpg"),
        ("a/name_x.jpg", "a/name_x.jpeg"),
        ("Baroque/artist_title-1650.jpg", "all/artist_title-1650.jpg"),
    ],
    ids=["case", "separators and brackets", "normal forms", "mojibake", "endings", "folders"],
)
def test_names_spelled_otherwise_on_disk_are_matched_and_told(tmp_path: Path, listed: str, on_disk: str) -> None:
    put(tmp_path / "list.csv", f"path,style\n{listed},x\nother.jpg,y\n".encode())
    put(tmp_path / on_disk, jpeg(1))
    put(tmp_path / "other.jpg", jpeg(2))
    done = prepare(tmp_path / "list.csv", tmp_path / "dataset.csv")
    assert len(done.table) == 2
    (note,) = [note for note in done.notes if "spelled otherwise on the disk" in note.text]
    assert note.examples == [f"{listed} = {on_disk}"]


def test_a_loose_match_never_takes_a_file_that_has_a_name_of_its_own(tmp_path: Path) -> None:
    """`B/x.jpg` is missing: the `A/x.jpg` that is there belongs to another line."""
    put(tmp_path / "list.csv", b"path,style\nA/x.jpg,a\nB/x.jpg,b\n")
    put(tmp_path / "A/x.jpg", jpeg(1))
    done = prepare(tmp_path / "list.csv", tmp_path / "dataset.csv")
    assert list(done.table.columns["style"]) == ["a"]
    assert sum(done.rejected.values()) == 1


def test_of_two_files_the_one_with_the_same_ending_is_meant(tmp_path: Path) -> None:
    put(tmp_path / "list.csv", b"path,style\nA/x_y.jpg,a\nother.jpg,b\n")
    for n, name in enumerate(("A/x-y.jpg", "A/x-y.png", "other.jpg")):
        put(tmp_path / name, jpeg(n))
    table = prepare(tmp_path / "list.csv", tmp_path / "dataset.csv").table
    assert list(table.columns["path"]) == ["A/x-y.jpg", "other.jpg"]


def test_a_loose_match_that_could_be_two_files_is_none(tmp_path: Path) -> None:
    put(tmp_path / "list.csv", b"path,style\nA/x_y.jpg,a\nother.jpg,b\n")
    put(tmp_path / "A/x-y.jpg", jpeg(1))
    put(tmp_path / "A/X_y.jpg", jpeg(2))
    put(tmp_path / "other.jpg", jpeg(3))
    done = prepare(tmp_path / "list.csv", tmp_path / "dataset.csv")
    assert (len(done.table), sum(done.rejected.values())) == (1, 1)


def test_pictures_that_no_list_names_are_counted(tmp_path: Path) -> None:
    mini = MINIATURES["painter-by-numbers"](tmp_path)
    _, listing = read_source(mini.source)
    (note,) = [note for note in listing.notes if "does not name" in note.text]
    assert (note.count, list(note.examples)) == (1, ["test/77.jpg"])


def test_pictures_of_a_list_may_lie_in_archives(tmp_path: Path) -> None:
    """Kaggle hands out `train_1.zip`: it need not be unpacked."""
    mini = MINIATURES["painter-by-numbers"](tmp_path)
    for part in ("train_1", "train_2", "train_9", "test", "train"):
        shutil.make_archive(str(mini.source / part), "zip", mini.source, part)
        shutil.rmtree(mini.source / part)
    done = prepare(mini.source, tmp_path / "dataset.csv")
    assert set(done.table.columns["id"]) == set(mini.rows)


def test_images_may_lie_anywhere(tmp_path: Path) -> None:
    put(tmp_path / "lists/list.tsv", b"filename\tlabel\nx.jpg\tCubism\n")
    put(tmp_path / "far/away/x.jpg", jpeg(1))
    done = prepare(tmp_path / "lists/list.tsv", tmp_path / "d.csv", reading=Reading(images=tmp_path / "far"))
    assert list(done.table.columns["style"]) == ["Cubism"]
    with pytest.raises(SourceError, match=r"--images .*nowhere.* is not a folder"):
        prepare(tmp_path / "lists/list.tsv", tmp_path / "d.csv", reading=Reading(images=tmp_path / "nowhere"))


@pytest.mark.parametrize("form", [".csv", ".parquet"])
def test_a_dataset_table_is_a_source_as_well(tmp_path: Path, form: str) -> None:
    mini = MINIATURES["webdataset"](tmp_path)
    prepare(mini.source, tmp_path / f"first{form}")
    done = prepare(tmp_path / f"first{form}", tmp_path / f"second{form}")
    first, second = read_table(tmp_path / f"first{form}"), done.table
    assert {c: list(v) for c, v in second.columns.items()} == {c: list(v) for c, v in first.columns.items()}


def test_a_table_without_header(tmp_path: Path) -> None:
    put(tmp_path / "list.csv", b"a/x.jpg,Cubism\na/y.jpg,Rococo\n")
    _, listing = read_source(tmp_path / "list.csv", Reading(lists_only=True))
    assert listing.labels["style"] == ["Cubism", "Rococo"]


BAD_TABLES = {
    "no file names": (
        b"style,artist\nCubism,Gris\n",
        Reading(),
        r"no column of 'list.csv' names picture files .*--path-column",
    ),
    "no rows": (b"path,style\n", Reading(), r"'list.csv' has no rows: only the names of its columns \(path, style\)"),
    "no such path column": (
        b"path\nx.jpg\n",
        Reading(path_column="file"),
        "--path-column file: 'list.csv' has no such",
    ),
    "no such label column": (
        b"path\nx.jpg\n",
        Reading(label_columns={"style": "school"}),
        r"--label-column style=school: 'list.csv' has no such column \(it has: path\)",
    ),
    "ragged": (b"path,style\nx.jpg\n", Reading(), "line 2 has 1 fields, the header 2"),
    "empty": (b"", Reading(), "holds no table"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_table_that_can_not_be_read_is_told(tmp_path: Path, case: str) -> None:
    content, reading, message = BAD_TABLES[case]
    put(tmp_path / "list.csv", content)
    with pytest.raises(SourceError, match=message):
        read_source(tmp_path / "list.csv", reading)


@pytest.mark.parametrize("name", MINIATURES)
def test_no_form_of_source_ignores_a_column_that_is_named(tmp_path: Path, name: str) -> None:
    source = MINIATURES[name](tmp_path).source
    for named in ({"path_column": "nosuch"}, {"label_columns": {"style": "nosuch"}}):
        with pytest.raises(SourceError, match="nosuch"):
            read_source(source, Reading(**named))  # type: ignore[arg-type]


def test_a_parquet_table_without_pictures_is_a_table(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"path": ["x.jpg", "y.jpg"], "style": [["Cubism", "Dada"], ["Rococo"]], "year": [1913.0, None]}
    pq.write_table(pa.table(columns), tmp_path / "list.parquet")
    put(tmp_path / "x.jpg", jpeg(1))
    put(tmp_path / "y.jpg", jpeg(2))
    assert format_of(tmp_path / "list.parquet") == "table"
    table = prepare(tmp_path / "list.parquet", tmp_path / "dataset.csv").table
    assert (table.columns["style"], table.columns["year"]) == (["Cubism", "Rococo"], ["1913", ""])


def test_a_compressed_tar_says_what_to_do(tmp_path: Path) -> None:
    put(tmp_path / "shard.tar.gz", b"x")
    with pytest.raises(SourceError, match=r"'shard.tar.gz' is compressed.* unpack it to .tar"):
        read_source(tmp_path / "shard.tar.gz")


def test_a_tar_of_class_folders_is_read_like_folders(tmp_path: Path) -> None:
    tar(tmp_path / "all.tar", {"./train/Cubism/juan-gris_x-1913.jpg": jpeg(1), "./val/Cubism/juan-gris_y.jpg": jpeg(2)})
    done = prepare(tmp_path / "all.tar", tmp_path / "dataset.csv")
    assert list(zip(*(done.table.columns[c] for c in ("split", "style", "year")), strict=True)) == [
        ("train", "Cubism", "1913"),
        ("val", "Cubism", ""),
    ]
    assert all(done.table.picture(n).trouble() is None for n in range(2))


def test_folders_of_folders_find_the_classes(tmp_path: Path) -> None:
    put(tmp_path / "source/wikiart/data/Cubism/x.jpg", jpeg(1))
    put(tmp_path / "source/wikiart/data/Rococo/y.jpg", jpeg(2))
    assert set(prepare(tmp_path / "source", tmp_path / "d.csv").table.columns["style"]) == {"Cubism", "Rococo"}


def test_another_label_may_be_the_target_of_class_folders(tmp_path: Path) -> None:
    mini = MINIATURES["folders"](tmp_path)
    reading = Reading(label_columns={"style": "folder"})
    done = prepare(mini.source, tmp_path / "d.csv", target="artist", reading=reading)
    assert set(done.table.columns["artist"]) == {"henri-rousseau", "peter-paul-rubens", "rembrandt"}
    assert set(done.table.columns["style"]) == {"Baroque", "Naïve_Art_(Primitivism)"}


def test_an_unknown_format_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="--format lmdb is not known: choose one of iiif, painter-by-numbers"):
        read_source(tmp_path, Reading(format="lmdb"))


def test_a_glance_tells_what_is_missing_without_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "there.jpg", jpeg(1))
    monkeypatch.setattr("featurize.dataset.choosing.looks.decoding.probe", lambda data: pytest.fail("it was opened"))
    looks = Looks([str(tmp_path / "there.jpg"), str(tmp_path / "gone.jpg")], ["there.jpg", "gone.jpg"], {})
    assert list(looks.refused) == [1]


def test_of_two_folders_beside_a_list_the_one_with_more_of_its_pictures_is_meant(tmp_path: Path) -> None:
    put(tmp_path / "lists/list.csv", b"path,style\nA/x.jpg,a\nA/y.jpg,a\nB/z.jpg,b\n")
    put(tmp_path / "copies/A/x.jpg", jpeg(9))
    for n, name in enumerate(("A/x.jpg", "A/y.jpg", "B/z.jpg")):
        put(tmp_path / "wikiart" / name, jpeg(n))
    done = prepare(tmp_path / "lists/list.csv", tmp_path / "dataset.csv")
    assert [p.split("/")[0] for p in done.table.columns["path"]] == ["wikiart"] * 3
