"""What was asked of a split and could not be kept: parts without a picture, classes that a part lacks, shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from featurize.choices import SPLITS
from featurize.dataset.notes import Note

_OFF = 0.25  # of a part's size: by so much it may miss what was asked for before it is said
_WHY = {
    "random": "there are too few pictures",
    "artist": "all pictures of an artist stay together, and there are too few artists in a class",
    "time": "all pictures of a kind are from one side of the year",
}
_EMPTY = {
    "random": "more pictures, or a larger share, fill it",
    "artist": "--split random fills it with pictures by artists who are in train, too; --val 0 leaves all to train and "
    "test; more artists of a class fill it without either",
    "time": "another --before, or a larger --val, fills it",
}
_LACKING = {
    "random": "they have too few pictures",
    "artist": "too few artists made them",
    "time": "they have none from its years, or too few",
}


def not_kept(splits: Sequence[str], labels: Sequence[str], how: str, val: float, test: float) -> list[Note]:
    """Notes of what a split that was drawn does not keep.

    Parameters
    ----------
    splits, labels : sequence of str
        N of each.
    how : str
        "random", "artist" or "time".
    val, test : float
        Shares that were asked for; a split by time knows no share of test pictures.
    """
    counts = Counter(splits)
    shares = {"train": 1 - val - test, "val": val, "test": 1.0 if how == "time" else test}
    wanted = [part for part in SPLITS if shares[part] > 0]
    there = set(zip(splits, labels, strict=True))
    classes = sorted({label for label in labels if label})
    notes = []
    for part in wanted:
        if not counts[part]:
            notes.append(Note(f"part has no picture, {part!r}: {_WHY[how]}; {_EMPTY[how]}", 1))
        elif lacking := [label for label in classes if (part, label) not in there]:
            notes.append(Note(f"classes have no picture in {part}: {_LACKING[how]}", len(lacking), lacking))
        expected = shares[part] * len(splits)
        if how == "artist" and counts[part] and abs(counts[part] - expected) > max(_OFF * expected, 1):
            text = f"pictures are in {part} ({counts[part] / len(splits):.0%}), {shares[part]:.0%} were asked for: "
            notes.append(Note(text + "all pictures of an artist stay together", counts[part]))
    return notes
