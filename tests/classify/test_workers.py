"""Heads that are trained on a Ray cluster are those that are trained here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from classify import compare
from classify.commands.main import cli
from classify.errors import DataError
from classify.fitting.workers import Here, OnRay, Workers
from featurize.commands.console import run
from featurize.errors import FeaturizeError
from tests.classify.test_cli_compare import store
from tests.classify.worlds import make_world


@pytest.fixture(scope="module")
def ray_workers() -> Iterator[Workers]:
    pytest.importorskip("ray")
    with OnRay("auto") as workers:
        yield workers


def test_work_here_is_done_when_its_result_is_asked_for() -> None:
    done: list[int] = []
    with Here() as workers:
        answers = workers.each(done.append, [1, 2, 3])
        assert done == []
        next(answers)
        assert done == [1]
        assert workers.share("rows").get() == "rows"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_comparison_on_ray_has_the_figures_of_one_here(ray_workers: Workers) -> None:
    """By a split and by folds, for heads in closed form, solved by iteration, drawn by chance, and made of others."""
    world = make_world(artists=20, seed=1)
    heads = "simpleshot,lda,logreg,svm,mlp:epochs=3"
    for how in ({"seeds": 2}, {"folds": 3, "question": "both"}, {"repeats": 2, "learning_curve": True, "tune": False}):
        here, there = (compare(world.table, world.cache, heads, **how, workers=w) for w in (None, ray_workers))
        assert figures(here) == figures(there)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_a_worker_refuses_is_said_as_here(ray_workers: Workers) -> None:
    with pytest.raises(DataError, match="too few"):
        list(ray_workers.each(refuse, ["too few"]))
    shared = ray_workers.share(np.arange(5))
    assert list(ray_workers.each(total, [shared] * 3)) == [10, 10, 10]


def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise TimeoutError("Timed out after 30 seconds while waiting for node to startup.")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=refuse))
    with pytest.raises(FeaturizeError, match="can't be reached: Timed out"):
        OnRay("local")


def test_a_protocol_takes_no_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["compare", "--protocol", "rasta", "--ray"]) == 2
    assert "leave --ray out" in " ".join(capsys.readouterr().err.split())


def figures(comparison: Any) -> Any:
    """All that does not depend on the clock."""
    entries = [(e.name, e.scores, e.seeds, e.probabilities.tobytes()) for e in comparison.entries]
    return entries, comparison.asked, comparison.curves, comparison.repeats


def refuse(why: str) -> None:
    raise DataError(why)


def total(shared: Any) -> int:
    return int(shared.get().sum())
