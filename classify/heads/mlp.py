"""Heads trained by Adam: `softmax` (the last layer alone) and `mlp` (the widened fully connected classifier).

Training needs torch, imported when it starts; a fitted head predicts with numpy alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted, validate_data

from classify.heads.base import FLOATS, SEEDS, Head
from classify.heads.checks import check_varied
from classify.heads.rows.blocks import Array, Rows, block_rows, take
from classify.heads.rows.folds import Folds
from classify.heads.solvers.parallel import Libraries
from classify.heads.solvers.sgd import Network, Schedule, run_epoch, work_of
from classify.heads.watch import Epoch, Watch

Layers = list[tuple[Array, Array]]  # weights (in, out) and biases (out,)

EPOCHS = (3, 6, 12)
RATES = (1e-4, 3e-4, 1e-3)
DECAYS = (0.0, 0.3)
ENOUGH = 2000  # held-out rows that a tuning looks at: more tell little more about a learning rate, and cost a training
HELD_OUT = 0.1  # share of each class's training rows that early stopping looks at


class NetworkHead(Head):
    """A fully connected network.

    Attributes
    ----------
    layers_ : list of (weights (in, out), biases (out,)), float32
    history_ : list of dict, one an epoch: "epoch", "train_loss" and "train_accuracy" (means over the epoch's batches,
        dropout on, as Keras shows them), "val_accuracy" where rows are watched, "held_out_loss" with early stopping
    """

    tunable: ClassVar[dict[str, tuple[float, ...]]] = {"lr": RATES, "weight_decay": DECAYS, "epochs": EPOCHS}
    beyond: ClassVar[dict[str, tuple[float, ...]]] = {
        "lr": (1e-5, 3e-5, 3e-3, 1e-2, 3e-2, 1e-1),
        "weight_decay": (1.0, 3.0),
        "epochs": (1, 2, 24, 48),
    }
    path_param: ClassVar[str | None] = "epochs"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "epochs": (1, 1e9),
        "batch": (1, 1e9),
        "lr": (1e-12, 1e3),
        "weight_decay": (0, 1e3),
        "patience": (0, 1e9),
        "seed": SEEDS,
    }

    dear: ClassVar[bool] = True
    centred: ClassVar[bool] = False  # Adam's way from rows as they are is another one

    epochs: int
    batch: int
    lr: float
    weight_decay: float
    patience: int
    seed: int
    device: str
    layers_: Layers
    history_: list[Epoch]

    def _schedule(self) -> Schedule:
        """How this head trains its network."""
        return Schedule((), 0.0, self.batch, self.lr, self.weight_decay, self.seed, self.device)

    def warm_up(self) -> None:
        """Torch loads parts of itself at the first step of a training."""
        one_step = {**self.get_params(), "epochs": 1, "calibrate": False, "class_weight": None}
        type(self)(**one_step).fit(np.eye(4, dtype=np.float32), ["a", "b", "a", "b"])

    @property
    def drawn(self) -> bool:
        """The order of the rows, the dropout and the first weights are."""
        return True

    @property
    def history(self) -> Sequence[Epoch]:
        """As history_."""
        return tuple(self.history_)

    def fit(self, X: Any, y: Any, groups: Any = None, watch: Watch | None = None, *, sample_weight: Any = None) -> Self:
        """Fit to X (N, D) and class names y (N,); `watch` sees each entry of history_ as it is made. See Head.fit."""
        X, codes, weights, _ = self._prepare(X, y, groups, sample_weight)
        self._fit(X, codes, weights, watch)
        return self

    def _fit(self, X: Array, codes: Array, weights: Array | None, watch: Watch | None = None) -> None:
        self.scaling_ = self._fit_scaling(X, weights)
        check_varied(self.scaling_)
        self._train(X, codes, weights, np.arange(len(codes)), watch)

    def _path(self, X: Array, codes: Array, folds: Folds, values: Sequence[Any], weights: Array | None = None) -> Array:
        out = np.full((len(values), len(codes), int(codes.max()) + 1), np.nan, np.float32)
        scalings = self._fit_scalings(X, [train for train, _ in folds], weights)
        for scaling, (train, held_out) in zip(scalings, folds, strict=True):  # without copying the rows of a fold
            head = clone(self)
            head.scaling_ = scaling
            if self.patience:
                for number, value in enumerate(values):
                    head.epochs = value
                    head._train(X, codes, weights, train)
                    head._score_into(out[number], X, held_out)
                continue
            head.epochs = max(values)  # a shorter training is the beginning of the longer one, to the bit
            stops = {value: partial(head._score_at, out, values, X, held_out, value) for value in values}
            head._train(X, codes, weights, train, stops=stops)
        return out

    def _score_at(self, out: Array, values: Sequence[Any], X: Array, held_out: Array, epoch: int) -> None:
        """The scores of the held-out rows, where this epoch is the last one of some values."""
        for number, value in enumerate(values):
            if value == epoch:
                self._score_into(out[number], X, held_out)

    def _score_into(self, out: Array, X: Array, rows: Array) -> None:
        for at in np.array_split(rows, len(rows) // block_rows(X.shape[1]) + 1):
            out[at] = self._scores(self.scaling_(take(X, at)))

    def folds_needed(self, held_out: Sequence[int]) -> int:
        """As many as hold out ENOUGH rows together."""
        return int((np.cumsum([0, *held_out[:-1]]) < ENOUGH).sum())

    def _train(
        self,
        X: Array,
        codes: Array,
        row_weights: Array | None,
        index: Array,
        watch: Watch | None = None,
        stops: Mapping[int, Callable[[], None]] | None = None,
    ) -> None:
        """Train on the rows `index`, whose scaling is known; `stops` are called behind their epochs."""
        rows = Rows(X, self.scaling_)
        schedule = self._schedule()
        libraries, stops = Libraries(), stops or {}
        parts = libraries.team_size(work_of(schedule, X.shape[1])) if schedule.device == "cpu" else 1
        network = Network(schedule, X.shape[1], int(codes.max()) + 1, parts)
        weights = self._class_weights(codes, index, row_weights)[codes].astype(np.float32)
        if row_weights is not None:  # a step's size must not depend on their unit
            weights *= (row_weights / row_weights[index].mean()).astype(np.float32)
        index, held_out = self._split(codes, index)
        best, kept, waited = np.inf, None, 0
        self.history_ = []
        for epoch in range(1, self.epochs + 1):
            loss, accuracy = run_epoch(network, rows, index, codes, weights, libraries)
            record: Epoch = {"epoch": epoch, "train_loss": loss, "train_accuracy": accuracy}
            if len(held_out) or watch is not None or epoch in stops or epoch == self.epochs:
                self.layers_ = network.arrays()  # copies of all weights: on few rows they take as long as the epoch
            if len(held_out):
                record["held_out_loss"] = self._loss(
                    rows[held_out], codes[held_out], None if row_weights is None else row_weights[held_out]
                )
                better = record["held_out_loss"] < best
                best, kept, waited = (record["held_out_loss"], self.layers_, 0) if better else (best, kept, waited + 1)
            if watch is not None:
                watch.epoch(self, record)
            if epoch in stops:
                stops[epoch]()
            self.history_.append(record)
            if len(held_out) and waited >= self.patience:
                break
        self.layers_ = kept or self.layers_

    def _split(self, codes: Array, index: Array) -> tuple[Array, Array]:
        """Row numbers to train on, and those early stopping looks at: a tenth of each class's rows, or none."""
        if not self.patience:
            return index, index[:0]
        order = np.random.default_rng(self.seed).permutation(index)
        order = order[np.argsort(codes[order], kind="stable")]  # class after class, shuffled inside
        sizes = np.bincount(codes[order])
        places = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # of a row within its class
        chosen = places < np.floor(HELD_OUT * np.repeat(sizes, sizes) + 0.5)
        return np.sort(order[~chosen]), np.sort(order[chosen])

    def _loss(self, rows: Array, codes: Array, weights: Array | None = None) -> float:
        scores = self._scores(rows).astype(np.float64)
        top = scores.max(1)
        logs = scores - (top + np.log(np.exp(scores - top[:, None]).sum(1)))[:, None]
        return -float(np.average(logs[np.arange(len(codes)), codes], weights=weights))

    def last_hidden(self, X: Any) -> Array:
        """What the last hidden layer makes of rows X (n, D), behind its ReLU, (n, width)."""
        check_is_fitted(self)
        return self._hidden(self.scaling_(validate_data(self, X, reset=False, dtype=FLOATS)))

    def _hidden(self, rows: Array) -> Array:
        for weights, biases in self.layers_[:-1]:
            rows = rows @ weights
            rows += biases
            np.maximum(rows, 0, out=rows)
        return rows

    def _scores(self, rows: Array) -> Array:
        W, b = self.layers_[-1]
        return self._hidden(rows) @ W + b

    def _learned(self) -> dict[str, Array]:
        names = (f"{kind}.{number}" for number in range(len(self.layers_)) for kind in ("weights", "biases"))
        return dict(zip(names, (array for layer in self.layers_ for array in layer), strict=True))

    def _restore(self, state: Mapping[str, Array]) -> None:
        count = sum(name.startswith("weights.") for name in state)
        self.layers_ = [(state[f"weights.{number}"], state[f"biases.{number}"]) for number in range(count)]


