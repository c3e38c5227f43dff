"""Heads that learn from everything are scored by folds, and every head keeps what folds held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cache import create_cache
from classify import evaluate, fit, load_head, save_head
from classify.data import load_examples
from classify.errors import DataError, HeadFileError
from classify.evaluation.conformal import HeldOut, sets
from classify.fitting.question import for_question
from classify.fitting.trial import folds_of, train_head
from classify.heads import HeadSpec
from classify.report.card import card_text
from featurize.dataset.table import write_table
from featurize.errors import TableError
from tests.classify.worlds import AVGPOOL, World, fill, make_world

LDA = "lda:shrinkage=0.5"


@pytest.fixture(scope="module")
def world() -> World:
    """Artists are easier to tell than styles."""
    return make_world(style=0.6, by_artist=1.2, artists=6, train=160, test=80, seed=4)


def splits(world: World) -> World:
    return world.relabelled(split=["train"] * 120 + ["val"] * 40 + ["test"] * 80)


def test_a_final_head_learns_from_all_and_is_scored_as_a_loop_over_folds_says(world: World) -> None:
    fitted = fit(world.table, world.cache, "ridge", train="all")
    facts = fitted.saved.training
    assert (facts["split"], facts["rows"]) == ("all", 240)
    examples = for_question(load_examples(world.table, world.cache, [AVGPOOL], "style", "all"), "new")
    right = 0
    for learn, held in folds_of(examples.rows, 0):
        part = examples.take(learn)
        head = train_head(HeadSpec.parse("ridge"), part, folds_of(part.rows, 0)).head
        right += int((head.predict(examples.X[held]) == examples.y[held]).sum())
    (score,) = fitted.scores
    assert (score.split, score.correct) == ("cross-validation", right)
    assert fitted.saved.metrics["cross-validation"]["accuracy"] == score.accuracy
    assert "cross-validation" in card_text("style", fitted.saved)


def test_train_and_val_together_leave_the_test_part_alone(world: World) -> None:
    table = splits(world).table
    saved = fit(table, world.cache, LDA, train="train+val").saved
    assert (saved.training["split"], saved.training["rows"]) == ("train+val", 160)
    assert fit(table, world.cache, LDA).saved.training["rows"] == 120


@pytest.mark.parametrize(
    ("train", "split", "warned"), [("train+val", "test", 0), ("train+val", "val", 1), ("all", "test", 1)]
)
def test_scores_on_pictures_that_were_learned_from_carry_a_warning(
    world: World, train: str, split: str, warned: int, tmp_path: Path
) -> None:
    table = splits(world).table
    saved = fit(table, world.cache, LDA, train=train, tune=False).saved
    write_table(table, tmp_path / "dataset.csv")
    fill(create_cache(tmp_path / "features", world.cache.key), table, world.X)
    found = evaluate(saved, tmp_path / "dataset.csv", tmp_path / "features", split)
    assert sum("learned from pictures of" in text for text in found.warnings) == warned


def test_a_split_that_is_not_there_and_a_word_that_is_none_are_refused(world: World) -> None:
    with pytest.raises(TableError, match="the split 'val' is empty"):
        fit(world.table, world.cache, LDA, train="train+val")
    with pytest.raises(DataError, match=r"can't learn from 'test': choose from train, train\+val, all"):
        fit(world.table, world.cache, LDA, train="test")


@pytest.mark.parametrize("spec", [LDA, "logreg:C=0.01", "ridge", "knn", "ensemble:members=lda+ridge"])
def test_every_kind_of_head_keeps_what_folds_held_out(world: World, spec: str, tmp_path: Path) -> None:
    """One value for each row that was held out: also where nothing was left to tune or to calibrate."""
    saved = fit(world.table, world.cache, spec).saved
    save_head(saved, tmp_path / "head.safetensors")
    kept = load_head(tmp_path / "head.safetensors").held_out
    examples = for_question(load_examples(world.table, world.cache, [AVGPOOL], "style", "train"), "new")
    assert len(kept) == sum(len(held) for _, held in folds_of(examples.rows, 0))
    assert (np.diff(kept.before) >= 0).all()
    assert 0 <= kept.before[0] <= kept.before[-1] <= 1 + 1e-9


def test_sets_are_larger_for_new_painters_and_right_for_the_question_of_the_head(world: World) -> None:
    """The painters of this test part are known: a head that is asked about new ones is more careful than it must be."""
    test = load_examples(world.table, world.cache, [AVGPOOL], "style", "test")
    covered, size = {}, {}
    for question in ("known", "new"):
        saved = fit(world.table, world.cache, LDA, question=question).saved
        inside = sets(saved.head.predict_proba(test.X), saved.limit(0.9))
        covered[question] = inside[np.arange(80), np.searchsorted(saved.classes, test.y)].mean()
        size[question] = inside.sum(1).mean()
        assert saved.question == question
    assert 0.82 < covered["known"] < 0.97
    assert size["new"] > size["known"]
    assert covered["new"] >= covered["known"]


def test_a_head_without_folds_keeps_nothing_and_says_so(world: World) -> None:
    saved = fit(world.table, world.cache, LDA, tune=False).saved
    assert saved.held_out is saved.familiar is None
    with pytest.raises(HeadFileError, match="fit it again with `classify fit`, without --no-tune"):
        saved.limit(0.9)
    with pytest.raises(DataError, match="can't be promised from 3 held-out pictures"):
        replace(saved, held_out=HeldOut(np.zeros(3))).limit(0.9)


def test_a_final_head_that_was_not_tuned_has_figures_too(world: World) -> None:
    (score,) = fit(world.table, world.cache, LDA, tune=False, train="all").scores
    assert score.split == "cross-validation"
    assert score.low < score.accuracy < 1
