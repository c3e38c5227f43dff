"""What a saved head says about its training: enough to repeat it, and to see what may have differed where it can't be.

The same rows in the same order, the same parameters, seed, folds, versions and machine give the same bits.
"""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, Any

from cache import Store
from cache.places import remembered_places
from classify.data import LabelledRows
from classify.fitting.question import NEW
from classify.fitting.trial import Trial
from featurize.machine import machine, versions
from featurize.networks.licences import licence_of

if TYPE_CHECKING:
    from classify.heads.tuning import Tuning

PACKAGES = ("python", "artstyle", "numpy", "scipy", "scikit-learn", "torch")


def training_facts(
    trial: Trial, train: LabelledRows, cache: Store, seed: int, question: str, part: str = "train"
) -> dict[str, Any]:
    """Facts about a trained head as JSON can hold them.

    Parameters
    ----------
    trial : Trial
        The head's parameters, seed and device among them, are saved beside this.
    train : LabelledRows
    cache : Store
    seed : int
        Of the folds, and of the head where it draws random numbers.
    question : str
        From `question_of`.
    part : str
        The split of the rows, "train+val" or "all".
    """
    tuning, licence = trial.tuning, licence_of(cache)
    return {
        "spec": str(trial.spec),
        "seed": seed,
        "split": part,
        "rows": len(train),
        "left_out": train.left_out,
        "rows_digest": rows_digest(train),
        "folds": len(trial.folds),
        "folds_by_artist": bool(trial.folds) and question == NEW,
        "question": question,
        "calibrated": trial.calibrated,
        "tuned": dict(tuning.params) if tuning else {},
        **({"grid": _grid(tuning)} if tuning and len(tuning.points) > 1 else {}),
        "remarks": list(trial.remarks),
        **({"licence": licence} if licence else {}),
        "weights": [str(path) for path in remembered_places(cache.artifacts)],
        "versions": _versions(),
        "machine": _machine(),
        **({"history": list(trial.history)} if trial.history else {}),
        "seconds": round(trial.tune_seconds + trial.fit_seconds, 3),
    }


def rows_digest(rows: LabelledRows) -> str:
    """SHA-256 over ids and labels in their order: other rows, labels or another order give another digest."""
    lines = (f"{picture}\t{label}\n" for picture, label in zip(rows.ids, rows.y.tolist(), strict=True))
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode())
    return digest.hexdigest()


def _grid(tuning: Tuning) -> list[dict[str, Any]]:
    """Each point that was tried, with its accuracy on the folds."""
    means = tuning.mean_accuracy.tolist()
    return [{**point, "accuracy": round(mean, 6)} for point, mean in zip(tuning.points, means, strict=True)]


def _versions() -> dict[str, str]:
    without = {"torch"} - sys.modules.keys()  # a head that never loaded it owes it nothing
    return versions(*(package for package in PACKAGES if package not in without))


def _machine() -> dict[str, Any]:
    """Processor and linear algebra: other kernels or another number of threads add up in another order."""
    from threadpoolctl import threadpool_info

    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    told = {f"{b['internal_api']} {b['version']} {b.get('architecture', '')}".strip(): b["num_threads"] for b in blas}
    return {**machine(), "blas": told}
