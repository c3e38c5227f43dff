"""A segment exists whole or not at all, and no byte of it changes unnoticed."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache import FeatureCache, ForeignKey, Key, Rows, SegmentDamaged
from cache.buckets import ASIDE, DiskBucket, MemoryBucket
from cache.segments import spans
from cache.segments.segment import Segment, write
from tests.cache.samples import AVGPOOL, KEY, STATS, ids_of, network, rows_of, vector_of


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return write_into(tmp_path, rows_of([4, 8, 15], (AVGPOOL, STATS), failed=(8,)))


def write_into(folder: Path, rows: Rows) -> Path:
    return folder / write(DiskBucket(folder), KEY.digest, rows)


def opened_at(path: Path) -> Segment:
    return Segment.open(DiskBucket(path.parent), path.name, KEY.digest)


def test_everything_comes_back(written: Path) -> None:
    opened = opened_at(written)
    rows = rows_of([4, 8, 15], (AVGPOOL, STATS), failed=(8,))
    assert opened.ids.tolist() == rows.ids.tolist()
    assert opened.status.tolist() == [0, 3, 0]
    assert opened.details == {1: "cut short at 8"}
    assert opened.environment == {"engine": "none", "threads": 1}
    for recipe, matrix in rows.vectors.items():
        assert opened.vectors(recipe).tobytes() == matrix.tobytes()
        assert not opened.vectors(recipe).flags.writeable


def test_any_hdf5_reader_can_read_it(written: Path) -> None:
    with h5py.File(written) as file:
        assert file["features/avgpool"].shape == (3, 5)
        assert file["features/avgpool"].chunks is None, "contiguous, so that it can be mapped"
        assert file["features/avgpool"][2].tobytes() == vector_of(15).tobytes()
        assert bytes(file["id"][0]) == ids_of([4])[0].ljust(32, b"\0")


def test_every_single_byte_is_guarded(written: Path) -> None:
    """Exhaustive: each byte of the file is changed in turn, and each change is found."""
    whole, bucket = written.read_bytes(), MemoryBucket()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << (place % 8)
        bucket.replace(written.name, [bytes(changed)])
        with pytest.raises(SegmentDamaged, match=written.name):
            Segment.open(bucket, written.name, KEY.digest).verify()


def test_every_cut_is_found(written: Path) -> None:
    whole = written.read_bytes()
    for length in {*range(0, len(whole), 97), len(whole) - 1}:
        written.write_bytes(whole[:length])
        with pytest.raises(SegmentDamaged):
            opened_at(written).verify()
    written.write_bytes(whole + b"\0")
    with pytest.raises(SegmentDamaged, match="were written"):
        opened_at(written)


def test_changed_vectors_are_never_handed_out(written: Path) -> None:
    opened = opened_at(written)
    offset = opened.recipes[AVGPOOL].offset
    whole = bytearray(written.read_bytes())
    whole[offset + 2] ^= 4
    written.write_bytes(whole)
    with pytest.raises(SegmentDamaged, match=f"bytes {offset} to"):
        opened_at(written).vectors(AVGPOOL)


@pytest.mark.parametrize("sizes", [[], [7], [300, 1, 900], [40_000], [30_000, 90_000], [50] * 10])
def test_spans_cover_a_file_without_a_gap_and_are_few(sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is of vectors or of something else; vectors are cut where they are long, into no more than fit the list."""
    monkeypatch.setattr(spans, "_SHORTEST", 1000)
    payload, at = [], spans.USER_BLOCK + 100
    for size in sizes:
        payload.append((at, size))
        at += size + 20
    image = np.random.default_rng(0).bytes(at + 100 - spans.USER_BLOCK)
    block = spans.list_spans(image, payload)
    assert len(block) == spans.USER_BLOCK
    bucket = MemoryBucket()
    bucket.create("x", [block, image])
    size = len(block) + len(image)
    found = spans._parse(bucket, "x", size, block)
    assert [one.offset for one in found] == [spans.USER_BLOCK, *(one.offset + one.length for one in found[:-1])]
    assert found[-1].offset + found[-1].length == size
    covered = [(one.offset, one.length) for one in found if one.vectors]
    assert all(any(a <= b and b + n <= a + m for a, m in payload) for b, n in covered)
    assert sum(n for _, n in covered) == sum(sizes)
    assert len(found) <= spans._MOST
    if max(sizes, default=0) <= 1000:
        assert len(covered) == len(sizes), "what is short is not cut"
    elif size < 40 * 1000:
        assert max(n for _, n in covered) <= 1000
    spans.check(bucket, "x", found)


