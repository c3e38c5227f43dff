"""From a dataset table to a fine-tuned backbone and its head, in a folder that a stopped run goes on from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cache import files
from cache.key import Json
from classify.data import load_rows
from classify.finetune.begin import begin
from classify.finetune.learner import Learned
from classify.finetune.network import Tuned
from classify.finetune.result import RUN, Finetuned, load_finetuned, write_metrics
from classify.finetune.settings import FinetuneSettings
from classify.finetune.start import Started, started
from classify.fitting.facts import rows_digest
from classify.headfile import SavedHead, save_head
from classify.heads.linear import LogisticRegression
from classify.lineage import TRAINED_ON, trained_on_by_file
from classify.row_cautions import label_cautions, row_cautions
from featurize.dataset.table import DatasetTable, as_table
from featurize.networks.network import Network, choose_network
from featurize.networks.providers import provider_of
from featurize.networks.weights_file import Card, write_weights
from featurize.progress import Progress
from featurize.wording import counted, listing

if TYPE_CHECKING:
    import torch


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
    begun = begin(out, settings, network, load_rows(table, settings.target, settings.split))
    if "result" in begun:
        finished = load_finetuned(out)
        say(f"the run in {str(out)!r} is finished; another --out begins a new one")
        return finished
    with started(
        table, out, settings, network, begun, features=features, on_epoch=on_epoch, say=say, progress=progress
    ) as ready:
        rows = ready.prepared.rows
        learned = ready.learner.learn(np.arange(len(rows)), out, notice_unlike=True)
        cautions = [*row_cautions(rows, "training", settings.target, scored=False), *label_cautions(rows)]
        warnings = [*ready.warnings, *(c.text for c in cautions), *_doubts(learned, ready, network)]
        result = _result(out, ready, learned, warnings)
        if ready.team.leads:
            _write(result, ready, learned)
    return result


def _doubts(learned: Learned, ready: Started, network: Network) -> list[str]:
    doubts, settings, learner = [], ready.learner.settings, ready.learner
    seen = len(trained_on_by_file(network.weights.file) & {learner.rows.ids[n] for n in learned.held.tolist()})
    if seen:
        doubts.append(
            f"the weights that training began from had learned from {counted(seen, 'picture')} of the "
            f"{len(learned.held)} held-out ones before: the epoch is chosen on what the network knows, and the figure "
            "on them looks better than it is"
        )
    unlearned = sorted({*learner.classes} - {str(learner.classes[code]) for code in learner.codes[learned.fit]})
    if unlearned:
        doubts.append(f"--no-refit: no picture of {listing(unlearned)} was learned from, all were held out")
    if not len(learned.held):
        doubts.append("no row could be held out (each class has one): the last epoch is used, however it does")
    if lost := ready.lost():
        several = counted(len(lost), "picture could not be read any more", "pictures could not be read any more")
        doubts.append(f"{several} while the network was trained: nothing was learned from them since; {RUN} lists them")
    if learned.epoch == 0 and not settings.head_only:
        doubts.append("no epoch was better on the held-out rows than the head on the frozen network: that is kept")
    if network.weights.untrained:
        doubts.append("untrained backbone: these figures say nothing about what trained weights would give")
    return doubts


def _result(out: Path, ready: Started, learned: Learned, warnings: list[str]) -> Finetuned:
    prepared, learner, settings = ready.prepared, ready.learner, ready.learner.settings
    return Finetuned(
        folder=out,
        backbone=learner.tuned.network.backbone.full_name,
        target=settings.target,
        classes=learner.classes,
        asked=ready.begun["asked"],
        rows_digest=ready.begun["rows"]["digest"],
        rows=len(learned.fit),
        held_out=len(learned.held),
        layers=len(learner.tuned.layers),
        epoch=learned.epoch,
        held_out_accuracy=learned.accuracy,
        seconds=round(learned.seconds, 3),
        map_seconds=ready.map_seconds,
        map_bytes=ready.map_bytes,
        left_out={**prepared.left_out, **ready.lost()},
        warnings=warnings,
    )


def _write(result: Finetuned, ready: Started, learned: Learned) -> None:
    """All files of the finished run; `run.json` comes last, and then the checkpoints go."""
    rows, learner, tuned = ready.prepared.rows, ready.learner, ready.learner.tuned
    write_metrics(result.folder, learned.history)
    seen = {*rows.ids, *trained_on_by_file(tuned.network.weights.file)}  # what the network knew before, it still knows
    more: dict[str, Json] = {TRAINED_ON: sorted(seen), "target": result.target, "classes": learner.classes}
    source = f"fine-tuned from {tuned.network.weights.identity}"
    card = Card(result.backbone, tuned.network.transform, tuned.network.weights.licence, source, more)
    write_weights(result.weights_file, _backbone_state(tuned), card)
    save_head(_saved_head(result, ready, learned), result.head_file)
    result.save(ready.begun)
    for leftover in result.folder.glob("*.checkpoint.safetensors"):
        files.remove(leftover)


def _backbone_state(tuned: Tuned) -> dict[str, torch.Tensor]:
    """The state dict of the network without its old classifier."""
    provider = provider_of(tuned.network.backbone.provider)
    behind = provider.classifier(tuned.network.backbone)
    return {name: value for name, value in tuned.whole.state_dict().items() if not name.startswith(behind)}


def _saved_head(result: Finetuned, ready: Started, learned: Learned) -> SavedHead:
    """The head as a logistic regression on the embeddings of the new backbone."""
    from featurize.machine import machine, versions

    rows, learner, tuned = ready.prepared.rows, ready.learner, ready.learner.tuned
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
        "question": ready.question,
        "epoch": learned.epoch,
        "tuned": {},
        "remarks": [],
        "warnings": list(result.warnings),
        "weights": [str(result.weights_file.absolute())],
        "versions": versions("python", "artstyle", "numpy", "torch", "torchvision"),
        "machine": machine(),
        "seconds": result.seconds,
    }
    return SavedHead(
        head,
        "logreg",
        result.target,
        network.key(),
        tuned.recipes,
        training,
        held_out=learned.held_out,
        familiar=learned.familiar,
    )
