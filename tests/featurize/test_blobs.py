"""Pictures inside archives: the right bytes, from many threads, with every trouble told as a reason."""

from __future__ import annotations

import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from featurize.errors import Undecodable
from featurize.pictures import archives
from featurize.pictures.archives import parquet as parquet_blobs
from featurize.pictures.file import Picture, digest, read
from featurize.reasons import Reason
from tests.featurize.miniatures import put, tar


def contents(count: int) -> dict[str, bytes]:
    return {f"folder/{n}.jpg": bytes([n % 256]) * (1000 + n) for n in range(count)}


def make_tar(path: Path, members: dict[str, bytes]) -> dict[str, bytes]:
    tar(path, members)
    return members


def make_zip(path: Path, members: dict[str, bytes]) -> dict[str, bytes]:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return members


def make_parquet(path: Path, members: dict[str, bytes]) -> dict[str, bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    cells = [{"bytes": data, "path": name} for name, data in members.items()]
    pq.write_table(pa.table({"image": pa.array(cells, image)}), path, row_group_size=40)
    return {f"image/{n}": data for n, data in enumerate(members.values())}


ARCHIVES = {".tar": make_tar, ".zip": make_zip, ".parquet": make_parquet}


@pytest.fixture(params=ARCHIVES)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, bytes]]:
    path = tmp_path / f"all{request.param}"
    return path, ARCHIVES[request.param](path, contents(100))


def test_each_member_gives_its_own_bytes(archive: tuple[Path, dict[str, bytes]]) -> None:
    path, members = archive
    assert list(archives.open_archive(path).names()) == list(members)
    for name, data in members.items():
        where = Path(archives.location(path, name))
        assert read(where) == data
        assert archives.facts(where) in ((len(data), path.stat().st_mtime_ns), (-1, path.stat().st_mtime_ns))


def test_many_threads_in_any_order_get_the_right_bytes(
    archive: tuple[Path, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_blobs, "_KEPT_BYTES", 5000)  # a few rows: going back starts the row group anew
    path, members = archive
    names = [name for n in range(7) for name in list(members)[n::7]] * 3
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda name: read(Path(archives.location(path, name))), names))
    assert found == [members[name] for name in names]


def test_a_row_group_is_never_held_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "all.parquet"
    members = make_parquet(path, {f"{n}.jpg": bytes(10_000) for n in range(40)})
    monkeypatch.setattr(parquet_blobs, "_KEPT_BYTES", 50_000)
    opened = parquet_blobs.Parquet(path)
    for name in members:
        opened.read(name)
        (group,) = opened._groups.values()
        assert sum(len(data or b"") for data in group._kept.values()) <= 50_000


def test_what_is_not_there_is_missing(archive: tuple[Path, dict[str, bytes]]) -> None:
    path, members = archive
    gone = path.with_name(f"gone{path.suffix}")
    for where, message in (
        (archives.location(path, "nowhere/x.jpg"), f"it is not in '{path.name}'"),
        (archives.location(gone, next(iter(members))), f"there is no '{gone}'"),
    ):
        with pytest.raises(Undecodable, match=message) as told:
            read(Path(where))
        assert told.value.reason == Reason.MISSING


def test_a_changed_archive_is_opened_anew(archive: tuple[Path, dict[str, bytes]]) -> None:
    path, members = archive
    first = next(iter(members))
    old = Picture(
        digest(members[first]), Path(archives.location(path, first)), len(members[first]), path.stat().st_mtime_ns
    )
    assert old.trouble() is None
    changed = ARCHIVES[path.suffix](path, {name: b"new" + data for name, data in contents(3).items()})
    assert read(old.path) == changed[first]
    trouble = old.trouble()
    assert trouble is not None
    assert trouble.reason == Reason.CHANGED


def test_damage_inside_is_unreadable_not_a_crash(archive: tuple[Path, dict[str, bytes]]) -> None:
    path, members = archive
    opened = archives.open_archive(path)
    last = list(members)[-1]
    assert opened.size(last) in (len(members[last]), -1)
    data = bytearray(path.read_bytes())
    data[200:260] = bytes(60)
    data[len(data) // 2 : len(data) // 2 + 400] = bytes(400)
    path.write_bytes(data)
    for name in members:
        try:
            read(Path(archives.location(path, name)))
        except Undecodable as why:
            assert why.reason in (Reason.UNREADABLE, Reason.MISSING)  # noqa: PT017  any other error fails the test


def test_a_locked_zip_says_so(tmp_path: Path) -> None:
    path = tmp_path / "locked.zip"
    make_zip(path, {"x.jpg": b"data"})
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag "encrypted", in the file's header and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(Undecodable, match="encrypted"):
        read(Path(archives.location(path, "x.jpg")))


def test_hard_links_and_names_written_again(tmp_path: Path) -> None:
    """As unpacking would have it: a link is the file it leads to, the last of two members of a name counts."""
    path = tmp_path / "x.tar"
    tar(path, {"a.jpg": b"first", "b.jpg": b"other"})
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.LNKTYPE, "b.jpg"
        archive.addfile(link)
    tar_again = tmp_path / "again"
    put(tar_again / "a.jpg", b"second")
    with tarfile.open(path, "a") as archive:
        archive.add(tar_again / "a.jpg", "a.jpg")
    opened = archives.open_archive(path)
    assert {name: opened.read(name) for name in opened.names()} == {
        "a.jpg": b"second",
        "b.jpg": b"other",
        "link.jpg": b"other",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pictures/a.jpg", None),
        ("odd::name.jpg", None),
        ("my.tar/a.jpg", None),
        ("a.tar::b/c.jpg", ("a.tar", "b/c.jpg")),
        ("x/A.ZIP::b.jpg", ("x/A.ZIP", "b.jpg")),
        ("a.tar::b.zip::c.jpg", ("a.tar", "b.zip::c.jpg")),
        ("a.parquet::image/17", ("a.parquet", "image/17")),
    ],
)
def test_locations(text: str, expected: tuple[str, str] | None) -> None:
    place = archives.inside(text)
    assert (place and (str(place.archive), place.member)) == expected


def test_an_ordinary_file_with_colons_in_its_name_is_read(tmp_path: Path) -> None:
    put(tmp_path / "odd::name.jpg", b"data")
    assert read(tmp_path / "odd::name.jpg") == b"data"


def test_a_row_group_read_to_its_end_gives_its_pages_back(tmp_path: Path) -> None:
    """The pictures that passed last stay, for the threads that come a little later."""
    path = tmp_path / "all.parquet"
    members = make_parquet(path, contents(40))
    opened = parquet_blobs.Parquet(path)
    for name, data in members.items():
        assert opened.read(name) == data
    (group,) = opened._groups.values()
    assert group._rows.gi_frame is None
    assert opened.read("image/3") == members["image/3"]
