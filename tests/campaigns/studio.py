"""A small world for campaigns: tiny pictures, the commands on them, the vectors they must give.

Pictures are 40 by 30 pixels and the network is the fake one, which tells by the last bits when a picture stood in
another place or batch. A run takes some hundredths of a second and commits six segments.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cache import SegmentDamaged, list_caches
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.prepare import prepare
from featurize.dataset.table import read_table
from featurize.engines.fake import FakeEngines
from featurize.exchange import export as exporting
from featurize.networks.recipes import FORMULAS
from featurize.run import plans
from featurize.run.extract import Settings
from tests.campaigns import forks
from tests.campaigns.grounds import DISK, Ground
from tests.conftest import save_picture
from tests.featurize import fake

PICTURES = 96
BATCH = 2
AVGPOOL = FORMULAS["avgpool"].recipe
SIDE = 32
RUN = ("--backbone", "resnet18", "--weights", "random", "--size", str(SIDE), "--batch-size", str(BATCH))


class Studio:
    """The dataset in a folder, commands on it, and judges.

    Parameters
    ----------
    folder : Path
    pictures : int
    ground : Ground
        Where features folders lie.
    """

    def __init__(self, folder: Path, pictures: int = PICTURES, ground: Ground = DISK) -> None:
        self.folder = folder
        self.ground = ground
        self.table_path = folder / "dataset.csv"
        self.said = folder / "said.txt"
        self.damaged: bytes | None = None
        plans.SEGMENT_PICTURES = 8 * BATCH
        fake.decode_here()
        folder.mkdir(parents=True, exist_ok=True)
        if not self.table_path.exists():
            for n in range(pictures):
                save_picture(folder / "pictures" / f"Style-{n % 3}" / f"a-{n % 5}_p-{n}.jpg", n, (40, 30))
            prepare(folder / "pictures", self.table_path, split="random")
        self.ids = read_table(self.table_path).ids
        self.reference = self.root("reference")
        self.expected = self._reference()

    def _reference(self) -> dict[bytes, bytes]:
        """The vectors of a run that nobody disturbed, made anew each time: id -> bytes."""
        self.ground.remove(self.reference)
        ended = forks.run(self.run(self.reference), self.said)
        assert ended.status == 0, ended.said
        vectors: dict[bytes, bytes] = forks.ask(lambda: self.vectors(self.reference), self.said)
        assert len(vectors) == len(self.ids)
        return vectors

    def root(self, name: str) -> str:
        """A features folder."""
        return self.ground.root(self.folder / name)

    def run(self, root: str, *more: str) -> Callable[[], int]:
        """`featurize run`."""
        return self._command("run", "--dataset", str(self.table_path), "--features", root, *RUN, *more)

    def compact(self, root: str) -> Callable[[], int]:
        """`featurize compact`."""
        return self._command("compact", "--features", root)

    def verify(self, root: str) -> Callable[[], int]:
        """`featurize verify`."""
        return self._command("verify", "--features", root)

    def export(self, root: str, out: Path) -> Callable[[], int]:
        """`featurize export`."""
        return self._command("export", str(out), "--dataset", str(self.table_path), "--features", root)

    def interrupted(self, root: str, after: int) -> Callable[[], int]:
        """A run that is interrupted after some pictures, as by Ctrl-C; status 130."""

        def work() -> int:
            from featurize.run.extract import extract

            def interrupt(done: int, total: int) -> None:
                if done >= after:
                    raise KeyboardInterrupt

            try:
                extract(read_table(self.table_path), root, self.settings(), interrupt, engines=FakeEngines())
            except KeyboardInterrupt:
                return 130
            return 0

        return work

    def settings(self) -> Settings:
        """Those of `RUN`."""
        return Settings(backbone="resnet18", weights="random", size=SIDE, batch_size=BATCH)

    def _command(self, *arguments: str) -> Callable[[], int]:
        return lambda: run(cli, list(arguments), FakeEngines())

    # Judges: to be called in a child.

    def vectors(self, root: str) -> dict[bytes, bytes]:
        """All vectors that a reader sees in undamaged segments: id -> bytes."""
        found: dict[bytes, bytes] = {}
        for cache in list_caches(root):
            cache.verify()
            ids = cache.ids()
            ids = ids[cache.embedded(ids, AVGPOOL)]
            if len(ids):
                found |= dict(zip(ids.tolist(), map(np.ndarray.tobytes, cache.gather(ids, AVGPOOL)), strict=True))
        return found

    def damage(self, root: str) -> None:
        """Flip a bit among the vectors of one segment."""
        segment = min(self.ground.segments(root))
        data = bytearray(self.ground.read(root, segment))
        data[-20] ^= 1
        self.damaged = bytes(data)
        self.ground.write(root, segment, self.damaged)

    def faults_of(self, root: str) -> list[str]:
        """What is wrong with a cache that may be incomplete: damaged segments, other bits than the reference's.

        The segment that was damaged on purpose is no surprise.
        """
        wrong = []
        for cache in list_caches(root):
            wrong += [
                str(p) for p in cache.verify() if not (isinstance(p, SegmentDamaged) and self._on_purpose(root, p))
            ]
        there = self.vectors(root)
        wrong += [f"{i.hex()[:12]} has other bits" for i, v in there.items() if self.expected.get(i) != v]
        return wrong

    def _on_purpose(self, root: str, problem: SegmentDamaged) -> bool:
        return self.ground.read(root, problem.where.removeprefix(f"{root}/")) == self.damaged

    def faults_of_export(self, out: Path, *, whole: bool = True) -> list[str]:
        """What is wrong with an exported file; one that was made of an incomplete cache need not be whole."""
        import h5py

        with h5py.File(out) as file:
            ids = [bytes.fromhex(i.decode()).rstrip(b"\0") for i in file["id"][()]]
            rows = [row.tobytes() for row in file["features/avgpool"][()]]
        other = sum(self.expected.get(i) != row for i, row in zip(ids, rows, strict=True))
        missing = len(self.expected) - len(set(ids)) if whole else 0
        if not (other or missing):
            return []
        return [f"{out.name} holds {other} vectors that the cache does not hold, and lacks {missing}"]

    def leftovers(self, root: str, out: Path | None = None) -> list[str]:
        """Temporary files that nobody needs any more, also beside an exported file."""
        beside = DISK.leftovers(str(out.parent)) if out else []
        return [f"left behind: {name}" for name in [*self.ground.leftovers(root), *beside]]


def warm_up() -> None:
    """Load what commands load when they are used, so that no child has to."""
    import h5py  # noqa: F401
    import rich.console
    import rich.table  # noqa: F401

    from featurize.dataset import splits  # noqa: F401

    assert exporting
