"""What the test part gives away: artists on both sides, what having met them is worth, and copies of pictures.

A head may recognise the painter, or the very painting, instead of the style; then a score says little about pictures
by others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from classify.data import Examples, LabelledRows
from classify.evaluation.findings import ArtistOverlap, Duplicate, LeakAudit, Namesake, SplitWorth
from classify.evaluation.statistics import FEWEST_GROUPS, difference_interval, resampled_means, share_interval, wilson
from classify.heads.solvers.threads import threads_for
from featurize.dataset.audit.result import Twice
from featurize.dataset.people import may_be_one, person_key
from featurize.dataset.table import DatasetTable, relative_path

WORTH_HEAD = "logreg"
WORTH_ROWS = 2000  # pictures that the worth of an artist is measured on, at most
WORTH_FOLDS = 5
FEWEST = 10  # pictures of either kind that a separate accuracy needs


def audit(
    train: Examples, test: Examples, hits: NDArray[np.bool_], table: DatasetTable, twice: Twice, seed: int
) -> LeakAudit:
    """Everything that is known about leaks between two parts.

    Parameters
    ----------
    train, test : Examples
        In the embedding of the best head.
    hits : (N,) bool
        Which test pictures the best head got right.
    table : DatasetTable
        For paths as it has them.
    twice : Twice
        What stands twice in it.
    seed : int
    """
    known = train.rows.artists_known or test.rows.artists_known
    return LeakAudit(
        artists=overlap(train.rows, test.rows, hits) if known else None,
        worth=worth_of_artists(train, test, seed) if known else None,
        duplicates=tuple(_between(test.rows, train.rows, table, twice)),
    )


def audit_folds(rows: Examples, fold: NDArray[np.intp], table: DatasetTable, twice: Twice, seed: int) -> LeakAudit:
    """What is known about leaks where each fold is scored by heads that learned from the others.

    Parameters
    ----------
    rows : Examples
        All of them, in the embedding of the best head.
    fold : (N,) int
        The fold that held each row out.
    table, twice, seed
        As in `audit`.
    """
    nothing = rows.take(np.array([], np.intp))
    row_of = {picture: n for n, picture in reversed(list(enumerate(rows.rows.ids)))}
    found = [d for d in _between(rows.rows, rows.rows, table, twice) if fold[d.row] != fold[row_of[d.train_id]]]
    return LeakAudit(
        artists=None,
        worth=worth_of_artists(rows, nothing, seed) if rows.rows.artists_known else None,
        duplicates=tuple(found),
    )


def _between(test: LabelledRows, train: LabelledRows, table: DatasetTable, twice: Twice) -> Iterator[Duplicate]:
    """Pictures of the training part that are pictures of the test part: equal files first, then copies.

    Where both parts are the same rows, each pair is named once.
    """
    same = test is train
    first: dict[str, int] = {}
    for n, picture in enumerate(train.ids):
        first.setdefault(picture, n)
    places: dict[str, list[int]] = defaultdict(list)
    for n, picture in enumerate(test.ids):
        places[picture].append(n)
        if picture in first and not same:
            yield _duplicate(n, first[picture], train, table, 1.0, identical=True)
    ids = table.columns["id"]
    for pair in twice.pairs:
        a, b = (ids[row] for row in pair.rows)
        alike = pair.similarity if pair.similarity is not None else pair.near.agreement if pair.near else 0.0
        for one, other in ((a, b),) if same else ((a, b), (b, a)):
            for n in places.get(one, ()):
                if other in first:
                    yield _duplicate(n, first[other], train, table, alike, identical=False)


def _duplicate(
    row: int, other: int, train: LabelledRows, table: DatasetTable, alike: float, *, identical: bool
) -> Duplicate:
    return Duplicate(
        row=row,
        train_id=train.ids[other],
        train_path=relative_path(train.paths[other], table.folder),
        train_class=str(train.y[other]),
        similarity=alike,
        identical=identical,
    )


def overlap(train: LabelledRows, test: LabelledRows, hits: NDArray[np.bool_]) -> ArtistOverlap:
    """How many test pictures are by artists of the training part, and how the best head fares on them."""
    seen = np.isin(test.groups, train.groups[train.known])
    parts = [wilson(int(hits[rows].sum()), int(rows.sum())) if rows.sum() >= FEWEST else None for rows in (seen, ~seen)]
    return ArtistOverlap(
        test_pictures=int(test.known.sum()),
        test_artists=test.artist_count,
        shared_pictures=int(seen.sum()),
        shared_artists=test.take(np.flatnonzero(seen)).artist_count,
        seen=parts[0],
        unseen=parts[1],
        candidates=_candidates(train, test, ~seen & test.known),
    )


def _candidates(train: LabelledRows, test: LabelledRows, new: NDArray[np.bool_]) -> tuple[Namesake, ...]:
    """Artists of test pictures that count as new, whose names may mean an artist of the training part."""
    known = [name for names in train.makers for name in names]
    learned = set(map(person_key, known))
    unmet = [name for n in np.flatnonzero(new).tolist() for name in test.makers[n]]
    pictures = Counter(map(person_key, unmet))
    pairs = may_be_one([*known, *unmet])
    either_way = [(person_key(a), person_key(b), a, b) for pair in pairs for a, b in (pair, pair[::-1])]
    return tuple(
        Namesake(a, b, pictures[one]) for one, other, a, b in either_way if one in pictures and other in learned
    )


def worth_of_artists(train: Examples, test: Examples, seed: int = 0) -> SplitWorth | None:
    """Score the same pictures with and without other pictures by their artist to learn from, with a cheap head.

    Both parts are thrown together and cut into folds that keep artists apart: the artist-disjoint split. For the
    random one, half of a fold's held-out pictures may be learned from while the other half is scored, and as many
    training pictures of each class are drawn as the disjoint fold has; so the two differ in the artists alone, not in
    how many pictures there are to learn from. Only classes with two known artists or more take part; artists are
    sampled where there are over `WORTH_ROWS` pictures.

    Returns
    -------
    SplitWorth, or None where too few pictures or artists are left.
    """
    from classify.heads.tuning import make_folds

    X, y, groups = _pooled(train, test, seed)
    if len(np.unique(y)) < 2 or len(np.unique(groups)) < WORTH_FOLDS:
        return None
    rng = np.random.default_rng(seed)
    hits = np.full((len(y), 2), np.nan)  # random, disjoint
    for learn, held_out in make_folds(y, groups, WORTH_FOLDS, seed):
        if np.isin(groups[held_out], groups[learn]).any():
            return None  # artists can't be kept apart here
        hits[held_out, 1] = _hits(X, y, learn, held_out)
        half = rng.random(len(held_out)) < 0.5
        for scored, lent in ((held_out[half], held_out[~half]), (held_out[~half], held_out[half])):
            if len(scored):
                hits[scored, 0] = _hits(X, y, _drawn_alike(np.concatenate([learn, lent]), learn, y, rng), scored)
    scored = np.isfinite(hits).all(1)
    if scored.sum() < FEWEST or len(np.unique(groups[scored])) < FEWEST_GROUPS:
        return None
    hits, groups = hits[scored], groups[scored]
    resampled = resampled_means(hits, groups, seed=seed)
    artists, (random, disjoint) = len(np.unique(groups)), hits.mean(0).tolist()
    return SplitWorth(
        head=WORTH_HEAD,
        pictures=len(hits),
        folds=WORTH_FOLDS,
        random=share_interval(random, resampled[:, 0], artists),
        disjoint=share_interval(disjoint, resampled[:, 1], artists),
        difference=difference_interval(random - disjoint, resampled[:, 0] - resampled[:, 1], artists),
    )


def _drawn_alike(
    pool: NDArray[np.intp], model: NDArray[np.intp], y: NDArray[np.str_], rng: np.random.Generator
) -> NDArray[np.intp]:
    """Rows of the pool, as many of each class as the model has."""
    wanted = zip(*np.unique(y[model], return_counts=True), strict=True)
    return np.concatenate([rng.choice(pool[y[pool] == name], count, replace=False) for name, count in wanted])


def _hits(
    X: NDArray[np.floating], y: NDArray[np.str_], learn: NDArray[np.intp], scored: NDArray[np.intp]
) -> NDArray[np.bool_]:
    from classify.heads import make_head

    with threads_for(X):
        right: NDArray[np.bool_] = make_head(WORTH_HEAD).fit(X[learn], y[learn]).predict(X[scored]) == y[scored]
    return right


def _pooled(
    train: Examples, test: Examples, seed: int
) -> tuple[NDArray[np.floating], NDArray[np.str_], NDArray[np.str_]]:
    """Pictures of classes with two known artists or more, of not too many artists."""
    both = train.rows.followed_by(test.rows)
    y, groups = both.y, both.groups
    named = np.unique(groups[both.known])
    order = np.random.default_rng(seed).permutation(named)
    sizes = dict(zip(*np.unique(groups, return_counts=True), strict=True))
    taken = order[np.cumsum([sizes[a] for a in order]) <= WORTH_ROWS] if len(order) else order
    rows = np.isin(groups, taken)
    several = [c for c in np.unique(y[rows]) if len(np.unique(groups[rows & (y == c)])) > 1]
    chosen = np.flatnonzero(rows & np.isin(y, several))
    of_train, of_test = chosen[chosen < len(train)], chosen[chosen >= len(train)] - len(train)
    return np.concatenate([train.X[of_train], test.X[of_test]]), y[chosen], groups[chosen]
