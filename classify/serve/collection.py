"""Similar pictures of a collection, shown beside a prediction."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache.ids import from_hex
from classify.evaluation.nearest import centre_of, nearest
from classify.explore.works import load_works, rows_of
from classify.head_network import HeadNetwork
from classify.headfile import SavedHead
from classify.serve.heads import Similar
from featurize.dataset.table import DatasetTable
from featurize.errors import Undecodable
from featurize.pictures.file import digest, read
from featurize.wording import artist

_SIDE = 160  # pixels


class Collection:
    """The pictures of a dataset table, by the embeddings that a head was trained on.

    Parameters
    ----------
    table : DatasetTable
    saved : SavedHead
    network : HeadNetwork
        Decodes the pictures that are shown.
    features : Path
        The features folder with the table's embeddings.

    Raises
    ------
    HeadMismatch, TableError, DataError, NotStored
        The features folder holds no such embeddings of the table's pictures.
    """

    def __init__(self, table: DatasetTable, saved: SavedHead, network: HeadNetwork, features: Path) -> None:
        embedding = "+".join(recipe.name for recipe in saved.recipes)
        self._works = load_works(table, saved.open_cache(features), embedding)
        self._centre = centre_of(self._works.X)
        self._network = network
        self._labels = self._works.column(saved.target)

    def __call__(self, data: bytes, row: NDArray[np.float32], count: int) -> Sequence[Similar]:
        """The works most similar to a picture, the nearest first; never the picture itself.

        Parameters
        ----------
        data : bytes
            The picture file.
        row : ndarray (D,) float32
            Its embedding.
        count : int
        """
        own = rows_of(self._works, from_hex([digest(data)]))
        found = nearest(row[None], self._works.X, count, centre=self._centre, own=own)
        pairs = zip(found.rows[0].tolist(), found.similarity[0].tolist(), strict=True)
        return [self._similar(work, similarity) for work, similarity in pairs if work >= 0]

    def _similar(self, work: int, similarity: float) -> Similar:
        works = self._works
        path = works.file(work)
        year = works.column("year")[work]
        who = artist(works.artists[work])
        return Similar(path.name, similarity, who, year, self._labels[work], self._small(path))

    def _small(self, path: Path) -> str:
        """A small square of the picture as a data address; "" where the file is gone."""
        from PIL import Image

        try:
            pixels = self._network.decode(read(path))
        except Undecodable:
            return ""
        file = io.BytesIO()
        Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS).save(file, "JPEG", quality=80)
        return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
