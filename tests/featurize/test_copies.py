"""Copies are found by their embeddings, several of one picture, too, and pictures that merely look alike are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.dataset import copies
from featurize.dataset.copies import MOST, RATIO, SAME, SIMILAR, find_copies

DIMENSION = 48
Pairs = set[tuple[int, int]]


def names(letter: str, count: int) -> list[str]:
    return [f"{letter}{n}" for n in range(count)]


def pairs(part: np.ndarray, against: np.ndarray) -> Pairs:
    """What is found where all files differ."""
    found = find_copies(part, against, names("p", len(part)), names("a", len(against)), by_embedding=True)
    assert not any(copy.identical for copy in found)
    return {(copy.row, copy.other) for copy in found}


def pictures(count: int, seed: int) -> np.ndarray:
    """Vectors around a mean that says nothing, as those of a network are."""
    return np.random.default_rng(seed).normal(3, size=(count, DIMENSION)).astype(np.float32)


def altered(rows: np.ndarray, by: float, seed: int) -> np.ndarray:
    return (rows + by * np.random.default_rng(seed).normal(size=rows.shape)).astype(np.float32)


def by_hand(part: np.ndarray, against: np.ndarray) -> Pairs:
    """The definition, one picture at a time, in double precision."""
    centre = against.astype(float).mean(0)
    unit = [(rows - centre) / np.linalg.norm(rows - centre, axis=1, keepdims=True) for rows in (part, against)]
    found = set()
    for row, wanted in enumerate(unit[0]):
        cosine = unit[1] @ wanted
        order = np.argsort(-cosine, kind="stable")[: MOST + 1]
        count = 0
        for n in range(1, len(order)):
            nearer, next_one = cosine[order[n - 1]], cosine[order[n]]
            if nearer >= SIMILAR and 1 - nearer <= RATIO * (1 - next_one):
                count = n
        count = max(count, int((cosine[order[:MOST]] >= SAME).sum()))
        found |= {(row, int(other)) for other in order[:count]}
    return found


@given(st.integers(0, 10_000), st.sampled_from([3, 7, 16, 1000]), st.integers(0, 12))
def test_whatever_the_blocks_the_pairs_are_those_of_the_definition(seed: int, tile: int, series: int) -> None:
    """Copies and series of look-alikes lie in any order, so that the nearest ones fall into different blocks."""
    rng = np.random.default_rng(seed)
    part, against = pictures(25, seed), pictures(40, seed + 1)
    for n in range(4):
        rows = rng.choice(40, rng.integers(1, 5), replace=False)
        against[rows] = altered(np.repeat(part[[n]], len(rows), 0), rng.uniform(0.02, 0.5), seed + n)
    rows = rng.choice(40, series, replace=False)
    against[rows] = altered(np.repeat(part[[5]], len(rows), 0), 0.5, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "_TILE", tile)
        assert pairs(part, against) == by_hand(part, against)


@pytest.mark.parametrize("count", [1, 2, 3, 5, MOST])
def test_copies_of_one_picture_do_not_hide_each_other(count: int) -> None:
    part, against = pictures(10, 1), pictures(60, 2)
    planted = {(row, row * count + n) for row in range(5) for n in range(count)}
    for row, other in planted:
        against[other] = altered(part[row], 0.15, other)
    assert pairs(part, against) == planted


def test_a_long_series_of_look_alikes_is_no_set_of_copies() -> None:
    part, against = pictures(5, 1), pictures(60, 2)
    against[: MOST + 2] = altered(np.repeat(part[[0]], MOST + 2, 0), 0.5, 3)
    assert pairs(part, against) == set()


def test_pictures_that_hardly_differ_are_copies_however_many_there_are() -> None:
    part, against = pictures(5, 1), pictures(60, 2)
    against[: MOST + 4] = altered(np.repeat(part[[0]], MOST + 4, 0), 0.05, 3)
    found = pairs(part, against)
    assert len(found) == MOST
    assert found < {(0, n) for n in range(MOST + 4)}


def test_the_same_file_several_times_is_one_picture() -> None:
    """Twelve rows of one file neither hide the copy that they are nor count as twelve copies."""
    part, against = pictures(5, 1), pictures(60, 2)
    against[:12] = altered(part[0], 0.3, 3)
    against[12] = altered(part[0], 0.3, 4)
    ids = ["same"] * 12 + names("a", 48)
    found = find_copies(part, against, names("p", 5), ids, by_embedding=True)
    assert [(copy.row, copy.other) for copy in found] in ([(0, 0), (0, 12)], [(0, 12), (0, 0)])


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_a_part_of_few_pictures_has_no_copies_for_lack_of_others(count: int) -> None:
    """With no other picture to compare with, nothing stands out."""
    part = pictures(3, 1)
    against = altered(np.repeat(part[[0]], count, 0), 0.6, 2)
    assert pairs(part, against) == set()


def test_equal_files_come_first_and_need_no_embedding() -> None:
    part, against = pictures(6, 1), pictures(30, 2)
    against[7] = altered(part[2], 0.1, 1)
    part_ids, against_ids = names("p", 6), names("a", 30)
    against_ids[20] = against_ids[25] = part_ids[4]
    against[20] = against[25] = part[4]
    found = find_copies(part, against, part_ids, against_ids, by_embedding=True)
    assert [(copy.row, copy.other, copy.identical) for copy in found] == [(4, 20, True), (2, 7, False)]
    found = find_copies(part, against, part_ids, against_ids, by_embedding=False)
    assert [(copy.row, copy.other, copy.identical) for copy in found] == [(4, 20, True)]


def test_half_precision_finds_the_same() -> None:
    part, against = pictures(10, 1), pictures(40, 2)
    against[3] = altered(part[1], 0.2, 1)
    assert pairs(part.astype(np.float16), against.astype(np.float16)) == {(1, 3)}
