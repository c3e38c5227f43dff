"""The `ensemble` head: the average of other heads' calibrated probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from classify.heads.base import Head, Point
from classify.heads.calibration import fit_calibration
from classify.heads.rows.blocks import Array
from classify.heads.rows.folds import Folds
from classify.heads.rows.scaling import Scaling
from classify.heads.spec import HeadSpec, head_class
from classify.heads.watch import Watch

if TYPE_CHECKING:
    from classify.heads.tuning import Tuning

FLOOR = 1e-12  # under it a probability's logarithm tells nothing


class Ensemble(Head):
    """The average of the calibrated probabilities of several heads.

    Parameters
    ----------
    members : tuple of str
        Heads with their options, as HeadSpec.parse reads them: none that is an ensemble, and none that compares with
        prompts.

    The others are those of Head, and hold for every member that does not say otherwise; `calibrate` is about the
    average, the members are always calibrated.

    Attributes
    ----------
    members_ : list of Head
    """

    composite: ClassVar[bool] = True

    members_: list[Head]

    def __init__(
        self,
        *,
        members: tuple[str, ...] = ("logreg", "svm", "lda"),
        standardize: bool = True,
        sqrt: bool = False,
        l2: bool = False,
        class_weight: Any = None,
        calibrate: bool = False,
    ):
        self.members = members
        self.standardize = standardize
        self.sqrt = sqrt
        self.l2 = l2
        self.class_weight = class_weight
        self.calibrate = calibrate

    def check_parameters(self) -> None:
        """Also whether all members can be made."""
        super().check_parameters()
        if not self.members:
            raise ValueError("an ensemble needs members, as in members=logreg+svm")
        for spec in self.specs:
            if spec.of_texts:
                raise ValueError(
                    f"{spec.kind} compares with prompts and can't be a member of an ensemble: leave it out"
                )
            if head_class(spec.kind).composite:
                raise ValueError(f"{spec.kind} can't be a member of an ensemble: name its members instead")
        self._make()

    @property
    def specs(self) -> list[HeadSpec]:
        """The members."""
        return [HeadSpec.parse(member) for member in self.members]

    def _make(self) -> list[Head]:
        names = ("standardize", "sqrt", "l2", "class_weight")
        own = {**{name: getattr(self, name) for name in names}, "calibrate": True}
        return [spec.make(**own) for spec in self.specs]

    def warm_up(self) -> None:
        """What the members need."""
        for head in self._make():
            head.warm_up()

    def fit(self, X: Any, y: Any, groups: Any = None, watch: Watch | None = None, *, sample_weight: Any = None) -> Self:
        """Fit every member to X (N, D) and class names y (N,); see Head.fit. The members are not watched."""
        X, codes, weights, groups = self._prepare(X, y, groups, sample_weight)
        y = self.classes_[codes]
        self.members_ = [head.fit(X, y, groups, sample_weight=weights) for head in self._make()]
        self.scaling_ = Scaling(False, False)  # the members have their own
        return self

    def _fit(self, X: Array, codes: Array, weights: Array | None) -> None:
        raise NotImplementedError("fit is overridden")

    def _scores(self, rows: Array) -> Array:
        probabilities = [head.calibration.probabilities(head._scores(head.scaling_(rows))) for head in self.members_]
        logs: Array = np.log(np.mean(probabilities, axis=0) + FLOOR)
        return logs.astype(rows.dtype, copy=False)

    def out_of_fold(
        self, X: Array, y: Array, folds: Folds, points: Sequence[Point], weights: Array | None = None
    ) -> Array:
        """Logarithms of the members' average held-out probabilities; see Head.out_of_fold."""
        codes = np.unique(y, return_inverse=True)[1]
        out = []
        for point in points:
            averages = []
            for head in type(self)(**{**self.get_params(), **point})._make():
                scores = head.out_of_fold(X, y, folds, [{}], weights)[0]
                averages.append(fit_calibration(scores, codes, weights).probabilities(scores))
            out.append(np.log(np.mean(averages, axis=0) + FLOOR))
        return np.asarray(out, np.float32)

    def tuned(self, X: Array, y: Array, folds: Folds) -> dict[str, Any]:
        """Each member at its best parameters; what its spec says is not tuned."""
        from classify.heads.tuning import tune

        members = []
        self._tunings = {}
        for spec, head in zip(self.specs, self._make(), strict=True):
            best = tune(head, X, y, folds, spec.grid)
            members.append(str(replace(spec, options={**spec.options, **best.params})))
            self._tunings[str(spec)] = best
        return {"members": tuple(members)}

    @property
    def tunings(self) -> Mapping[str, Tuning]:
        """Of the members."""
        return getattr(self, "_tunings", {})

    def _learned(self) -> dict[str, Array]:
        return {f"{n}.{name}": array for n, head in enumerate(self.members_) for name, array in head.state().items()}

    def _restore(self, state: Mapping[str, Array]) -> None:
        self.members_ = []
        self.scaling_ = Scaling(False, False)
        for number, head in enumerate(self._make()):
            prefix = f"{number}."
            own = {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
            self.members_.append(type(head).from_state(head.get_params(), own, list(self.classes_)))
