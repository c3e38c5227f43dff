"""Heatmaps of many picture files, several at once, each written as soon as it is drawn."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from classify.explain.explainer import Explainer
from classify.explain.figure import explanation_picture
from featurize import processors
from featurize.canvas import save_jpeg
from featurize.errors import Undecodable
from featurize.run.pipeline import on_one_processor
from featurize.wording import file_name, plain

_LABEL = 50  # bytes of a class's name in that of a file
_TRIED = 2  # pictures that are explained one by one before the others: the second says how long one takes


@dataclass(frozen=True)
class Explained:
    """What became of a picture file.

    Parameters
    ----------
    path : Path
        The picture.
    target : Path, optional
        The heatmap; None where the picture could not be read.
    label : str
        The class that was explained.
    probability, score : float
        The head's, of that class.
    trouble : Undecodable, optional
        Why it could not be read.
    """

    path: Path
    target: Path | None = None
    label: str = ""
    probability: float = 0.0
    score: float = 0.0
    trouble: Undecodable | None = None


def explain_files(
    explainer: Explainer,
    paths: Sequence[Path],
    out: Path,
    label: str | None = None,
    *,
    workers: int | None = None,
    before: Callable[[float], object] | None = None,
) -> Iterator[Explained]:
    """Explain picture files and write a heatmap of each into a folder, in the order of the files.

    Parameters
    ----------
    explainer : Explainer
    paths : sequence of Path
    out : Path
        The heatmaps are named after the pictures, the class and the method; pictures of one name are numbered.
    label : str, optional
        The class; by default the one that the head chooses for each picture.
    workers : int, optional
        Pictures that are explained at the same time; by default one more than there are processors, so that none
        is idle while a worker waits for the disk or for its decoder.
    before : callable, optional
        Called once, before most of the work begins, with the seconds that it will take, as the second picture says.

    Raises
    ------
    HeadError
        The head knows no such class.
    StorageFailed
        A heatmap can't be written.
    """
    if label is not None:
        explainer.number_of(label)  # an unknown class is an error of the whole, not of each picture
    count = workers or processors.count() + 1
    names = file_names(paths)

    def one(path: Path, name: str) -> Explained:
        try:
            found = explainer.explain(path, label)
        except Undecodable as why:
            return Explained(path, trouble=why)
        target = out / f"{name}-{file_name(plain(found.label), _LABEL)}-{found.method}.jpg"
        save_jpeg(explanation_picture(found, path.name), target)
        return Explained(path, target, found.label, found.probability, found.score)

    todo = list(zip(paths, names, strict=True))
    seconds = 0.0
    for path, name in todo[:_TRIED]:
        started = time.perf_counter()
        yield one(path, name)
        seconds = time.perf_counter() - started
    rest = todo[_TRIED:]
    if rest and before:
        before(seconds * len(rest) / min(count, processors.count(), len(rest)))
    with ThreadPoolExecutor(count, initializer=on_one_processor) as pool:
        waiting: deque[Future[Explained]] = deque()
        try:
            for path, name in rest:
                waiting.append(pool.submit(one, path, name))
                if len(waiting) > 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # interrupted, or a heatmap could not be written: what was not begun is not begun any more
            pool.shutdown(cancel_futures=True)


def file_names(paths: Sequence[Path]) -> list[str]:
    """A name for each picture's heatmap, without its ending; pictures of one name are numbered."""
    taken: set[str] = set()
    names = []
    for path in paths:
        stem = file_name(path.stem)
        tries = itertools.chain([stem], (f"{stem}-{n}" for n in itertools.count(2)))
        name = next(n for n in tries if n.casefold() not in taken)
        taken.add(name.casefold())
        names.append(name)
    return names
