"""Art history in time: how the embedding of dated works follows the year (after Elgammal et al., AAAI 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.errors import DataError
from classify.evaluation.entry import Estimate
from classify.evaluation.statistics import DRAWS, FEWEST_GROUPS, percentile_interval
from classify.explore.maps.atlas import quietly, small_picture
from classify.explore.principal import principal
from classify.explore.works import Works, check_different
from featurize import processors
from featurize.progress import Progress
from featurize.wording import counted

Floats = NDArray[np.float64]

FEWEST = 30  # dated works
MOST = 5000  # dated works that are looked at; of more, whole artists are drawn
SHOWN = 10  # components that are looked at one by one
RIDGE_COMPONENTS = 256  # that the year is predicted from, at most
FOLDS, INNER_FOLDS = 5, 4
PENALTIES = 10.0 ** np.arange(-4, 3)  # times the largest variance
VARIANCE = 0.95
_COLOUR_SIDE, _COLOUR_STEPS = 48, 4
_UNREADABLE = 0.1  # share of pictures, above which nothing is said of colours


@dataclass(frozen=True)
class StyleInTime:
    """A style: its dated works, the median of their years, and their mean position in the shown components."""

    name: str
    works: int
    median: float
    position: tuple[float, ...]


@dataclass(frozen=True)
class YearScore:
    """How well the year of a work is predicted, in folds that keep painters apart.

    Parameters
    ----------
    name : str
        "embedding", "style" or "colour": what the prediction is made from.
    r2 : Estimate
        Share of the variance of the years that is explained; below 0 is worse than their mean.
    error : Estimate
        Mean absolute error, in years.
    predicted : ndarray (N,)
    """

    name: str
    r2: Estimate
    error: Estimate
    predicted: Floats


@dataclass(frozen=True)
class Timeline:
    """Dated works in the components of their embedding.

    Parameters
    ----------
    works : Works
        The N dated works that were looked at.
    dated : int
        Dated works of the collection; more than N where some were drawn.
    undated : int
        Works without a year.
    artists : int
        Known painters among the N.
    scores : ndarray (N, k)
        Coordinates in the components, each turned so that it rises with the year.
    correlation : tuple of Estimate
        Pearson's, of each component with the year; intervals by resampling painters.
    share : ndarray (r,)
        Of the variance, for each component there is.
    for_most : int
        Components that hold 95 % of the variance.
    styles : tuple of StyleInTime
        By their median year.
    predictions : tuple of YearScore
        From the embedding, and from what is known without it.
    """

    works: Works
    dated: int
    undated: int
    artists: int
    scores: Floats
    correlation: tuple[Estimate, ...]
    share: Floats
    for_most: int
    styles: tuple[StyleInTime, ...]
    predictions: tuple[YearScore, ...]

    @property
    def years(self) -> Floats:
        """(N,)."""
        return self.works.years

    @property
    def best(self) -> int:
        """The component that follows the year most closely."""
        return int(np.argmax([estimate.value for estimate in self.correlation]))


def timeline(works: Works, *, seed: int = 0, progress: Progress | None = None) -> Timeline:
    """How the embedding of dated works follows the year.

    Parameters
    ----------
    works : Works
    seed : int
        Of the resampling, and of the painters that are drawn where over 5,000 works are dated.
    progress : callable, optional
        Called with (pictures looked at for their colours, pictures in all).

    Raises
    ------
    DataError
        Fewer than 30 works have a year, all have the same year or vector, or they are by fewer than five painters.
    """
    dated = np.flatnonzero(np.isfinite(works.years))
    if len(dated) < FEWEST:
        fill = "add pictures" if len(works) < FEWEST else "fill the column `year` of the dataset table"
        has = counted(len(dated), f"work of {len(works):,} has", f"works of {len(works):,} have")
        raise DataError(f"{has} a year, and a timeline needs {FEWEST}: {works.odd_years or fill}")
    if len(np.unique(works.years[dated])) < 2:
        raise DataError(f"all {len(dated):,} dated works are of the same year: a timeline needs different ones")
    chosen = works.take(_drawn(works, dated, seed))
    check_different(chosen)
    groups = np.unique(np.array(chosen.groups.names), return_inverse=True)[1]
    if groups.max() + 1 < FEWEST_GROUPS:
        raise DataError(
            f"the dated works are by {counted(int(groups.max()) + 1, 'painter')}, and a timeline needs "
            f"{FEWEST_GROUPS}: its intervals draw painters anew"
        )
    found = principal(chosen.X, min(RIDGE_COMPONENTS, len(chosen) - 1))
    scores, years = found.scores * found.unit, chosen.years
    values, resampled = correlations(scores[:, :SHOWN], years, groups, seed)
    turn = np.where(values < 0, -1.0, 1.0)
    artists = int(groups.max()) + 1
    shown = scores[:, :SHOWN] * turn
    return Timeline(
        works=chosen,
        dated=len(dated),
        undated=len(works) - len(dated),
        artists=len({name for name, known in zip(chosen.groups.names, chosen.groups.known, strict=True) if known}),
        scores=shown,
        correlation=tuple(
            percentile_interval(float(abs(values[n])), resampled[:, n] * turn[n], artists) for n in range(len(values))
        ),
        share=found.share,
        for_most=int(np.searchsorted(np.cumsum(found.share), VARIANCE - 1e-12) + 1),
        styles=_styles(chosen, shown),
        predictions=_predictions(chosen, scores, groups, seed, progress),
    )


def correlations(scores: Floats, years: Floats, groups: NDArray[np.intp], seed: int) -> tuple[Floats, Floats]:
    """Pearson's correlation of each component with the year, (k,), and when painters are drawn anew, (draws, k).

    Painters are drawn with replacement, and all works of a painter go together (the cluster bootstrap of Field &
    Welsh, JRSS B 2007). The components stay those of all works.
    """
    x = (scores - scores.mean(0)) / np.maximum(scores.std(0), 1e-300)
    y = (years - years.mean()) / years.std()
    parts = [np.ones_like(x), x, np.broadcast_to(y[:, None], x.shape), x * x, np.broadcast_to(y[:, None] ** 2, x.shape)]
    terms = np.stack([*parts, x * y[:, None]])  # (6, N, k)
    count = int(groups.max()) + 1
    sums = np.zeros((count, 6, x.shape[1]))
    np.add.at(sums, groups, terms.transpose(1, 0, 2))
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), DRAWS).astype(np.float64)
    n, sx, sy, sxx, syy, sxy = np.tensordot(drawn, sums, axes=1).transpose(1, 0, 2)  # each (draws, k)
    spread = np.sqrt(np.maximum(n * sxx - sx**2, 0) * np.maximum(n * syy - sy**2, 0))
    resampled = np.where(spread > 0, (n * sxy - sx * sy) / np.maximum(spread, 1e-300), 0.0)
    return (x * y[:, None]).mean(0), resampled


def _drawn(works: Works, dated: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """The dated works, or those of some painters where they are too many."""
    if len(dated) <= MOST:
        return dated
    groups = np.unique(np.array(works.groups.names)[dated], return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(int(groups.max()) + 1)
    taken = order[np.cumsum(np.bincount(groups)[order]) <= MOST]
    return dated[np.isin(groups, taken)]


def _styles(works: Works, scores: Floats) -> tuple[StyleInTime, ...]:
    names = np.array(works.column("style"))
    found = [
        StyleInTime(name, int(here.sum()), float(np.median(works.years[here])), tuple(scores[here].mean(0).tolist()))
        for name in np.unique(names[names != ""]).tolist()
        for here in [names == name]
    ]
    return tuple(sorted(found, key=lambda style: (style.median, style.name)))


def _predictions(
    works: Works, scores: Floats, groups: NDArray[np.intp], seed: int, progress: Progress | None
) -> tuple[YearScore, ...]:
    from sklearn.model_selection import GroupKFold

    years = works.years
    folds = list(GroupKFold(min(FOLDS, int(groups.max()) + 1)).split(scores, groups=groups))
    guesses = {"embedding": _ridge(scores, years, groups, folds)}
    styles = np.array(works.column("style"))
    if (styles != "").any():
        guesses["style"] = _means(styles, years, folds)
    colours = colours_of(works, progress)
    if colours is not None:
        guesses["colour"] = _ridge(colours, years, groups, folds)
    return tuple(_score(name, guess, years, groups, folds, seed) for name, guess in guesses.items())


def _ridge(X: Floats, years: Floats, groups: NDArray[np.intp], folds: Sequence[tuple[Any, Any]]) -> Floats:
    """Predicted years of held-out works; the penalty is chosen within the other folds, by painters again."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV, GroupKFold

    out = np.empty(len(years))
    for learn, held_out in folds:
        inner = min(INNER_FOLDS, len(np.unique(groups[learn])))
        scale = float(X[learn].var(0).max()) * len(learn) or 1.0
        grid = {"alpha": (PENALTIES * scale).tolist()}
        model: Any = Ridge(alpha=scale)
        if inner > 1:
            cut = list(GroupKFold(inner).split(X[learn], groups=groups[learn]))
            model = GridSearchCV(model, grid, cv=cut, scoring="neg_mean_squared_error")
        out[held_out] = model.fit(X[learn], years[learn]).predict(X[held_out])
    return out


