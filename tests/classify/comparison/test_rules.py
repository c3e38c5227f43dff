"""The rules of a fair comparison, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from cache import FeatureCache
from classify.comparison.matched import match
from classify.comparison.questions.plan import Plan
from classify.comparison.task import Task, dataset_facts
from classify.data import load_examples
from classify.errors import DataError, HeadError
from classify.fitting import place, train_head
from classify.heads import HeadSpec
from featurize.errors import TableError
from tests.classify.worlds import AVGPOOL, make_world, run


def test_what_is_compared_is_known_without_a_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes, counts and artists come from the table; matrices are not read to be thrown away."""
    world = make_world()
    matched = match(world.table, [world.cache], ["avgpool"], "style", "train", None)
    for read in ("gather", "mapped"):
        monkeypatch.setattr(FeatureCache, read, lambda *arguments: pytest.fail("vectors were read"))
    task = Task.of(matched)
    facts = dataset_facts(matched, task, "known", Plan())
    assert (facts.train_rows, facts.test_rows) == (80, 80)
    assert facts.train_artists == len(set(world.artists[:80]))


def test_labels_of_the_test_part_change_nothing_but_the_scores() -> None:
    """Tuning, fitting and probabilities must not see them."""
    world = make_world(style=0.7)
    labels = list(world.table.columns["style"])
    labels[80:] = labels[80:][::-1]
    a, b = (
        run(world, ("logreg", "mlp:epochs=2,lr=0.001")),
        run(world.relabelled(style=labels), ("logreg", "mlp:epochs=2,lr=0.001")),
    )
    for entry in a.entries:
        (other,) = (e for e in b.entries if e.name == entry.name)
        assert other.tuned == entry.tuned
        assert other.predictions.predicted == entry.predictions.predicted
        assert other.predictions.confidence == entry.predictions.confidence


def test_the_same_seed_gives_the_same_comparison() -> None:
    a, b = (run(make_world(style=0.7), ("logreg", "mlp:epochs=2,lr=0.001", "svm"), repeats=2) for _ in range(2))
    assert [e.predictions for e in a.entries] == [e.predictions for e in b.entries]
    assert (a.verdict, a.leaks, a.repeats, a.dataset) == (b.verdict, b.leaks, b.repeats, b.dataset)


def test_what_a_spec_gives_is_not_tuned() -> None:
    c = run(make_world(), ("logreg", "logreg:C=3"))
    by_name = {e.name: e for e in c.entries}
    assert by_name["logreg:C=3"].tuned == {}
    assert by_name["logreg:C=3"].params["C"] == 3
    tuned = by_name["logreg"].tuned["C"]
    assert tuned["chosen"] in tuned["tried"]
    assert by_name["logreg"].params["C"] == tuned["chosen"]
    assert tuned["accuracy"][tuned["tried"].index(tuned["chosen"])] == max(tuned["accuracy"])


def test_without_tuning_heads_keep_their_parameters() -> None:
    (entry,) = run(make_world(), ("logreg",), tune=False).entries
    assert entry.tuned == {}
    assert entry.cost.tune_seconds == 0


def test_epochs_are_followed_on_val_where_it_is_a_third_part() -> None:
    world = make_world(train=80, test=80)
    splits = ["train"] * 80 + ["val"] * 30 + ["test"] * 50
    three = run(world.relabelled(split=splits), ("softmax:epochs=3",))
    two = run(world, ("softmax:epochs=3",))
    assert (three.best.watched, two.best.watched) == ("val", "test")
    assert len(three.best.history) == 3
    assert two.best.history[-1]["val_accuracy"] == pytest.approx(two.best.scores.accuracy.value)


@pytest.mark.parametrize(("splits", "expected"), [(("train", "val"), "val"), (("train", "val", "test"), "test")])
def test_the_test_split_is_the_test_part_where_there_is_one(splits: tuple[str, ...], expected: str) -> None:
    world = make_world(train=90, test=90)
    labels = [splits[n * len(splits) // 180] for n in range(180)]
    assert run(world.relabelled(split=labels)).dataset.test == expected


def test_ranking_is_by_accuracy() -> None:
    c = run(make_world(style=0.6), ("logreg:C=1e-9", "logreg:C=0.01", "svm:C=1"))
    values = [e.scores.accuracy.value for e in c.entries]
    assert values == sorted(values, reverse=True)
    hits = [[p == r.label for p, r in zip(e.predictions.predicted, c.rows, strict=True)] for e in c.entries]
    assert values == pytest.approx([np.mean(h) for h in hits])


def test_the_seed_of_a_comparison_is_the_head_s_unless_it_has_its_own() -> None:
    assert place(HeadSpec("mlp"), 5).get_params()["seed"] == 5
    assert place(HeadSpec.parse("mlp:seed=3"), 5).get_params()["seed"] == 3


# ---- errors


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"heads": ()}, HeadError, "--heads"),
        ({"heads": ("logreg", "logrge")}, HeadError, "logrge"),
        ({"heads": ("logreg:depth=3",)}, HeadError, "depth"),
        ({"test": "train"}, DataError, "both 'train'"),
        ({"train": "all"}, DataError, "'all' and 'test' share pictures"),
        ({"test": "val"}, TableError, "'val' is empty"),
        ({"target": "genre"}, TableError, "genre"),
        ({"repeats": 1}, HeadError, "--repeats 1"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_wrong_wishes_are_named(options: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        run(make_world(), **options)


def test_one_class_only_is_refused() -> None:
    with pytest.raises(DataError, match="two classes"):
        run(make_world().relabelled(style=["Baroque"] * 160))


def test_a_head_that_refuses_the_embeddings_says_which() -> None:
    world = make_world()
    train = load_examples(world.table, world.cache, [AVGPOOL], "style", "train")
    with pytest.raises(HeadError, match=r"logreg:sqrt=true.*non-negative"):
        train_head(HeadSpec("logreg", {"sqrt": True}), train, [])
