"""The contract of every head: a scikit-learn classifier on embeddings that can be taken apart into plain arrays.

A head turns prepared rows (scaling.py) into one score for each class; everything else follows from the scores: the
class is the largest one, the probabilities are their softmax at a temperature. Subclasses write `_fit`, `_scores`
and name their fitted arrays; heads that can solve many problems at once (folds, values of a parameter) also write
`_path`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import (
    _check_n_features,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from classify.heads.calibration import Calibration, fit_calibration
from classify.heads.checks import (
    check_arrays,
    check_classes,
    check_finite,
    check_numbers,
    check_rows,
    check_scores,
    check_varied,
    check_weights,
)
from classify.heads.rows.blocks import Array, block_rows, take
from classify.heads.rows.folds import Folds, make_folds
from classify.heads.rows.gathered import Gathered
from classify.heads.rows.moments import Pieces
from classify.heads.rows.parts import Shared, share
from classify.heads.rows.scaling import Scaling
from classify.heads.solvers.device import check_device
from classify.heads.watch import Epoch, Watch

Point = Mapping[str, Any]  # one point of a grid: parameter -> value

CALIBRATION_FOLDS = 5
SEEDS = (0, 2**32 - 1)  # bounds of a seed: what numpy, scikit-learn and torch all take
FLOATS = [np.float64, np.float32, np.float16]


class Training(NamedTuple):
    """Rows to learn from: X (N, D), codes (N,) into the classes, weights (N,) > 0 and groups (N,), or None."""

    X: Array
    codes: Array
    weights: Array | None
    groups: Any


class Head(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A classifier of embeddings.

    Parameters
    ----------
    standardize : bool
        Subtract the mean of each feature and divide by its deviation.
    sqrt : bool
        Take the square root of each feature first; negative features are refused with a ValueError.
    l2 : bool
        Bring each row to unit length, after the square root and before the standardisation.
    class_weight : None, "balanced" or dict of class -> weight
        Weight of each class's rows; "balanced" gives every class the same total.
    calibrate : bool
        Fit the temperature and the doubt of the probabilities on folds held out from the training rows
        (calibration.py); otherwise they are 1 and 0.

    Attributes
    ----------
    classes_ : (K,) the class names, sorted
    n_features_in_ : int
    scaling_ : Scaling
    temperature_ : float
    doubt_ : float
        Probabilities are (1 - doubt) softmax(scores / temperature) + doubt / K.
    """

    tunable: ClassVar[dict[str, tuple[float, ...]]] = {}  # parameter -> the values a tuning tries
    beyond: ClassVar[dict[str, tuple[float, ...]]] = {}  # more values, for where the best is the outermost of `tunable`
    path_param: ClassVar[str | None] = None  # the parameter whose values `_path` solves together
    arrays: ClassVar[tuple[str, ...]] = ()  # fitted attributes that make up the state, without the last "_"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {}  # parameter -> least and greatest number it may be
    words: ClassVar[dict[str, str]] = {}  # parameter -> the word it may be instead of a number
    composite: ClassVar[bool] = False  # whether it is made of heads, which `tuned` tunes
    dear: ClassVar[bool] = False  # whether each value of a grid is a training of its own in each fold
    centred: ClassVar[bool] = (
        True  # whether the mean is always taken off: for a model that no shift of all rows changes
    )

    standardize: bool
    sqrt: bool
    l2: bool
    class_weight: Any
    calibrate: bool
    classes_: Array
    n_features_in_: int
    scaling_: Scaling
    temperature_: float
    doubt_: float

    # ---- what a head writes

    @abstractmethod
    def _fit(self, X: Array, codes: Array, weights: Array | None) -> None:
        """Fit to X (N, D) as given and codes (N,) int into classes_; sets scaling_ and the arrays.

        Each row counts as often as its weight (N,) float64 > 0 says, or once.
        """

    @abstractmethod
    def _scores(self, rows: Array) -> Array:
        """Prepared rows (n, D) -> scores (n, K), the larger the likelier; log-probabilities up to a temperature."""

    def _path(self, X: Array, codes: Array, folds: Folds, values: Sequence[Any], weights: Array | None = None) -> Array:
        """Held-out scores (len(values), N, K) for values of `path_param`; overridden where they can share work."""
        out = np.full((len(values), len(codes), int(codes.max()) + 1), np.nan, np.float32)
        for number, value in enumerate(values):
            head = clone(self).set_params(**({self.path_param: value} if self.path_param else {}))
            for train, held_out in folds:
                head.fit(X[train], codes[train], sample_weight=None if weights is None else weights[train])
                out[number, held_out[:, None], head.classes_] = head._scores_of(X[held_out])
        return out

    # ---- hooks for heads that train in epochs; by default nothing happens

    def warm_up(self) -> None:
        """Load the libraries and the device that a fit needs, so that their time is not taken for the head's."""

    @property
    def history(self) -> Sequence[Epoch]:
        """One record for each epoch of the last fit."""
        return ()

    # ---- scikit-learn's contract

    def fit(self, X: Any, y: Any, groups: Any = None, watch: Watch | None = None, *, sample_weight: Any = None) -> Self:
        """Fit to X (N, D) and class names y (N,).

        Parameters
        ----------
        groups : (N,), optional
            For instance artists: the folds of the calibration don't take them apart.
        watch : Watch, optional
            Sees each epoch; a head without epochs has nothing to show.
        sample_weight : (N,), optional
            How often each row counts, in everything that is learned: a row of weight 2 is as two such rows, one of
            weight 0 as none. See docs/heads.md for what is only about so.

        Raises
        ------
        ValueError
            Where X or y are malformed, hold NaN or infinity, or y has fewer than two classes; where a weight is
            negative, NaN or out of range.
        """
        training = self._prepare(X, y, groups, sample_weight)
        self._fit(training.X, training.codes, training.weights)
        check_varied(self.scaling_)
        return self

    def _prepare(self, X: Any, y: Any, groups: Any, sample_weight: Any) -> Training:
        """What comes before `_fit`: look at the input, set classes_ and temperature_."""
        training = self._validate(X, y, groups, sample_weight)
        self.temperature_, self.doubt_ = 1.0, 0.0
        if self.calibrate:
            X, codes, weights, groups = training
            folds = make_folds(codes, groups, CALIBRATION_FOLDS)
            scores = self.out_of_fold(X, self.classes_[codes], folds, [{}], weights)[0]
            self.calibrate_on(scores, codes, weights)
        return training

    def scores(self, X: Any) -> Array:
        """Scores (n, K) of rows X (n, D): float64 from float64, else float32."""
        check_is_fitted(self)
        if isinstance(X, Gathered):
            _check_n_features(self, X, reset=False)
        else:
            X = validate_data(self, X, reset=False, dtype=FLOATS, ensure_all_finite=False)
        return self._scores_of(X)

    def predict(self, X: Any) -> Array:
        """The likeliest class (n,) of rows X (n, D)."""
        best = self.scores(X).argmax(1)
        names: Array = self.classes_[best]
        return names

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (n, K) float64 of rows X (n, D)."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithms (n, K) float64 of the probabilities, also where these are too small for a float."""
        scores = self.scores(X)
        return self.calibration.logs(scores)

    def decision_function(self, X: Any) -> Array:
        """Scores (n, K) of rows X (n, D); of two classes, how far the second is ahead of the first, (n,)."""
        scores = self.scores(X)
        return scores if len(self.classes_) > 2 else scores[:, 1] - scores[:, 0]

    # ---- folds and calibration

    def out_of_fold(
        self, X: Array, y: Array, folds: Folds, points: Sequence[Point], weights: Array | None = None
    ) -> Array:
        """Scores of the held-out rows for each point of a grid.

        Parameters
        ----------
        X : (N, D)
        y : (N,) classes
        folds : pairs of training and validation row numbers
        points : parameter values, applied over this head's own
        weights : (N,) > 0, optional
            How often each training row counts.

        Returns
        -------
        (len(points), N, K) float32; NaN for rows that no fold held out, and -inf for a class that the fold's
        training rows do not have.
        """
        classes, codes = np.unique(y, return_inverse=True)
        count = len(classes)
        plain = clone(self).set_params(calibrate=False)
        if isinstance(self.class_weight, dict):  # by number, as the folds' heads see the classes
            plain.class_weight = {code: self.class_weight.get(name, 1.0) for code, name in enumerate(classes)}
        out = np.full((len(points), len(X), count), np.nan, np.float32)
        if not folds:  # no row can be held out
            return out
        together: dict[str, tuple[dict[str, Any], list[int]]] = {}
        for number, point in enumerate(points):
            rest = {key: value for key, value in point.items() if key != self.path_param}
            together.setdefault(repr(sorted(rest.items())), (rest, []))[1].append(number)
        shared = self.path_param or ""
        own = getattr(self, shared, None)
        for rest, numbers in together.values():
            values = [points[number].get(shared, own) for number in numbers]
            out[numbers] = clone(plain).set_params(**rest)._path(X, codes, folds, values, weights)
        for train, held_out in folds:
            absent = np.setdiff1d(np.arange(count), codes[train])
            out[:, held_out[:, None], absent] = -np.inf
        return out

    def tuned(self, X: Array, y: Array, folds: Folds) -> dict[str, Any]:
        """Parameters that are found otherwise than by a grid; a head made of heads has some."""
        return {}

    @property
    def tunings(self) -> Mapping[str, Any]:
        """The Tuning of each head that it is made of, after `tuned`, by their specs."""
        return {}

    def folds_needed(self, held_out: Sequence[int]) -> int:
        """How many of the folds, which hold out so many rows each, a tuning goes through; all, unless each is dear."""
        return len(held_out)

    def tuned_on(self, rows: int) -> int:
        """From how many of a fold's training rows its fit learns while tuning and calibrating; all, unless dear."""
        return rows

    @property
    def approximation(self) -> str | None:
        """What the fitted head computes only approximately, as the end of a sentence; None where it is exact."""
        return None

    @property
    def drawn(self) -> bool:
        """Whether another seed would give another head."""
        return False

    def calibrate_on(self, scores: Array, codes: Array, weights: Array | None = None) -> None:
        """Calibrate on held-out scores (N, K), each as often as its weight; rows of NaN are left out."""
        found = fit_calibration(scores, codes, weights)
        self.temperature_, self.doubt_ = found.temperature, found.doubt

    @property
    def calibration(self) -> Calibration:
        """How the fitted head makes probabilities of its scores."""
        return Calibration(self.temperature_, self.doubt_)

    # ---- saving

    def state(self) -> dict[str, Array]:
        """All that was learned, as plain arrays; with get_params() and classes_ it makes the head again."""
        check_is_fitted(self)
        own = self._learned()
        scaling = {f"scaling.{name}": value for name, value in self.scaling_.state().items()}
        features = np.asarray(self.n_features_in_, np.int64)
        calibration = {"temperature": np.float64(self.temperature_), "doubt": np.float64(self.doubt_)}
        return {**own, **scaling, **{n: np.asarray(v) for n, v in calibration.items()}, "features": features}

    @classmethod
    def from_state(cls, params: Mapping[str, Any], state: Mapping[str, Array], classes: Sequence[str]) -> Self:
        """The fitted head again, with the same bits in its predictions.

        Raises
        ------
        ValueError
            Where an array is missing or not finite, does not fit the others or the classes, or a parameter is out of
            bounds.
        """
        head = cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in params.items()})
        head.check_parameters()
        missing = [name for name in (*cls.arrays, "temperature", "features") if name not in state]
        if missing:
            raise ValueError(f"this is not the state of a {cls.__name__}: it lacks {', '.join(missing)}")
        head.classes_ = np.asarray(classes)
        head.n_features_in_ = int(state["features"])
        head.temperature_ = float(state["temperature"])
        head.doubt_ = float(state.get("doubt", 0.0))  # heads of earlier versions have none
        head.scaling_ = Scaling(head.sqrt, head.l2, state.get("scaling.mean"), state.get("scaling.scale"))
        head._restore(state)
        head._check_state(state)
        return head

    def _learned(self) -> dict[str, Array]:
        """The fitted arrays by name."""
        return {name: np.asarray(getattr(self, name + "_")) for name in self.arrays}

    def _restore(self, state: Mapping[str, Array]) -> None:
        """Set the fitted arrays from what `_learned` gave."""
        for name in self.arrays:
            setattr(self, name + "_", np.asarray(state[name]))

    def _check_state(self, state: Mapping[str, Array]) -> None:
        """Raise a ValueError unless the arrays are finite and give one score for each class."""
        check_arrays(state)
        if list(self.classes_) != sorted(set(self.classes_.tolist())):
            raise ValueError("its classes are not in order")
        try:
            shape = self._scores(self.scaling_(np.zeros((1, self.n_features_in_), np.float32))).shape
        except (ValueError, IndexError) as error:
            raise ValueError(f"its arrays don't fit each other: {error}") from error
        if shape != (1, len(self.classes_)):
            raise ValueError(f"it scores {shape[1]} classes, but names {len(self.classes_)}")

    # ---- shared by the heads

    def check_parameters(self) -> None:
        """Raise a ValueError where a parameter's value can't be used; it names the value and what can."""
        for name, bounds in self.bounds.items():
            value, word = getattr(self, name), self.words.get(name)
            if word is None or value != word:
                check_numbers(name, value, bounds, word)
        if not (isinstance(self.class_weight, Mapping) or self.class_weight in (None, "balanced")):
            raise ValueError(f"there is no class_weight={self.class_weight}; choose from none, balanced")
        check_device(getattr(self, "device", "cpu"))

    def _validate(self, X: Any, y: Any, groups: Any, sample_weight: Any) -> Training:
        self.check_parameters()
        if isinstance(X, Gathered):
            _check_n_features(self, X, reset=True)
            check_consistent_length(X, y)
            y = column_or_1d(y)
        else:
            X, y = validate_data(self, X, y, dtype=FLOATS, ensure_all_finite=False)
        check_classes(y)
        weights = None if sample_weight is None else check_weights(sample_weight, len(y))
        if weights is not None and not weights.all():
            kept = np.flatnonzero(weights)
            X, y, weights = take(X, kept), y[kept], weights[kept]
            groups = groups if groups is None else np.asarray(groups)[kept]
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"a head needs two classes or more, but there is one class, {str(self.classes_[0])!r}")
        check_rows(X, standardize=self.standardize, sqrt=self.sqrt, l2=self.l2)
        return Training(X, codes, weights, groups)

    def _scores_of(self, X: Array) -> Array:
        step = block_rows(X.shape[1])
        parts = []
        for start in range(0, len(X), step):
            part = X[start : start + step]
            check_finite(part)
            with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is refused
                parts.append(self._scores(self.scaling_(part)))
            check_scores(parts[-1], part)
        return np.concatenate(parts)

    def _fit_scaling(self, X: Array, weights: Array | None) -> Scaling:
        options = {"standardize": self.standardize, "sqrt": self.sqrt, "l2": self.l2, "centred": self.centred}
        return Scaling.fit(X, None, weights, **options)

    def _fit_scalings(self, X: Array, trains: Sequence[Array], weights: Array | None) -> list[Scaling]:
        """One for each of some parts of the rows, learned in one pass."""
        plain = Scaling(self.sqrt, self.l2)
        if not (self.standardize or self.centred):
            return [plain] * len(trains)
        found = Pieces.of(plain.rowwise, X, trains, weights).parts()
        return [plain.standardising(one, self.standardize) for one in found]

    def _share(self, X: Array, trains: Sequence[Array], weights: Array | None) -> Shared:
        """Rows prepared once for all parts of them, for heads that are `centred`."""
        return share(X, trains, Scaling(self.sqrt, self.l2), self.standardize, weights)

    def _row_weights(self, codes: Array, index: Array, weights: Array | None) -> Array:
        """Weight (N,) float32 of each row, its class's included; 0 for rows that are not of `index`."""
        out = np.zeros(len(codes), np.float32)
        out[index] = self._class_weights(codes, index, weights)[codes[index]]
        if weights is not None:
            out *= weights.astype(np.float32)
        return out

    def _class_weights(self, codes: Array, index: Array, weights: Array | None = None) -> Array:
        """Weight (K,) of each class; 0 for a class that the rows `index` do not have.

        Balanced classes have the same total, of the rows' own weights (N,) too.
        """
        count = int(codes.max()) + 1
        part = codes[index]
        present = np.unique(part)
        out = np.zeros(count)
        if isinstance(self.class_weight, dict):
            names = getattr(self, "classes_", np.arange(count))
            out[present] = [self.class_weight.get(names[code], 1.0) for code in present]
        else:
            own = None if weights is None else weights[index]
            out[present] = compute_class_weight(self.class_weight, classes=present, y=part, sample_weight=own)
        return out
