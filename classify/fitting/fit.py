"""Fitting one head: rows of the train split in, a saved head with its figures out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cache import Store
from cache.folder import as_cache
from classify.arrays import EMBEDDING, are_arrays, as_dataset, refuse_recipes
from classify.data import (
    Examples,
    LabelledRows,
    check_trainable,
    load_examples,
    load_vectors,
    rows_if_any,
    usual_embedding,
)
from classify.errors import DataError
from classify.fitting.asked import head_errors, place, read_spec
from classify.fitting.crossed import cross_validated
from classify.fitting.estimate import NO_TUNE, Plan, Trainings, announcement
from classify.fitting.facts import training_facts
from classify.fitting.kept import familiar, held_out
from classify.fitting.prompts import class_texts, read_prompts, refuse_idle_prompts, refuse_without_texts, with_texts
from classify.fitting.question import for_question, question_of
from classify.fitting.scoring import Score, score
from classify.fitting.trial import folds_of, train_head
from classify.headfile import SavedHead
from classify.heads import HeadSpec
from classify.heads.rows.folds import Folds
from classify.heads.solvers.threads import threads_for
from classify.lineage import refuse_folds, trained_on
from classify.row_cautions import label_cautions, row_cautions
from featurize.dataset.table import DatasetTable, as_table
from featurize.run.texts import PICTURES
from featurize.wording import counted

PARTS = ("train", "train+val", "all")  # splits that a head may learn from
IN_MEMORY = 1 << 29  # bytes of stored vectors: more stay in the cache and are read in blocks


@dataclass(frozen=True)
class Fitted:
    """A fitted head and what to tell about it."""

    saved: SavedHead
    scores: Sequence[Score]
    warnings: Sequence[str]


def fit(
    table: DatasetTable | str | Path | Any = "dataset.csv",
    cache: Store | str | Path | Any = "features",
    head: str | HeadSpec = "logreg",
    *,
    embedding: str | None = None,
    target: str = "style",
    tune: bool = True,
    seed: int = 0,
    device: str | None = None,
    question: str | None = None,
    train: str = "train",
    groups: Any = None,
    split: Any = None,
    prompts: str | Path | None = None,
    on_epoch: Callable[[Mapping[str, Any]], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Fitted:
    """Fit a head on the train split, tuned by cross-validation within it, and score it on val.

    The final head of a project learns from more: `train="all"`. It is scored by cross-validation then.

    Parameters
    ----------
    table : DatasetTable, str or Path, or (N, D) array or DataFrame
        The table, or where it lies. Or vectors X; then labels y (N,) stand in place of the cache: `fit(X, y)`.
    cache : Store, str or Path
        The feature cache, or its features folder.
    head : str or HeadSpec
        A head with options, "logreg" or "mlp:epochs=30"; what the options say is not tuned.
    embedding : str, optional
        "avgpool", or several joined by "+"; by default the only one there is, or the network's standard one.
    target : str
        The label column.
    tune : bool
        Choose what the user left open by cross-validation, grouped by artist where artists are known.
    seed : int
    device : str, optional
        Where logreg, linear-svm, softmax and mlp are trained: "cpu", "cuda" or "auto".
    question : "new" or "known", optional
        Whose pictures the head is for: folds that choose parameters and calibrate probabilities keep artists apart, or
        don't. By default for new painters, where artists are known.
    train : "train", "train+val" or "all"
        The splits to learn from. With more than the train split, the figures are those of cross-validation over all
        these rows; tuning and calibration are done anew in each fold.
    groups, split : (N,), optional
        With vectors X: artists, or what else must not be taken apart, and "train", "val" or "test" for each row;
        without `split` all rows are learned from.
    prompts : str or Path, optional
        For `zero-shot` and `tip-adapter`: a text file with prompts, one a line, "{}" where the class stands; see
        docs/heads.md.
    on_epoch : callable, optional
        Called after each epoch of a head that has epochs.
    tell : callable, optional
        Called with a sentence before work that will take long.

    Raises
    ------
    TableError, NotStored, DataError, HeadError
        Nothing is saved.

    Examples
    --------
    >>> import classify
    >>> fitted = classify.fit("dataset.csv", "features", "ridge", tune=False)
    >>> fitted.saved.classes[:2]
    ['Abstract_Expressionism', 'Baroque']
    >>> classify.save_head(fitted.saved, "style.safetensors")
    """
    from classify.heads.watch import Watch

    if are_arrays(table):
        refuse_recipes(embedding)
        table, cache = as_dataset(table, cache, groups, split, target=target, part="train", seed=seed)
        embedding = EMBEDDING
    elif groups is not None or split is not None:
        raise DataError("groups and split belong to vectors: a dataset table has them in its columns")
    if train not in PARTS:
        raise DataError(f"can't learn from {train!r}: choose from {', '.join(PARTS)}")
    table, cache = as_table(table), as_cache(cache)
    spec = read_spec(head)
    place(spec, seed, device)  # so that what can't be had is known before vectors are read
    refuse_idle_prompts([spec], prompts)
    if spec.of_texts:
        refuse_without_texts([cache])
    recipes = cache.recipes_named(embedding or (PICTURES if spec.of_texts else usual_embedding(cache)))
    examples = load_examples(table, cache, recipes, target, train, IN_MEMORY)
    warnings = check_trainable(examples.rows, target)
    spec = _knowing_texts(spec, cache, examples, target, prompts)
    if tune:
        refuse_folds(cache, examples.rows, "use --no-tune")
    val_rows = rows_if_any(table, target, "val", [cache]) if train == "train" else None
    val = Examples(val_rows, load_vectors(val_rows, cache, recipes, IN_MEMORY)) if val_rows else None
    watch = Watch(val.X, val.y, on_epoch) if val else Watch(on_epoch=on_epoch)
    answered = question_of(examples.rows, question)
    learned = for_question(examples, answered)
    folds = folds_of(learned.rows, seed) if tune else ()
    aside = folds or (() if trained_on(cache) else folds_of(learned.rows, seed)) if train != "train" else ()
    if tell and not spec.of_texts and (sentence := _announced(spec, examples, folds, aside)):
        tell(sentence)
    trial = train_head(spec, learned, folds, tune=tune, seed=seed, device=device, watch=watch)
    with head_errors(f"head {str(spec)!r}: "), threads_for(trial):
        scores = [score(trial.head, val, "val")] if val else []
    if aside:
        scores = [cross_validated(spec, learned, aside, tune=tune, seed=seed, device=device)]
    elif train != "train":
        warnings.append("no fold can hold a picture out, so nothing says how often this head is wrong")
    warnings += [*trial.remarks, *_cautions(examples.rows, val_rows, target), *_doubts(scores, cache)]
    saved = SavedHead(
        head=trial.head,
        kind=spec.kind,
        target=target,
        key=cache.key,
        recipes=recipes,
        training={**training_facts(trial, examples.rows, cache, seed, answered, train), "warnings": warnings},
        metrics={s.split: _metrics(s) for s in scores},
        held_out=held_out(trial, learned, folds) if folds else None,
        familiar=familiar(learned, folds, seed) if folds else None,
    )
    return Fitted(saved, scores, warnings)


def _knowing_texts(
    spec: HeadSpec, cache: Store, examples: Examples, target: str, prompts: str | Path | None
) -> HeadSpec:
    """The head with the texts of the classes, where it is one of texts; else as it is."""
    if not spec.of_texts:
        return spec
    said = read_prompts(Path(prompts)) if prompts is not None else None
    return with_texts(spec, class_texts(cache, examples.rows.classes, target, said))


def _announced(spec: HeadSpec, examples: Examples, folds: Folds, aside: Folds) -> str | None:
    """A sentence about the time that tuning and training will take; None where it is short."""
    rows, features = examples.X.shape
    further = [Trainings(len(learn), 1) for learn, _ in aside]
    shorter = [NO_TUNE] if folds else []
    plan = Plan(rows, features, len(np.unique(examples.y)), len(folds), further, shorter=shorter)
    return announcement([spec], plan)


def _cautions(learned: LabelledRows, val: LabelledRows | None, target: str) -> list[str]:
    """What must be known of the rows before the figures are believed."""
    found = [*row_cautions(learned, "training", target, scored=False), *label_cautions(learned)]
    found += row_cautions(val, "val", target, scored=True) if val else []
    return [caution.text for caution in found]


def _metrics(s: Score) -> dict[str, Any]:
    figures = {"accuracy": s.accuracy, "low": s.low, "high": s.high, "n": s.pictures}
    return {**figures, "calibration_error": s.calibration_error}


def _doubts(scores: Sequence[Score], cache: Store) -> list[str]:
    doubts = []
    for s in scores:
        if s.near_chance:
            doubts.append(
                f"on {s.split} the accuracy {s.accuracy:.3f} ({s.low:.3f} to {s.high:.3f}) can't be told from guessing "
                f"(chance {s.chance:.3f}, largest class {s.majority:.3f})"
            )
        if s.unknown:
            unknown = counted(s.unknown, f"picture of {s.split} is", f"pictures of {s.split} are")
            doubts.append(f"{unknown} of classes without a training picture: counted as wrong")
    if cache.key.untrained:
        doubts.append("untrained backbone: these figures say nothing about what trained weights would give")
    return doubts
