"""The store's contract, held against the folder on disk and against its fake in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache import OK, FeatureCache, NotStored, Recipe, Rows, Store, UnclearKey
from cache.ids import to_hex
from cache.memory import MemoryCache
from cache.rows import ABSENT
from tests.cache.samples import AVGPOOL, KEY, STATS, ids_of, rows_of, vector_of

appends = st.lists(
    st.tuples(
        st.lists(st.integers(0, 30), min_size=1, max_size=6, unique=True),
        st.sampled_from([(AVGPOOL,), (STATS,), (AVGPOOL, STATS)]),
        st.sets(st.integers(0, 30), max_size=3),
    ),
    max_size=5,
)


class StoreContract:
    """What every store promises."""

    def store(self, tmp_path: Path) -> Store:
        raise NotImplementedError

    def again(self, store: Store) -> Store:
        """The store as another process would see it."""
        return store

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
        with pytest.raises(ValueError, match="not finite"):
            self.store(tmp_path).append(Rows(rows.ids, rows.status, broken))


class TestMemoryCache(StoreContract):
    def store(self, tmp_path: Path) -> Store:
        return MemoryCache(KEY)


class TestFeatureCache(StoreContract):
    def store(self, tmp_path: Path) -> Store:
        return FeatureCache.create(tmp_path, KEY)

    def again(self, store: Store) -> Store:
        assert isinstance(store, FeatureCache)
        return FeatureCache(store.folder)


@given(appends)
def test_disk_and_memory_agree_whatever_is_appended(tmp_path_factory: pytest.TempPathFactory, history: list) -> None:
    disk: Store = FeatureCache.create(tmp_path_factory.mktemp("features"), KEY)
    memory: Store = MemoryCache(KEY)
    for numbers, recipes, failed in history:
        rows = rows_of(numbers, recipes, tuple(failed & set(numbers)))
        disk.append(rows)
        memory.append(rows)
    disk = FeatureCache(disk.folder)  # type: ignore[attr-defined]
    everyone = ids_of(list(range(31)))
    assert disk.status(everyone).tolist() == memory.status(everyone).tolist()
    assert disk.recipes() == memory.recipes()
    assert disk.ids().tolist() == memory.ids().tolist()
    assert [(f.id, f.status) for f in disk.failures()] == [(f.id, f.status) for f in memory.failures()]
    for recipe in disk.recipes():
        there = disk.embedded(everyone, recipe)
        assert there.tolist() == memory.embedded(everyone, recipe).tolist()
        ours, theirs = disk.gather(everyone[there], recipe), memory.gather(everyone[there], recipe)
        assert ours.tobytes() == theirs.tobytes() or not there.any()
