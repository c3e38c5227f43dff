"""Where each picture lies on the map: principal components, or t-SNE over them; kept in the cache, and added to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import Artifacts, Kind
from cache.ids import Ids, from_bytes, positions, to_bytes
from cache.key import Json
from classify.errors import DataError
from classify.explore.principal import Principal, near_in, principal, project
from classify.explore.works import Works
from featurize.progress import Progress

METHODS = ("tsne", "pca")
COMPONENTS = 50  # that t-SNE starts from, as openTSNE's guide advises
PERPLEXITY = 30.0
EARLY, LATE = 250, 500  # iterations with and without exaggeration, as openTSNE has them
NEIGHBOURS = 6  # that the page knows of each picture
_FEW = 8  # pictures, below which t-SNE has nothing to arrange
_SLOW = 5000  # pictures up to which the Barnes-Hut gradient is quicker than the one by Fourier transform
_ONE_THREAD = 2000  # pictures up to which a second thread waits longer than it works; the numbers are the same
_VOTERS = 5  # placed pictures that say where an added one goes
_STEP = 50  # iterations between two reports of progress
_KIND = Kind("map", ".safetensors")


@dataclass(frozen=True)
class Layout:
    """A map: N pictures in the order of their ids.

    Parameters
    ----------
    ids : ndarray (N,) S32, ascending
    xy : ndarray (N, 2) float32
        Positions; the unit has no meaning.
    near : ndarray (N, m) int32
        The nearest pictures of each in the space of the components.
    added : ndarray (N,) bool
        Whether a picture was placed into a map that was there already.
    scores : ndarray (N, k) float64
        Coordinates in the principal components, in whole numbers.
    step, axes, offset
        Of `Principal`: what places further pictures.
    parameters : mapping
        Everything that decides the map beside the pictures.
    """

    ids: Ids
    xy: NDArray[np.float32]
    near: NDArray[np.int32]
    added: NDArray[np.bool_]
    scores: NDArray[np.float64]
    step: float
    axes: NDArray[np.float64]
    offset: NDArray[np.float64]
    parameters: Mapping[str, Json]

    def __len__(self) -> int:
        return len(self.ids)


def parameters_of(works: Works, method: str, seed: int) -> dict[str, Json]:
    """Everything that decides a map beside its pictures.

    Raises
    ------
    DataError
        There is no such method.
    """
    if method not in METHODS:
        raise DataError(f"--method {method}: choose {' or '.join(METHODS)}")
    said: dict[str, Json] = {
        "method": method,
        "key": works.key.digest,
        "recipes": [f"{recipe.name}:{recipe.digest}" for recipe in works.recipes],
        "components": COMPONENTS,
        "seed": seed,
    }
    return said | ({"perplexity": PERPLEXITY, "iterations": [EARLY, LATE]} if method == "tsne" else {})


def make_layout(works: Works, method: str = "tsne", seed: int = 0, progress: Progress | None = None) -> Layout:
    """A new map of works. It does not depend on the order of their rows.

    Parameters
    ----------
    works : Works
    method : str
        "tsne": openTSNE (Poličar, Stražar & Zupan, Journal of Statistical Software 2024) on the first 50 principal
        components, from the first two of them; or "pca": these two.
    seed : int
    progress : callable, optional
        Called with (iterations done, iterations in all).

    Raises
    ------
    DataError
        There is no such method, or the package openTSNE is not installed.
    """
    parameters = parameters_of(works, method, seed)
    order = np.argsort(works.ids, kind="stable")
    found = principal(_Ordered(works, order), COMPONENTS)
    tsne = method == "tsne" and len(works) >= _FEW
    perplexity = min(PERPLEXITY, (len(works) - 1) / 3)
    k = max(NEIGHBOURS, int(3 * perplexity) if tsne else 0)
    near, squares = near_in(found.scores, k)
    xy = _arranged(found, near, squares, perplexity, seed, progress) if tsne else _plane(found)
    versions: dict[str, Json] = {"numpy": metadata.version("numpy"), "scipy": metadata.version("scipy")}
    if tsne:
        versions["openTSNE"] = metadata.version("openTSNE")
    return Layout(
        ids=works.ids[order],
        xy=xy.astype(np.float32),
        near=near[:, :NEIGHBOURS].astype(np.int32),
        added=np.zeros(len(works), bool),
        scores=found.scores,
        step=found.step,
        axes=found.axes,
        offset=found.offset,
        parameters={**parameters, "versions": versions},
    )


def add(layout: Layout, works: Works) -> Layout:
    """The map with further pictures; those that were placed stay where they are, those that are gone are left out.

    An added picture goes to the median of its five nearest placed pictures, each coordinate by itself. Nothing is
    arranged anew, so that it is the same wherever it is done, and whatever else is added.
    """
    ids = np.sort(works.ids)
    place = positions(ids, layout.ids)
    new = np.flatnonzero(place < 0)
    rows = np.argsort(works.ids, kind="stable")[new]
    scores = np.empty((len(ids), layout.scores.shape[1]))
    scores[place >= 0] = layout.scores[place[place >= 0]]
    scores[new] = project(works.X[rows], layout.step, layout.axes, layout.offset)
    xy = np.empty((len(ids), 2), np.float32)
    xy[place >= 0] = layout.xy[place[place >= 0]]
    voters = near_in(scores[new], _VOTERS, layout.scores)[0] if len(new) else np.empty((0, _VOTERS), np.intp)
    xy[new] = np.median(layout.xy[voters], axis=1)
    added = np.where(place >= 0, layout.added[place], True)
    near = near_in(scores, NEIGHBOURS)[0].astype(np.int32)
    return replace(layout, ids=ids, xy=xy, near=near, added=added, scores=scores)


def find_layout(artifacts: Artifacts, works: Works, parameters: Mapping[str, Json]) -> tuple[Layout | None, int]:
    """The kept map with these parameters that has most of the works, and how many of them it has.

    Maps that another version wrote in another form are left alone.
    """
    best: Layout | None = None
    most = 0
    for data in artifacts.every(_KIND):
        layout = from_bytes_of(data)
        if layout is None or {name: value for name, value in layout.parameters.items() if name != "versions"} != dict(
            parameters
        ):
            continue
        shared = int((positions(works.ids, layout.ids) >= 0).sum())
        if (shared, -len(layout)) > (most, -len(best) if best else 0):
            best, most = layout, shared
    return best, most


def keep(artifacts: Artifacts, layout: Layout) -> None:
    """Keep a map beside the vectors that it was made of.

    Raises
    ------
    StorageFailed
        The storage refused.
    """
    artifacts.keep(_KIND, to_bytes_of(layout))


def to_bytes_of(layout: Layout) -> bytes:
    """A map as a `.safetensors` file."""
    from safetensors.numpy import save

    arrays: dict[str, Any] = {
        "ids": to_bytes(layout.ids),
        "xy": layout.xy,
        "near": layout.near,
        "added": layout.added,
        "scores": layout.scores,
        "axes": layout.axes,
        "offset": layout.offset,
        "step": np.array([layout.step]),
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return bytes(save(arrays, {"parameters": json.dumps(layout.parameters, sort_keys=True)}))


def from_bytes_of(data: bytes) -> Layout | None:
    """A map from its file; None where another version wrote it in another form.

    The cache checked that the file is undamaged, so what is missing was never in it.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    length = int.from_bytes(data[:8], "little")
    try:
        parameters = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["parameters"])
        a = load(data)
        ids, step = from_bytes(a["ids"]), float(a["step"][0])
        return Layout(ids, a["xy"], a["near"], a["added"], a["scores"], step, a["axes"], a["offset"], parameters)
    except (KeyError, ValueError, SafetensorError):
        return None