def test_a_copy_that_was_checked_is_not_checked_again(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where maps are copies of what lies far away: each recipe's copy is checked when it is first asked for."""

    class Far(MemoryBucket):
        maps_copies = True

    bucket, checked = Far(), []
    bucket.create(written.name, [written.read_bytes()])
    opened, check = Segment.open(bucket, written.name, KEY.digest), spans.check
    monkeypatch.setattr(spans, "check", lambda *given: checked.append(1) or check(*given))
    found = [opened.vectors(recipe).tobytes() for recipe in (AVGPOOL, AVGPOOL, STATS, AVGPOOL, STATS)]
    assert len(checked) == 2
    assert found[0] == found[1] == found[3]
    assert found[2] == found[4]
    bucket.delete(written.name)
    with pytest.raises(FileNotFoundError):
        opened.vectors(AVGPOOL)


@given(
    st.dictionaries(st.integers(0, 30), st.binary(max_size=9), max_size=4),
    st.lists(
        st.tuples(st.sampled_from([io.SEEK_SET, io.SEEK_CUR, io.SEEK_END]), st.integers(0, 45), st.integers(0, 20))
    ),
)
def test_a_header_is_a_file_of_the_parts_that_were_checked_and_zeros(
    parts: dict[int, bytes], steps: list[tuple[int, int, int]]
) -> None:
    whole = bytearray(40)
    for offset, data in parts.items():
        whole[offset : offset + len(data)] = data
    header, at = spans.Header(parts, 40), 0
    assert header.seekable()
    assert header.readable()
    for whence, place, count in steps:
        target = {io.SEEK_SET: place, io.SEEK_CUR: at + place, io.SEEK_END: 40 - place}[whence]
        if target < 0:
            continue
        assert header.seek(-place if whence == io.SEEK_END else place, whence) == target == header.tell()
        assert header.read(count) == bytes(whole[target : target + count]).ljust(count, b"\0")
        at = target + count
        assert header.tell() == at


def test_what_a_reader_gives_is_checked_and_not_what_is_stored(written: Path) -> None:
    """So that vectors that were copied from far away need not travel again."""
    opened = opened_at(written)
    data = written.read_bytes()

    def right(offset: int, length: int) -> list[bytes]:
        return [data[offset : offset + length]]

    def wrong(offset: int, length: int) -> list[bytes]:
        return [bytes([data[offset] ^ 1]), data[offset + 1 : offset + length]]

    spans.check(opened.bucket, opened.name, opened._spans, right)
    with pytest.raises(SegmentDamaged):
        spans.check(opened.bucket, opened.name, opened._spans, wrong)


def test_a_foreign_hdf5_file_is_no_segment(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["features"] = np.zeros((3, 4))
    with pytest.raises(SegmentDamaged, match="does not begin with"):
        opened_at(tmp_path / "foreign.h5")


def test_a_segment_of_another_key_is_refused(tmp_path: Path, written: Path) -> None:
    other = FeatureCache.create(tmp_path / "features", Key(network("resnet18"), "w", {}))
    shutil.copy(written, other.place)
    other.refresh()
    assert len(other.ids()) == 0
    assert isinstance(other.problems[0], ForeignKey)


def test_float16_stays_float16(tmp_path: Path) -> None:
    rows = rows_of([1, 2])
    half = {AVGPOOL: rows.vectors[AVGPOOL].astype(np.float16)}
    path = write_into(tmp_path, type(rows)(rows.ids, rows.status, half))
    assert opened_at(path).vectors(AVGPOOL).dtype == np.float16


def test_the_same_rows_get_the_same_name(tmp_path: Path) -> None:
    first = write_into(tmp_path, rows_of([1, 2]))
    assert write_into(tmp_path, rows_of([1, 2])) == first
    assert write_into(tmp_path, rows_of([2, 1])) != first
    assert write_into(tmp_path, rows_of([1, 2], (STATS,))) != first


def test_rows_that_are_there_are_not_written_again(tmp_path: Path) -> None:
    """Two machines that did the same work: the first to commit stays, to the last bit."""
    path = write_into(tmp_path, rows_of([1, 2]))
    content, changed = path.read_bytes(), path.stat().st_mtime_ns
    assert write_into(tmp_path, replace(rows_of([1, 2]), environment={"engine": "another"})) == path
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, changed)


def test_a_damaged_segment_of_the_name_is_set_aside_when_its_rows_are_written(tmp_path: Path) -> None:
    path = write_into(tmp_path, rows_of([1, 2]))
    content = path.read_bytes()
    path.write_bytes(content[:-8] + bytes(8))
    assert write_into(tmp_path, rows_of([1, 2])) == path
    assert path.read_bytes() == content
    assert (tmp_path / ASIDE / path.name).exists()
    path.write_bytes(b"no segment at all")
    write_into(tmp_path, rows_of([1, 2]))
    assert path.read_bytes() == content


def test_hdf5_reads_only_what_was_checked(written: Path) -> None:
    """Between the check and the reading another process could change the file: nothing is read twice."""
    data = written.read_bytes()

    class Changing(MemoryBucket):
        """Gives each byte once, and then another."""

        seen = np.zeros(len(data), bool)

        def read(self, name: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
            stop = len(data) if length is None else offset + length
            part = bytearray(data[offset:stop])
            for n in np.flatnonzero(self.seen[offset:stop]):
                part[n] ^= 255
            self.seen[offset:stop] = True
            yield bytes(part)

    bucket = Changing()
    bucket.create(written.name, [data])
    opened = Segment.open(bucket, written.name, KEY.digest)
    stored = opened.recipes[AVGPOOL]
    assert opened.details == {1: "cut short at 8"}
    assert not bucket.seen[stored.offset : stored.offset + 60].any(), "no vector is read before it is asked for"
