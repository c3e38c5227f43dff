"""What every training begins with: rows, pictures, a network, and a folder that holds this run and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from classify.data import Examples, LabelledRows, check_trainable, load_rows
from classify.errors import FinetuneError
from classify.finetune.begin import settle
from classify.finetune.feed.inputs import Inputs, Pictures, Uncached, readable, threads
from classify.finetune.feed.maps import StoredMaps, open_maps
from classify.finetune.learner import Learner, head_of_file
from classify.finetune.network import Tuned, build
from classify.finetune.result import RUN, write_json, write_metrics
from classify.finetune.settings import FinetuneSettings
from classify.finetune.team import Team, team
from classify.fitting.question import for_question, question_of
from featurize.dataset.table import DatasetTable
from featurize.engines import EngineChoice, device_for
from featurize.networks.network import Network
from featurize.progress import Progress
from featurize.wording import counted

_FIRST_BATCH = 32


@dataclass(frozen=True)
class Prepared:
    """All that is known before anything is learned.

    Parameters
    ----------
    rows : LabelledRows
        With a picture that can be read.
    pictures : Pictures
    left_out : mapping of str to str
        Pictures that can't be read, and why.
    """

    rows: LabelledRows
    pictures: Pictures
    left_out: Mapping[str, str]


@dataclass(frozen=True)
class Started:
    """A training that can begin.

    Parameters
    ----------
    begun : mapping
        As `run.json` has it.
    prepared : Prepared
    learner : Learner
        Its rows are grouped for the question.
    question : str
        "new" or "known".
    map_seconds, map_bytes : float, int
        For making the stored maps, and their size; 0 without.
    warnings : sequence of str
    team : Team
    """

    begun: Mapping[str, Any]
    prepared: Prepared
    learner: Learner
    question: str
    map_seconds: float
    map_bytes: int
    warnings: list[str]
    team: Team

    def lost(self) -> dict[str, str]:
        """Pictures that could be read at first and could not be read later, and why."""
        failed, paths = self.prepared.pictures.failed, self.prepared.rows.paths
        return {str(paths[n]): str(why) for n, why in sorted(failed.items())}


@contextmanager
def started(
    table: DatasetTable,
    out: Path,
    settings: FinetuneSettings,
    network: Network,
    begun: Mapping[str, Any],
    *,
    features: str | Path,
    on_epoch: Callable[[dict[str, Any]], None],
    say: Callable[[str], None],
    progress: Progress | None,
) -> Iterator[Started]:
    """Everything that comes before learning; the processes stay together while the block runs.

    Parameters
    ----------
    begun : mapping
        From `begin`; written here, when all is known to be as it should.
    others
        As in `fine_tune`.
    """
    asked = load_rows(table, settings.target, settings.split)
    question = question_of(asked, settings.question)
    check_trainable(asked, settings.target)
    if network.weights.assumed:
        say(network.weights.assumed)
    with team() as together:
        device = device_for(EngineChoice(device=settings.device))
        tuned = build(network, settings, len(asked.classes), device)
        if settings.init_head:
            head_of_file(settings.init_head, tuned, asked.classes)  # better refused now than after long work
        maps = open_maps(features, tuned, asked.ids, say) if settings.from_cache else None
        if maps is None:
            say(f"reading {counted(len(asked), 'picture')} once, to know which can't be read")
        prepared = _prepare(table, asked, network, settings, maps)
        if prepared.left_out:
            several = counted(len(prepared.left_out), "picture can't be read and is", "pictures can't be read and are")
            say(f"{several} left out; {RUN} lists {'it' if len(prepared.left_out) == 1 else 'them'}")
        warnings = check_trainable(prepared.rows, settings.target)
        if len(prepared.rows.classes) != len(asked.classes):
            tuned = build(network, settings, len(prepared.rows.classes), device)
        inputs, seconds = _inputs(prepared, tuned, maps, together, progress)
        rows = for_question(Examples(prepared.rows, np.empty((len(prepared.rows), 0))), question).rows
        told = _noting(out, on_epoch) if together.leads else on_epoch
        learner = Learner(tuned, inputs, rows, settings, _batch(settings), together, told, say)
        whole = settle(out, begun, sorted(set(asked.ids) - set(prepared.rows.ids)))
        if together.leads:
            write_json(out / RUN, whole)
        size = inputs.nbytes if isinstance(inputs, StoredMaps) else 0
        yield Started(whole, prepared, learner, question, round(seconds, 3), size, warnings, together)
        together.wait()


def _noting(out: Path, on_epoch: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """The same, with the records of all epochs so far in a file that people can look at meanwhile."""
    history: list[dict[str, Any]] = []

    def note(record: dict[str, Any]) -> None:
        history.append(record)
        write_metrics(out, history)
        on_epoch(record)

    return note


def _prepare(
    table: DatasetTable, asked: LabelledRows, network: Network, settings: FinetuneSettings, maps: StoredMaps | None
) -> Prepared:
    """Every picture without stored maps is decoded once: broken ones are known before anything is learned."""
    numbers = {(i, str(table.folder / p)): n for n, (i, p) in enumerate(zip(*_columns(table), strict=True))}
    files_of = [table.picture(numbers[i, str(p)]) for i, p in zip(asked.ids, asked.paths, strict=True)]
    looked = Pictures(files_of, network.transform, threads(settings.workers), settings.memory)
    lacking = set(asked.ids) if maps is None else {asked.ids[n] for n in maps.lacking().tolist()}
    todo = [n for n, picture in enumerate(asked.ids) if picture in lacking]
    failed = readable(looked, todo, _FIRST_BATCH)
    good = np.array([n for n in range(len(asked)) if n not in failed], np.intp)
    if not len(good):
        raise FinetuneError(f"none of the {len(asked)} pictures can be read: look at the paths of the dataset table")
    pictures = looked.only(good.tolist())
    return Prepared(asked.take(good), pictures, {str(asked.paths[n]): str(why) for n, why in sorted(failed.items())})


def _columns(table: DatasetTable) -> tuple[list[str], list[str]]:
    return list(table.columns["id"]), list(table.columns["path"])


def _inputs(
    prepared: Prepared, tuned: Tuned, maps: StoredMaps | None, together: Team, progress: Progress | None
) -> tuple[Inputs, float]:
    """What a training is fed with, and the seconds for storing maps."""
    if maps is None:
        return Uncached(prepared.pictures, tuned), 0.0
    mine = replace(maps, ids=prepared.rows.ids, _mapped={})
    seconds = mine.fill(prepared.pictures, tuned, progress) if together.leads else 0.0
    together.wait()
    mine.cache.refresh()
    return mine, seconds


def _batch(settings: FinetuneSettings) -> int:
    return settings.batch_size if isinstance(settings.batch_size, int) else _FIRST_BATCH