@dataclass(frozen=True)
class _Ordered:
    """The vectors of works in another order, read when they are asked for."""

    works: Works
    order: NDArray[np.intp]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.works.X.shape

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, at: Any, /) -> Any:
        return self.works.X[self.order[at]]


def _plane(found: Principal) -> NDArray[np.float64]:
    """The first two components (N, 2); 0 where there is no second."""
    xy = np.zeros((len(found.scores), 2))
    xy[:, : min(2, found.scores.shape[1])] = found.scores[:, :2] * found.unit
    return xy


def _arranged(
    found: Principal,
    near: NDArray[np.intp],
    squares: NDArray[np.float64],
    perplexity: float,
    seed: int,
    progress: Progress | None,
) -> NDArray[np.float64]:
    """t-SNE of pictures whose nearest ones are known, (N, 2)."""
    try:
        from openTSNE import TSNE
        from openTSNE.affinity import PerplexityBasedNN
        from openTSNE.nearest_neighbors import PrecomputedNeighbors
    except ImportError as error:
        raise DataError(
            "t-SNE needs the package openTSNE: install it with `pip install 'artstyle[explore]'`, or use --method pca"
        ) from error
    N, k = near.shape[0], int(3 * perplexity)
    jobs = 1 if N <= _ONE_THREAD else -1
    distances = np.sqrt(squares[:, :k]) * found.unit
    index = PrecomputedNeighbors(near[:, :k], distances)
    affinities = PerplexityBasedNN(perplexity=perplexity, knn_index=index, n_jobs=jobs)
    start = _plane(found)
    noise = np.random.default_rng(seed).integers(-1000, 1001, start.shape) * 1e-8  # equal pictures need not stay so
    start = start / max(float(np.abs(start).max()), 1e-300) * 1e-3 + noise

    def told(iteration: int, *_: object) -> None:
        if progress:
            done[0] += _STEP
            progress(min(done[0], EARLY + LATE), EARLY + LATE)

    done = [0]
    fit = TSNE(
        perplexity=perplexity,
        early_exaggeration_iter=EARLY,
        n_iter=LATE,
        negative_gradient_method="bh" if N <= _SLOW else "fft",
        callbacks=told,
        callbacks_every_iters=_STEP,
        n_jobs=jobs,
        random_state=seed,
    )
    return np.asarray(fit.fit(affinities=affinities, initialization=start), np.float64)
