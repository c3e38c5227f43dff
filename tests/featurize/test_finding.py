"""A name in a list means one file or none: below the list's own folder first, and never another object's."""

from __future__ import annotations

import os
import posixpath
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.dataset.prepare import Prepared, prepare
from featurize.dataset.sources import Reading
from featurize.dataset.sources.matching import match, plain
from featurize.dataset.sources.tree import is_picture_name, stem
from featurize.errors import SourceError
from tests.featurize.miniatures import jpeg, put

# what the list names: what lies on the disk, and for each name the file it means
FOUND = {
    "bare names below the list's folder": (
        ["1.jpg", "2.jpg"],
        ["scans/a/1.jpg", "scans/b/2.jpg"],
        ["scans/a/1.jpg", "scans/b/2.jpg"],
    ),
    "bare names with another case": (["1.jpg", "2.JPG"], ["a/1.JPG", "b/2.jpg"], ["a/1.JPG", "b/2.jpg"]),
    "bare names directly and nested: as it stands": (["1.jpg"], ["1.jpg", "old/1.jpg"], ["1.jpg"]),
    "mixed separators": (["d/a\\1.jpg", "d\\b\\2.jpg"], ["d/a/1.jpg", "d/b/2.jpg"], ["d/a/1.jpg", "d/b/2.jpg"]),
    "a dot and double slashes": (["./a//1.jpg", ".\\a\\.\\2.jpg"], ["a/1.jpg", "a/2.jpg"], ["a/1.jpg", "a/2.jpg"]),
    "a folder up and down": (["a/../b/1.jpg"], ["b/1.jpg"], ["b/1.jpg"]),
    "a backslash in the file's own name": (["a\\1.jpg"], ["a\\1.jpg"], ["a\\1.jpg"]),
    "folders of another computer": (
        ["C:\\Users\\me\\art\\x\\1.jpg", "C:\\Users\\me\\art\\x\\2.jpg"],
        ["x/1.jpg", "x/2.jpg"],
        ["x/1.jpg", "x/2.jpg"],
    ),
    "absolute names of another place": (["/old/1.jpg", "/old/2.jpg"], ["1.jpg", "2.jpg"], ["1.jpg", "2.jpg"]),
    "one folder too many": (["images/1.jpg", "images/2.jpg"], ["1.jpg", "2.jpg"], ["1.jpg", "2.jpg"]),
    "numbers with dots, without endings": (
        ["67.265.1", "67.265.2", "67.265.9"],
        ["pics/67.265.1.jpg", "pics/67.265.2.jpg", "pics/67.265.9.JPG"],
        ["pics/67.265.1.jpg", "pics/67.265.2.jpg", "pics/67.265.9.JPG"],
    ),
    "numbers of a cabinet": (
        ["RP-P-OB-32.961", "RP-P-1886-A-10276"],
        ["RP-P-OB-32.961.jpg"],
        ["RP-P-OB-32.961.jpg", None],
    ),
    "numbers with dots and endings": (["67.265.1.jpg"], ["a/67.265.1.jpg", "a/67.265.2.jpg"], ["a/67.265.1.jpg"]),
    "numbers with a slash": (["1885/30", "1885/31"], ["1885-30.jpg", "1885_31.jpg"], ["1885-30.jpg", "1885_31.jpg"]),
    "numbers with spaces": (["Inv. 12 a", "Inv. 12 b"], ["inv_12_a.jpg", "i-12.jpg"], ["inv_12_a.jpg", None]),
    "two endings": (["12.tif"], ["12.tif.jpg"], ["12.tif.jpg"]),
    "a telling name in another folder": (
        ["Baroque/artist_title-1650.jpg"],
        ["all/artist_title-1650.jpg"],
        ["all/artist_title-1650.jpg"],
    ),
    "a copy with the same bytes": (["1.jpg"], ["a/1.jpg", "b/1.jpg:copy"], ["a/1.jpg"]),
}  # fmt: skip
NOT_FOUND = {
    "another number that begins alike": (["64.62"], ["64.jpg"]),
    "a number cut at its last dot": (["67.265.1", "67.265.2"], ["67.265.jpg"]),
    "a longer number": (["67.265"], ["67.265.1.jpg"]),
    "the last part of a number with a slash": (["1885/30"], ["30.jpg"]),
    "a camera's number in another folder": (["a/IMG_1234.jpg"], ["b/IMG_1234.jpg"]),
    "a number in another folder": (["a/12.jpg"], ["b/12.jpg"]),
    "the same bare name of two objects": (["1.jpg"], ["a/1.jpg", "b/1.jpg"]),
    "a number of two files": (["12"], ["a/12.jpg", "a/12.png"]),
    "two folders of which the disk has neither": (["A/1.jpg", "A/2.jpg", "B/1.jpg", "B/2.jpg"], ["1.jpg", "2.jpg"]),
    "leading zeros": (["12.jpg"], ["012.jpg"]),
    "a number with and without a dot": (["1.23.jpg"], ["12.3.jpg"]),
}


