"""What belongs to a key beside its segments: named by content, checked at every load, nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache import ArtifactDamaged, Artifacts, Kind, NotStored
from cache.buckets import ASIDE, MemoryBucket
from tests.cache.samples import KEY

BODY = Kind("body", ".onnx")
RECIPES = Kind("body-of-recipes", ".onnx")  # its names begin like those of the other kind


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "key", KEY.digest)


def flip(path: Path | None, place: int = 0) -> None:
    assert path
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


@given(st.binary(max_size=99), st.binary(max_size=99))
def test_what_is_kept_comes_back(data: bytes, other: bytes) -> None:
    artifacts = Artifacts(MemoryBucket(), KEY.digest)
    name = artifacts.keep(BODY, data)
    assert BODY.fits(name)
    assert artifacts.load(name) == artifacts.find(BODY) == data
    assert (artifacts.keep(BODY, other) == name) == (other == data)
    assert sorted(artifacts.every(BODY)) == sorted({data, other})
    artifacts.forget(BODY, data)
    assert list(artifacts.every(BODY)) == ([other] if other != data else [])


def test_kinds_are_told_apart(artifacts: Artifacts) -> None:
    artifacts.keep(RECIPES, b"recipes")
    assert artifacts.find(BODY) is None
    artifacts.keep(BODY, b"body")
    assert (artifacts.find(BODY), artifacts.find(RECIPES)) == (b"body", b"recipes")


def test_every_single_byte_is_guarded_at_every_load(artifacts: Artifacts) -> None:
    data = bytes(range(200))
    name = artifacts.keep(BODY, data)
    path = artifacts.path(name)
    for place in range(len(data)):
        assert artifacts.load(name) == data  # that it was right once proves nothing for later
        flip(path, place)
        assert artifacts.find(BODY) is None
        with pytest.raises(ArtifactDamaged, match=name):
            artifacts.load(name)
        flip(path, place)


def test_another_s_file_under_a_name_that_was_right_there_is_refused(artifacts: Artifacts, tmp_path: Path) -> None:
    """A network copied from another key's folder is whole, and would put wrong rows into this one."""
    other = Artifacts(tmp_path / "other", "0" * 64)
    theirs = other.keep(BODY, b"another network")
    path, source = artifacts.path(theirs), other.path(theirs)
    assert path
    assert source
    path.parent.mkdir()
    path.write_bytes(source.read_bytes())
    assert artifacts.find(BODY) is None
    with pytest.raises(ArtifactDamaged):
        artifacts.load(theirs)
    ours = artifacts.keep(BODY, b"our network")
    assert artifacts.find(BODY) == b"our network"
    flip(artifacts.path(ours))
    assert artifacts.find(BODY) is None


def test_a_name_that_is_missing_is_said(artifacts: Artifacts) -> None:
    with pytest.raises(NotStored, match=f"body-{'0' * 32}"):
        artifacts.load(BODY.name("0" * 32))


def test_what_was_damaged_is_written_again(artifacts: Artifacts) -> None:
    name = artifacts.keep(BODY, b"a network")
    flip(artifacts.path(name))
    assert artifacts.keep(BODY, b"a network") == name
    assert artifacts.load(name) == b"a network"


def test_damage_is_named_and_set_aside_and_nothing_else_is(artifacts: Artifacts) -> None:
    hurt, sound = artifacts.keep(BODY, b"a network"), artifacts.keep(RECIPES, b"recipes")
    artifacts.write("failures.csv", b"path,id\n")
    assert artifacts.verify() == []
    flip(artifacts.path(hurt))
    (problem,) = artifacts.verify()
    assert isinstance(problem, ArtifactDamaged)
    assert hurt in str(problem)
    assert artifacts.set_aside_damaged() == [hurt]
    assert artifacts.verify() == []
    folder = Path(artifacts.place)
    assert {p.name for p in folder.iterdir()} == {ASIDE, sound, "failures.csv"}
    assert (folder / ASIDE / hurt).exists(), "nothing is thrown away"


def test_what_is_for_people_is_replaced_unless_it_stands_there(artifacts: Artifacts) -> None:
    path = artifacts.path("failures.csv")
    assert path
    artifacts.write("failures.csv", b"a,b\n")
    before = path.stat()
    artifacts.write("failures.csv", b"a,b\n")
    assert path.stat().st_ino == before.st_ino, "not written again"
    for content in (b"a,b\n1,2\n", b"a,", b"x,"):
        artifacts.write("failures.csv", content)
        assert path.read_bytes() == content
    artifacts.remove("failures.csv")
    artifacts.remove("failures.csv")
    assert not path.exists()
