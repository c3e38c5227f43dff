"""Containers as people and programs make them: names that are not tidy, bytes that are no pictures, files elsewhere."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.dataset.prepare import Prepared, prepare
from featurize.dataset.sources import Reading, format_of, read_source
from featurize.errors import SourceError, Undecodable
from featurize.pictures import archives
from featurize.pictures.archives.base import tidy
from featurize.pictures.file import digest, read
from featurize.reasons import Reason
from tests.featurize.miniatures import BROKEN, jpeg, put, tar

PICTURES = [jpeg(n) for n in range(4)]
STYLES = ["Cubism", "Rococo"] * 2
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def make_zip(path: Path, members: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


MAKERS: Mapping[str, Callable[[Path, Mapping[str, bytes]], None]] = {".zip": make_zip, ".tar": tar}
NAMES = {
    "dot": lambda style, n: f"./{style}/{n}.jpg",
    "slashes": lambda style, n: f"art//{style}/{n}.jpg",
    "absolute": lambda style, n: f"/{style}/{n}.jpg",
    "drive": lambda style, n: f"C:\\scans\\{style}\\{n}.jpg",
    "backslashes": lambda style, n: f"{style}\\{n}.jpg",
    "up": lambda style, n: f"../../{style}/{n}.jpg",
    "down and up": lambda style, n: f"all/x/../{style}/./{n}.jpg",
}


def styles(done: Prepared) -> dict[str, str]:
    """Id -> style of what was prepared."""
    return dict(zip(done.table.columns["id"], done.table.columns["style"], strict=True))


EXPECTED = {digest(data): style for data, style in zip(PICTURES, STYLES, strict=True)}


@pytest.mark.parametrize("ending", MAKERS)
@pytest.mark.parametrize("form", NAMES)
def test_members_are_found_under_whatever_names_they_have(form: str, ending: str, tmp_path: Path) -> None:
    """All rows, the right classes, and nothing else: the folders `.`, `..` and "" are no classes, nor hidden."""
    path = tmp_path / f"pictures{ending}"
    members = {NAMES[form](style, n): data for n, (style, data) in enumerate(zip(STYLES, PICTURES, strict=True))}
    MAKERS[ending](path, members)
    done = prepare(path, tmp_path / "dataset.csv")
    assert styles(done) == EXPECTED
    assert not done.rejected
    for row, picture_id in enumerate(done.table.columns["id"]):
        assert digest(read(done.table.picture(row).path)) == picture_id
    assert styles(prepare(path, tmp_path / "dataset.csv")) == EXPECTED, "a second time"


@given(st.lists(st.sampled_from(["a", "b.jpg", "..", ".", "", "C:", "ü"]), max_size=8), st.sampled_from("/\\"))
def test_tidy_names_stay_as_they_are_and_lead_nowhere(parts: list[str], between: str) -> None:
    found = tidy(between.join(parts))
    assert tidy(found) == found
    assert not {"", ".", ".."} & set(found.split("/")) or found == ""
    assert not found.startswith("/")


@pytest.mark.parametrize("ending", MAKERS)
def test_of_two_members_of_one_name_the_last_counts_and_it_is_said(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"pictures{ending}"
    MAKERS[ending](path, {"Cubism/0.jpg": b"old", "./Cubism/0.jpg": PICTURES[0], "Cubism/1.jpg": PICTURES[1]})
    _, listing = read_source(path)
    assert [digest(read(Path(p))) for p in listing.paths] == [digest(PICTURES[0]), digest(PICTURES[1])]
    assert any("the last of each counts" in note.text and note.examples == ["Cubism/0.jpg"] for note in listing.notes)


def test_links_in_a_tar_are_what_they_lead_to(tmp_path: Path) -> None:
    path = tmp_path / "linked.tar"
    with tarfile.open(path, "w") as archive:
        whole = tarfile.TarInfo("./Cubism/0.jpg")
        whole.size = len(PICTURES[0])
        archive.addfile(whole, io.BytesIO(PICTURES[0]))
        for name, target in (("Rococo/1.jpg", "../Cubism/0.jpg"), ("Rococo/2.jpg", "1.jpg"), ("Rococo/3.jpg", "no.jpg"),
                             ("Rococo/4.jpg", "4.jpg")):  # fmt: skip
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
    opened = archives.open_archive(path)
    assert [opened.read(name) for name in ("Rococo/1.jpg", "Rococo/2.jpg")] == [PICTURES[0]] * 2
    done = prepare(path, tmp_path / "dataset.csv")
    assert done.rejected == {Reason.MISSING: 2}, "named by the source, so told"


def test_a_sparse_member_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "sparse.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        member = tarfile.TarInfo("Cubism/0.jpg")
        member.type, member.size = tarfile.GNUTYPE_SPARSE, 0
        archive.addfile(member)
    with pytest.raises(Undecodable, match="a sparse file") as refused:
        read(Path(archives.location(path, "Cubism/0.jpg")))
    assert refused.value.reason == Reason.UNREADABLE


def patched(path: Path, flags: int = 0, method: int | None = None) -> None:
    """The only member's flags, or how it says that it is packed, in its header and in the directory."""
    data = bytearray(path.read_bytes())
    for at in (0, data.index(b"PK\x01\x02") + 2):
        data[at + 6] |= flags
        if method is not None:
            struct.pack_into("<H", data, at + 8, method)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("method", "said"), [(9, "Deflate64"), (93, "Zstandard"), (98, "PPMd"), (250, "compression 250")]
)
def test_a_member_that_is_packed_in_a_rare_way_is_refused_by_name(method: int, said: str, tmp_path: Path) -> None:
    path = tmp_path / "rare.zip"
    make_zip(path, {"Cubism/0.jpg": PICTURES[0]})
    patched(path, method=method)
    if method == 93 and hasattr(zipfile, "ZIP_ZSTANDARD"):
        pytest.skip("this Python unpacks it")
    with pytest.raises(Undecodable, match=f"'Cubism/0.jpg' is packed with {said}: unpack the archive") as refused:
        read(Path(archives.location(path, "Cubism/0.jpg")))
    assert refused.value.reason == Reason.UNREADABLE


