"""The contract of a store, held against a cache on a disk and one in memory, and against a plain model of both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache import (
    OK,
    FeatureCache,
    Kind,
    NotStored,
    Recipe,
    Rows,
    SegmentDamaged,
    Store,
    UnclearKey,
    cache_in_memory,
    create_cache,
    open_cache,
)
from cache.buckets import ASIDE, Bucket, DiskBucket, MemoryBucket
from cache.errors import NotFinite
from cache.ids import to_hex
from cache.rows import ABSENT
from cache.segments.segment import Segment
from tests.cache.samples import AVGPOOL, KEY, STATS, ids_of, rows_of, vector_of

appends = st.lists(
    st.tuples(
        st.lists(st.integers(0, 30), min_size=1, max_size=6, unique=True),
        st.sampled_from([(AVGPOOL,), (STATS,), (AVGPOOL, STATS)]),
        st.sets(st.integers(0, 30), max_size=3),
    ),
    max_size=5,
)


def bits(*numbers: int, recipe: Recipe = AVGPOOL) -> bytes:
    return b"".join(vector_of(n, recipe).tobytes() for n in numbers)


def _numbers(bucket: Bucket, name: str) -> set[int]:
    """The numbers below 31 whose rows a segment holds, as a stranger sees it."""
    known = dict(zip(ids_of(list(range(31))).tolist(), range(31), strict=True))
    return {known[i] for i in Segment.open(bucket, name, KEY.digest).ids.tolist()}


class StoreContract(ABC):
    """What every store promises."""

    @abstractmethod
    def store(self, tmp_path: Path) -> Store:
        """An empty one."""

    @abstractmethod
    def again(self, store: Store) -> Store:
        """The store as another process would see it."""

    @abstractmethod
    def raw(self, store: Store) -> Bucket:
        """Where its bytes lie, as a stranger sees them."""

    def spoil(self, store: Store, name: str) -> None:
        """Flip a bit at the end of an object, behind the store's back."""
        data = bytearray(b"".join(self.raw(store).read(name)))
        data[-1] ^= 1
        self.raw(store).replace(name, [data])

    def segments(self, store: Store) -> set[str]:
        return {name for name in self.raw(store).names() if name.endswith(".h5")}

    def test_an_empty_store_knows_nothing(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        assert store.status(ids_of([1, 2])).tolist() == [ABSENT, ABSENT]
        assert store.missing(ids_of([1, 2]), [AVGPOOL]).all()
        assert store.recipes() == []
        assert len(store.ids()) == 0
        assert store.failures() == []

    def test_vectors_come_back_bit_for_bit_in_the_order_asked_for(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([5, 1, 9]))
        store.append(rows_of([2, 7]))
        wanted = [7, 5, 2, 9, 1, 5]
        found = self.again(store).gather(ids_of(wanted), AVGPOOL)
        assert found.tobytes() == np.stack([vector_of(n) for n in wanted]).tobytes()

    def test_failures_are_rows_with_their_reason(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([1, 2, 3], failed=(2,)))
        store = self.again(store)
        assert store.status(ids_of([1, 2, 3])).tolist() == [OK, 3, OK]
        assert [(f.id, f.status, f.detail) for f in store.failures()] == [(to_hex(ids_of([2]))[0], 3, "cut short at 2")]
        assert not store.missing(ids_of([1, 2, 3]), [AVGPOOL]).any(), "a failed picture is not tried again by itself"
        with pytest.raises(NotStored, match="1 of 2"):
            store.gather(ids_of([1, 2]), AVGPOOL)

    def test_a_picture_that_works_at_last_is_no_failure(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([1, 2], failed=(1, 2)))
        store.append(rows_of([1]))
        store = self.again(store)
        assert store.status(ids_of([1, 2])).tolist() == [OK, 3]
        assert [f.id for f in store.failures()] == to_hex(ids_of([2]))
        assert store.gather(ids_of([1]), AVGPOOL).tobytes() == vector_of(1).tobytes()

    def test_rows_gain_recipes_later(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([1, 2]))
        assert store.missing(ids_of([1, 2]), [AVGPOOL, STATS]).all()
        store.append(rows_of([2], (STATS,)))
        store = self.again(store)
        assert store.missing(ids_of([1, 2]), [AVGPOOL, STATS]).tolist() == [True, False]
        assert store.embedded(ids_of([1, 2]), STATS).tolist() == [False, True]
        assert store.gather(ids_of([2]), STATS).tobytes() == vector_of(2, STATS).tobytes()

    def test_a_recipe_is_found_by_name(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([1]))
        assert store.recipe("avgpool") == AVGPOOL
        with pytest.raises(NotStored, match="avgpool"):
            store.recipe("gram")
        store.append(rows_of([1], (Recipe("avgpool", {"formula": "other"}),)))
        with pytest.raises(UnclearKey, match="2 definitions"):
            self.again(store).recipe("avgpool")

    def test_nothing_that_is_not_finite_is_stored(self, tmp_path: Path) -> None:
        rows = rows_of([1, 2])
        broken = {AVGPOOL: np.where(np.arange(5) == 3, np.inf, rows.vectors[AVGPOOL]).astype(np.float32)}
        with pytest.raises(NotFinite, match="not finite"):
            self.store(tmp_path).append(Rows(rows.ids, rows.status, broken))

    def test_an_empty_store_takes_no_room(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        assert (store.segment_count, store.nbytes, list(store.problems), store.environments()) == (0, 0, [], [])
        assert store.verify() == []
        assert store.repair() == []
        assert (store.compact().before, store.compact().after) == (0, 0)
        assert store.place

    def test_no_rows_are_no_segment(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([1]).take(np.empty(0, np.intp)))
        assert store.segment_count == 0

    def test_mapped_vectors_are_those_that_are_gathered(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([5, 1, 9]))
        half = rows_of([2, 7])
        store.append(Rows(half.ids, half.status, {AVGPOOL: half.vectors[AVGPOOL].astype(np.float16)}))
        wanted = ids_of([7, 5, 2, 9, 1, 5])
        mapped, gathered = store.mapped(wanted, AVGPOOL), store.gather(wanted, AVGPOOL)
        assert (mapped.shape, mapped.dtype, len(mapped)) == ((6, 5), np.float32, 6)
        assert mapped.read().tobytes() == gathered.tobytes()
        for n, (number, row) in enumerate(zip(mapped.number, mapped.row, strict=True)):
            assert np.array_equal(mapped.arrays[number][row], gathered[n])
        assert not any(array.flags.writeable for array in mapped.arrays)
        with pytest.raises(NotStored, match="1 of 2"):
            store.mapped(ids_of([1, 3]), AVGPOOL)
        assert store.mapped(ids_of([]), AVGPOOL).read().shape == (0, 0)

    def test_the_segment_named_first_decides_where_a_picture_stands_in_several(self, tmp_path: Path) -> None:
        """Every reader must see the same vector, whoever wrote last."""
        for numbers in ([1, 2], [1, 3], [1, 4], [1, 5]):
            store = self.store(tmp_path / f"{numbers}")
            for rows in (rows_of(numbers), rows_of([1])):
                other = {AVGPOOL: rows.vectors[AVGPOOL] + len(rows)}  # another machine's last bits
                store.append(replace(rows, vectors=other))
            first = min(self.segments(store))
            (alone,) = [name for name in self.segments(store) if name != first]
            seen = self.again(store).gather(ids_of([1]), AVGPOOL)
            assert store.gather(ids_of([1]), AVGPOOL).tobytes() == seen.tobytes()
            self.raw(store).delete(alone)
            store.refresh()
            assert store.gather(ids_of([1]), AVGPOOL).tobytes() == seen.tobytes()

    def test_what_others_append_is_seen_after_a_refresh(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([1]))
        other = self.again(store)
        other.append(rows_of([2]))
        store.refresh()
        assert store.gather(ids_of([2, 1]), AVGPOOL).tobytes() == bits(2, 1)
        assert store.segment_count == 2

    def test_merging_keeps_every_row_and_every_bit(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        for numbers in ([1, 2], [3], [4, 5]):
            store.append(rows_of(numbers))
        store.append(rows_of([1], (STATS,)))
        reader = self.again(store)
        early = reader.mapped(ids_of([1, 3, 5]), AVGPOOL)
        done = store.compact()
        assert (done.before, done.after) == (4, 2)
        assert len(self.segments(store)) == store.segment_count == 2
        for each in (store, reader, self.again(store)):
            assert each.gather(ids_of([5, 4, 3, 2, 1]), AVGPOOL).tobytes() == bits(5, 4, 3, 2, 1)
            assert each.mapped(ids_of([2, 4]), AVGPOOL).read().tobytes() == bits(2, 4)
        assert early.read().tobytes() == bits(1, 3, 5), "rows mapped before stay readable"

    def test_merging_keeps_what_is_known_of_each_failure(self, tmp_path: Path) -> None:
        """Wherever its row comes to stand."""
        store = self.store(tmp_path)
        for numbers, failed in (([1, 2], (2,)), ([3], ()), ([4, 5, 6], (4, 6)), ([7, 8], (7,))):
            store.append(rows_of(numbers, failed=failed))
        before = store.failures()
        assert [one.detail for one in before] == [f"cut short at {n}" for n in (2, 4, 6, 7)]
        store.compact()
        assert store.segment_count == 1
        for each in (store, self.again(store)):
            assert each.failures() == before

    def test_dropped_rows_were_never_there_and_all_others_keep_their_bits(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([1, 2, 3], failed=(3,)))
        store.append(rows_of([4]))
        store.append(rows_of([2], (STATS,)))
        store.append(rows_of([5, 6]))
        kept = {name for name in self.segments(store) if 5 in _numbers(self.raw(store), name)}
        reader = self.again(store)
        reader.drop(ids_of([2, 3, 4, 9]))
        for seen in (reader, self.again(store)):
            assert seen.status(ids_of([1, 2, 3, 4, 5, 6])).tolist() == [OK, ABSENT, ABSENT, ABSENT, OK, OK]
            assert seen.missing(ids_of([2, 3]), [AVGPOOL]).all()
            assert seen.gather(ids_of([6, 1, 5]), AVGPOOL).tobytes() == bits(6, 1, 5)
            assert seen.recipes() == [AVGPOOL]
            assert seen.verify() == []
        assert kept <= self.segments(store), "what holds none of them is not written again"
        reader.append(rows_of([2]))
        assert reader.gather(ids_of([2, 1]), AVGPOOL).tobytes() == bits(2, 1)

    def test_dropping_that_stopped_half_way_is_done_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The segment without the rows is there, and so is the one with them."""
        store = self.store(tmp_path)
        store.append(rows_of([1, 2, 3]))
        with monkeypatch.context() as patch:
            patch.setattr(type(self.raw(store)), "delete", lambda bucket, name: {}["the power went"])
            with pytest.raises(KeyError):
                store.drop(ids_of([2]))
        assert self.again(store).gather(ids_of([1, 3]), AVGPOOL).tobytes() == bits(1, 3)
        self.again(store).drop(ids_of([2]))
        again = self.again(store)
        assert (again.segment_count, again.status(ids_of([2])).tolist()) == (1, [ABSENT])
        assert again.gather(ids_of([1, 3]), AVGPOOL).tobytes() == bits(1, 3)

    def test_what_rows_were_computed_with_is_told_once(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([1]))
        store.append(rows_of([2]))
        store.append(replace(rows_of([3]), environment={"engine": "other", "weights": "w.pth"}))
        expected = [{"engine": "none", "threads": 1}, {"engine": "other", "weights": "w.pth"}]
        assert sorted(store.environments(), key=str) == sorted(expected, key=str)
        store.compact()
        assert sorted(store.environments(), key=str) == sorted(expected, key=str)

    def test_a_damaged_segment_is_left_out_named_and_set_aside(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([1, 2, 3]))
        (hurt,) = self.segments(store)
        store.append(rows_of([4]))
        self.spoil(store, hurt)
        reader = self.again(store)
        (problem,) = reader.verify()
        assert isinstance(problem, SegmentDamaged)
        assert hurt in str(problem)
        assert list(reader.problems) == [problem]
        assert reader.missing(ids_of([1, 2, 3, 4]), [AVGPOOL]).tolist() == [True, True, True, False]
        assert reader.gather(ids_of([4]), AVGPOOL).tobytes() == bits(4)
        assert reader.repair() == [hurt]
        assert not reader.problems
        assert self.raw(store).within(ASIDE).names() == {hurt}, "nothing is thrown away"
        reader.append(rows_of([1, 2, 3]))
        assert self.again(store).gather(ids_of([2, 4]), AVGPOOL).tobytes() == bits(2, 4)
        assert self.again(store).verify() == []

    def test_nothing_is_read_from_a_damaged_segment(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([1, 2, 3]))
        self.spoil(store, *self.segments(store))
        for read in (self.again(store).gather, self.again(store).mapped):
            with pytest.raises(SegmentDamaged):
                read(ids_of([2]), AVGPOOL)

    def test_artifacts_lie_beside_the_segments_and_are_checked_with_them(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([1]))
        name = store.artifacts.keep(Kind("map", ".npz"), b"a map")
        other = self.again(store)
        assert other.artifacts.find(Kind("map", ".npz")) == b"a map"
        assert other.verify() == []
        assert other.segment_count == 1
        self.spoil(store, name)
        (problem,) = other.verify()
        assert name in str(problem)
        assert not other.problems, "no segment is left out"
        assert other.repair() == [name]
        assert self.again(store).verify() == []

    def test_what_dead_writers_left_is_no_segment(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.append(rows_of([1]))
        self.raw(store).create("unfinished.h5.part", [b"half"])
        assert self.again(store).segment_count == 1
        assert not self.again(store).problems


class TestInMemory(StoreContract):
    def store(self, tmp_path: Path) -> Store:
        return cache_in_memory(KEY)

    def again(self, store: Store) -> Store:
        return FeatureCache(self.raw(store))

    def raw(self, store: Store) -> Bucket:
        assert isinstance(store, FeatureCache)
        return store.bucket


class TestOnDisk(StoreContract):
    def store(self, tmp_path: Path) -> Store:
        return create_cache(tmp_path, KEY)

    def again(self, store: Store) -> Store:
        return open_cache(store.place)

    def raw(self, store: Store) -> Bucket:
        return DiskBucket(Path(store.place))


class Model:
    """What a store must answer, as plainly as it can be said."""

    def __init__(self) -> None:
        self.status: dict[int, int] = {}
        self.vectors: dict[Recipe, set[int]] = {}

    def append(self, numbers: list[int], recipes: tuple[Recipe, ...], failed: set[int]) -> None:
        for n in numbers:
            if n not in failed:
                self.status[n] = OK
                for recipe in recipes:
                    self.vectors.setdefault(recipe, set()).add(n)
            elif self.status.get(n) != OK:
                self.status[n] = 3


@given(appends, st.booleans(), st.sets(st.integers(0, 4)))
def test_whatever_is_appended_and_merged_the_answers_are_those_of_a_plain_model(
    tmp_path_factory: pytest.TempPathFactory, history: list, on_disk: bool, merged_after: set[int]
) -> None:
    bucket = DiskBucket(tmp_path_factory.mktemp("features")) if on_disk else MemoryBucket()
    store, model = create_cache(bucket, KEY), Model()
    for n, (numbers, recipes, failed) in enumerate(history):
        store.append(rows_of(numbers, recipes, tuple(failed & set(numbers))))
        model.append(numbers, recipes, failed)
        if n in merged_after:
            store.compact()
    everyone = list(range(31))
    ids = ids_of(everyone)
    for seen in (store, open_cache(bucket)):
        assert seen.status(ids).tolist() == [model.status.get(n, ABSENT) for n in everyone]
        assert seen.recipes() == sorted(model.vectors, key=lambda r: (r.name, r.digest))
        assert seen.ids().tolist() == sorted(ids_of(list(model.status)).tolist())
        failed = sorted(to_hex(ids_of([n]))[0] for n, status in model.status.items() if status != OK)
        assert [(f.id, f.status) for f in seen.failures()] == [(f, 3) for f in failed]
        for recipe, known in model.vectors.items():
            assert seen.embedded(ids, recipe).tolist() == [n in known for n in everyone]
            assert seen.gather(ids_of(sorted(known)), recipe).tobytes() == bits(*sorted(known), recipe=recipe)
            assert seen.missing(ids, [recipe]).tolist() == [
                model.status.get(n, ABSENT) == ABSENT or (model.status[n] == OK and n not in known) for n in everyone
            ]
