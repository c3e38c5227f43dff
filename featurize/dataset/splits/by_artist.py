"""Whole artists draw their split: no artist is in two parts.

Three things are wanted, and they can't all be had. Group integrity comes first and is never given up. Class
shares come second: a few artists make up much of a class, so that artists who simply drew lots would leave
classes out of the test part altogether (in ArtGAN's list, shares between 0 and 53 % where 20 % were asked for).
Stability comes third: within a class the artists stand in the order of their lots and are taken until the
part's share is filled, so that adding pictures moves only some artists of the same class, and only those behind
the change in that order. `pytest tests/featurize/test_splits.py -k artgan -s` measures both.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from featurize.dataset.groups import Groups
from featurize.dataset.splits.draw import check_shares, draw

_AT_HOME = 3  # an artist is at home in the rarest class that makes up a third of the work
_OVERFULL = 1.25  # a part is not filled beyond this multiple of its share

Sizes = Mapping[str, Counter[str]]  # group -> class -> pictures


def artist_split(
    ids: Sequence[str],
    labels: Sequence[str],
    artists: Sequence[str],
    *,
    val: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
) -> list[str]:
    """A split in which all pictures of an artist are in one part.

    It follows from the ids, labels and artists and the seed, whatever the order of the rows. Each picture of an
    unknown artist is a group of its own; artists who share a picture (one file under two names) are one group.
    A class that would be absent from a part, and has an artist for each, gives it its least productive artist (a
    class of two artists gives one to the test part), unless that would take a class away from elsewhere, or more
    of it from the train part than stays.

    Parameters
    ----------
    ids : sequence of str
        N hexadecimal digests.
    labels, artists : sequence of str
        N class names, N names of artists.
    val, test : float
        Shares of each class, 0 <= val + test < 1.
    seed : int

    Returns
    -------
    list of str
        N times "train", "val" or "test".

    Raises
    ------
    SourceError
        The shares leave nothing to train on.
    """
    check_shares(val, test)
    groups = Groups.of(ids, artists).names
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    for group, label in zip(groups, labels, strict=True):
        sizes[group][label] += 1
    lots = {group: draw(group, seed) for group in sizes}
    shares = {part: share for part, share in (("test", test), ("val", val)) if share}
    part: dict[str, str] = {}
    for home, members in _by_home(sizes).items():
        members.sort(key=lambda group: (lots[group], group))
        part |= _filled(members, {group: sizes[group][home] for group in members}, shares)
    _fill_empty_parts(sizes, lots, part, ("train", *shares))
    return [part[group] for group in groups]


def _by_home(sizes: Sizes) -> dict[str, list[str]]:
    """Class -> the groups at home in it: for each the rarest class that makes up much of its work."""
    totals: Counter[str] = Counter()
    for classes in sizes.values():
        totals.update(classes)
    homes: dict[str, list[str]] = defaultdict(list)
    for group, classes in sizes.items():
        much = max(classes.values()) if max(classes.values()) * _AT_HOME < classes.total() else 0
        own = [c for c, n in classes.items() if n * _AT_HOME >= classes.total() or n == much]
        homes[min(own, key=lambda c: (totals[c], c))].append(group)
    return homes


def _filled(members: Sequence[str], sizes: Mapping[str, int], shares: Mapping[str, float]) -> dict[str, str]:
    """Parts of the groups of a class, taken in order as long as a part comes nearer to its share by them."""
    total = sum(sizes.values())
    filled = dict.fromkeys(shares, 0)
    parts = {}
    for group in members:
        size = sizes[group]
        for part, share in shares.items():
            wanted = share * total
            if filled[part] + size / 2 <= wanted and filled[part] + size <= _OVERFULL * wanted:
                filled[part] += size
                parts[group] = part
                break
        else:
            parts[group] = "train"
    return parts


def _fill_empty_parts(sizes: Sizes, lots: Mapping[str, float], part: dict[str, str], parts: Sequence[str]) -> None:
    """Move single groups so that each class with enough groups is in each part; train keeps what it needs."""
    members: dict[str, list[str]] = defaultdict(list)
    for group, classes in sizes.items():
        for label in classes:
            members[label].append(group)
    there = Counter((label, part[group]) for group, classes in sizes.items() for label in classes)
    pictures: Counter[tuple[str, str]] = Counter()
    for group, classes in sizes.items():
        pictures.update({(label, part[group]): count for label, count in classes.items()})

    def can_go(group: str) -> bool:
        """Whether each of its classes stays in the part it leaves, and in train by no less than it takes away."""
        return all(
            there[c, part[group]] > 1 and (part[group] != "train" or 2 * n <= pictures[c, "train"])
            for c, n in sizes[group].items()
        )

    for label in sorted(members, key=lambda c: (len(members[c]), c)):
        for empty in parts[: len(members[label])]:
            spare = [] if there[label, empty] else [g for g in members[label] if can_go(g)]
            if spare:
                moved = min(spare, key=lambda g: (sizes[g].total(), lots[g], g))
                there.subtract((c, part[moved]) for c in sizes[moved])
                pictures.subtract({(c, part[moved]): n for c, n in sizes[moved].items()})
                part[moved] = empty
                there.update((c, empty) for c in sizes[moved])
                pictures.update({(c, empty): n for c, n in sizes[moved].items()})