@pytest.mark.parametrize("flags", [0x1, 0x41], ids=["encrypted", "strongly encrypted"])
def test_an_encrypted_member_is_refused_by_name_and_the_others_are_read(flags: int, tmp_path: Path) -> None:
    path = tmp_path / "locked.zip"
    make_zip(path, {"Cubism/0.jpg": PICTURES[0]})
    patched(path, flags=flags)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("Cubism/1.jpg", PICTURES[1])
    done = prepare(path, tmp_path / "dataset.csv")
    assert done.rejected == {Reason.UNREADABLE: 1}
    assert "'Cubism/0.jpg' is encrypted: unpack the archive with its password" in done.rejected_path.read_text("utf-8")
    assert list(done.table.columns["id"]) == [digest(PICTURES[1])]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_large_zips_and_the_ways_of_packing_that_python_knows(method: int, tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    with zipfile.ZipFile(path, "w", method) as archive, archive.open("Cubism/0.jpg", "w", force_zip64=True) as member:
        member.write(PICTURES[0])
    assert styles(prepare(path, tmp_path / "dataset.csv")) == {digest(PICTURES[0]): "Cubism"}
    data = bytearray(path.read_bytes())
    middle = data.index(b"Cubism/0.jpg") + 60
    data[middle : middle + 40] = bytes(40)
    path.write_bytes(data)
    with pytest.raises(Undecodable, match="damaged"):
        read(Path(archives.location(path, "Cubism/0.jpg")))


SHARDS: Mapping[str, tuple[Mapping[str, bytes], Sequence[str]]] = {
    "fields": ({"0.image.png": jpeg(0), "0.meta.json": b'{"style": "Cubism"}'}, ["Cubism"]),
    "one field": ({"0.jpg": jpeg(0), "0.meta.json": b'{"style": "Cubism"}'}, ["Cubism"]),
    "below a folder with dots": ({"v1.2/0.image.jpg": jpeg(0), "v1.2/0.meta.json": b'{"style": "a"}'}, ["a"]),
    "a text of its own": ({"0.image.jpg": jpeg(0), "0.style.txt": b"Cubism\n"}, ["Cubism"]),
    "two pictures": (
        {"0.left.jpg": jpeg(0), "0.right.jpg": jpeg(1), "0.json": b'{"style": "Cubism"}'},
        ["Cubism", "Cubism"],
    ),
    "names with dots": (
        {
            "m.c.-escher_x.jpg": jpeg(0),
            "m.c.-escher_x.json": b'{"style": "a"}',
            "m.c.-escher_y.jpg": jpeg(1),
            "m.c.-escher_y.json": b'{"style": "b"}',
            "m.c.-escher_z.jpg": jpeg(2),
        },
        ["a", "b", ""],
    ),
    "before its picture": ({"0.meta.json": b'{"style": "a"}', "./0.image.jpg": jpeg(0)}, ["a"]),
}


@pytest.mark.parametrize("name", SHARDS)
def test_keys_of_samples_end_at_the_first_dot(name: str, tmp_path: Path) -> None:
    """But names that match but for their ending belong together, dots or not, and say nothing of their neighbours."""
    members, expected = SHARDS[name]
    tar(tmp_path / "train-0.tar", members)
    _, listing = read_source(tmp_path / "train-0.tar")
    assert list(listing.labels["style"]) == expected
    assert [digest(read(Path(p))) for p in listing.paths] == [
        digest(data) for member, data in members.items() if member.endswith((".jpg", ".png"))
    ]


def test_a_side_file_that_can_not_be_read_is_said(tmp_path: Path) -> None:
    tar(tmp_path / "0.tar", {"0.jpg": jpeg(0), "0.json": b"{", "1.jpg": jpeg(1), "1.json": b'{"style": "a"}'})
    _, listing = read_source(tmp_path / "0.tar")
    assert ("files beside pictures hold no JSON: left out", 1) in [(note.text, note.count) for note in listing.notes]


def test_side_files_of_other_encodings_and_in_levels_are_read(tmp_path: Path) -> None:
    said = b'{"meta": {"style": "a"}, "style": "b"}'
    side = {"0.txt": "Müller".encode("cp1252"), "1.txt": "Müller".encode(), "0.json": said, "1.json": said}
    tar(tmp_path / "0.tar", {"0.jpg": jpeg(0), "1.jpg": jpeg(1), **side})
    _, listing = read_source(tmp_path / "0.tar")
    assert list(listing.labels["txt"]) == ["Müller", "Müller"]
    assert [list(listing.labels[column]) for column in ("meta.style", "style")] == [["a", "a"], ["b", "b"]]
    assert [list(note.examples) for note in listing.notes if "Windows-1252" in note.text] == [["0.txt"]]


def written(path: Path, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({**columns, "style": STYLES}), path)
    return path


def on_disk(folder: Path) -> list[str]:
    for n, data in enumerate(PICTURES):
        put(folder / f"p{n}.jpg", data)
    return [f"p{n}.jpg" for n in range(len(PICTURES))]


@pytest.mark.parametrize("absolute", [True, False])
def test_rows_of_parquet_that_name_a_file_and_hold_nothing(absolute: bool, tmp_path: Path) -> None:
    names = on_disk(tmp_path / "pictures")
    paths = [str(tmp_path / "pictures" / n) if absolute else f"pictures/{n}" for n in names]
    image = pa.array([{"bytes": None, "path": p} for p in paths], IMAGE)
    source = written(tmp_path / "all.parquet", image=image)
    done = prepare(source, tmp_path / "dataset.csv")
    assert styles(done) == EXPECTED
    assert any("name a file instead of holding a picture" in note.text for note in done.notes)


def test_rows_of_parquet_that_hold_a_picture_and_rows_that_name_one(tmp_path: Path) -> None:
    """Each is read from where it is; a row with neither, and one whose file is gone, are told."""
    names = on_disk(tmp_path / "pictures")
    cells = [
        {"bytes": PICTURES[0], "path": "elsewhere.jpg"},
        {"bytes": None, "path": f"pictures/{names[1]}"},
        {"bytes": None, "path": "pictures/gone.jpg"},
        None,
    ]
    source = written(tmp_path / "all.parquet", image=pa.array(cells, IMAGE))
    done = prepare(source, tmp_path / "dataset.csv")
    assert styles(done) == {digest(PICTURES[0]): "Cubism", digest(PICTURES[1]): "Rococo"}
    assert done.rejected == {Reason.MISSING: 2}


NO_PICTURES: Mapping[str, Sequence[bytes | None]] = {
    "sha256": [bytes(range(n, n + 32)) for n in range(4)],
    "thumbnail": [b""] * 4,
    "blurhash": [None, None, None, None],
    "preview": [b"", None, b"", None],
}


@pytest.mark.parametrize("column", NO_PICTURES)
@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()], ids=str)
def test_bytes_that_are_no_pictures_beside_the_names_of_files(column: str, kind: Any, tmp_path: Path) -> None:
    names = on_disk(tmp_path)
    source = written(tmp_path / "list.parquet", file=names, **{column: pa.array(NO_PICTURES[column], kind)})
    assert format_of(source) == "table"
    done = prepare(source, tmp_path / "dataset.csv")
    assert styles(done) == EXPECTED
    assert column not in done.table.columns


