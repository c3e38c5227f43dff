"""Predict pictures, or the rows of a table, with a saved head: what the command and Python call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from classify.errors import PictureError
from classify.headfile import SavedHead, as_head
from classify.prediction.listed import Listed, from_table
from classify.prediction.predictor import Prediction, Predictor, Source, find_pictures
from classify.prediction.result import Predictions
from featurize.engines import EngineFactory, make_engine
from featurize.progress import Progress


def predict(
    head: SavedHead | str | Path,
    pictures: str | Path | Sequence[str | Path] = (),
    *,
    table: str | Path | None = None,
    path_column: str = "",
    coverage: float | None = None,
    top: int = 3,
    weights: str | Path | None = None,
    features: str | Path = "features",
    workers: int | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    engines: EngineFactory = make_engine,
) -> Predictions:
    """Predict the classes of pictures.

    Whoever predicts several times makes a `Predictor`, which loads the network once.

    Parameters
    ----------
    head : SavedHead, str or Path
        The head, or the file that it was saved in.
    pictures : str or Path, or sequence of these
        Files, and folders of files. May be left out where a table names them.
    table : str or Path, optional
        A table whose columns are joined to the pictures by path. Without pictures, each of its rows is one.
    path_column : str
        The table's column that names the picture files; by default it is found by looking.
    coverage : float, optional
        For which share of pictures the true class is in the prediction set. By default 0.9, and no sets where the head
        can't make such.
    top : int
        How many classes to give.
    weights, features, workers, device, engines
        As in `Predictor`.
    progress : callable, optional
        Called with (pictures done, pictures in all).

    Returns
    -------
    Predictions
        A sequence of `Prediction` in the order of the files, or of the table's rows. One that can't be read has no
        styles, and says why.

    Raises
    ------
    PictureError
        A path is not there, a folder holds no file, or there is nothing to predict.
    SourceError
        The table can't be read, or names no pictures.
    HeadFileError, HeadMismatch, EarlierVersion, WeightsError, BackboneError
        The head or its network can't be had.
    DataError
        The head can't promise such a coverage.

    Examples
    --------
    >>> import classify
    >>> first, *others = classify.predict("style.safetensors", "paintings/Baroque", top=2, device="cpu")
    >>> len(first.styles), first.trouble
    (2, None)
    """
    several = [pictures] if isinstance(pictures, str | Path) else pictures
    listed = list_pictures([Path(path) for path in several], Path(table) if table else None, path_column)
    options: dict[str, Any] = {"features": features, "workers": workers, "device": device, "engines": engines}
    predictor = Predictor(as_head(head), weights, coverage=coverage, **options)
    return predict_listed(predictor, listed, top=top, progress=progress)


def list_pictures(given: Sequence[Path], table: Path | None = None, path_column: str = "") -> Listed:
    """The pictures that are meant, with the table's columns.

    Raises
    ------
    PictureError, SourceError
        See `predict`.
    """
    paths = find_pictures(given)
    if table is not None:
        return from_table(table, paths, path_column)
    if not paths:
        raise PictureError("nothing to predict: give pictures, folders of pictures, or a table that names them")
    return Listed(paths, {})


def predict_listed(
    predictor: Predictor,
    listed: Listed,
    sources: Sequence[Source] = (),
    *,
    top: int = 3,
    progress: Progress | None = None,
) -> Predictions:
    """Predict listed pictures, each file once, and then others; the table's columns are empty for those."""
    distinct = list(dict.fromkeys(path for path in listed.paths if path is not None))
    known = dict(zip(distinct, predictor.predict(distinct, top, progress), strict=True))
    unnamed = Prediction("", (), PictureError("this row of the table names no picture"))
    every = [unnamed if path is None else known[path] for path in listed.paths]
    every += predictor.predict_each(sources, top) if sources else ()
    columns = {name: [*values, *[""] * len(sources)] for name, values in listed.columns.items()}
    return Predictions(every, predictor.saved, predictor.coverage, columns, listed.notes)
