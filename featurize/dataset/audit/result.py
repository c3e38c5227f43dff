"""What an audit found, as plain data: rows by number, everything else ready to be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from featurize.dataset.suspects.finding import NOTHING_FOUND, Suspects


@dataclass(frozen=True)
class Row:
    """A row of the table, as far as it is told of."""

    path: str
    split: str
    label: str
    artist: str
    year: str


@dataclass(frozen=True)
class ClassSize:
    """Pictures of a class in each split."""

    name: str
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """Pictures of the class."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class SharedArtists:
    """Artists that a part shares with another.

    Parameters
    ----------
    part, against : str
        Splits.
    pictures : int
        Pictures of `part` by an artist who has pictures in `against`.
    of : int
        Pictures of `part`.
    artists : sequence of (str, int, int)
        Name, pictures in `part`, pictures in `against`; those with most in `part` first.
    """

    part: str
    against: str
    pictures: int
    of: int
    artists: Sequence[tuple[str, int, int]]

    @property
    def share(self) -> float:
        """Share of the part's pictures, 0 to 1."""
        return self.pictures / self.of if self.of else 0.0


@dataclass(frozen=True)
class Spellings:
    """Names of artists that are counted as one person, or may be one.

    Parameters
    ----------
    names : sequence of str
    counts : sequence of mapping of str to int
        Pictures of each name in each split; in a pair that may be one, those in other spellings of it, too.
    certain : bool
        Whether they are counted as one: their words are the same in another order.
    """

    names: Sequence[str]
    counts: Sequence[Mapping[str, int]]
    certain: bool

    @property
    def across(self) -> bool:
        """Whether the names have pictures in different splits."""
        return len({split for count in self.counts for split in count}) > 1


@dataclass(frozen=True)
class Coverage:
    """For how many rows something is known.

    Parameters
    ----------
    known, of : int
        Rows.
    distinct : int
        Different values.
    """

    known: int
    of: int
    distinct: int


@dataclass(frozen=True)
class Period:
    """Pictures of some years in each split."""

    name: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Years:
    """When the pictures were made."""

    coverage: Coverage
    first: int | None
    last: int | None
    periods: Sequence[Period]


@dataclass(frozen=True)
class Group:
    """Rows that are one picture, or have one file name.

    Parameters
    ----------
    rows : sequence of int
    splits, labels : sequence of str
        Those that occur.
    """

    rows: Sequence[int]
    splits: Sequence[str]
    labels: Sequence[str]


@dataclass(frozen=True)
class NearPair:
    """Two rows that show one picture, though their files differ.

    Parameters
    ----------
    rows : (int, int)
    agreement, detail : float
        Correlation of the grey values and of the fine detail, at most 1; detail is -1 where the files could not be
        opened again.
    mirrored, recoloured, confirmed : bool
    cropped : float
        Share of a side by which one exceeds the other, roughly.
    across : bool
        Whether the rows are in different splits.
    """

    rows: tuple[int, int]
    agreement: float
    detail: float
    mirrored: bool
    recoloured: bool
    cropped: float
    confirmed: bool
    across: bool


@dataclass(frozen=True)
class CopyPair:
    """Two rows that show one picture by their embeddings, though their files differ.

    Parameters
    ----------
    rows : (int, int)
    similarity : float
        Cosine.
    across : bool
        Whether the rows are in different splits.
    """

    rows: tuple[int, int]
    similarity: float
    across: bool = True


@dataclass(frozen=True)
class Pair:
    """Two rows that show one picture, though their files differ, by whatever way it was found.

    Parameters
    ----------
    rows : (int, int)
    across : bool
        Whether they are in different splits.
    near : NearPair or None
        What the pictures say, laid over each other.
    similarity : float or None
        What the embeddings say: the cosine.
    """

    rows: tuple[int, int]
    across: bool
    near: NearPair | None
    similarity: float | None

    @property
    def certain(self) -> bool:
        """Whether both files were opened and agreed."""
        return self.near is not None and self.near.confirmed


@dataclass(frozen=True)
class Twice:
    """Rows of a table that show one picture.

    Parameters
    ----------
    duplicates : sequence of Group
        Rows with the same content.
    near : sequence of NearPair
        Found by the pictures.
    copies : sequence of CopyPair
        Found by the embeddings; a pair may be among `near`, too.
    blank : sequence of int
        Rows whose picture is of one tone.
    told : mapping of int to Row
        Every row that is spoken of.
    looked_at : mapping of str to str
        What was looked at, or why not: "content", "pictures", "embeddings".
    """

    duplicates: Sequence[Group] = ()
    near: Sequence[NearPair] = ()
    copies: Sequence[CopyPair] = ()
    blank: Sequence[int] = ()
    told: Mapping[int, Row] = field(default_factory=dict)
    looked_at: Mapping[str, str] = field(default_factory=dict)

    @property
    def pairs(self) -> list[Pair]:
        """Every pair once: those across splits first, then those whose files agree, the most alike first."""
        near = {pair.rows: pair for pair in self.near}
        copies = {pair.rows: pair for pair in self.copies}
        found = []
        for rows in {**near, **copies}:
            one, other = near.get(rows), copies.get(rows)
            across = one.across if one else other is not None and other.across
            found.append(Pair(rows, across, one, other.similarity if other else None))
        return sorted(found, key=lambda p: (not p.across, not p.certain, -_alike(p), p.rows))

    @property
    def near_across(self) -> list[NearPair]:
        """Near-duplicates in different splits."""
        return [pair for pair in self.near if pair.across]

    @property
    def other_copies(self) -> list[CopyPair]:
        """Copies by their embeddings that are not among the near-duplicates."""
        near = {pair.rows for pair in self.near}
        return [pair for pair in self.copies if pair.rows not in near]

    @property
    def duplicates_across(self) -> list[Group]:
        """Groups of equal content in several splits."""
        return [group for group in self.duplicates if len(group.splits) > 1]


def _alike(pair: Pair) -> float:
    return pair.near.agreement if pair.near else pair.similarity or 0.0


NOTHING_TWICE = Twice()


@dataclass(frozen=True, kw_only=True)
class Audit(Twice):
    """Everything an audit found, beside what stands twice.

    Parameters
    ----------
    source : str
        The table or list that was looked at.
    target : str
    rows : int
    splits : mapping of str to int
        Pictures in each.
    classes : sequence of ClassSize
    unlabelled : int
    artists : Coverage
    shared : sequence of SharedArtists
    spellings : sequence of Spellings
        Artists' names that are counted as one, or may mean one; those in different splits first.
    years : Years
    same_names : sequence of Group
        Files of one name in several classes or splits: often one picture under several labels.
    changed : sequence of int
        Rows whose file is not the picture that their id names.
    suspects : Suspects
        Labels that may be wrong.
    """

    source: str
    target: str
    rows: int
    splits: Mapping[str, int]
    classes: Sequence[ClassSize]
    unlabelled: int
    artists: Coverage
    shared: Sequence[SharedArtists]
    spellings: Sequence[Spellings]
    years: Years
    same_names: Sequence[Group]
    changed: Sequence[int] = ()
    suspects: Suspects = NOTHING_FOUND

    @property
    def candidates_across(self) -> list[Spellings]:
        """Names in different splits that may be one artist, though they are counted as several."""
        return [spellings for spellings in self.spellings if spellings.across and not spellings.certain]
