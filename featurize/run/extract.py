"""The run: a dataset table's pictures -> vectors in the feature cache, each picture once.

Nothing is embedded that the cache holds; what is missing is planned, decoded beside the network, and committed
segment by segment. Whatever stops a run, the next one goes on where it ended, and its vectors are bit for bit
those of a run that never stopped. Where nothing is missing, torch is never loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import OK, Key, Store, create_cache
from cache.buckets import bucket_at
from cache.ids import Ids, first_seen
from cache.places import remember_place
from cache.rows import ABSENT
from cache.schema1 import refuse_unadopted
from featurize import processors
from featurize.dataset.table import DatasetTable, as_table
from featurize.engines import EngineChoice, EngineFactory, make_engine
from featurize.errors import Undecodable
from featurize.networks.licences import remember_licence, restriction
from featurize.networks.network import Network, choose_network
from featurize.networks.providers import standard_embedding
from featurize.networks.recipes import Formula, formulas
from featurize.pictures.file import Picture
from featurize.pictures.rehash import rehash_sample
from featurize.progress import Progress
from featurize.reasons import Reason
from featurize.run import agreement, editions
from featurize.run.executors import local
from featurize.run.executors.base import Carried, Job
from featurize.run.outcomes import Failed, failures, write_failures
from featurize.run.references import keep_references
from featurize.run.shard import Shard


@dataclass(frozen=True)
class Settings:
    """What a run is to do.

    Parameters
    ----------
    split : str
        "train", "val", "test" or "all".
    backbone : str
        As on the command line.
    embedding : str, optional
        Recipes; by default what the network's authors evaluate it with.
    weights : str or Path, optional
        The name of published weights, "random", or a file; by default the first that the network's provider publishes.
    block : int, optional
        The block, or stage, that the recipes read; counted from 1, the last by default.
    mirror : bool
        Average each embedding over the picture and its mirror image.
    size : int, optional
        Side of the square that the network sees; 224 by default.
    decode : str
        "exact", or "fast" for JPEGs decoded at reduced size.
    engine, precision, device : str
    store : str
        Type of the vectors on disk, "float32" or "float16".
    batch_size : int, optional
        By default 8 on a CPU and 256 on a GPU.
    compiled : bool
        Use torch.compile.
    workers : int, optional
        Worker threads; as many as processors by default, and one in each worker of a Ray cluster.
    retry_failed : bool
        Try pictures again that failed before.
    shard : str, optional
        A part of the run, as in "3/16": see `featurize.run.shard`. Start every shard with the same table and settings.
    ray : str, optional
        The address of a Ray cluster whose nodes embed; "auto" finds it, or starts one on this machine.
    num_gpus : float
        GPUs of each worker of the cluster.
    """

    split: str = "all"
    backbone: str = "resnet50"
    weights: str | Path | None = None
    embedding: str | None = None
    block: int | None = None
    mirror: bool = False
    size: int | None = None
    decode: str = "exact"
    engine: str = "auto"
    precision: str = "fp32"
    device: str = "auto"
    store: str = "float32"
    batch_size: int | None = None
    compiled: bool = False
    workers: int | None = None
    retry_failed: bool = False
    shard: str | None = None
    ray: str | None = None
    num_gpus: float = 0.0

    def formulas(self, network: Network) -> list[Formula]:
        """The recipes that are asked for, as a network computes them.

        Raises
        ------
        BackboneError
            There is no such recipe, or the network has not what it reads.
        """
        embedding = self.embedding or standard_embedding(network.backbone.identity)
        return formulas(embedding, self.mirror, self.block, network.backbone)

    def choice(self, precision: str) -> EngineChoice:
        """What is said about computing, with the precision as it stands in the key."""
        return EngineChoice(self.engine, precision, self.device, self.batch_size, self.compiled)


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
        The same as a CSV file in the key's folder; None where nothing failed.
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
        """Files that are not those the table speaks of."""
        return [f.path for f in self.failed if not f.reason.is_about_bytes]


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
    table = as_table(table)
    shard = Shard.parse(settings.shard) if settings.shard else None
    network = choose_network(settings.backbone, settings.weights, size=settings.size, decode=settings.decode)
    wanted = settings.formulas(network)  # before anything is made
    rows = table.rows_of(settings.split)
    refuse_unadopted(root, network.key(settings.precision))
    if network.weights.assumed:
        say(network.weights.assumed)
    if restricted := restriction(network.backbone.full_name, network.weights.licence):
        say(restricted)
    precision = precision_of(network, settings, table, root, say)
    cache = create_cache(root, network.key(precision))
    set_aside = cache.repair()
    if network.weights.file:
        remember_place(cache.artifacts, network.weights.file)
    if network.weights.licence:
        remember_licence(cache.artifacts, network.weights.licence)
    ids, pictures, troubles = _look_at_files(table, rows)
    _renew(cache, ids, pictures, troubles, say)
    wanted = [f for f in wanted if cache.missing(ids, [f.recipe]).any()] or wanted
    recipes = [f.recipe for f in wanted]
    missing = cache.missing(ids, recipes)
    if settings.retry_failed:
        missing |= ~np.isin(cache.status(ids), [OK, ABSENT])
    todo = ids[missing & np.array([i not in troubles for i in ids.tolist()], bool)]
    workers = settings.workers or (1 if settings.ray else processors.count())
    carried = Carried()
    if len(todo):
        job = Job(
            cache, network, wanted, settings, precision, pictures, todo, ids if shard else todo, shard, workers,
            progress or (lambda done, total: None), say, engines,
        )  # fmt: skip
        if settings.ray:
            from featurize.run.executors import on_ray

            carried = on_ray.carry_out(job, settings.ray, settings.num_gpus)
        else:
            carried = local.carry_out(job)
        troubles |= carried.troubles
        keep_references(cache.artifacts, network.transform, agreement.choose(cache, recipes, pictures))
    lacking = failures(table, rows, cache, recipes, troubles, _misnamed(table, rows, troubles))
    failed = [f for f in lacking if not (shard and f.reason == Reason.NOT_TRIED)]
    return Extraction(
        folder=bucket_at(cache.place).path() or cache.place,
        key=cache.key,
        rows=len(rows),
        pictures=len(ids),
        embedded=int((cache.status(todo) == OK).sum()),
        failed=failed,
        left=len(lacking) - len(failed),
        failures_path=write_failures(cache.artifacts, failed),
        set_aside=set_aside,
        seconds=carried.seconds,
        decode_seconds=carried.decode_seconds,
        network_seconds=carried.network_seconds,
        storage_seconds=carried.storage_seconds,
        workers=workers,
        engine=carried.engine,
    )


def _renew(
    cache: Store,
    ids: Ids,
    pictures: Mapping[bytes, Picture],
    troubles: Mapping[bytes, Undecodable],
    say: Callable[[str], None],
) -> None:
    """Drop what an earlier edition of the decoder got wrong, so that it counts as missing."""
    earlier = editions.look(cache, ids, pictures, troubles)
    for line in earlier.describe():
        say(line)
    if len(earlier.outdated):
        cache.drop(earlier.outdated)
    editions.note_seen(cache.artifacts, ids[~np.isin(ids, earlier.unseen)])


def precision_of(
    network: Network, settings: Settings, table: DatasetTable, root: str | Path, say: Callable[[str], None]
) -> str:
    """The precision as it stands in the key: for int8 with the hash of the calibrated body, made where missing."""
    if settings.precision != "int8":
        return settings.precision
    from featurize.engines.int8 import calibrated

    return calibrated(network, table, root, say)


def _look_at_files(
    table: DatasetTable, rows: NDArray[np.intp]
) -> tuple[Ids, dict[bytes, Picture], dict[bytes, Undecodable]]:
    """The distinct pictures of some rows: ids in order, a file for each, and those whose file is not as prepared."""
    ids = table.ids[rows]
    pictures: dict[bytes, Picture] = {}
    troubles: dict[bytes, Undecodable] = {}
    for picture_id, row in zip(ids.tolist(), rows.tolist(), strict=True):
        if picture_id in pictures and picture_id not in troubles:
            continue  # the same picture under another path
        picture = table.picture(row)
        pictures[picture_id] = picture
        trouble = picture.trouble()
        if trouble:
            troubles[picture_id] = trouble
        else:
            troubles.pop(picture_id, None)
    return ids[first_seen(ids)], pictures, troubles


def _misnamed(
    table: DatasetTable, rows: NDArray[np.intp], troubles: Mapping[bytes, Undecodable]
) -> dict[int, Undecodable]:
    """Rows whose file seems unchanged, but is not the picture that their id names; a sample of the files is read."""
    sound = [row for row, i in zip(rows.tolist(), table.ids[rows].tolist(), strict=True) if i not in troubles]
    return {sound[n]: why for n, why in rehash_sample([table.picture(row) for row in sound]).items()}
