"""One part of a dataset table through the feature cache: what is missing of it is embedded.

A table of usual size is one part. Of a large one, a run takes part after part, so its memory does not grow with the
table's length, but for eight bytes a picture that tell which were seen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cache import OK, Recipe, Store
from cache.ids import Ids, Seen, first_seen
from cache.plan import unfinished
from cache.rows import ABSENT
from featurize.choices import CONTROL
from featurize.dataset.table import DatasetTable
from featurize.engines import Engine, EngineFactory
from featurize.errors import Undecodable
from featurize.networks.network import Network
from featurize.networks.recipes import Formula, formulas
from featurize.pictures.file import Picture
from featurize.pictures.rehash import rehash_sample
from featurize.pictures.remote import address_of
from featurize.progress import Progress
from featurize.reasons import Reason
from featurize.run import agreement, editions
from featurize.run.executors import local
from featurize.run.executors.base import Carried, Job
from featurize.run.outcomes import Failed, failures
from featurize.run.plans import forget_finished
from featurize.run.references import keep_references, load_references
from featurize.run.settings import Settings
from featurize.run.shard import Shard


@dataclass
class Run:
    """What all parts of a run share, and what became of them so far.

    Parameters
    ----------
    cache : Store
    network : Network
    formulas : sequence of Formula
        Of the recipes that are asked for.
    settings : Settings
    precision : str
        As it stands in the key.
    shard : Shard, optional
    workers : int
        Worker threads.
    progress : callable
        Called with (pictures done, pictures in all parts so far).
    say : callable
        Called with a line for the user.
    engines : callable
        What makes the engine.

    Attributes
    ----------
    rows, pictures, embedded, left : int
        See `featurize.run.extract.Extraction`.
    failed : list of Failed
    known : list of Failed
        Pictures of the parts' other rows that failed in earlier runs.
    carried : list of Carried
        What the executors did.
    """

    cache: Store
    network: Network
    formulas: Sequence[Formula]
    settings: Settings
    precision: str
    shard: Shard | None
    workers: int
    progress: Progress
    say: Callable[[str], None]
    engines: EngineFactory
    rows: int = 0
    pictures: int = 0
    embedded: int = 0
    left: int = 0
    failed: list[Failed] = field(default_factory=list)
    known: list[Failed] = field(default_factory=list)
    carried: list[Carried] = field(default_factory=list)
    _done: int = 0
    _total: int = 0
    _seen: Seen = field(default_factory=Seen)
    _engines: dict[tuple[str, ...], Engine] = field(default_factory=dict)

    def embed(self, table: DatasetTable, rows: NDArray[np.intp]) -> None:
        """Embed what is missing of some rows of one part.

        Raises
        ------
        Disagreement, StorageFailed
            Everything that was finished before stays.
        """
        cache = self.cache
        ids, pictures, troubles = _look_at_files(table, rows)
        _renew(cache, ids, pictures, troubles, self.say)
        wanted = [f for f in self.formulas if cache.missing(ids, [f.recipe]).any()] or self.formulas
        recipes = [f.recipe for f in wanted]
        missing = cache.missing(ids, recipes)
        if self.settings.retry_failed:
            missing |= ~np.isin(cache.status(ids), [OK, ABSENT])
        new = self._seen.note(ids)
        todo = ids[missing & np.array([i not in troubles for i in ids.tolist()], bool)]
        if len(todo):
            planned = ids[new] if self.shard else todo
            carried = self._carry_out(wanted, pictures, todo, planned, ids)
            troubles |= carried.troubles
        else:
            self._forget_plans(ids, recipes)
        lacking = failures(
            table, rows, cache, recipes, troubles, _misnamed(table, rows, {*troubles, *_fetched(todo, pictures)})
        )
        failed = [f for f in lacking if not (self.shard and f.reason == Reason.NOT_TRIED)]
        self.rows += len(rows)
        self.pictures += int(new.sum())
        self.embedded += int((cache.status(todo) == OK).sum())
        self.left += len(lacking) - len(failed)
        self.failed += failed
        others = np.setdiff1d(np.arange(len(table)), rows)
        known = failures(table, others, cache, recipes, {}, {})
        self.known += [f for f in known if f.reason != Reason.NOT_TRIED]

    def _forget_plans(self, ids: Ids, recipes: Sequence[Recipe]) -> None:
        """Remove plans of some pictures that a run left which was stopped after its last segment."""
        wanted = {recipe.digest for recipe in recipes}
        beside = {formula.recipe.digest for formula in formulas(CONTROL)}
        plans = unfinished(self.cache.artifacts, ids)
        left = [plan for plan in plans if wanted.issuperset(own := set(plan.recipes) - beside) and own]
        forget_finished(left, self.cache, recipes, {})

    def _carry_out(
        self, wanted: Sequence[Formula], pictures: Mapping[bytes, Picture], todo: Ids, planned: Ids, at_hand: Ids
    ) -> Carried:
        before = self._total
        made = [*wanted, *self.settings.beside(wanted, self.precision)]
        if not self.carried:
            _tell_cost(wanted, self.say)

        def progress(done: int, total: int) -> None:
            self._done, self._total = before + done, before + total
            self.progress(self._done, self._total)

        job = Job(
            self.cache, self.network, made, self.settings, self.precision, pictures, todo, planned, at_hand,
            self.shard, self.workers, progress, self.say, self.engines, self._engines,
        )  # fmt: skip
        self._tell_blind(job)
        if self.settings.ray is not None:
            from featurize.run.executors import on_ray

            carried = on_ray.carry_out(job, self.settings.ray, self.settings.num_gpus)
        else:
            carried = local.carry_out(job)
        self.carried.append(carried)
        keep_references(job.cache, job.recipes, job.shown, agreement.choose(job.cache, job.recipes, job.pictures))
        return carried

    def _tell_blind(self, job: Job) -> None:
        """Say where nothing will show whether new vectors fit the stored ones."""
        references = load_references(job.cache.artifacts, job.shown.shape)
        if agreement.blind(job.cache, job.recipes, agreement.choose(job.cache, job.recipes, job.pictures), references):
            self.say(
                "nothing shows whether the new vectors fit the stored ones: the table names no picture that this cache "
                "holds, and none of its reference pictures is left; a table with some stored pictures lets them be "
                "compared"
            )


def _tell_cost(wanted: Sequence[Formula], say: Callable[[str], None]) -> None:
    """Say how often the network will see each picture, where that is more than its mirror image asks for."""
    squares = max(formula.squares for formula in wanted)
    if squares > 1:
        say(
            f"{2 * squares} views of each picture: the network takes {2 * squares} times as long as for one, and "
            "decoding somewhat longer"
        )


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


def _fetched(todo: Ids, pictures: Mapping[bytes, Picture]) -> list[bytes]:
    """The pictures at addresses that this run has fetched and compared with their ids."""
    return [i for i in todo.tolist() if address_of(pictures[i].path)]


def _misnamed(table: DatasetTable, rows: NDArray[np.intp], judged: Collection[bytes]) -> dict[int, Undecodable]:
    """Rows whose file seems unchanged, but is not the picture that their id names; a sample of the files is read."""
    sound = [row for row, i in zip(rows.tolist(), table.ids[rows].tolist(), strict=True) if i not in judged]
    return {sound[n]: why for n, why in rehash_sample([table.picture(row) for row in sound]).items()}


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
