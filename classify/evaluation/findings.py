"""What a comparison finds beyond each head's own figures: plain data, ready to be written as JSON.

Heads are numbered by their place in `Comparison.entries`, classes by that in `Comparison.classes`, pictures by that in
`Comparison.rows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from classify.evaluation.entry import Estimate


@dataclass(frozen=True)
class Caution:
    """Something a reader must know before believing a figure.

    Parameters
    ----------
    kind : str
        "untrained", "near-chance", "duplicates", "artist-overlap", "artist-names", "ungrouped-folds", "left-out",
        "repeated-rows", "copies-within", "several-labels", "class-spellings", "absent-classes", "small-classes",
        "few-artists", "seen-pictures", "one-question", "stopped" or "data".
    text : str
    """

    kind: str
    text: str


@dataclass(frozen=True)
class Contrast:
    """Two heads on the same pictures.

    Parameters
    ----------
    first, second : int
        Heads; the first is ranked higher.
    difference : Estimate
        Of their accuracies, with an interval by resampling artists (pictures where fewer than five artists are known;
        from -1 to 1 where there are fewer than five pictures).
    only_first, only_second : int
        Pictures that one of them alone gets right.
    p, p_holm : float
        Of the exact McNemar test, or by folds of the corrected resampled t-test; by itself, and corrected for all the
        contrasts of the comparison.
    differ : bool
        Whether p_holm is 0.05 or less and the interval of the difference excludes 0.
    """

    first: int
    second: int
    difference: Estimate
    only_first: int
    only_second: int
    p: float
    p_holm: float
    differ: bool


@dataclass(frozen=True)
class Winner:
    """The first head, chosen because it came first (evaluation/winner.py).

    Parameters
    ----------
    accuracy : Estimate
        Its accuracy with an interval that allows for the choice among all heads.
    first : tuple of float
        For each head, the share of resamples in which it is the best; heads that tie share a resample.
    resamples : int
    by_artist : bool
        Whether artists were resampled, or single pictures.
    """

    accuracy: Estimate
    first: tuple[float, ...]
    resamples: int
    by_artist: bool


@dataclass(frozen=True)
class Verdict:
    """What all contrasts together allow to say.

    Parameters
    ----------
    contrasts : tuple of Contrast
        Every pair of heads.
    groups : tuple of tuple of int
        Largest sets of heads of which no two differ; a head may be in several.
    smallest_difference : float or None
        That the test part would show between two given heads in four of five cases; None where not even the largest
        possible one, or with one head only.
    smallest_corrected : float or None
        The same where all pairs are looked at, at 5 % divided by their number.
    discordant : float or None
        The share of pictures on which two heads disagree that these were computed for: the median over the pairs.
    winner : Winner or None
        None with one head only, or under five test pictures.
    """

    contrasts: tuple[Contrast, ...]
    groups: tuple[tuple[int, ...], ...]
    smallest_difference: float | None
    smallest_corrected: float | None
    discordant: float | None
    winner: Winner | None = None


@dataclass(frozen=True)
class Confusion:
    """Two classes that the best head takes for each other.

    Parameters
    ----------
    truth, predicted : int
        Classes.
    count, back : int
        Pictures of `truth` taken for `predicted`, and the other way round.
    of : int
        Test pictures of `truth`.
    mistaken : tuple of int
        Pictures of `truth` taken for `predicted`, the surest first.
    typical : tuple of int
        Pictures of `predicted` that were recognised, the surest first.
    """

    truth: int
    predicted: int
    count: int
    back: int
    of: int
    mistaken: tuple[int, ...]
    typical: tuple[int, ...]


@dataclass(frozen=True)
class TrainPicture:
    """A picture of the training part, and how similar it is to the one it stands beside.

    Parameters
    ----------
    id, path, label : str
        `path` as the dataset table has it, `label` its class.
    similarity : float
        Cosine of the two embeddings, taken from the training mean; at most 1.
    """

    id: str
    path: str
    label: str
    similarity: float


@dataclass(frozen=True)
class Mistake:
    """A wrong answer of the best head: a picture, the class named, and both probabilities.

    `nearest` is the picture of the training part that is most similar to it in the head's embedding; None where the
    backbone is untrained.
    """

    row: int
    predicted: int
    confidence: float
    truth: float
    nearest: TrainPicture | None = None


@dataclass(frozen=True)
class Duplicate:
    """A test picture and a training picture that is the same file, or seems to be a copy (`Comparison.twice`).

    Parameters
    ----------
    row : int
        The test picture.
    train_id, train_path, train_class : str
        The training picture; there may be several to one test picture.
    similarity : float
        Cosine of their embeddings, or where these show nothing the correlation of the pictures; at most 1.
    identical : bool
        Whether the two files have the same bytes.
    """

    row: int
    train_id: str
    train_path: str
    train_class: str
    similarity: float
    identical: bool


@dataclass(frozen=True)
class Namesake:
    """An artist's name in the test part that may mean an artist of the training part, and its test pictures."""

    test_name: str
    train_name: str
    pictures: int


