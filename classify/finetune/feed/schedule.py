"""Which rows a step learns from, as which view, mixed with which: by the seed, the epoch and the step alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classify.finetune.feed.views import PLAIN, View, fixed_views
from classify.finetune.settings import FinetuneSettings

CACHED_VIEWS = 4  # random crops of each picture that are stored where nothing else is asked for


@dataclass(frozen=True)
class Step:
    """One step of the optimizer.

    Parameters
    ----------
    rows : ndarray (B,) int
    views : sequence of View
        One a row.
    share : float
        Of each row in its mixture; 1 is without mixup.
    partners : ndarray (B,) int
        Places in the batch that the rows are mixed with.
    """

    rows: NDArray[np.intp]
    views: Sequence[View]
    share: float
    partners: NDArray[np.intp]


def all_views(settings: FinetuneSettings) -> list[View]:
    """The fixed views to choose from; empty where each epoch makes new ones."""
    if not settings.augment:
        return [PLAIN]
    if settings.from_cache or settings.views is not None:
        return fixed_views(CACHED_VIEWS if settings.views is None else settings.views)
    return []


def steps(
    rows: NDArray[np.intp], codes: NDArray[np.intp], settings: FinetuneSettings, batch_size: int, epoch: int
) -> list[Step]:
    """The steps of an epoch.

    Parameters
    ----------
    rows : ndarray (N,) int
        To learn from.
    codes : ndarray (M,) int
        Classes of all rows there are.
    settings : FinetuneSettings
    batch_size : int
    epoch : int
        Counted from 1.
    """
    random = np.random.default_rng([settings.seed, epoch])
    order = _balanced(rows, codes, random) if settings.balanced else random.permutation(rows)
    known = all_views(settings)
    views = [known[n] for n in random.integers(len(known), size=len(order))] if known else []
    out = []
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size]
        own = views[start : start + batch_size] if known else [View((settings.seed, epoch))] * len(part)
        share = float(random.beta(settings.mixup, settings.mixup)) if settings.mixup else 1.0
        out.append(Step(part, own, share, random.permutation(len(part))))
    return out


def _balanced(rows: NDArray[np.intp], codes: NDArray[np.intp], random: np.random.Generator) -> NDArray[np.intp]:
    """As many rows as there are, of each class equally many, as far as that goes; rows of small classes repeat."""
    classes = random.permutation(np.unique(codes[rows]))
    share = -(-len(rows) // len(classes))
    chosen = []
    for code in classes:
        own = rows[codes[rows] == code]
        rounds = [random.permutation(own) for _ in range(-(-share // len(own)))]
        chosen.append(np.concatenate(rounds)[:share])
    return random.permutation(np.stack(chosen, 1).ravel()[: len(rows)])