def test_sounds_of_hugging_face_are_no_pictures(tmp_path: Path) -> None:
    features = {"image": {"_type": "Audio"}, "file": {"_type": "Value"}}
    schema = pa.schema(
        [("image", IMAGE), ("file", pa.string())],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    cells = [{"bytes": b"RIFF....WAVE", "path": "x.wav"}] * 4
    pq.write_table(pa.table({"image": cells, "file": on_disk(tmp_path)}, schema=schema), tmp_path / "all.parquet")
    assert format_of(tmp_path / "all.parquet") == "table"


def test_what_stands_in_a_struct_is_a_column_and_a_second_picture_is_said(tmp_path: Path) -> None:
    meta = [{"style": "a", "year": 1889}, None, {"style": "b", "year": None}]
    pictures = [jpeg(n) for n in range(3)]
    table = pa.table({"front": pictures, "back": pictures[::-1], "meta": meta})
    pq.write_table(table, tmp_path / "p.parquet")
    _, listing = read_source(tmp_path / "p.parquet", Reading(label_columns={"style": "meta.style"}))
    assert list(listing.labels["style"]) == ["a", "", "b"]
    assert list(listing.labels["meta.year"]) == ["1889", "", ""]
    assert [list(note.examples) for note in listing.notes if "hold pictures, too" in note.text] == [["back"]]


def test_pictures_are_taken_before_thumbnails_and_other_files_are_said(tmp_path: Path) -> None:
    thumbnails = pa.array([jpeg(50 + n) for n in range(4)])
    source = written(tmp_path / "all.parquet", thumbnail=thumbnails, scan=pa.array(PICTURES))
    assert styles(prepare(source, tmp_path / "a.csv")) == EXPECTED
    source = written(tmp_path / "all.parquet", thumbnail=thumbnails, file=on_disk(tmp_path))
    assert any("rows name a file in 'file', too" in note.text for note in prepare(source, tmp_path / "b.csv").notes)
    assert styles(prepare(source, tmp_path / "c.csv", reading=Reading(format="table"))) == EXPECTED


CELLS: Mapping[str, Callable[[], Any]] = {
    "binary": lambda: pa.array(PICTURES, pa.binary()),
    "large_binary": lambda: pa.array(PICTURES, pa.large_binary()),
    "binary_view": lambda: pa.array(PICTURES, pa.binary_view()),
    "struct of large_binary": lambda: structs(pa.large_binary()),
    "struct of binary_view": lambda: structs(pa.binary_view()),
    "list": lambda: pa.array([[p, BROKEN] for p in PICTURES], pa.list_(pa.binary())),
    "large_list": lambda: pa.array([[p, BROKEN] for p in PICTURES], pa.large_list(pa.large_binary())),
    "list of two": lambda: pa.array([[p, BROKEN] for p in PICTURES], pa.list_(pa.binary(), 2)),
    "list of images": lambda: pa.array(
        [[{"bytes": p, "path": "a.jpg"}, {"bytes": BROKEN, "path": "b.jpg"}] for p in PICTURES], pa.list_(IMAGE)
    ),
}


def structs(kind: Any) -> Any:
    return pa.array([{"bytes": p} for p in PICTURES], pa.struct([("bytes", kind)]))


@pytest.mark.parametrize("name", CELLS)
def test_pictures_in_a_column_of_any_type_that_holds_bytes(name: str, tmp_path: Path) -> None:
    source = written(tmp_path / "all.parquet", scan=CELLS[name]())
    assert format_of(source) == "parquet"
    done = prepare(source, tmp_path / "dataset.csv")
    assert styles(done) == EXPECTED
    beyond = [note.count for note in done.notes if "behind the first" in note.text]
    assert beyond == ([4] if "list" in name else [])


def test_lists_that_are_empty_and_lists_that_name_files(tmp_path: Path) -> None:
    names = on_disk(tmp_path)
    cells = [[], None, [{"bytes": None, "path": names[2]}, {"bytes": None, "path": names[0]}], [{"bytes": PICTURES[3]}]]
    source = written(tmp_path / "all.parquet", image=pa.array(cells, pa.list_(IMAGE)))
    done = prepare(source, tmp_path / "dataset.csv")
    assert styles(done) == {digest(PICTURES[2]): "Cubism", digest(PICTURES[3]): "Rococo"}
    assert done.rejected == {Reason.MISSING: 2}


def test_a_column_is_believed_where_the_user_names_it(tmp_path: Path) -> None:
    source = written(tmp_path / "all.parquet", scan=pa.array([b"no picture at all"] * 4))
    with pytest.raises(SourceError, match="has pictures in it"):
        read_source(source, Reading(format="parquet"))
    _, listing = read_source(source, Reading(format="parquet", path_column="scan"))
    assert len(listing) == 4


def test_where_bytes_are_is_not_read_from_rows_where_statistics_say_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pa.array([{"bytes": p, "path": "x.jpg"} for p in PICTURES], IMAGE)
    source = written(tmp_path / "all.parquet", image=image)
    monkeypatch.setattr("featurize.pictures.archives.parquet._rows", lambda *_: pytest.fail("a row was read"))
    assert archives.open_archive(source).held("image") == [True] * 4  # type: ignore[attr-defined]


def test_the_cases_as_people_have_them(shared: Path, tmp_path: Path) -> None:
    """`make_cases.py` beside the checkout: the two zips, the shard, and two Parquet files."""
    subprocess.run([sys.executable, str(shared / "cases" / "make_cases.py")], cwd=tmp_path, check=True)
    for name in ("dot.zip", "slashes.zip", "f11/train-0.tar", "f12/pathonly.parquet", "f12/hash.parquet"):
        done = prepare(tmp_path / name, tmp_path / f"{name.replace(os.sep, '-')}.csv")
        assert sorted(done.table.columns["style"]) == ["a", "a", "b", "b"], name
        assert not done.rejected, name
