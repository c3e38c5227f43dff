"""Which picture is for training, which for choosing, which for the last word."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from featurize.errors import SourceError


def random_split(
    ids: Sequence[str], labels: Sequence[str], *, val: float = 0.1, test: float = 0.2, seed: int = 0
) -> list[str]:
    """A split by chance that each picture draws for itself.

    A picture's split follows from its id and the seed alone, so adding pictures never moves others. Class
    shares are kept as near as chance allows; only a class that would be absent from a part it could be in gives
    that part its nearest picture.

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
    if not (val >= 0 and test >= 0 and val + test < 1):
        raise SourceError(f"--val {val} and --test {test}: both must be 0 or more and together under 1")
    drawn = {i: _draw(i, seed) for i in ids}
    split = {i: "test" if u < test else "val" if u < test + val else "train" for i, u in drawn.items()}
    for members in _by_label(ids, labels).values():
        _fill_empty_parts(members, drawn, split, val=val, test=test)
    return [split[i] for i in ids]


def _draw(picture: str, seed: int) -> float:
    """A number in [0, 1) that depends on nothing but the picture and the seed."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{picture}".encode()).digest()[:8], "big") / 2**64


def _by_label(ids: Sequence[str], labels: Sequence[str]) -> dict[str, list[str]]:
    classes: dict[str, set[str]] = defaultdict(set)
    for picture, label in zip(ids, labels, strict=True):
        classes[label].add(picture)
    return {label: sorted(members) for label, members in classes.items()}


def _fill_empty_parts(
    members: Sequence[str], drawn: dict[str, float], split: dict[str, str], *, val: float, test: float
) -> None:
    """Give each wanted part at least one picture of a class, where the class has enough for all of them."""
    centres = {"train": (1 + val + test) / 2}
    if test:
        centres["test"] = test / 2
    if val:
        centres["val"] = test + val / 2
    if len(members) < len(centres):
        return
    for part, centre in centres.items():
        counts = {p: sum(split[m] == p for m in members) for p in centres}
        if not counts[part]:
            spare = [m for m in members if counts[split[m]] > 1]
            split[min(spare, key=lambda m: abs(drawn[m] - centre))] = part