def listed(folder: Path, names: list[str], files: list[str]) -> Path:
    for n, file in enumerate(files):
        path, _, copy = file.partition(":")
        put(folder / path, jpeg(0 if copy or "copy" in "".join(files) else n))
    put(folder / "anchor.jpg", jpeg(99))  # so that there is something to read
    lines = "".join(f'"{name}",x\n' for name in [*names, "anchor.jpg"])
    put(folder / "list.csv", f"file,style\n{lines}".encode())
    return folder / "list.csv"


def notes(done: Prepared) -> str:
    return "\n".join(f"{note.text}: {'; '.join(note.examples)}" for note in done.notes)


@pytest.mark.parametrize("case", FOUND)
def test_the_file_that_a_name_means(tmp_path: Path, case: str) -> None:
    names, files, expected = FOUND[case]
    source = listed(tmp_path / "list", names, files)
    done = prepare(source, source.parent / "d.csv", reading=Reading(path_column="file"))
    assert list(done.table.columns["path"]) == [*(e for e in expected if e), "anchor.jpg"]
    assert sum(done.rejected.values()) == expected.count(None)


@pytest.mark.parametrize("case", NOT_FOUND)
def test_a_file_that_may_be_another_object_s_is_not_taken(tmp_path: Path, case: str) -> None:
    names, files = NOT_FOUND[case]
    source = listed(tmp_path / "list", names, files)
    done = prepare(source, source.parent / "d.csv", reading=Reading(path_column="file"))
    assert list(done.table.columns["path"]) == ["anchor.jpg"]
    assert sum(done.rejected.values()) == len(names)


def test_a_name_of_several_files_is_named_with_all_of_them(tmp_path: Path) -> None:
    source = listed(tmp_path / "list", ["1.jpg"], ["a/1.jpg", "b/1.jpg"])
    assert "could mean several files" in notes(done := prepare(source, source.parent / "d.csv"))
    assert "1.jpg = a/1.jpg or b/1.jpg" in notes(done)


def test_a_bare_name_does_not_get_the_file_of_a_name_with_its_folder(tmp_path: Path) -> None:
    source = listed(tmp_path / "list", ["1.jpg", "b/1.jpg"], ["a/b/1.jpg"])
    done = prepare(source, source.parent / "d.csv")
    assert list(done.table.columns["path"]) == ["a/b/1.jpg", "anchor.jpg"]
    assert sum(done.rejected.values()) == 1


def test_pictures_below_the_list_s_own_folder_come_before_those_beside_it(tmp_path: Path) -> None:
    for n in range(4):
        put(tmp_path / f"mine/nested/deep/p{n}.JPG", jpeg(n))
        put(tmp_path / f"neighbour/p{n}.jpg", jpeg(50 + n))
    put(tmp_path / "mine/list.csv", b"file,style\np0.jpg,a\np1.jpg,a\np2.jpg,b\np3.jpg,b\n")
    done = prepare(tmp_path / "mine/list.csv", tmp_path / "d.csv")
    assert list(done.table.columns["path"]) == [f"mine/nested/deep/p{n}.JPG" for n in range(4)]
    assert "beside the list" not in notes(done)


def test_even_one_picture_of_its_own_keeps_a_list_from_its_neighbours(tmp_path: Path) -> None:
    put(tmp_path / "mine/p0.jpg", jpeg(0))
    for n in range(4):
        put(tmp_path / f"neighbour/p{n}.jpg", jpeg(50 + n))
    put(tmp_path / "mine/list.csv", b"file,style\np0.jpg,a\np1.jpg,a\np2.jpg,b\np3.jpg,b\n")
    done = prepare(tmp_path / "mine/list.csv", tmp_path / "d.csv")
    assert list(done.table.columns["path"]) == ["mine/p0.jpg"]
    assert sum(done.rejected.values()) == 3


def test_a_neighbour_s_pictures_are_taken_only_where_the_list_has_none_and_it_is_said(tmp_path: Path) -> None:
    for n in range(2):
        put(tmp_path / f"neighbour/p{n}.jpg", jpeg(n))
    put(tmp_path / "mine/list.csv", b"file,style\np0.jpg,a\np1.jpg,b\n")
    done = prepare(tmp_path / "mine/list.csv", tmp_path / "d.csv")
    assert list(done.table.columns["path"]) == ["neighbour/p0.jpg", "neighbour/p1.jpg"]
    (note,) = [note for note in done.notes if "beside the list" in note.text]
    assert note.count == 2
    assert str(tmp_path / "neighbour") in note.text
    assert "--images" in note.text


