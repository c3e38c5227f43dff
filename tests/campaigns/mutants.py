"""The mutation campaign: spoiled pictures by the hundred thousand, through the decoder that runs use.

What must hold for every mutant: the decoder neither crashes nor takes longer than ten seconds nor outgrows its
memory; a picture that is cut is refused or complete; a PNG that was changed is refused or the same; the same bytes
give the same pixels. Every hundredth mutant goes through a whole run among seven neighbours: they keep their bits,
and the rows embedded and failed add up.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from cache import open_cache
from cache.ids import from_hex
from featurize.dataset.table import DatasetTable
from featurize.engines.fake import FakeEngines
from featurize.errors import Undecodable
from featurize.networks.recipes import FORMULAS
from featurize.pictures import decoder_processes
from featurize.pictures.file import digest
from featurize.pictures.transform import Transform
from featurize.reasons import Reason
from featurize.run import pipeline
from featurize.run.extract import Settings, extract
from tests.campaigns.base import Campaign, Trial
from tests.campaigns.mutations import mutate
from tests.campaigns.sources import sources
from tests.conftest import ROOT

AMONG_NEIGHBOURS = 100  # every so-manieth mutant goes through a run
TWICE = 10  # every so-manieth is decoded again
SECONDS = 10.0
MEGABYTES = 2048  # a picture of the largest size allowed needs about half of it
TRANSFORM = Transform(resize=36, crop=32)
PAINTINGS = ROOT.parent / "shared" / "data" / "rasta-small"
AVGPOOL = FORMULAS["avgpool"].recipe
Pixels = bytes | Reason  # what becomes of a file


class Mutants(Campaign):
    """Trial n is mutant n, followed through the decoder and, now and then, through a run.

    Parameters
    ----------
    folder : Path
    seed : int
    patch : MonkeyPatch, optional
        Undoes what is changed; without it the process is the campaign's.
    each : int
        Healthy pictures in each form.
    """

    record = 200_000

    def __init__(self, folder: Path, seed: int, patch: pytest.MonkeyPatch | None = None, each: int = 3) -> None:
        super().__init__(folder, seed)
        (patch.setattr if patch else setattr)(decoder_processes, "LIMIT", SECONDS)
        decoder_processes.stop()  # those that are there know another limit
        self.healthy = sources(PAINTINGS if PAINTINGS.is_dir() else None, seed, each)
        self._pixels = [outcome(data) for _, data in self.healthy]
        self.neighbours = [data for form, data in self.healthy if form in ("jpeg", "png", "webp", "tiff")][:7]
        self._expected: dict[int, bytes] = {}  # place of the mutant -> the others' vectors beside a healthy picture

    def trial(self, number: int) -> Trial:
        rng = self.random(number)
        chosen = rng.randrange(len(self.healthy))
        form, data = self.healthy[chosen]
        family = form.partition("-")[0]
        way, mutant = mutate(data, rng, [d for f, d in self.healthy if f.partition("-")[0] == family])
        found = outcome(mutant)
        wrong = list(self._judge(form, way, self._pixels[chosen], found))
        if number % TWICE == 0 and outcome(mutant) != found:
            wrong.append("another outcome the second time")
        if number % AMONG_NEIGHBOURS == 0 and mutant not in self.neighbours:  # some mutations change nothing
            wrong += self._among_neighbours(mutant, found, rng)
        said = found.label if isinstance(found, Reason) else "embedded"
        return Trial(said, [f"{form}, {way}: {w}" for w in wrong])

    def _judge(self, form: str, way: str, healthy: Pixels, found: Pixels) -> Iterator[str]:
        if found in (Reason.CRASHED, Reason.HUNG):
            yield "no decoder may do this"
        if peak_megabytes() > MEGABYTES:
            yield f"the decoder grew to {peak_megabytes():.0f} MB"
        cut = way.startswith("cut") and "made right" not in way and "progressive" not in form
        checked = form.startswith("png") and "made right" not in way
        if isinstance(found, bytes) and (cut or checked or way == "cut") and found != healthy:
            yield "accepted, though it is not the whole picture"

    def _among_neighbours(self, mutant: bytes, found: Pixels, rng: Random) -> Iterator[str]:
        place = rng.randrange(len(self.neighbours) + 1)
        if place not in self._expected:
            self._expected[place] = self._embed(self.healthy[-1][1], place)[0]
        vectors, embedded, failed = self._embed(mutant, place)
        if vectors != self._expected[place]:
            yield "a neighbour's row changed"
        if embedded + failed != len(self.neighbours) + 1:
            yield f"{embedded} embedded and {failed} failed are not {len(self.neighbours) + 1}"
        if (failed == 0) != isinstance(found, bytes):
            yield "the run and the decoder disagree"

    def _embed(self, mutant: bytes, place: int) -> tuple[bytes, int, int]:
        """The neighbours' vectors, and how many rows were embedded and failed, with the mutant in its place."""
        folder = self.folder / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        contents = [*self.neighbours[:place], mutant, *self.neighbours[place:]]
        for n, data in enumerate(contents):
            (folder / f"{n}").write_bytes(data)
        ids = [digest(data) for data in contents]
        columns = {"id": ids, "path": [str(n) for n in range(len(ids))], "split": ["train"] * len(ids)}
        chosen = Settings(backbone="resnet18", weights="random", batch_size=len(ids), size=TRANSFORM.crop, workers=1)
        done = extract(DatasetTable(columns, folder), folder / "features", chosen, engines=FakeEngines())
        neighbours = from_hex(ids[:place] + ids[place + 1 :])
        cache = open_cache(done.folder)
        if not cache.embedded(neighbours, AVGPOOL).all():
            return b"", done.embedded, len(done.failed)
        return cache.gather(neighbours, AVGPOOL).tobytes(), done.embedded, len(done.failed)


def outcome(data: bytes) -> Pixels:
    """What becomes of a file: its pixels, or the reason."""
    try:
        return decoder_processes.pixels_of(data, TRANSFORM).tobytes()
    except Undecodable as why:
        return why.reason


def peak_megabytes() -> float:
    """The largest that a decoder at hand ever was, resident."""
    peaks = [0.0]
    for process in decoder_processes.idle_processes():
        status = Path(f"/proc/{process}/status")
        if status.exists():
            peaks += [int(s.split()[1]) / 1024 for s in status.read_text().splitlines() if s.startswith("VmHWM")]
    return max(peaks)


def forgiving_decoder() -> None:
    """What is missing of a picture is filled with grey, and nobody told."""
    decoder_processes.PROGRAM = "tests.featurize.companion_forgiving"


def overwrite(self: pipeline._Decoded, place: int, transform: Transform) -> None:
    """Fill a place of a batch; where a picture fails, the one before it is overwritten."""
    _fill(self, place, transform)
    if place in self.failed:
        self.pixels[place - 1] = 0


def overwritten_neighbour() -> None:
    """Where a picture fails, the one before it is overwritten."""
    pipeline._Decoded.fill = overwrite  # type: ignore[method-assign]


_fill = pipeline._Decoded.fill
PLANTS: dict[str, Callable[[], None]] = {
    "forgiving-decoder": forgiving_decoder,
    "overwritten-neighbour": overwritten_neighbour,
}
