"""Which rows belong together: rows by one artist, and rows of one picture, are never taken apart.

Splits, folds and resampling all use these groups, so that they agree on what one artist is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from featurize.dataset.people import keys_of


@dataclass(frozen=True)
class Groups:
    """The group of each of N rows.

    Parameters
    ----------
    names : sequence of str
        Equal for rows of one group. They are names to compare, not to show and not to read anything from.
    known : sequence of bool
        Whether an artist of the row's group is known.
    """

    names: Sequence[str]
    known: Sequence[bool]

    @classmethod
    def of(cls, ids: Sequence[str], artists: Sequence[str]) -> Groups:
        """Groups of rows by their pictures and artists.

        A picture of an unknown artist is a group of its own. Artists who share a picture (one file under two names,
        or several makers in a cell) are one group, named after the first of them in alphabetical order.

        Parameters
        ----------
        ids : sequence of str
            Of the pictures.
        artists : sequence of str
            As the table has them.
        """
        makers = keys_of(artists)
        names = _joined(ids, [own or (f"?{picture}",) for own, picture in zip(makers, ids, strict=True)])
        named = {name for name, own in zip(names, makers, strict=True) if own}
        return cls(names, [name in named for name in names])


def _joined(ids: Sequence[str], makers: Sequence[Sequence[str]]) -> list[str]:
    """A name for each row, the same for rows that share a maker or a picture, directly or through other rows.

    Parameters
    ----------
    ids : sequence of str
        Of the pictures.
    makers : sequence of sequence of str
        One or more names for each row.
    """
    above: dict[str, str] = {}

    def root(name: str) -> str:
        while (parent := above.setdefault(name, name)) != name:
            above[name] = above[parent]
            name = parent
        return name

    seen: dict[str, str] = {}
    for picture, own in zip(ids, makers, strict=True):
        for other in (seen.setdefault(picture, own[0]), *own[1:]):
            first, second = sorted((root(own[0]), root(other)))
            above[second] = first
    return [root(own[0]) for own in makers]
