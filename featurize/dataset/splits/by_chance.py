"""Each picture draws its split for itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from featurize.dataset.splits.draw import check_shares, draw


def random_split(
    ids: Sequence[str], labels: Sequence[str], *, val: float = 0.1, test: float = 0.2, seed: int = 0
) -> list[str]:
    """A split by chance that each picture draws for itself.

    A picture's split follows from its id and the seed alone, so adding pictures moves no others. Class shares are
    kept as near as chance allows; only a class that would be absent from a part it could be in gives that part its
    nearest picture. That picture goes back where a new one of its class draws the part.

    Parameters
    ----------
    ids : sequence of str
        N hexadecimal digests; equal ids get equal splits.
    labels : sequence of str
        N class names.
    val, test : float
        Shares of all pictures, 0 <= val + test < 1.
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
    drawn = {i: draw(i, seed) for i in ids}
    split = {i: "test" if u < test else "val" if u < test + val else "train" for i, u in drawn.items()}
    for members in _by_label(ids, labels).values():
        _fill_empty_parts(members, drawn, split, val=val, test=test)
    return [split[i] for i in ids]


def _by_label(ids: Sequence[str], labels: Sequence[str]) -> dict[str, set[str]]:
    classes: dict[str, set[str]] = defaultdict(set)
    for picture, label in zip(ids, labels, strict=True):
        classes[label].add(picture)
    return classes


def _fill_empty_parts(
    members: Collection[str], drawn: dict[str, float], split: dict[str, str], *, val: float, test: float
) -> None:
    """Give each wanted part at least one picture of a class, where the class has enough for all of them."""
    centres = {"train": (1 + val + test) / 2}
    if test:
        centres["test"] = test / 2
    if val:
        centres["val"] = test + val / 2
    if len(members) < len(centres):
        return
    counts = Counter(split[m] for m in members)
    for part, centre in centres.items():
        if not counts[part]:
            spare = [m for m in sorted(members) if counts[split[m]] > 1]
            moved = min(spare, key=lambda m: abs(drawn[m] - centre))
            counts[split[moved]] -= 1
            counts[part] += 1
            split[moved] = part
