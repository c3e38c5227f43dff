"""Fine-tuning cross-validated, beside heads on the frozen network: the same folds, the same paired tests.

Each fold is a training of its own, with the epoch chosen within its training rows. A fold that is done is kept in
`runs/NAME/fold-1.json`; the same command goes on with the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import files
from classify.data import Examples, LabelledRows, load_rows
from classify.errors import FinetuneError
from classify.evaluation.contrasts import judge
from classify.evaluation.entry import Estimate
from classify.evaluation.statistics import wilson
from classify.finetune.begin import begin
from classify.finetune.learner import Learner
from classify.finetune.result import RUN, check_kinds, write_json
from classify.finetune.settings import FinetuneSettings
from classify.finetune.start import Started, started
from classify.finetune.training import scores_of
from classify.fitting.asked import read_specs
from classify.fitting.trial import folds_of, train_head
from classify.heads import HeadSpec
from classify.heads.rows.folds import Folds, make_folds
from classify.lineage import trained_on_by_file
from featurize.dataset.table import DatasetTable, as_table
from featurize.networks.network import Network, choose_network
from featurize.progress import Progress
from featurize.wording import counted

TUNED = "finetuned"


@dataclass(frozen=True)
class Contender:
    """The fine-tuned network, or a head on the frozen one, over all folds.

    Parameters
    ----------
    name : str
    accuracy : Estimate
        With Wilson's interval.
    seconds : float
        Of training, all folds together.
    better : Estimate or None
        Accuracy of the fine-tuned network minus this one's, with an interval over artists; None for itself.
    p : float or None
        Exact McNemar test of the two, corrected for the number of pairs (Holm); None for the network itself.
    differ : bool
        Whether the two can be told apart: by that test, and by the interval of their difference over artists.
    """

    name: str
    accuracy: Estimate
    seconds: float
    better: Estimate | None
    p: float | None
    differ: bool


@dataclass(frozen=True)
class Folded:
    """What cross-validation showed.

    Parameters
    ----------
    folder : Path
    question : str
        "new": painters are kept apart; "known": they are not.
    folds : int
    rows, scored : int
        Rows, and those that a fold held out whose class it had learned.
    epochs : sequence of int
        The chosen one of each fold.
    contenders : sequence of Contender
        The fine-tuned network first.
    """

    folder: Path
    question: str
    folds: int
    rows: int
    scored: int
    epochs: Sequence[int]
    contenders: Sequence[Contender]


def cross_validate(
    table: DatasetTable | str | Path = "dataset.csv",
    out: str | Path = "runs/folds",
    settings: FinetuneSettings | None = None,
    *,
    folds: int = 5,
    heads: str = "logreg,svm",
    features: str | Path = "features",
    on_epoch: Callable[[dict[str, Any]], None] = lambda record: None,
    say: Callable[[str], None] = lambda line: None,
    progress: Progress | None = None,
) -> Folded:
    """Fine-tune once for each fold of the rows, and compare with heads on the frozen network.

    Parameters
    ----------
    folds : int
    heads : str
        Heads to compare with, "logreg,svm:C=3".
    others
        As in `fine_tune`. `settings.split` says which rows are divided; "all" is every row of the table.

    Raises
    ------
    FinetuneError
        The rows can't be divided, or the folder holds another run.
    HeadError, TableError, DataError, WeightsError, BackboneError, StorageFailed
    """
    settings = settings or FinetuneSettings(start="layer4")
    table, out, specs = as_table(table), Path(out), read_specs(heads)
    if of_texts := next((spec for spec in specs if spec.of_texts), None):
        raise FinetuneError(
            f"--heads {of_texts}: it compares with prompts, and a network in training has none: leave it out"
        )
    network = choose_network(settings.backbone, settings.weights, size=settings.size)
    asked = load_rows(table, settings.target, settings.split)
    _refuse_what_has_seen_rows(settings, network, asked)
    begun = begin(out, settings, network, asked, count=folds, heads=[str(spec) for spec in specs])
    if "folded" in begun:
        finished = _finished(out, begun["folded"])
        say(f"the folds in {str(out)!r} are finished; another --out begins new ones")
        return finished
    with started(
        table, out, settings, network, begun, features=features, on_epoch=on_epoch, say=say, progress=progress
    ) as ready:
        rows = ready.learner.rows
        parts = make_folds(rows.y, rows.groups, folds, settings.seed)
        if not parts:
            raise FinetuneError(f"--folds {folds}: {len(rows)} rows can't be divided: each class has one row or artist")
        if len(parts) < folds:
            say(f"--folds {folds}: {len(parts)} are made, for no class has so many rows, or there are fewer artists")
        done = [_fold(ready, out, number, *part) for number, part in enumerate(parts, 1)]
        contenders, scored = _compared(ready, parts, done, specs)
        found = Folded(out, ready.question, len(parts), len(rows), scored, [f["epoch"] for f in done], contenders)
        if ready.team.leads:
            facts = {name: value for name, value in asdict(found).items() if name != "folder"}
            write_json(out / RUN, {**begun, "folded": facts})
    return found


def _refuse_what_has_seen_rows(settings: FinetuneSettings, network: Network, asked: LabelledRows) -> None:
    """Raise where a head or a network has learned from rows that folds would hold out."""
    if settings.init_head:
        raise FinetuneError("--folds and --init-head: a head from a file has seen rows of every fold; leave one out")
    seen = len(trained_on_by_file(network.weights.file) & set(asked.ids))
    if seen:
        raise FinetuneError(
            f"--folds: the network of {settings.weights} was trained on {counted(seen, 'picture')} of the {len(asked)} "
            "that folds would hold out, so their figures would look wonderful and mean nothing: give weights that have "
            "seen none of them, or another --split"
        )


def _finished(out: Path, facts: Any) -> Folded:
    """What a cross-validation came to, as `run.json` has it.

    Raises
    ------
    FinetuneError
        The file was damaged.
    """
    try:
        contenders = []
        for each in facts["contenders"]:
            better = each["better"] and Estimate(**each["better"])
            contenders.append(Contender(**{**each, "accuracy": Estimate(**each["accuracy"]), "better": better}))
        return Folded(out, **{**facts, "contenders": contenders})
    except (TypeError, KeyError) as error:
        raise FinetuneError(f"{str(out / RUN)!r} can't be read ({error}): choose another --out") from error


def _fold(ready: Started, folder: Path, number: int, train: NDArray[np.intp], held: NDArray[np.intp]) -> dict[str, Any]:
    """Train on a fold's rows and name the classes of those held out; what is done already is read."""
    learner, kept = ready.learner, folder / f"fold-{number}.json"
    if kept.is_file():
        return _kept(kept, len(held), len(learner.classes))
    told = learner.on_epoch
    learner.on_epoch = lambda record: told({"fold": number, **record})
    try:
        learned = learner.learn(np.sort(train), folder / f"fold-{number}")
    finally:
        learner.on_epoch = told
    scores, _ = scores_of(learner.tuned, learner.inputs, held, learner.batch_size, learner.team)
    result = {
        "epoch": learned.epoch,
        "seconds": round(learned.seconds, 3),
        "predicted": scores.argmax(1).tolist(),
        "history": learned.history,
    }
    if ready.team.leads:
        write_json(kept, result)
        for leftover in (folder / f"fold-{number}").glob("*.checkpoint.safetensors"):
            files.remove(leftover)
        files.remove_folder(folder / f"fold-{number}")
    ready.team.wait()
    return result


