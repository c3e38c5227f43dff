"""Embeddings as annotations of IIIF canvases, in the W3C Web Annotation model (https://www.w3.org/TR/annotation-model/).

Each says by which model it was made: the digest of the key, which stands for network, weights, transform and precision.
One page for each manifest, so that a manifest can name it under `annotations` (Presentation 3.0, section 3.4).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import Key, NotStored, Recipe, Store, files
from featurize.dataset.sources.iiif.fetching import file_stem
from featurize.dataset.table import DatasetTable
from featurize.errors import TableError
from featurize.exchange.export import Exported, check_apart

CONTEXT = "http://iiif.io/api/presentation/3/context.json"
_NEEDED = ("canvas", "manifest")


def export_annotations(
    table: DatasetTable, cache: Store, recipes: Sequence[Recipe], folder: str | Path, split: str = "all"
) -> Exported:
    """Write an annotation for each embedding of a picture that came from a IIIF manifest.

    Parameters
    ----------
    table : DatasetTable
        With the columns `canvas` and `manifest`, as `featurize prepare` makes of an address.
    cache : Store
    recipes : sequence of Recipe
    folder : str or Path
        Where the pages are written, one for each manifest; pages of an earlier export are replaced.
    split : str

    Raises
    ------
    TableError
        The table names no canvases, or the folder belongs to a feature cache.
    NotStored
        No row has vectors.
    StorageFailed
        The file system refused.
    """
    for column in _NEEDED:
        if not any(table.columns.get(column, ())):
            raise TableError(
                f"the dataset table has no column {column!r}, so there is nothing to annotate: prepare it from the "
                "address of a IIIF manifest"
            )
    rows = table.rows_of(split)
    stored = np.all([cache.embedded(table.ids[rows], recipe) for recipe in recipes], axis=0)
    kept = [int(row) for row in rows[stored] if table.columns["canvas"][row]]
    if not kept:
        names = ",".join(recipe.name for recipe in recipes)
        raise NotStored(f"none of the {len(rows)} rows has an embedding", cache.key, names, cache.place)
    folder = Path(folder)
    check_apart(folder, cache)
    files.make_folder(folder.absolute())
    manifests: dict[str, list[int]] = {}
    for row in kept:
        manifests.setdefault(table.columns["manifest"][row], []).append(row)
    for number, (manifest, several) in enumerate(manifests.items(), 1):
        items = [a for recipe in recipes for a in _annotations(table, cache, recipe, several)]
        name = f"{number:05}-{file_stem(manifest.partition('://')[2])[-60:]}.json"
        page = {"@context": CONTEXT, "id": _urn(cache.key, manifest), "type": "AnnotationPage", "items": items}
        files.write_atomic(folder / name, [json.dumps(page, ensure_ascii=False, indent=1).encode()])
    return Exported(folder, len(kept), len(rows) - len(kept))


def _annotations(table: DatasetTable, cache: Store, recipe: Recipe, rows: Sequence[int]) -> Iterator[dict[str, Any]]:
    vectors = cache.gather(table.ids[np.array(rows)], recipe)
    for row, vector in zip(rows, vectors, strict=True):
        picture, canvas = table.columns["id"][row], table.columns["canvas"][row]
        yield {
            "id": _urn(cache.key, picture, recipe.digest, canvas),
            "type": "Annotation",
            "motivation": "describing",
            "generator": generator(cache.key),
            "body": {
                "type": "TextualBody",
                "format": "application/json",
                "value": json.dumps(_described(recipe, picture, vector)),
            },
            "target": canvas,
        }


def generator(key: Key) -> dict[str, str]:
    """The model as an agent of the Web Annotation model: identified by the digest of its key."""
    untrained = ", untrained" if key.untrained else ""
    return {
        "id": f"urn:sha256:{key.digest}",
        "type": "Software",
        "name": f"artstyle: {key.network['name']}, weights {key.weights}, {key.precision}{untrained}",
    }


def _described(recipe: Recipe, picture: str, vector: NDArray[np.floating[Any]]) -> dict[str, Any]:
    return {
        "embedding": recipe.name,
        "definition": dict(recipe.definition),
        "picture": f"urn:sha256:{picture}",
        "vector": [float(f"{value:.7g}") for value in vector],
    }


def _urn(key: Key, *parts: str) -> str:
    """A name that the same annotation has in every export."""
    import uuid

    return uuid.uuid5(uuid.NAMESPACE_URL, "\n".join([key.digest, *parts])).urn