@dataclass(frozen=True)
class ArtistOverlap:
    """Artists that are on both sides.

    Parameters
    ----------
    test_pictures, test_artists : int
        Of known artists.
    shared_pictures, shared_artists : int
        Those whose artist is in the training part, too.
    seen, unseen : Estimate or None
        Accuracy of the best head on test pictures by artists it learned from, and on the others.
    candidates : tuple of Namesake
        Artists of the test part who are counted as new, but may be artists of the training part.
    """

    test_pictures: int
    test_artists: int
    shared_pictures: int
    shared_artists: int
    seen: Estimate | None
    unseen: Estimate | None
    candidates: tuple[Namesake, ...] = ()

    @property
    def share(self) -> float:
        """Of the test pictures of known artists."""
        return self.shared_pictures / self.test_pictures if self.test_pictures else 0.0


@dataclass(frozen=True)
class SplitWorth:
    """What it is worth to have met the artist: the same pictures scored by folds of either kind (comparison/leaks.py).

    Parameters
    ----------
    head : str
    pictures, folds : int
    random, disjoint : Estimate
        Accuracy with folds at random, and with folds that keep artists apart; equally many pictures of each class
        to learn from.
    difference : Estimate
        random - disjoint, with an interval by resampling artists.
    """

    head: str
    pictures: int
    folds: int
    random: Estimate
    disjoint: Estimate
    difference: Estimate


@dataclass(frozen=True)
class LeakAudit:
    """What the test part gives away.

    Parameters
    ----------
    artists : ArtistOverlap or None
        None where no artist is known.
    worth : SplitWorth or None
        None where artists are unknown, or too few to be kept apart.
    duplicates : tuple of Duplicate
        Equal files first.
    """

    artists: ArtistOverlap | None
    worth: SplitWorth | None
    duplicates: tuple[Duplicate, ...]

    @property
    def same_files(self) -> set[int]:
        """Test pictures whose very file is in the training part, too."""
        return {d.row for d in self.duplicates if d.identical}

    @property
    def copies(self) -> set[int]:
        """Test pictures of which the training part has a copy, but not the very file."""
        return {d.row for d in self.duplicates} - self.same_files


@dataclass(frozen=True)
class Curve:
    """Accuracy of a head (its name) against the number of training pictures."""

    name: str
    pictures: tuple[int, ...]
    accuracy: tuple[Estimate, ...]


@dataclass(frozen=True)
class RepeatedHead:
    """A head over resampled splits.

    Parameters
    ----------
    name : str
    accuracies : tuple of float
        One a split.
    mean : Estimate
        With the interval of the corrected resampled t-test.
    behind : Estimate or None
        How far behind the best of the repeats it is; None for that one itself.
    p_holm : float or None
        Corrected resampled t-test of that difference, corrected for the number of heads.
    """

    name: str
    accuracies: tuple[float, ...]
    mean: Estimate
    behind: Estimate | None
    p_holm: float | None


@dataclass(frozen=True)
class Repeats:
    """Heads over resampled splits, the best first.

    Parameters
    ----------
    splits : int
    kind : str
        "random" or "artist-disjoint", as the split of the comparison is.
    train_rows, test_rows : int
        On average.
    shared : float or None
        Mean share of test pictures whose artist is in the training part; None where no artist is known.
    heads : tuple of RepeatedHead
    """

    splits: int
    kind: str
    train_rows: int
    test_rows: int
    shared: float | None
    heads: tuple[RepeatedHead, ...]


@dataclass(frozen=True)
class Published:
    """A figure from the literature, to stand beside a measured one.

    Parameters
    ----------
    what : str
    figure : str
        "top-1" (accuracy), "top-3" or "top-5".
    value : float
    source : str
    """

    what: str
    figure: str
    value: float
    source: str


@dataclass(frozen=True)
class ColourControl:
    """What a head reaches on colour and texture alone: the row that a network must beat.

    Parameters
    ----------
    head : str
    numbers : int
        Of colour and texture, for each picture.
    accuracy : Estimate or None
        On the test part, with Wilson's interval; None where heads are scored by folds.
    answers : mapping of str to Estimate
        Question -> accuracy with the interval that heads have there.
    """

    head: str
    numbers: int
    accuracy: Estimate | None
    answers: Mapping[str, Estimate]


@dataclass(frozen=True)
class Control:
    """A head trained and scored on labels that are out of step with the pictures.

    Parameters
    ----------
    name : str
    accuracy : Estimate
    majority : float
        Share of all the experiment's pictures that the largest class makes up: what such a head should fall to.
    """

    name: str
    accuracy: Estimate
    majority: float


@dataclass(frozen=True)
class Protocol:
    """An experiment of others, repeated.

    Parameters
    ----------
    name, title : str
    published : tuple of Published
    controls : tuple of Control
    facts : tuple of str
        What was done, and what differs from the original.
    """

    name: str
    title: str
    published: tuple[Published, ...]
    controls: tuple[Control, ...]
    facts: tuple[str, ...]
