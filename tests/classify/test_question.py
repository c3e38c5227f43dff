"""A head is tuned and calibrated for the question it is asked: new painters, or known ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from classify import compare, fit, load_head, save_head
from classify.data import load_rows
from classify.errors import DataError
from classify.fitting.question import question_of
from classify.fitting.trial import keeps_artists_apart
from tests.classify.worlds import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    """Artists are far easier to tell than styles; those of the test part are in the training part, too."""
    return make_world(style=0.5, by_artist=1.5, artists=6, train=200, test=200, seed=2)


def test_known_painters_give_what_a_table_without_artists_gives(world: World) -> None:
    asked = compare(world.table, world.cache, ["svm", "logreg"], question="known")
    nameless = compare(world.relabelled(artist=[""] * 400).table, world.cache, ["svm", "logreg"])
    for one, other in zip(asked.entries, nameless.entries, strict=True):
        assert one.predictions == other.predictions
        assert one.tuned == other.tuned
    assert (asked.dataset.question, asked.dataset.grouped_tuning) == ("known", False)
    assert asked.leaks.artists is not None, "the test part is described as before"
    assert "ungrouped-folds" not in {caution.kind for caution in asked.cautions}


def test_probabilities_are_calibrated_for_the_question(world: World) -> None:
    """Of known painters, a head that is meant for new ones is too modest."""
    errors = {q: compare(world.table, world.cache, ["svm"], question=q).best.scores for q in ("new", "known")}
    assert errors["known"].calibration_error < errors["new"].calibration_error - 0.1


def test_a_head_knows_its_question_and_new_painters_are_the_default(world: World, tmp_path: Path) -> None:
    states = {}
    for asked in (None, "new", "known"):
        saved = fit(world.table, world.cache, "svm", question=asked).saved
        save_head(saved, tmp_path / "head.safetensors")
        facts = load_head(tmp_path / "head.safetensors").training
        assert facts["question"] == (asked or "new")
        assert facts["folds_by_artist"] is (asked != "known")
        states[asked] = saved.head.temperature_
    assert states[None] == states["new"] != states["known"]


def test_new_painters_need_folds_that_keep_artists_apart(world: World) -> None:
    rows = load_rows(world.table, "style", "train")
    assert keeps_artists_apart(rows)
    nameless = load_rows(world.relabelled(artist=[""] * 400).table, "style", "train")
    assert question_of(nameless) == "known"
    with pytest.raises(DataError, match="no artist is known"):
        question_of(nameless, "new")
    alone = load_rows(world.relabelled(artist=world.table.columns["style"]).table, "style", "train")
    with pytest.raises(DataError, match="most classes are by one artist"):
        question_of(alone, "new")
    with pytest.raises(DataError, match="there is no question 'both'"):
        question_of(rows, "both")
