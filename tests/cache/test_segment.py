"""A segment exists whole or not at all, and no byte of it changes unnoticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from cache import FeatureCache, ForeignKey, Key, SegmentDamaged
from cache.segment import Segment, write
from tests.cache.samples import AVGPOOL, KEY, STATS, ids_of, network, rows_of, vector_of


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return write(tmp_path, KEY.digest, rows_of([4, 8, 15], (AVGPOOL, STATS), failed=(8,)))


def test_everything_comes_back(written: Path) -> None:
    opened = Segment.open(written, KEY.digest)
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
    whole = written.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << (place % 8)
        written.write_bytes(changed)
        with pytest.raises(SegmentDamaged, match=written.name):
            Segment.open(written, KEY.digest).verify()


def test_every_cut_is_found(written: Path) -> None:
    whole = written.read_bytes()
    for length in {*range(0, len(whole), 97), len(whole) - 1}:
        written.write_bytes(whole[:length])
        with pytest.raises(SegmentDamaged):
            Segment.open(written, KEY.digest).verify()
    written.write_bytes(whole + b"\0")
    with pytest.raises(SegmentDamaged, match="were written"):
        Segment.open(written, KEY.digest)


def test_changed_vectors_are_never_handed_out(written: Path) -> None:
    opened = Segment.open(written, KEY.digest)
    offset = opened.recipes[AVGPOOL].offset
    whole = bytearray(written.read_bytes())
    whole[offset + 2] ^= 4
    written.write_bytes(whole)
    with pytest.raises(SegmentDamaged, match=f"bytes {offset} to"):
        Segment.open(written, KEY.digest).vectors(AVGPOOL)


def test_a_foreign_hdf5_file_is_no_segment(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["features"] = np.zeros((3, 4))
    with pytest.raises(SegmentDamaged, match="does not begin with"):
        Segment.open(tmp_path / "foreign.h5", KEY.digest)


def test_a_segment_of_another_key_is_refused(tmp_path: Path, written: Path) -> None:
    other = FeatureCache.create(tmp_path / "features", Key(network("resnet18"), "w", {}))
    shutil.copy(written, other.folder)
    other.refresh()
    assert len(other.ids()) == 0
    assert isinstance(other.problems[0], ForeignKey)


def test_float16_stays_float16(tmp_path: Path) -> None:
    rows = rows_of([1, 2])
    half = {AVGPOOL: rows.vectors[AVGPOOL].astype(np.float16)}
    path = write(tmp_path, KEY.digest, type(rows)(rows.ids, rows.status, half))
    assert Segment.open(path, KEY.digest).vectors(AVGPOOL).dtype == np.float16


def test_the_same_rows_get_the_same_name(tmp_path: Path) -> None:
    first = write(tmp_path, KEY.digest, rows_of([1, 2]))
    assert write(tmp_path, KEY.digest, rows_of([1, 2])) == first
    assert write(tmp_path, KEY.digest, rows_of([2, 1])) != first
    assert write(tmp_path, KEY.digest, rows_of([1, 2], (STATS,))) != first
