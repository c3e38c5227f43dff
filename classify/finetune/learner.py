"""One network, learned from some rows: the epoch chosen on held-out ones, then learned again from all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classify.data import Examples, LabelledRows
from classify.errors import FinetuneError
from classify.evaluation.conformal import HeldOut
from classify.evaluation.familiar import FEWEST, Familiar
from classify.finetune.checkpoint import Keeper
from classify.finetune.feed.inputs import Inputs
from classify.finetune.network import Tuned, linear_weights
from classify.finetune.result import REFIT, SEARCH
from classify.finetune.settings import FinetuneSettings
from classify.finetune.team import Team
from classify.finetune.training import Training, embeddings_of, scores_of
from classify.fitting.asked import read_spec
from classify.fitting.trial import folds_of, train_head
from classify.headfile import load_head
from classify.heads.calibration import fit_temperature, softmax
from classify.heads.rows.folds import whole_folds
from featurize.wording import counted, listing

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Learned:
    """What came of it; the weights are in the network.

    Parameters
    ----------
    epoch : int
        The chosen one.
    fit : ndarray of int
        Rows that the last training learned from.
    held : ndarray of int
        Rows that the epoch was chosen on.
    accuracy : float or None
        On them, at that epoch.
    temperature : float
        That makes the probabilities of held-out rows likeliest.
    seconds : float
    history : list of mapping
    held_out : HeldOut, optional
        What was said of those rows at that temperature.
    familiar : Familiar, optional
        How far pictures may lie from those that were learned from, where it was asked for.
    """

    epoch: int
    fit: NDArray[np.intp]
    held: NDArray[np.intp]
    accuracy: float | None
    temperature: float
    seconds: float
    history: list[dict[str, Any]]
    held_out: HeldOut | None = None
    familiar: Familiar | None = None


@dataclass
class Learner:
    """A network that can be trained on any of some rows, always from the same beginning.

    Parameters
    ----------
    tuned : Tuned
    inputs : Inputs
    rows : LabelledRows
    settings : FinetuneSettings
    batch_size : int
    team : Team
    on_epoch : callable
    say : callable
        Called with a line for the user, where something takes long.
    """

    tuned: Tuned
    inputs: Inputs
    rows: LabelledRows
    settings: FinetuneSettings
    batch_size: int
    team: Team
    on_epoch: Callable[[dict[str, Any]], None] = lambda record: None
    say: Callable[[str], None] = lambda line: None
    _initial: dict[str, torch.Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self._initial = {name: value.detach().clone() for name, value in self.tuned.state().items()}
        self.classes = self.rows.classes
        self.codes = np.searchsorted(self.classes, self.rows.y)

    @cached_property
    def frozen(self) -> NDArray[np.float32]:
        """Embeddings (N, D) of all rows before any training."""
        self.say(f"embedding {counted(len(self.rows), 'picture')} with the frozen network, for the head to start from")
        self.tuned.load(self._initial)
        return embeddings_of(self.tuned, self.inputs, np.arange(len(self.rows)), self.batch_size, self.team)[0]

    def held_out(self, numbers: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows to learn from and rows to choose the epoch on: whole artists, where that can be.

        Held-out rows of a class that nothing is learned of can't choose an epoch: they are in neither.
        """
        share = self.settings.held_out
        parts = whole_folds(self.rows.y[numbers], self.rows.groups[numbers], _folds_for(share), self.settings.seed)
        taken = max(round(share * len(parts)), 1)
        for first in range(len(parts)):
            away = np.concatenate([parts[n % len(parts)][1] for n in range(first, first + taken)])
            fit = np.setdiff1d(np.arange(len(numbers)), away)
            held = np.sort(away[np.isin(self.codes[numbers[away]], self.codes[numbers[fit]])])
            if len(held) and len(np.unique(self.codes[numbers[fit]])) > 1:
                return numbers[fit], numbers[held]
        return numbers, numbers[:0]

    def learn(self, numbers: NDArray[np.intp], folder: Path | None = None, *, notice_unlike: bool = False) -> Learned:
        """Train on some rows; checkpoints lie in the folder, and a training that was stopped goes on from them.

        `notice_unlike` also finds out which pictures are unlike all these, at the price of embedding them again.
        """
        fit, held = self.held_out(numbers)
        progress = self._train(SEARCH, fit, held, self.settings.epochs, folder)
        history = [{"stage": SEARCH, **record} for record in progress.history]
        accuracy, temperature, held_out = None, 1.0, None
        if len(held):
            scores, whole = scores_of(self.tuned, self.inputs, held, self.batch_size, self.team)
            accuracy = float((scores[whole].argmax(1) == self.codes[held][whole]).mean())
            temperature = fit_temperature(scores[whole], self.codes[held][whole])
            if whole.any():
                held_out = HeldOut.of(softmax(scores[whole], temperature), self.codes[held][whole])
        familiar = self._familiar(numbers, fit, held) if notice_unlike else None
        epoch = progress.best if len(held) else len(history) - 1
        if self.settings.refit and len(held):
            fit = numbers
            again = self._train(REFIT, numbers, held[:0], epoch, folder)
            history += [{"stage": REFIT, **record} for record in again.history]
            if familiar is not None:
                familiar = familiar.in_space_of(self._embeddings(numbers)[0], self.settings.seed)
        seconds = sum(record["seconds"] for record in history)
        return Learned(epoch, fit, held, accuracy, temperature, seconds, history, held_out, familiar)

    def _familiar(self, numbers: NDArray[np.intp], fit: NDArray[np.intp], held: NDArray[np.intp]) -> Familiar | None:
        """From the network that has not learned from the held-out rows; None where these are too few."""
        if len(held) < FEWEST:
            return None
        vectors, whole = self._embeddings(numbers)
        parts = [np.flatnonzero(np.isin(numbers, part) & whole) for part in (fit, held)]
        return Familiar.learn(vectors, [(parts[0], parts[1])], self.settings.seed)

    def _embeddings(self, numbers: NDArray[np.intp]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        return embeddings_of(self.tuned, self.inputs, numbers, self.batch_size, self.team)

    def _train(
        self, stage: str, fit: NDArray[np.intp], held: NDArray[np.intp], epochs: int, folder: Path | None
    ) -> Any:
        keeper = Keeper(folder / f"{stage}.checkpoint.safetensors" if folder else None)
        if keeper.path is None or not keeper.path.is_file():
            # a head from a file may know the held-out rows, so the epoch is chosen without it
            self._start_head(fit, self.settings.init_head if not len(held) else None)
        else:
            self.say(f"going on with the {stage} where it ended")
        told = self.on_epoch
        training = Training(
            self.tuned, self.inputs, self.codes, fit, held, self.settings, self.batch_size, self.team, keeper,
            lambda record: told({"stage": stage, **record}), say=lambda line: self.say(f"{stage} {line}"),
        )  # fmt: skip
        return training.run(epochs)

    def _start_head(self, fit: NDArray[np.intp], file: str | None) -> None:
        """The network as it was, with a head from a file, or fitted to the frozen embeddings of some rows."""
        import torch

        self.tuned.load(self._initial)
        W, b = head_of_file(file, self.tuned, self.classes) if file else self._probe(fit)
        with torch.no_grad():
            self.tuned.head.weight.copy_(torch.from_numpy(W))
            self.tuned.head.bias.copy_(torch.from_numpy(b))

    def _probe(self, fit: NDArray[np.intp]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A calibrated logistic regression over all classes: one that is too sure would leave nothing to learn."""
        examples = Examples(self.rows.take(fit), self.frozen[fit])
        folds = folds_of(examples.rows, self.settings.seed)
        trial = train_head(read_spec("logreg:calibrate=true"), examples, folds, seed=0)
        W, b = linear_weights(trial.head)
        count = len(self.classes)
        weights, biases = np.zeros((count, W.shape[1]), np.float32), np.full(count, b.min(), np.float32)
        places = np.searchsorted(self.classes, trial.head.classes_)
        weights[places], biases[places] = W, b
        return weights, biases


def head_of_file(path: str, tuned: Tuned, classes: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights (K, D) and biases (K,) of a saved head, to start from.

    Raises
    ------
    FinetuneError
        It is a head on another embedding, of other classes, or not linear.
    HeadFileError
        There is no head in the file.
    """
    saved = load_head(path)
    if saved.key.digest != tuned.network.key().digest or list(saved.recipes) != tuned.recipes:
        recipes = " + ".join(r.name for r in tuned.recipes)
        raise FinetuneError(
            f"--init-head {path}: it was trained on {saved.key.folder_name} "
            f"({' + '.join(r.name for r in saved.recipes)}), and {recipes} of "
            f"{tuned.network.key().folder_name} is needed: fit one on that"
        )
    if list(saved.classes) != list(classes):
        missing, foreign = sorted({*classes} - {*saved.classes}), sorted({*saved.classes} - {*classes})
        differ = [f"it does not know {listing(missing)}"] if missing else []
        differ += [f"the rows to learn from have no {listing(foreign)}"] if foreign else []
        raise FinetuneError(f"--init-head {path}: {', and '.join(differ)}: fit one on the rows of --split and --target")
    return linear_weights(saved.head)


def _folds_for(share: float) -> int:
    """The smallest number of folds of which some together are the share that is asked for, to a hundredth."""
    return next(n for n in range(2, 51) if round(share * n) and abs(round(share * n) / n - share) <= 0.01)
