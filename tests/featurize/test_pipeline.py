"""Workers and processors: a processor each where there is one for each, and the system's choice otherwise."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from featurize import processors
from featurize.engines.fake import FakeEngine
from featurize.engines.openvino import OpenvinoEngine
from featurize.networks.recipes import formulas
from featurize.pictures import decoder_processes
from featurize.pictures.file import Picture
from featurize.pictures.transform import Transform
from featurize.run.pipeline import Pipeline
from tests.conftest import save_picture
from tests.featurize.hazards import JPEG

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not say who runs where")
ALL = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


class Watching(FakeEngine):
    """Remembers where it was called."""

    def __init__(self, parallel: bool, in_caller: bool) -> None:
        super().__init__(formulas("avgpool"), 2, pause=0.05)
        self.parallel, self.in_caller = parallel, in_caller
        self.places: set[frozenset[int]] = set()

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        self.places.add(frozenset(os.sched_getaffinity(0)))
        return super().run(pixels)


def places_of(workers: int, folder: Path, parallel: bool = True, in_caller: bool = True) -> set[frozenset[int]]:
    engine = Watching(parallel, in_caller)
    picture = Picture("", save_picture(folder / "a.jpg"))
    with Pipeline(engine, Transform(), workers) as pipeline:
        assert len(list(pipeline.batches([[picture, None]] * 8 * workers))) == 8 * workers
    return engine.places


def test_a_worker_for_each_processor_keeps_to_it(tmp_path: Path) -> None:
    assert places_of(processors.count(), tmp_path) == {frozenset({p}) for p in ALL}
    assert os.sched_getaffinity(0) == ALL, "the thread that asks was tied down, too"


@pytest.mark.parametrize("more", [1, -1])
def test_more_or_fewer_workers_run_anywhere(tmp_path: Path, more: int) -> None:
    if processors.count() + more:
        assert places_of(processors.count() + more, tmp_path) == {ALL}


def test_beside_an_engine_with_threads_of_its_own_workers_run_anywhere(tmp_path: Path) -> None:
    """The processor of one that decodes is no longer free for the engine, and the other one is."""
    assert places_of(processors.count(), tmp_path, in_caller=False) == {ALL}
    assert not OpenvinoEngine.in_caller


def test_for_a_device_all_run_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever feeds it needs a processor, too."""
    decoded: set[frozenset[int]] = set()

    def watched(_: Picture, transform: Transform, data: bytes | None) -> NDArray[np.uint8]:
        decoded.add(frozenset(os.sched_getaffinity(0)))
        return np.zeros((transform.crop, transform.crop, 3), np.uint8)

    monkeypatch.setattr("featurize.run.pipeline.pixels", watched)
    assert places_of(processors.count(), tmp_path, parallel=False) == {ALL}
    assert decoded == {ALL}


def test_a_companion_computes_where_the_thread_that_waits_may() -> None:
    decoder_processes.stop()
    for wanted in (*({p} for p in sorted(ALL)), ALL):
        with ThreadPoolExecutor(1, initializer=os.sched_setaffinity, initargs=(0, wanted)) as pool:
            pool.submit(decoder_processes.pixels_of, JPEG, Transform()).result()
        (companion,) = decoder_processes.idle_processes()
        assert os.sched_getaffinity(companion) == wanted
