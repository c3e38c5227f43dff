"""Pictures -> styles with probabilities, through the very backbone, weights and transform of a head.

The command line and the service come along here. Each picture's row goes through the head alone, because products of
matrices of other sizes may differ in their last bits.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.errors import ArtstyleError
from classify.errors import AddressError, HeadMismatch, PictureError
from classify.evaluation.conformal import sets
from classify.head_network import HeadNetwork
from classify.headfile import SavedHead
from featurize.errors import Undecodable
from featurize.pictures.remote import address_of
from featurize.progress import Progress
from featurize.run.pipeline import on_one_processor

Styles = Sequence[tuple[str, float]]

USUAL_COVERAGE = 0.9  # of prediction sets, where nobody says otherwise
UNSURE_BELOW = 0.5  # the likeliest class is less likely than all others together


@dataclass(frozen=True)
class Prediction:
    """What a head says of one picture.

    Parameters
    ----------
    path : Path or str
        The file; the address or another name of a picture that is none.
    styles : sequence of (str, float)
        The likeliest classes with their probabilities, best first; empty where the picture could not be read.
    trouble : Undecodable, AddressError or PictureError, or None
        Why it could not.
    among : sequence of str, optional
        The prediction set, likeliest first: classes among which the true one is for a known share of pictures. None
        where the head can't make any.
    unlike : bool, optional
        Whether the picture is unlike all training pictures. None where the head can't tell.
    """

    path: Path | str
    styles: Styles
    trouble: ArtstyleError | None = None
    among: Sequence[str] | None = None
    unlike: bool | None = None

    @property
    def unsure(self) -> bool:
        """Whether the set holds several classes; without one, whether no class is likelier than all others together."""
        if self.among is not None:
            return len(self.among) > 1
        return bool(self.styles) and self.styles[0][1] < UNSURE_BELOW


@dataclass(frozen=True)
class Source:
    """A picture that is no file on this machine's disk, or not known to be one yet.

    Parameters
    ----------
    name : str
    load : callable
        Gives the bytes of the picture file; raises `Undecodable`, `AddressError` or `PictureError`.
    """

    name: str
    load: Callable[[], bytes]


class Predictor:
    """A head together with the network that makes its embeddings; loaded once, used many times.

    Parameters
    ----------
    saved : SavedHead
    weights : str or Path, optional
        Name or file of the weights; by default those the head was trained on, if they can be found.
    network : HeadNetwork, optional
        One that is loaded already, and fits the head.
    coverage : float, optional
        For which share of pictures the true class is in the prediction set. By default 0.9, and no sets where the head
        can't make such.
    options
        Those of `HeadNetwork`: features, batch_size, workers, device, engines.

    Attributes
    ----------
    coverage : float or None
        As above; None where there are no sets.

    Raises
    ------
    HeadFileError, DataError
        The head can't make sets of the coverage that was asked for.
    HeadMismatch, EarlierVersion, WeightsError, BackboneError
        See `HeadNetwork`.
    """

    def __init__(
        self,
        saved: SavedHead,
        weights: str | Path | None = None,
        *,
        network: HeadNetwork | None = None,
        coverage: float | None = None,
        **options: Any,
    ) -> None:
        if network and not network.fits(saved):
            raise HeadMismatch(f"the head was trained on {saved.key.folder_name}, the network makes other embeddings")
        if coverage is None and saved.held_out is not None and saved.held_out.most >= USUAL_COVERAGE:
            coverage = USUAL_COVERAGE
        self.saved = saved
        self.coverage = coverage
        self._limit = None if coverage is None else saved.limit(coverage)
        self.network = network or HeadNetwork(saved, weights, **options)

    def predict(self, paths: Sequence[Path], top: int = 3, progress: Progress | None = None) -> Iterator[Prediction]:
        """Predictions in the order of the paths.

        Parameters
        ----------
        paths : sequence of Path
        top : int
            How many classes to give.
        progress : callable, optional
            Called with (pictures done, pictures in all).
        """
        done = 0
        for batch, rows in self.network.batches(paths):
            done += len(batch.places)
            if progress:
                progress(done, len(paths))
            for place, picture in enumerate(batch.places):
                assert picture is not None
                trouble = batch.failed.get(place)
                yield Prediction(picture.path, (), trouble) if trouble else self.judge(rows[place], top, picture.path)

    def predict_each(self, sources: Iterable[Source], top: int = 3) -> Iterator[Prediction]:
        """Predictions in the order of the sources, each as soon as it is there: for streams.

        Parameters
        ----------
        sources : iterable of Source
            May wait between one and the next; read a few ahead.
        top : int
            How many classes to give.
        """
        tasks: queue.Queue[Future[Prediction] | None] = queue.Queue(2 * self.network.workers)
        ended = threading.Event()

        def feed() -> None:
            try:
                for source in sources:
                    if ended.is_set():
                        return
                    tasks.put(pool.submit(self._predict_one, source, top))
                tasks.put(None)
            except BaseException as error:
                failed: Future[Prediction] = Future()
                failed.set_exception(error)
                tasks.put(failed)

        with ThreadPoolExecutor(self.network.workers, initializer=on_one_processor) as pool:
            threading.Thread(target=feed, daemon=True).start()  # it may be waiting for a line that never comes
            try:
                while (task := tasks.get()) is not None:
                    yield task.result()
            finally:
                ended.set()

    def judge(self, row: NDArray[np.float32], top: int, path: Path | str = "") -> Prediction:
        """What the head says of a picture, from its row (D,)."""
        logs = self.saved.head.predict_log_proba(row[None])[0]  # (K,); they differ where small probabilities are all 0
        order = np.argsort(-logs, kind="stable")
        classes, chances = self.saved.classes, np.exp(logs)
        among = None
        if self._limit is not None:
            inside = sets(chances[None], self._limit)[0]
            among = tuple(classes[k] for k in order if inside[k])
        familiar = self.saved.familiar
        return Prediction(
            path,
            [(classes[k], float(chances[k])) for k in order[:top]],
            among=among,
            unlike=None if familiar is None else familiar.unlike(row),
        )

    def styles(self, row: NDArray[np.float32], top: int) -> Styles:
        """The likeliest classes of a picture with their probabilities, best first, from its row (D,)."""
        return self.judge(row, top).styles

    def _predict_one(self, source: Source, top: int) -> Prediction:
        try:
            pixels = self.network.decode(source.load())
        except (Undecodable, AddressError, PictureError) as trouble:
            return Prediction(source.name, (), trouble)
        return self.judge(self.network.embed([pixels])[0], top, source.name)


def load_predictors(heads: Sequence[SavedHead], weights: str | None = None, **options: Any) -> list[Predictor]:
    """A predictor for each head; heads on the same embeddings share one network."""
    loaded: list[Predictor] = []
    for saved in heads:
        shared = next((p.network for p in loaded if p.network.fits(saved)), None)
        loaded.append(Predictor(saved, weights, network=shared, **options))
    return loaded


def find_pictures(given: Sequence[Path]) -> list[Path]:
    """The files given, and all files below the folders given.

    Raises
    ------
    PictureError
        A path is not there, or a folder holds no file.
    """
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            below = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
            if not below:
                raise PictureError(f"there are no pictures in {str(path)!r}: give a picture or a folder of pictures")
            found += below
        elif path.exists() or path.is_symlink():
            found.append(path)
        elif address := address_of(path):
            raise PictureError(f"{address!r} is no path on this machine: fetch it, and give the path of the picture")
        else:
            raise PictureError(f"there is no {str(path)!r}: give a picture or a folder of pictures")
    return found