def _kept(path: Path, rows: int, classes: int) -> dict[str, Any]:
    """What a fold that is done came to.

    Raises
    ------
    FinetuneError
        The file was damaged.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        check_kinds(found, {"epoch": int, "seconds": (int, float), "predicted": list, "history": list})
        if len(found["predicted"]) != rows or not set(found["predicted"]) <= set(range(classes)):
            raise ValueError(f"it does not name one of {classes} classes for each of {rows} rows")
        return found
    except (OSError, ValueError, TypeError) as error:
        raise FinetuneError(
            f"{str(path)!r} can't be used ({error}): remove it, and the fold is trained again"
        ) from error


def _frozen(learner: Learner, parts: Folds, spec: HeadSpec) -> tuple[NDArray[np.intp], float]:
    """Classes that a head on the frozen embeddings names for the held-out rows, and the seconds of its training."""
    predicted, spent = [], 0.0
    whole = Examples(learner.rows, learner.frozen)
    for train, held in parts:
        examples = whole.take(np.sort(train))
        trial = train_head(spec, examples, folds_of(examples.rows, learner.settings.seed), seed=learner.settings.seed)
        names = trial.head.classes_[trial.ask(learner.frozen[held]).argmax(1)]
        predicted.append(np.searchsorted(learner.classes, names))
        spent += trial.tune_seconds + trial.fit_seconds
    return np.concatenate(predicted), spent


def _compared(
    ready: Started, parts: Folds, done: Sequence[Mapping[str, Any]], specs: Sequence[HeadSpec]
) -> tuple[list[Contender], int]:
    """The fine-tuned network and heads on the frozen one, and on how many held-out rows they were compared."""
    learner = ready.learner
    scored = np.concatenate([held for _, held in parts])
    truth = learner.codes[scored]
    right = [np.concatenate([np.array(fold["predicted"]) for fold in done]) == truth]
    seconds = [sum(fold["seconds"] for fold in done)]
    for spec in specs:
        predicted, spent = _frozen(learner, parts, spec)
        right.append(predicted == truth)
        seconds.append(spent)
    names = [TUNED, *(str(spec) for spec in specs)]
    groups = ready.prepared.rows.groups[scored]
    return _contenders(names, np.stack(right, 1), seconds, groups, learner.settings.seed), len(scored)


def _contenders(
    names: Sequence[str], right: NDArray[np.bool_], seconds: Sequence[float], groups: NDArray[np.str_], seed: int
) -> list[Contender]:
    """Each one's accuracy, and how it stands to the first."""
    _, verdict = judge(right, groups, seed)
    against = {c.second: c for c in verdict.contrasts if c.first == 0}
    found = []
    for n, name in enumerate(names):
        contrast = against.get(n)
        found.append(
            Contender(
                name,
                wilson(int(right[:, n].sum()), len(right)),
                round(seconds[n], 3),
                contrast.difference if contrast else None,
                contrast.p_holm if contrast else None,
                bool(contrast and contrast.differ),
            )
        )
    return found
