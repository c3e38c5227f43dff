"""Fine-tuned networks in a comparison: on the same test rows as the heads, with what their training cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import find_cache
from classify.comparison.contest import Run
from classify.comparison.matched import Matched, View
from classify.errors import DataError
from classify.evaluation.entry import HELD_OUT, Cost
from classify.evaluation.metrics import align
from classify.finetune.result import Finetuned, load_finetuned
from classify.fitting.facts import rows_digest
from classify.fitting.trial import Trial
from classify.headfile import load_head
from classify.heads import HeadSpec
from classify.lineage import trained_on
from featurize.dataset.table import DatasetTable
from featurize.run.extract import Settings, extract
from featurize.wording import counted


def finetuned_runs(
    folders: Sequence[str | Path], matched: Matched, table: DatasetTable, classes: NDArray[np.str_]
) -> list[Run]:
    """The runs in some folders, asked about the test rows.

    Raises
    ------
    FinetuneError
        A folder holds no finished run.
    DataError
        It learned another target, or from test rows.
    """
    return [_asked(load_finetuned(folder), matched, table, classes) for folder in folders]


def _asked(run: Finetuned, matched: Matched, table: DatasetTable, classes: NDArray[np.str_]) -> Run:
    name = str(run.folder)
    if run.target != matched.target:
        raise DataError(f"--finetuned {name}: it learned {run.target!r}, the comparison is about {matched.target!r}")
    unknown = sorted(set(run.classes) - set(classes.tolist()))
    if unknown:
        raise DataError(f"--finetuned {name}: it knows a class {unknown[0]!r} that no row of the comparison has")
    view = _embedded(run, matched, table)
    train, test = matched.parts
    seen = trained_on(view.cache) & set(test.ids)
    if seen:
        raise DataError(
            f"--finetuned {name}: it was trained on {counted(len(seen), 'picture')} of the test part: score it on "
            "others with --test"
        )
    remarks = [f"{'the last ' if run.layers else ''}{run.retrained} retrained; epoch {run.epoch} of its training"]
    if run.rows_digest != rows_digest(train):
        remarks.append(f"it learned from other rows than the heads did ({run.rows:,}; they: {len(train):,})")
    if run.joules is not None:
        remarks.append(f"its training used {run.joules / 1000:.3g} kJ, other programs of this machine included")
    head, X = load_head(run.head_file).head, matched.load(view, matched.test).X
    trial = Trial(
        HeadSpec("logreg"), head, (), None, 0.0, run.seconds + run.map_seconds, tuple(remarks), len(train) * X.shape[1]
    )
    started = time.perf_counter()
    probabilities = align(trial.ask(X), [str(c) for c in head.classes_], classes.tolist())
    seconds = (time.perf_counter() - started) / len(test) * 1000
    cost = Cost(0.0, trial.fit_seconds, seconds, trial.bytes + run.weights_file.stat().st_size)
    return Run(
        f"finetuned {run.folder.name}",
        trial.spec,
        view,
        X.shape[1],
        trial,
        cost,
        probabilities,
        HELD_OUT,
        None,
        run.curve(),
    )


def _embedded(run: Finetuned, matched: Matched, table: DatasetTable) -> View:
    """Both parts as the fine-tuned backbone sees them, in a feature cache in the run's folder."""
    wanted = {*matched.parts[0].ids, *matched.parts[1].ids}
    rows = [n for n, picture in enumerate(table.columns["id"]) if picture in wanted]
    saved = load_head(run.head_file)
    names = ",".join(recipe.name for recipe in saved.recipes)
    settings = Settings(backbone=run.backbone, weights=run.weights_file, embedding=names, engine="torch")
    done = extract(table.take(rows), run.folder / "features", settings)
    cache = find_cache(run.folder / "features", done.key)
    assert cache is not None, "it was just filled"
    return View(cache, names.replace(",", "+"), tuple(saved.recipes))
