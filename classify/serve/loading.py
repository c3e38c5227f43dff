"""From saved heads to heads that answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from classify.explain import Explainer
from classify.headfile import SavedHead
from classify.prediction import Predictor, load_predictors
from classify.serve.collection import Collection
from classify.serve.heads import ServedHead, open_heads
from classify.serve.heatmaps import Heatmaps


def load_heads(
    saved: Sequence[tuple[Path, SavedHead]],
    waiting: int,
    collection: Path | None = None,
    coverage: float | None = None,
    *,
    features: Path = Path("features"),
    **options: Any,
) -> dict[str, ServedHead]:
    """Saved heads, ready to answer; each is called like its file.

    Parameters
    ----------
    saved : sequence of (Path, SavedHead)
    waiting : int
        See `ServeSettings`.
    collection : Path, optional
        A dataset table, whose embeddings lie in the features folder: similar pictures of it can be asked for.
    coverage : float, optional
        Of prediction sets, as in `Predictor`.
    features : Path
    options
        The others of `HeadNetwork`, and weights.

    Raises
    ------
    ServeError
        Two heads have the same name.
    HeadMismatch, TableError, DataError, NotStored, EarlierVersion, WeightsError, BackboneError
        See `HeadNetwork` and `Collection`.
    """
    from featurize.dataset.table import read_table

    options["features"] = features
    predictors = load_predictors([head for _, head in saved], coverage=coverage, **options)
    table = read_table(collection) if collection else None
    similar = [Collection(table, p.saved, p.network, features) if table else None for p in predictors]
    served = open_heads(predictors, [path.stem for path, _ in saved], waiting)
    return {
        name: replace(head, similar=found, explain=_heatmaps(head.predictor, options))
        for (name, head), found in zip(served.items(), similar, strict=True)
    }


def _heatmaps(predictor: Predictor, options: Mapping[str, Any]) -> Heatmaps:
    return Heatmaps(partial(Explainer, predictor.saved, **options), predictor.network)