def test_of_two_neighbours_none_is_guessed(tmp_path: Path) -> None:
    for place in ("small", "large"):
        put(tmp_path / place / "p0.jpg", jpeg(len(place)))
    put(tmp_path / "mine/list.csv", b"file,style\np0.jpg,a\n")
    with pytest.raises(SourceError, match=r"lie in .*large' and in .*small': say which with --images"):
        prepare(tmp_path / "mine/list.csv", tmp_path / "d.csv")
    done = prepare(tmp_path / "mine/list.csv", tmp_path / "d.csv", reading=Reading(images=tmp_path / "small"))
    assert list(done.table.columns["path"]) == ["small/p0.jpg"]


def test_a_list_may_name_a_folder_above(tmp_path: Path) -> None:
    put(tmp_path / "pics/1.jpg", jpeg(1))
    put(tmp_path / "lists/list.csv", b"file,style\n../pics/1.jpg,a\n")
    assert list(prepare(tmp_path / "lists/list.csv", tmp_path / "d.csv").table.columns["path"]) == ["pics/1.jpg"]


@pytest.mark.parametrize("name", ["bad.zip", "bad.tar"])
def test_an_archive_that_can_not_be_read_stops_nothing_unless_the_pictures_may_be_in_it(
    name: str, tmp_path: Path
) -> None:
    museum = tmp_path / "museum"
    put(museum / name, b"x" * 100)
    put(museum / "list.csv", b"file,style\n1.jpg,a\n")
    with pytest.raises(SourceError, match=f"'{name}' can't be read"):
        prepare(museum / "list.csv", museum / "d.csv")
    put(museum / "1.jpg", jpeg(1))
    done = prepare(museum / "list.csv", museum / "d.csv")
    assert list(done.table.columns["path"]) == ["1.jpg"]
    assert [note.examples[0].partition(":")[0] for note in done.notes if "not looked into" in note.text] == [name]


def test_bare_names_are_found_in_archives_as_well(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("deep/1.JPG", jpeg(1))
    put(tmp_path / "list.csv", b"file,style\n1.jpg,a\n")
    assert list(prepare(tmp_path / "list.csv", tmp_path / "d.csv").table.columns["path"]) == ["all.zip::deep/1.JPG"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/x.jpg", "x"),
        ("x.JPEG", "x"),
        ("x.tif.jpg", "x"),
        ("67.265.9", "67.265.9"),
        ("RP-P-OB-32.961", "RP-P-OB-32.961"),
        ("RP-P-OB-32.961.jpg", "RP-P-OB-32.961"),
        ("m.c.-escher_x", "m.c.-escher_x"),
        (".jpg", ".jpg"),
        ("", ""),
    ],
)
def test_an_ending_is_cut_off_where_it_is_a_picture_format_s(name: str, expected: str) -> None:
    assert stem(name) == expected


NAMES = st.lists(st.sampled_from(["a", "b", "x y", "..", ".", "", "1", "67.265.1"]), min_size=1, max_size=4)


@given(NAMES, st.sampled_from(["/", "\\", "//", "/./"]), st.sampled_from(["", "./", ".\\"]))
def test_any_separators_are_one(parts: list[str], separator: str, before: str) -> None:
    name = "x/" + before + "x/" + "/".join(parts) + "/1.jpg"
    assert plain(name.replace("/", separator)) == os.path.normpath(name.replace("\\", "/"))


FILES = st.lists(
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "a/", "b/", "a/b/"]),
        st.sampled_from(["1", "12", "1.2", "1-2", "01", "x_1"]),
        st.sampled_from(["", ".1"]),
        st.sampled_from([".jpg", ".JPG", ".png"]),
    ),
    min_size=1,
    max_size=8,
    unique=True,
)
WANTED = st.lists(
    st.sampled_from(["1", "12", "1.2", "12.1", "1/2", "1.jpg", "a/1.jpg", "b/1", "c/1.jpg", "a/12.png"]), max_size=5
)


@given(WANTED, FILES)
def test_no_file_is_given_to_two_names_and_digits_never_change(wanted: list[str], there: list[str]) -> None:
    matching = match(wanted, there, "/nowhere")
    taken = list(matching.found.values())
    assert len(taken) == len(set(taken))
    assert set(taken) <= set(there)
    for name, file in matching.found.items():
        number = name if not is_picture_name(name) else stem(name)
        assert [c for c in stem(file) if c.isdigit()] == [c for c in number if c.isdigit()]


@given(st.text("ab ./\\-_é:\t\u00a0", max_size=9))
def test_a_name_that_is_taken_as_it_is_would_not_be_changed(name: str) -> None:
    """The short way for plain names gives what the long way gives."""
    slow = name.strip().removeprefix("file://").replace("\\", "/")
    tidied = posixpath.normpath(slow) if slow else ""
    assert plain(name) == ("/" + tidied.lstrip("/") if tidied.startswith("//") else tidied)