def _means(styles: NDArray[np.str_], years: Floats, folds: Sequence[tuple[Any, Any]]) -> Floats:
    """The mean year of the style among the other painters' works; of all their works for a style that they lack."""
    out = np.empty(len(years))
    for learn, held_out in folds:
        mean = {name: years[learn][styles[learn] == name].mean() for name in np.unique(styles[learn]).tolist()}
        out[held_out] = [mean.get(name, years[learn].mean()) for name in styles[held_out].tolist()]
    return out


def _score(
    name: str, guess: Floats, years: Floats, groups: NDArray[np.intp], folds: Sequence[tuple[Any, Any]], seed: int
) -> YearScore:
    """R2 against the mean of the other folds, and the mean error in years, with intervals by painters."""
    from classify.evaluation.statistics import resampled_means

    middle = np.empty(len(years))
    for learn, held_out in folds:
        middle[held_out] = years[learn].mean()
    losses = np.stack([(years - guess) ** 2, (years - middle) ** 2, np.abs(years - guess)], axis=1)
    count, means = int(groups.max()) + 1, losses.mean(0)
    drawn = resampled_means(losses, groups, seed=seed)
    r2 = 1 - drawn[:, 0] / np.maximum(drawn[:, 1], 1e-300)
    return YearScore(
        name,
        percentile_interval(float(1 - means[0] / means[1]), r2, count),
        percentile_interval(float(means[2]), drawn[:, 2], count),
        guess,
    )


