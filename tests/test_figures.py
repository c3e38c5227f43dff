"""A figure that the documentation gives is the one that the code computes with."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import cache
import classify
from cache.buckets import ObjectBucket, clients, copies, objects
from cache.contract import Store
from cache.segments import compact
from classify.evaluation import familiar, metrics, nearest, statistics
from classify.heads import base, calibration, checks, mlp, neighbours, svm
from classify.heads.rows import blocks
from classify.heads.rows.folds import make_folds
from classify.heads.solvers import linear_path, threads

ROOT = Path(__file__).parents[1]

# page, or object with a docstring; words in it; what the code has; the same as a number
FIGURES = [
    ("scale.md", "up to eight times in about half a minute", objects._TRIES, 8),
    ("scale.md", "They take up to 20 GB", copies.limit, 20e9),
    ("scale.md", "Sixteen segments are opened, checked, read and deleted at a time", ObjectBucket.at_once, 16),
    (Store.compact, "256 MB by default", compact.TARGET_BYTES, 256 * 2**20),
    ("heads.md", "over 5,000 rows Nyström's approximation", lambda: svm.SVM().exact, 5000),
    ("heads.md", "from 2,048 rows, or fewer", svm.MOST_LANDMARKS, 2048),
    ("heads.md", "so that rows × landmarks stay under 2^27", svm.PRODUCTS, 2**27),
    ("heads.md", "learns from 40,000 of its rows at most", svm.MOST_TUNED, 40_000),
    ("heads.md", "with up to 0.75 rows for each feature", linear_path.FEW, 0.75),
    (
        "heads.md",
        "Up to 2 million numbers in the training rows `classify` uses one thread",
        threads.ONE_THREAD,
        2 * 2**20,
    ),
    ("heads.md", "reads them in blocks of 16 MiB", blocks.BLOCK_BYTES, 16 * 2**20),
    ("heads.md", "are kept as float32 up to 1 GiB", blocks.KEEP_BYTES, 2**30),
    ("heads.md", "the scores of rows that five folds held out", base.CALIBRATION_FOLDS, 5),
    ("heads.md", "less than two units of log-likelihood", calibration.WORTH, 2),
    ("heads.md", "hold out 2,000 rows together", mlp.ENOUGH, 2000),
    ("heads.md", "stops early by a tenth of the training rows", mlp.HELD_OUT, 0.1),
    ("heads.md", "outside of 1e-9 to 1e9 is refused", checks.WEIGHTS, (1e-9, 1e9)),
    ("heads.md", "exp(5 × similarity of their most similar row)", neighbours.SHARPNESS, 5),
    ("comparison.md", "bootstrap of artists, not pictures: 2,000 resamples", statistics.DRAWS, 2000),
    ("comparison.md", "with Wilson's 95 % interval", statistics.LEVEL, 0.95),
    ("comparison.md", "only if the corrected test says so at 5 %", statistics.ALPHA, 0.05),
    ("comparison.md", "the exact test finds in four of five cases", statistics.POWER, 0.8),
    ("comparison.md", "Not shown under five artists", statistics.FEWEST_GROUPS, 5),
    ("comparison.md", "10 equally wide bins of the confidence", metrics.BINS, 10),
    ("explore.md", "It is rounded to six decimals", nearest.DECIMALS, 6),
    ("explore.md", "the work to its own ten nearest works", nearest.CROWD, 10),
    ("explore.md", "Where the collection has over 5,000 works", nearest.SAMPLE, 5000),
    ("predicting.md", "than 99 % of held-out training pictures do", familiar.SHARE, 0.99),
    ("predicting.md", "keeps at most 64 directions", familiar.MOST_DIRECTIONS, 64),
    ("predicting.md", "no flag with fewer than 99 held-out pictures", familiar.FEWEST, 99),
]


@pytest.mark.parametrize(("page", "words", "found", "figure"), FIGURES, ids=[row[1] for row in FIGURES])
def test_a_figure_of_the_documentation_is_that_of_the_code(
    page: object, words: str, found: object, figure: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ARTSTYLE_OBJECT_CACHE_GB", raising=False)
    text = (ROOT / "docs" / page).read_text("utf-8") if isinstance(page, str) else inspect.getdoc(page) or ""
    assert words in " ".join(text.split())
    assert (found() if callable(found) else found) == figure


def test_a_request_is_tried_again_for_about_half_a_minute() -> None:
    """Without what chance adds to each pause; and it is waited for no longer than two minutes."""
    assert 20 < sum(objects._PAUSE * 2**n for n in range(objects._TRIES - 1)) < 40
    assert clients.PATIENCE == 120


def test_what_is_done_without_a_seed_is_done_with_seed_0() -> None:
    """In every function that takes one: two steps of one command never draw by different seeds."""
    seeds = {f"{one.__module__}.{one.__qualname__}": _default_seed(one) for one in _functions()}
    given = {name: seed for name, seed in seeds.items() if seed is not inspect.Parameter.empty}
    assert len(given) > 20
    assert {name: seed for name, seed in given.items() if seed not in (0, None)} == {}
    assert [held.tolist() for _, held in make_folds([0, 1] * 9)] == [
        held.tolist() for _, held in make_folds([0, 1] * 9, None, 5, 0)
    ]


def _default_seed(function: Callable[..., object]) -> object:
    seed = inspect.signature(function).parameters.get("seed")
    return seed.default if seed else inspect.Parameter.empty


def _functions() -> Iterator[Callable[..., object]]:
    """All functions of the two packages, and all methods of their classes."""
    for package in (cache, classify):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith("__main__"):  # runs when it is imported
                continue
            module = importlib.import_module(found.name)
            own = [one for one in vars(module).values() if getattr(one, "__module__", "") == found.name]
            classes = [one for one in own if inspect.isclass(one)]
            methods = [getattr(one, name) for one in classes for name in vars(one)]
            yield from (one for one in (*own, *methods) if inspect.isfunction(one) or inspect.ismethod(one))
