"""The run: a dataset table's pictures -> vectors in the feature cache, each picture once.

Nothing is embedded that the cache holds; what is missing is planned, decoded beside the network, and committed
segment by segment. Whatever stops a run, the next one goes on where it ended, and its vectors are bit for bit
those of a run that never stopped. Where nothing is missing, torch is never loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from cache import Key, create_cache
from cache.buckets import bucket_at
from cache.places import remember_place
from cache.schema1 import refuse_unadopted
from featurize import processors
from featurize.dataset.parts import parts_of
from featurize.dataset.table import DatasetTable
from featurize.engines import EngineFactory, make_engine
from featurize.networks.licences import remember_licence, restriction
from featurize.networks.network import Network, choose_network
from featurize.pictures import gpu_decoder
from featurize.pictures.remote import address_of
from featurize.progress import Progress
from featurize.reasons import Reason
from featurize.run.outcomes import Failed, write_failures
from featurize.run.part import Run
from featurize.run.settings import Settings as Settings
from featurize.run.shard import Shard


@dataclass(frozen=True)
class Extraction:
    """What a run did.

    Parameters
    ----------
    folder : Path or str
        The key's folder, or its address.
    key : Key
    rows : int
        Rows of the table asked for.
    pictures : int
        Distinct pictures among them.
    embedded : int
        Newly embedded.
    failed : sequence of Failed
        Every row asked for that has no vector, with its one reason; all other rows have theirs.
    left : int
        Rows that this shard leaves to others, and that have no vector yet; 0 where the run was no shard.
    failures_path : Path or None
        The same as a CSV file in the key's folder, and after them the pictures of the table's other splits that failed
        in earlier runs; None where nothing failed.
    set_aside : sequence of str
        Damaged segments whose rows were made again, and what else was damaged.
    seconds : float
        From the first picture to the last commit; loading the network is not counted.
    decode_seconds, network_seconds : float
        Of all workers together.
    storage_seconds : float
        Of the thread that commits segments while the workers go on.
    workers : int
    engine : str
        What computed; empty where nothing had to be.
    """

    folder: Path | str
    key: Key
    rows: int
    pictures: int
    embedded: int
    failed: Sequence[Failed]
    left: int
    failures_path: Path | None
    set_aside: Sequence[str]
    seconds: float
    decode_seconds: float
    network_seconds: float
    storage_seconds: float
    workers: int
    engine: str

    @property
    def whole(self) -> int:
        """Rows that have their vectors."""
        return self.rows - len(self.failed) - self.left

    @property
    def reasons(self) -> Mapping[Reason, int]:
        """How many rows failed for each reason."""
        return Counter(f.reason for f in self.failed)

    @property
    def changed(self) -> list[Path]:
        """Files that are there, but are not those the table speaks of."""
        return [f.path for f in self._unlike_the_table if not address_of(f.path) and f.reason != Reason.MISSING]

    @property
    def missing(self) -> list[Path]:
        """Files that are not there."""
        return [f.path for f in self._unlike_the_table if not address_of(f.path) and f.reason == Reason.MISSING]

    @property
    def moved(self) -> list[str]:
        """Addresses at which nothing lies, or another picture than that of the table."""
        return [f.where for f in self._unlike_the_table if address_of(f.path)]

    @property
    def _unlike_the_table(self) -> list[Failed]:
        return [f for f in self.failed if not f.reason.is_about_bytes and f.reason != Reason.NOT_FETCHED]

    @property
    def unfetched(self) -> list[str]:
        """Addresses that did not give their picture."""
        return [f.where for f in self.failed if f.reason == Reason.NOT_FETCHED]


def extract(
    table: DatasetTable | str | Path = "dataset.csv",
    root: str | Path = "features",
    settings: Settings = Settings(),
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda line: None,
    engines: EngineFactory = make_engine,
) -> Extraction:
    """Embed the pictures of a table that the cache does not hold yet.

    Parameters
    ----------
    table : DatasetTable, str or Path
        The table, or where it lies.
    root : str or Path
        The features folder, or its address in an object store; made where it is not there.
    settings : Settings
    progress : callable, optional
        Called with (pictures done, pictures in all).
    say : callable
        Called with a line for the user when something begins that takes a while.
    engines : callable
        What makes the engine; see `featurize.engines.fake` for another.

    Raises
    ------
    TableError, BackboneError, WeightsError, EarlierVersion, Disagreement, StorageFailed
        Everything that was finished before stays.

    Examples
    --------
    An untrained network at a small size, to try it quickly:

    >>> import featurize
    >>> settings = featurize.Settings(backbone="resnet18", weights="random", size=64, engine="torch")
    >>> done = featurize.extract("dataset.csv", "features", settings)
    >>> done.pictures, len(done.failed)
    (40, 0)
    """
    shard = Shard.parse(settings.shard) if settings.shard is not None else None
    settings.check_gpus()
    network = choose_network(settings.backbone, settings.weights, size=settings.size, decode=settings.decode)
    wanted = settings.formulas(network)  # before anything is made
    if settings.decode == "gpu" and not settings.ray:  # a cluster's nodes look for themselves
        gpu_decoder.check()
    parts = parts_of(table, settings.split)
    first = next(parts)
    refuse_unadopted(root, network.key(settings.precision))
    if network.weights.assumed:
        say(network.weights.assumed)
    if restricted := restriction(network.backbone.full_name, network.weights.licence):
        say(restricted)
    precision = precision_of(network, settings, first[0], root, say)
    cache = create_cache(root, network.key(precision))
    set_aside = cache.repair()
    if network.weights.file:
        remember_place(cache.artifacts, network.weights.file)
    if network.weights.licence:
        remember_licence(cache.artifacts, network.weights.licence)
    workers = settings.workers or (1 if settings.ray is not None else processors.count())
    run = Run(
        cache, network, wanted, settings, precision, shard, workers, progress or (lambda done, total: None), say,
        engines,
    )  # fmt: skip
    for part, rows in chain([first], parts):
        run.embed(part, rows)
    return Extraction(
        folder=bucket_at(cache.place).path() or cache.place,
        key=cache.key,
        rows=run.rows,
        pictures=run.pictures,
        embedded=run.embedded,
        failed=run.failed,
        left=run.left,
        failures_path=write_failures(cache.artifacts, [*run.failed, *run.known]),
        set_aside=set_aside,
        seconds=sum(c.seconds for c in run.carried),
        decode_seconds=sum(c.decode_seconds for c in run.carried),
        network_seconds=sum(c.network_seconds for c in run.carried),
        storage_seconds=sum(c.storage_seconds for c in run.carried),
        workers=workers,
        engine=next((c.engine for c in run.carried if c.engine), ""),
    )


def precision_of(
    network: Network, settings: Settings, table: DatasetTable, root: str | Path, say: Callable[[str], None]
) -> str:
    """The precision as it stands in the key: for int8 with the hash of the calibrated body, made where missing."""
    if settings.precision != "int8":
        return settings.precision
    from featurize.engines import settled
    from featurize.engines.int8 import calibrated

    settled(network.backbone, settings.choice("int8"))  # what doesn't go together is refused before it is calibrated
    return calibrated(network, table, root, say)
