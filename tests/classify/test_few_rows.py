"""Collections with hardly anything to learn from are compared and fitted, or refused in one sentence."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from cache import Store, cache_in_memory
from classify.comparison.compare import compare
from classify.errors import DataError
from classify.fitting.fit import fit as fit_head
from classify.fitting.question import HOLDS, UNFITTED, holds_of
from classify.heads import HEADS
from classify.report import write_report
from featurize.dataset.table import DatasetTable
from tests.classify.worlds import KEY, fill

THIRTY = tuple(f"Style {n:02}" for n in range(30))


def collection(
    train: str | tuple[str, ...], test: str | tuple[str, ...], artist: str = ""
) -> tuple[DatasetTable, Store]:
    """A table and embeddings of pictures with these classes; all are by one artist, or by unknown ones."""
    y = [*train, *test]
    rng = np.random.default_rng(0)
    classes = sorted(set(y))
    centres = 2 * rng.normal(size=(len(classes), 16))
    X = centres[[classes.index(c) for c in y]] + rng.normal(size=(len(y), 16))
    table = DatasetTable(
        {
            "id": [hashlib.sha256(str(n).encode()).hexdigest() for n in range(len(y))],
            "path": [f"pictures/{n}.jpg" for n in range(len(y))],
            "size": ["1"] * len(y),
            "mtime_ns": ["1"] * len(y),
            "split": ["train"] * len(train) + ["test"] * len(test),
            "style": y,
            "artist": [artist] * len(y),
            "year": [""] * len(y),
        },
        Path("/nowhere"),
    )
    cache = cache_in_memory(KEY)
    fill(cache, table, X.astype(np.float32))
    return table, cache


@pytest.mark.parametrize(
    ("train", "test", "artist"),
    [
        ("abcde", "abcde", ""),
        (THIRTY, THIRTY, ""),
        ("abcde", "abcde", "Claude Monet"),
        ("aab", "ab", ""),
        ("aaabbbccc", "ddd", ""),
        ("aaabbbccc", "a", ""),
    ],
    ids=[
        "one each",
        "one each of thirty",
        "one each, one artist",
        "two and one",
        "test of an unknown class",
        "test one",
    ],
)
def test_the_least_collections_are_compared_with_every_head(train: str, test: str, artist: str) -> None:
    """No traceback, and no warning of a library: warnings are errors here."""
    table, cache = collection(train, test, artist)
    comparison = compare(table, [cache], ["mlp:epochs=2,hidden=8", *sorted(set(HEADS) - {"mlp"})], folds=0)
    assert {e.kind for e in comparison.entries} == set(HEADS)
    assert comparison.cautions, "so few pictures are told"


def test_the_least_collection_has_a_report(tmp_path: Path) -> None:
    """One picture of each class in either part: every figure of the page is there to be drawn."""
    table, cache = collection(THIRTY, THIRTY)
    assert write_report(compare(table, [cache], ["prototype", "lda"]), tmp_path).exists()


@pytest.mark.parametrize("head", ["mlp:epochs=2,hidden=8", *sorted(set(HEADS) - {"mlp"})])
def test_a_head_is_fitted_on_one_picture_of_each_class(head: str) -> None:
    table, cache = collection(THIRTY, THIRTY)
    fitted = fit_head(table, cache, head)
    assert fitted.saved.classes == list(THIRTY)
    assert any("only one training picture each" in warning for warning in fitted.warnings)
    assert holds_of(fitted.saved) == UNFITTED, "no picture could be held out to calibrate on"


@pytest.mark.parametrize(
    ("head", "tune", "said"),
    [
        ("lda", True, HOLDS["known"]),
        ("lda", False, HOLDS["known"]),
        ("ridge", True, HOLDS["known"]),
        ("logreg", False, UNFITTED),  # it is calibrated only where it is tuned
        ("lda:calibrate=false", True, UNFITTED),
        ("ensemble:members=lda+ridge", True, HOLDS["known"]),
        ("ensemble:members=lda+ridge", False, HOLDS["known"]),  # its members are
    ],
)
def test_probabilities_hold_where_pictures_were_held_out_to_fit_them_to(head: str, tune: bool, said: str) -> None:
    table, cache = collection("aaaabbbb", "ab")
    saved = fit_head(table, cache, head, tune=tune).saved
    saved.head.temperature_ = 1.0  # all are named right here, so that it is at its bound
    assert holds_of(saved) == said


@pytest.mark.parametrize("train", ["a", "aaaa"])
def test_one_class_is_refused_in_a_sentence(train: str) -> None:
    table, cache = collection(train, "ab")
    for do in (lambda: compare(table, [cache], ["logreg"]), lambda: fit_head(table, cache, "logreg")):
        with pytest.raises(DataError, match=r"one style only, 'a', among .*: a classifier needs two classes or more"):
            do()
