"""What the labels alone tell: sizes of classes, shared artists, years, files of one name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from featurize.choices import SPLITS
from featurize.dataset.audit.result import ClassSize, Coverage, Group, Period, SharedArtists, Spellings, Years
from featurize.dataset.names import artist_and_year
from featurize.dataset.people import keys_of, makers_of, may_be_one, person_key, spelled_apart
from featurize.dataset.periods import period_number, year_number, years_of_period
from featurize.dataset.sources.tree import stem

COMPARED = (("val", "train"), ("test", "train"), ("test", "val"))  # what must not know the other
_MOST_PERIODS = 40
_LENGTHS = (10, 25, 50, 100, 500, 3000, 30_000)  # years of a period


def class_sizes(labels: Sequence[str], splits: Sequence[str]) -> list[ClassSize]:
    """Pictures of each class in each split, the largest class first; rows without a class are left out."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for label, split in zip(labels, splits, strict=True):
        if label:
            counts[label][split] += 1
    sizes = [ClassSize(name, dict(count)) for name, count in counts.items()]
    return sorted(sizes, key=lambda size: (-size.total, size.name))


def artist_coverage(artists: Sequence[str]) -> Coverage:
    """For how many rows the artist is known, and how many artists there are."""
    known = [keys for keys in keys_of(artists) if keys]
    return Coverage(len(known), len(artists), len({key for keys in known for key in keys}))


def shared_artists(artists: Sequence[str], splits: Sequence[str]) -> list[SharedArtists]:
    """For each two splits, how many pictures of the later are by artists of the earlier (train, val, test).

    Of several makers in a cell each counts as an artist; the picture counts once.
    """
    names: dict[str, str] = {}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    makers = makers_of(artists)
    keys = [tuple(map(person_key, own)) for own in makers]
    for own, own_keys, split in zip(makers, keys, splits, strict=True):
        for name, key in zip(own, own_keys, strict=True):
            names.setdefault(key, name)
            counts[split][key] += 1
    sizes = Counter(splits)
    found = []
    for part, against in COMPARED:
        if sizes[part] and sizes[against] and names:
            both = sorted(counts[part].keys() & counts[against].keys(), key=lambda a: (-counts[part][a], a))
            shared = [(names[a], counts[part][a], counts[against][a]) for a in both]
            either = set(both)
            pictures = sum(s == part and not either.isdisjoint(own) for own, s in zip(keys, splits, strict=True))
            found.append(SharedArtists(part, against, pictures, sizes[part], shared))
    return found


def spellings_of(artists: Sequence[str], splits: Sequence[str]) -> list[Spellings]:
    """Artists' names that are counted as one though spelled otherwise, and pairs that may be one artist."""
    named = [(name, split) for own, split in zip(makers_of(artists), splits, strict=True) for name in own]
    names = [artist for artist, _ in named]
    by_spelling: dict[str, Counter[str]] = defaultdict(Counter)
    by_person: dict[str, Counter[str]] = defaultdict(Counter)
    for artist, split in named:
        by_spelling[artist][split] += 1
        by_person[person_key(artist)][split] += 1
    found = [Spellings(same, [dict(by_spelling[name]) for name in same], True) for same in spelled_apart(names)]
    for pair in may_be_one(names):
        found.append(Spellings(pair, [dict(by_person[person_key(name)]) for name in pair], False))
    return sorted(found, key=lambda spellings: not spellings.across)


def years_of(years: Sequence[str], splits: Sequence[str]) -> Years:
    """When the pictures were made: the periods that hold any, of a length that makes 40 of them at most.

    A work that is thousands of years older than the others adds a period, and does not make theirs longer.
    """
    known = [(n, split) for year, split in zip(years, splits, strict=True) if (n := year_number(year)) is not None]
    numbers = [year for year, _ in known]
    coverage = Coverage(len(known), len(years), len(set(numbers)))
    if not known:
        return Years(coverage, None, None, [])
    length = next(n for n in _LENGTHS if len({period_number(year, n) for year in numbers}) <= _MOST_PERIODS)
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for year, split in known:
        counts[period_number(year, length)][split] += 1
    periods = [Period(years_of_period(n, length), dict(counts[n])) for n in sorted(counts)]
    return Years(coverage, min(numbers), max(numbers), periods)


def same_names(paths: Sequence[str], splits: Sequence[str], labels: Sequence[str]) -> list[Group]:
    """Files of one name, in one folder or several, where they have several splits or classes.

    Names that many files have, as 17.jpg or front.jpg, say nothing by themselves: of them the whole path counts.
    """
    by_name: dict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(paths):
        by_name[path[path.rfind("/") + 1 :] if artist_and_year(stem(path))[0] else path].append(row)
    return list(_groups((rows for rows in by_name.values() if len(rows) > 1), splits, labels, only_mixed=True))


def same_content(ids: Sequence[str], splits: Sequence[str], labels: Sequence[str]) -> list[Group]:
    """Rows whose files are equal byte by byte."""
    by_id: dict[str, list[int]] = defaultdict(list)
    for row, picture in enumerate(ids):
        by_id[picture].append(row)
    return list(_groups((rows for rows in by_id.values() if len(rows) > 1), splits, labels))


def _groups(
    groups: Iterable[Sequence[int]], splits: Sequence[str], labels: Sequence[str], only_mixed: bool = False
) -> Iterator[Group]:
    for rows in groups:
        parts = sorted({splits[row] for row in rows}, key=_rank)
        named = sorted({labels[row] for row in rows} - {""})
        if not only_mixed or len(parts) > 1 or len(named) > 1:
            yield Group(list(rows), parts, named)


def split_sizes(splits: Sequence[str]) -> Mapping[str, int]:
    """Pictures in each split, in the order train, val, test, none."""
    counts = Counter(splits)
    return {split: counts[split] for split in sorted(counts, key=_rank)}


def _rank(split: str) -> int:
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)
