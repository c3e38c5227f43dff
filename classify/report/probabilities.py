"""All probabilities of all test pictures under all heads, as one file from which every figure can be computed again."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from cache import files
from classify.comparison.result import Comparison
from classify.errors import DataError

PARQUET, NPZ = ".parquet", ".npz"


def check_ending(path: Path) -> None:
    """Raise unless the file's name says which kind it is.

    Raises
    ------
    DataError
        It ends neither in .parquet nor in .npz.
    """
    if path.suffix.lower() not in (PARQUET, NPZ):
        raise DataError(f"can't write probabilities to {str(path)!r}: give a file that ends in {PARQUET} or {NPZ}")


def write_probabilities(comparison: Comparison, path: str | Path) -> Path:
    """Write the probabilities of a comparison.

    Parameters
    ----------
    comparison : Comparison
    path : str or Path
        `.parquet`: a row for each head and test picture, with the columns head, embedding, backbone, parameters
        (JSON), id, path, artist, group, repeat, truth, predicted, and one for each class, `p: NAME`. `.npz`: the arrays
        probabilities (M, N, K) float64, heads, embeddings, backbones, parameters (M,), ids, paths, artists,
        groups (N,), repeats, truth (N,) int, classes (K,). Pictures of one group are drawn together when artists are
        resampled. By folds the answers are those to the question of the ranking, and with several repeats each picture
        stands in each of them.

    Raises
    ------
    DataError
        The file's name has another ending.
    StorageFailed
        The file system refused.

    Examples
    --------
    >>> import classify
    >>> comparison = classify.compare("dataset.csv", "features", "ridge,lda", tune=False)
    >>> import numpy as np
    >>> classify.write_probabilities(comparison, "probabilities.npz").name
    'probabilities.npz'
    >>> answers = np.load("probabilities.npz")
    >>> bool(np.allclose(answers["probabilities"].sum(2), 1))
    True
    """
    path = Path(path)
    check_ending(path)
    files.make_folder(path.absolute().parent)
    files.write_atomic(path, [_parquet(comparison) if path.suffix.lower() == PARQUET else _npz(comparison)])
    return path


def _npz(c: Comparison) -> bytes:
    buffer, repeats = io.BytesIO(), len(c.entries[0].repeated)
    rows = list(c.rows) * repeats
    np.savez_compressed(
        buffer,
        probabilities=np.stack([e.repeated.reshape(-1, len(c.classes)) for e in c.entries]),  # (M, R N, K)
        heads=np.array([e.name for e in c.entries]),
        embeddings=np.array([e.embedding for e in c.entries]),
        backbones=np.array([e.backbone for e in c.entries]),
        parameters=np.array([json.dumps(dict(e.params)) for e in c.entries]),
        ids=np.array([row.id for row in rows]),
        paths=np.array([row.path for row in rows]),
        artists=np.array([row.artist for row in rows]),
        groups=np.array([row.group for row in rows]),
        repeats=np.repeat(np.arange(repeats), len(c.rows)),
        truth=np.array([row.label for row in rows]),
        classes=np.array(c.classes),
    )
    return buffer.getvalue()


def _parquet(c: Comparison) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    repeats = len(c.entries[0].repeated)
    rows = list(c.rows) * repeats
    heads, pictures = range(len(c.entries)), range(len(rows))
    stacked = np.concatenate([e.repeated.reshape(-1, len(c.classes)) for e in c.entries])  # (M R N, K)
    columns: dict[str, list[Any]] = {
        "head": [c.entries[m].name for m in heads for _ in pictures],
        "embedding": [c.entries[m].embedding for m in heads for _ in pictures],
        "backbone": [c.entries[m].backbone for m in heads for _ in pictures],
        "parameters": [text for text in (json.dumps(dict(e.params)) for e in c.entries) for _ in pictures],
        "id": [row.id for row in rows] * len(heads),
        "path": [row.path for row in rows] * len(heads),
        "artist": [row.artist for row in rows] * len(heads),
        "group": [row.group for row in rows] * len(heads),
        "repeat": np.repeat(np.arange(repeats), len(c.rows)).tolist() * len(heads),
        "truth": [c.classes[row.label] for row in rows] * len(heads),
        "predicted": [c.classes[k] for k in stacked.argmax(1).tolist()],
    }
    shares = {f"p: {name}": stacked[:, k] for k, name in enumerate(c.classes)}
    buffer = io.BytesIO()
    pq.write_table(pa.table({**columns, **shares}), buffer)
    return buffer.getvalue()