def colours_of(works: Works, progress: Progress | None = None) -> Floats | None:
    """What is known of pictures by their colours alone (N, 70), standardised; None where too many can't be opened.

    Shares of the pixels in 64 colours (four steps of red, green and blue each), and mean and standard deviation of the
    three. A picture that can't be opened stands at the mean.
    """
    done = 0
    out = np.full((len(works), _COLOUR_STEPS**3 + 6), np.nan)
    with quietly(), ThreadPoolExecutor(processors.count()) as pool:
        for row, found in enumerate(pool.map(_colours, map(works.file, range(len(works))))):
            done += 1
            if found is not None:
                out[row] = found
            if progress and done % 50 == 0:
                progress(done, len(works))
    if progress:
        progress(len(works), len(works))
    missing = np.isnan(out[:, 0])
    if missing.mean() > _UNREADABLE:
        return None
    out -= np.nanmean(out, axis=0)
    out /= np.maximum(np.nanstd(out, axis=0), 1e-9)
    known: Floats = np.nan_to_num(out)
    return known


def _colours(path: Path) -> Floats | None:
    small = small_picture(path, _COLOUR_SIDE)
    if small is None:
        return None
    pixels = np.asarray(small.convert("RGB"), np.float64).reshape(-1, 3)
    steps = (pixels * _COLOUR_STEPS / 256).astype(np.intp)
    cells = steps @ [_COLOUR_STEPS**2, _COLOUR_STEPS, 1]
    shares = np.bincount(cells, minlength=_COLOUR_STEPS**3) / len(pixels)
    return np.concatenate([shares, pixels.mean(0) / 255, pixels.std(0) / 255])
