"""From a dataset table to a fine-tuned backbone and its head, in a folder that a stopped run goes on from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cache import files
from cache.key import Json
from classify.data import LabelledRows, check_trainable, load_rows
from classify.errors import FinetuneError
from classify.finetune.inputs import Inputs, Pictures, Uncached, readable, threads
from classify.finetune.learner import Learned, Learner
from classify.finetune.maps import StoredMaps, open_maps
from classify.finetune.network import Tuned, build
from classify.finetune.result import (
    FORMAT,
    METRICS,
    RUN,
    Finetuned,
    load_finetuned,
    read_begun,
    write_json,
)
from classify.finetune.settings import FinetuneSettings
from classify.finetune.team import Team, team
from classify.fitting.facts import rows_digest
from classify.headfile import SavedHead, save_head
from classify.heads.linear import LogisticRegression
from classify.lineage import TRAINED_ON
from classify.row_cautions import label_cautions, row_cautions
from featurize.dataset.table import DatasetTable, as_table
from featurize.engines import EngineChoice, device_for
from featurize.networks.network import Network, choose_network
from featurize.networks.providers import provider_of
from featurize.networks.weights_file import Card, write_weights
from featurize.progress import Progress
from featurize.wording import counted

if TYPE_CHECKING:
    import torch

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


def fine_tune(
    table: DatasetTable | str | Path = "dataset.csv",
    out: str | Path = "runs/finetuned",
    settings: FinetuneSettings | None = None,
    *,
    features: str | Path = "features",
    on_epoch: Callable[[dict[str, Any]], None] = lambda record: None,
    say: Callable[[str], None] = lambda line: None,
    progress: Progress | None = None,
) -> Finetuned:
    """Fine-tune a backbone on the labels of a table.

    The same call again goes on with a run that was stopped, and gives a finished one as it is.

    Parameters
    ----------
    table : DatasetTable, str or Path
        The table, or where it lies.
    out : str or Path
        The run's folder.
    settings : FinetuneSettings, optional
        By default the last stage of the standard backbone is retrained.
    features : str or Path
        The features folder, where maps are kept.
    on_epoch : callable
        Called with the record of each epoch.
    say : callable
        Called with a line for the user.
    progress : callable, optional
        Called with (pictures stored, pictures to store), where maps are stored.

    Raises
    ------
    FinetuneError
        It can't be done as asked, or the folder holds another run.
    TableError, DataError, WeightsError, BackboneError, StorageFailed

    Examples
    --------
    >>> import classify
    >>> settings = classify.FinetuneSettings("resnet18", "random", size=64, start="layer4", cached=False, epochs=1)
    >>> run = classify.fine_tune("dataset.csv", "runs/layer4", settings)
    >>> run.weights_file.name
    'backbone.safetensors'
    """
    settings = settings or FinetuneSettings(start="layer4")
    table, out = as_table(table), Path(out)
    network = choose_network(settings.backbone, settings.weights, size=settings.size)
    asked = load_rows(table, settings.target, settings.split)
    begun = _begin(out, settings, network, asked)
    if "result" in begun:
        say(f"the run in {str(out)!r} is finished; another --out begins a new one")
        return load_finetuned(out)
    if network.weights.assumed:
        say(network.weights.assumed)
    with team() as together:
        if together.leads:
            write_json(out / RUN, begun)
        device = device_for(EngineChoice(device=settings.device))
        tuned = build(network, settings, len(asked.classes), device)
        maps = open_maps(features, tuned, asked.ids, say) if settings.from_cache else None
        prepared = _prepare(table, asked, network, settings, maps)
        if prepared.left_out:
            say(f"{counted(len(prepared.left_out), 'picture')} can't be read and are left out; {RUN} lists them")
        said = check_trainable(prepared.rows, settings.target)
        if len(prepared.rows.classes) != len(asked.classes):
            tuned = build(network, settings, len(prepared.rows.classes), device)
        inputs, seconds = _inputs(prepared, tuned, maps, together, progress)
        learner = Learner(tuned, inputs, prepared.rows, settings, _batch(settings), together, on_epoch)
        learned = learner.learn(np.arange(len(prepared.rows)), out)
        cautions = [*row_cautions(prepared.rows, "training", settings.target, scored=False)]
        cautions += label_cautions(prepared.rows)
        warnings = [*said, *(c.text for c in cautions), *_doubts(learned, settings, network)]
        result = _result(out, begun, prepared, learner, learned, warnings)
        if isinstance(inputs, StoredMaps):
            result = replace(result, map_seconds=round(seconds, 3), map_bytes=inputs.nbytes)
        if together.leads:
            _write(result, begun, prepared.rows, learner, learned)
        together.wait()
    return result


def _begin(out: Path, settings: FinetuneSettings, network: Network, rows: LabelledRows) -> dict[str, Any]:
    """What the run is, as `run.json` has it; what stands there already must be the same.

    Raises
    ------
    FinetuneError
        The folder holds another run.
    """
    here: dict[str, Any] = {
        "format": FORMAT,
        "asked": settings.as_json(),
        "network": dict(network.backbone.identity),
        "weights": network.weights.identity,
        "transform": network.transform.as_json(),
        "rows": {"count": len(rows), "digest": rows_digest(rows)},
    }
    there = read_begun(out)
    if there is None:
        return here
    if there["rows"] != here["rows"]:
        raise FinetuneError(
            f"the run in {str(out)!r} began with {there['rows']['count']} rows, and the dataset table has changed "
            f"since (it has {here['rows']['count']} now, or other labels): choose another --out, or restore the table"
        )
    plain = json.loads(json.dumps(here))
    for what in ("asked", "network", "weights", "transform"):
        if there[what] != plain[what]:
            raise FinetuneError(
                f"the run in {str(out)!r} began with another {_difference(there[what], plain[what], what)}: choose "
                "another --out, or give the same options"
            )
    return there


def _difference(there: Any, here: Any, what: str) -> str:
    """The first thing in which two records differ, in words."""
    if not isinstance(there, dict):
        return f"{what} ({there} then, {here} now)"
    name = next(n for n in sorted({*there, *here}) if there.get(n) != here.get(n))
    return f"{name.replace('_', '-')} ({there.get(name)} then, {here.get(name)} now)"


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


def _doubts(learned: Learned, settings: FinetuneSettings, network: Network) -> list[str]:
    doubts = []
    if not len(learned.held):
        doubts.append("no row could be held out (each class has one): the last epoch is used, however it does")
    if learned.epoch == 0 and not settings.head_only:
        doubts.append("no epoch was better on the held-out rows than the head on the frozen network: that is kept")
    if settings.init_head:
        doubts.append(
            "the head that training began from may have seen the held-out rows: the choice of the epoch is mild"
        )
    if network.weights.untrained:
        doubts.append("untrained backbone: these figures say nothing about what trained weights would give")
    return doubts


def _result(
    out: Path, begun: Mapping[str, Any], prepared: Prepared, learner: Learner, learned: Learned, warnings: list[str]
) -> Finetuned:
    settings = learner.settings
    seen = len(prepared.rows) if settings.refit else len(prepared.rows) - len(learned.held)
    return Finetuned(
        folder=out,
        backbone=learner.tuned.network.backbone.full_name,
        target=settings.target,
        classes=learner.classes,
        asked=begun["asked"],
        rows_digest=begun["rows"]["digest"],
        rows=seen,
        held_out=len(learned.held),
        layers=len(learner.tuned.layers),
        epoch=learned.epoch,
        held_out_accuracy=learned.accuracy,
        seconds=round(learned.seconds, 3),
        map_seconds=0.0,
        map_bytes=0,
        left_out=prepared.left_out,
        warnings=warnings,
    )


def _write(result: Finetuned, begun: Mapping[str, Any], rows: LabelledRows, learner: Learner, learned: Learned) -> None:
    """All files of the finished run; `run.json` comes last, and then the checkpoints go."""
    tuned = learner.tuned
    lines = [json.dumps(record) + "\n" for record in learned.history]
    files.write_atomic(result.folder / METRICS, ["".join(lines).encode()])
    more: dict[str, Json] = {TRAINED_ON: sorted(set(rows.ids)), "target": result.target, "classes": learner.classes}
    source = f"fine-tuned from {tuned.network.weights.identity}"
    card = Card(result.backbone, tuned.network.transform, tuned.network.weights.licence, source, more)
    write_weights(result.weights_file, _backbone_state(tuned), card)
    save_head(_saved_head(result, rows, learner, learned), result.head_file)
    result.save(begun)
    for leftover in result.folder.glob("*.checkpoint.safetensors"):
        files.remove(leftover)


def _backbone_state(tuned: Tuned) -> dict[str, torch.Tensor]:
    """The state dict of the network without its old classifier."""
    provider = provider_of(tuned.network.backbone.provider)
    behind = provider.classifier(tuned.network.backbone)
    return {name: value for name, value in tuned.whole.state_dict().items() if not name.startswith(behind)}


def _saved_head(result: Finetuned, rows: LabelledRows, learner: Learner, learned: Learned) -> SavedHead:
    """The head as a logistic regression on the embeddings of the new backbone."""
    from featurize.machine import machine, versions

    tuned = learner.tuned
    W, b = (p.detach().cpu().numpy().astype(np.float32) for p in (tuned.head.weight, tuned.head.bias))
    plain = LogisticRegression(standardize=False)
    numbers = {"temperature": np.asarray(learned.temperature), "features": np.asarray(W.shape[1], np.int64)}
    head = LogisticRegression.from_state(plain.get_params(), {"coef": W, "intercept": b, **numbers}, learner.classes)
    network = choose_network(result.backbone, result.weights_file)
    training = {
        "spec": "finetune",
        "asked": dict(result.asked),
        "seed": learner.settings.seed,
        "split": learner.settings.split,
        "rows": result.rows,
        "left_out": rows.left_out + len(result.left_out),
        "rows_digest": rows_digest(rows),
        "epoch": learned.epoch,
        "tuned": {},
        "remarks": [],
        "warnings": list(result.warnings),
        "weights": [str(result.weights_file.absolute())],
        "versions": versions("python", "artstyle", "numpy", "torch", "torchvision"),
        "machine": machine(),
        "seconds": result.seconds,
    }
    return SavedHead(head, "logreg", result.target, network.key(), tuned.recipes, training)