class SoftmaxLayer(NetworkHead):
    """The last layer alone, retrained by Adam: the first step of transfer learning.

    Parameters
    ----------
    epochs, batch : int
    lr : float
        Step size of Adam.
    weight_decay : float
        Decoupled weight decay (Loshchilov & Hutter, 2019); 0 for plain Adam.
    patience : int
        Stop after so many epochs without a better loss on a tenth of the training rows, and keep the best epoch's
        weights; 0 trains all epochs on all rows.
    seed : int
    device : "cpu", "cuda" or "auto"

    The others are those of Head.
    """

    def __init__(
        self,
        *,
        epochs: int = 12,
        batch: int = 32,
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        patience: int = 0,
        seed: int = 0,
        device: str = "cpu",
        standardize: bool = True,
        sqrt: bool = False,
        l2: bool = False,
        class_weight: Any = None,
        calibrate: bool = False,
    ):
        self.epochs = epochs
        self.batch = batch
        self.lr = lr
        self.weight_decay = weight_decay
        self.patience = patience
        self.seed = seed
        self.device = device
        self.standardize = standardize
        self.sqrt = sqrt
        self.l2 = l2
        self.class_weight = class_weight
        self.calibrate = calibrate


class MLP(NetworkHead):
    """The widened fully connected classifier of "Artwork Style Prediction".

    By default 512, ReLU, dropout 0.5, 256, ReLU, dropout 0.5, softmax; Adam, batches of 32, 12 epochs.

    Parameters
    ----------
    hidden : tuple of int
        Widths of the hidden layers.
    dropout : float
        Share of hidden units that are off in a step.

    The others are those of SoftmaxLayer and Head.
    """

    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        **NetworkHead.bounds,
        "hidden": (1, 1e9),
        "dropout": (0, 0.99),
    }

    def __init__(
        self,
        *,
        hidden: tuple[int, ...] = (512, 256),
        dropout: float = 0.5,
        epochs: int = 12,
        batch: int = 32,
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        patience: int = 0,
        seed: int = 0,
        device: str = "cpu",
        standardize: bool = True,
        sqrt: bool = False,
        l2: bool = False,
        class_weight: Any = None,
        calibrate: bool = False,
    ):
        self.hidden = hidden
        self.dropout = dropout
        self.epochs = epochs
        self.batch = batch
        self.lr = lr
        self.weight_decay = weight_decay
        self.patience = patience
        self.seed = seed
        self.device = device
        self.standardize = standardize
        self.sqrt = sqrt
        self.l2 = l2
        self.class_weight = class_weight
        self.calibrate = calibrate

    def _schedule(self) -> Schedule:
        return replace(super()._schedule(), hidden=tuple(self.hidden), dropout=self.dropout)
