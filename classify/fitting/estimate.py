"""How long heads will take, before they take it: their multiplications by the speed of a product on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from classify.heads import HeadSpec
from classify.heads.solvers.threads import threads_for
from featurize.wording import listing

LONG = 10.0  # seconds above which it is said
SHARE = 0.5  # of the speed of a large product that a solver reaches
PROBE = (512, 2048, 256)  # a product whose time is taken; some milliseconds
MOST_NAMED = 4
NO_TUNE = "`--no-tune` keeps the default parameters"


class Trainings(NamedTuple):
    """From how many rows, how often, and on how many folds at most a network is tuned in each."""

    rows: int
    times: int
    dear: int | None = None


@dataclass(frozen=True)
class Plan:
    """What will be done with each head.

    Parameters
    ----------
    rows, features, classes : int
        Of the training part.
    folds : int
        0 where nothing is tuned.
    further : sequence of Trainings
        Beside the first one.
    refits : int
        Fits with other seeds, for heads that draw random numbers.
    shorter : sequence of str
        Ways to shorten it, as "`--no-tune` keeps the default parameters".
    """

    rows: int
    features: int
    classes: int
    folds: int
    further: Sequence[Trainings] = ()
    refits: int = 0
    shorter: Sequence[str] = ()


def seconds_of(specs: Sequence[HeadSpec], plan: Plan) -> list[float]:
    """About how many seconds each head will take, right within a factor of two or three."""
    from classify.heads.work import Size, work

    speed = SHARE * multiplications_per_second(plan.rows * plan.features)
    out = []
    for spec in specs:
        head, grid = spec.make(), spec.grid if plan.folds else {}
        total = 0.0
        for rows, times, dear in (Trainings(plan.rows, 1), *plan.further):
            size = Size(rows, plan.features, plan.classes)
            total += times * work(spec.kind, head, size, tuned=grid, folds=plan.folds, dear=dear)
        if "seed" in spec.has:
            size = Size(plan.rows, plan.features, plan.classes)
            total += plan.refits * work(spec.kind, head, size, tuned={}, folds=0)
        out.append(total / speed)
    return out


def multiplications_per_second(numbers: int) -> float:
    """The speed of a float32 product on this machine, now, with as many threads as so many numbers get."""
    rows, inner, columns = PROBE
    A, B = np.ones((rows, inner), np.float32), np.ones((inner, columns), np.float32)
    with threads_for(_Numbers(numbers)):
        A @ B  # loads what it needs
        times = []
        for _ in range(3):
            started = time.perf_counter()
            A @ B
            times.append(time.perf_counter() - started)
    return rows * inner * columns / sorted(times)[1]


@dataclass(frozen=True)
class _Numbers:
    size: int


def announcement(specs: Sequence[HeadSpec], plan: Plan) -> str | None:
    """A sentence about the time that the heads will take; None where it is short."""
    seconds = seconds_of(specs, plan)
    total = sum(seconds)
    if total < LONG:
        return None
    longest = sorted(zip(seconds, map(str, specs), strict=True), reverse=True)
    named = [f"{name} {in_words(one)}" for one, name in longest if one > total / 20]
    details = f" ({listing(named, MOST_NAMED)})" if len(specs) > 1 else ""
    what = "these heads" if len(specs) > 1 else str(specs[0])
    shorter = f". To shorten it: {'; '.join(plan.shorter)}" if plan.shorter else ""
    return f"{plan.rows:,} x {plan.features:,}: {what} will take about {in_words(total)}{details}{shorter}"


def in_words(seconds: float) -> str:
    """One significant figure, as an estimate deserves: "20 s", "3 min", "2 h"."""
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 0.95 * length:
            return f"{_rounded(seconds / length)} {unit}"
    return f"{_rounded(seconds)} s"


def _rounded(value: float) -> str:
    return f"{float(f'{value:.1g}'):g}"
