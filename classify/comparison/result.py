"""What a comparison is: plain data that a report only has to lay out.

Everything is computed before it comes here, and everything here can be written as JSON: numbers, texts, tuples and
frozen dataclasses of these (evaluation/entry.py, evaluation/findings.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classify.evaluation.entry import Entry, Estimate
from classify.evaluation.findings import (
    Caution,
    ColourControl,
    Confusion,
    Curve,
    LeakAudit,
    Mistake,
    Protocol,
    Repeats,
    Verdict,
)
from classify.evaluation.questions import Asked
from featurize import pages
from featurize.dataset.audit.result import Twice
from featurize.dataset.captions import Captions
from featurize.dataset.suspects.finding import Suspects
from featurize.frames import frame
from featurize.wording import counted, percent

if TYPE_CHECKING:
    import pandas

SCHEMA = 1


@dataclass(frozen=True)
class TestRow:
    """A test picture; `label` is a place in `Comparison.classes`, `path` as the dataset table has it.

    `group` is equal for pictures that are resampled together, those by one artist.
    """

    id: str
    path: str
    label: int
    artist: str
    year: str
    group: str

    __test__ = False  # no test case, whatever pytest makes of the name


@dataclass(frozen=True)
class DatasetFacts:
    """What was learned from and scored on.

    Parameters
    ----------
    target, train, test : str
        Label column and splits.
    train_rows, test_rows : int
        Rows that are learned from and scored on, the same for all heads.
    unlabelled, broken : (int, int)
        Training and test rows that are left out because they have no label, or no embedding as their file is broken.
    train_counts, test_counts : tuple of int
        Per class.
    train_artists, test_artists : int or None
        None where no artist is known.
    grouped_tuning : bool
        Whether the folds of the tuning keep artists together.
    question : str
        What heads are tuned and calibrated for: pictures by "new" or by "known" painters.
    folds, repeats : int
        Where every row is scored by folds: how many, and how often; 0 where the test part is scored.
    chance, majority : float
        1/K, and the share of the test part that the largest training class makes up.
    digest : str
        sha256 over ids, splits and labels of the rows used.
    """

    target: str
    train: str
    test: str
    train_rows: int
    test_rows: int
    unlabelled: tuple[int, ...]
    broken: tuple[int, ...]
    train_counts: tuple[int, ...]
    test_counts: tuple[int, ...]
    train_artists: int | None
    test_artists: int | None
    grouped_tuning: bool
    question: str
    folds: int
    repeats: int
    chance: float
    majority: float
    digest: str

    @property
    def baseline(self) -> float:
        """What is reached without looking at a picture: chance, or the largest class where that is more."""
        return max(self.chance, self.majority)


@dataclass(frozen=True)
class Provenance:
    """Everything needed to make the comparison again."""

    command: str
    date: str
    seconds: float
    seed: int
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    caches: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Comparison:
    """Heads on the same rows, the best first.

    Parameters
    ----------
    classes : tuple of str
        Sorted names; all codes are places in it.
    class_order : tuple of int
        An order of the classes in which those that look alike stand together.
    entries : tuple of Entry
        By accuracy, descending.
    verdict : Verdict
    rows : tuple of TestRow
    confusions, mistakes
        Of the best entry.
    dataset : DatasetFacts
    leaks : LeakAudit
    asked : tuple of Asked
        The questions that were put to all heads by folds of all rows: new painters, known painters, both or none.
    asked_rows : tuple of TestRow
        Those rows.
    gains : tuple of Estimate or None
        What having met the artist is worth to each entry: its accuracy on known painters less that on new ones, paired
        over the same pictures, with an interval by artist. Empty unless both questions were asked.
    curves : tuple of Curve
        Empty unless asked for.
    repeats : Repeats or None
    protocol : Protocol or None
    cautions : tuple of Caution
        The gravest first.
    provenance : Provenance
    folder : Path
        What the rows' paths are relative to; not written out.
    control : ColourControl or None
        What a head reaches without any network.
    control_note : str
        Why there is none, and how to get one.
    suspects : Suspects
        Labels of the dataset table that may be wrong, the same as in an audit by the first embedding.
    suspect_columns : mapping of str to sequence of str
        Those rows as `suspects.csv` has them; not written into `results.json`.
    twice : Twice
        Rows of the dataset table that show one picture, the same as in an audit by the first embedding.
    captions : Captions
        What the dataset table says of the works; not written out.
    table_path : Path
        Where the dataset table lies, as far as it is known; not written out.
    """

    classes: tuple[str, ...]
    class_order: tuple[int, ...]
    entries: tuple[Entry, ...]
    verdict: Verdict
    rows: tuple[TestRow, ...]
    confusions: tuple[Confusion, ...]
    mistakes: tuple[Mistake, ...]
    dataset: DatasetFacts
    leaks: LeakAudit
    cautions: tuple[Caution, ...]
    provenance: Provenance
    folder: Path
    asked: tuple[Asked, ...] = ()
    asked_rows: tuple[TestRow, ...] = ()
    gains: tuple[Estimate | None, ...] = ()
    curves: tuple[Curve, ...] = ()
    repeats: Repeats | None = None
    protocol: Protocol | None = None
    control: ColourControl | None = None
    control_note: str = ""
    suspects: Suspects = field(default_factory=Suspects)
    suspect_columns: Mapping[str, Sequence[str]] = field(default_factory=dict, compare=False, repr=False)
    twice: Twice = field(default_factory=Twice)
    captions: Captions = field(default_factory=Captions, compare=False, repr=False)
    table_path: Path = field(default=Path("dataset.csv"), compare=False, repr=False)
    schema: int = SCHEMA

    @property
    def best(self) -> Entry:
        """The first of the ranking."""
        return self.entries[0]

    def to_pandas(self) -> pandas.DataFrame:
        """The ranking as a table of pandas, one row a head; seconds, bytes, and shares from 0 to 1.

        `low` and `high` are Wilson's 95 % interval of the accuracy.

        Raises
        ------
        PackageMissing
            pandas is not installed.
        """
        return frame(ranking(self))

    def _repr_html_(self) -> str:
        """The ranking and every caution, for notebooks."""
        return pages.render("classify.comparison", "ranking.html", {"c": self, "title": title(self)}, FILTERS)

    @property
    def untrained(self) -> bool:
        """Whether any entry stands on an untrained backbone."""
        return any(e.untrained for e in self.entries)


FILTERS = {"percent": percent}


def title(comparison: Comparison) -> str:
    """What was compared, in a line."""
    data = comparison.dataset
    learned = counted(data.train_rows, f"picture of {data.train!r}", f"pictures of {data.train!r}")
    return f"{data.target}: learned from {learned}, scored on {data.test_rows:,} of {data.test!r}"


def ranking(comparison: Comparison) -> dict[str, list[Any]]:
    """The figures of each head by column, the best head first."""
    entries = comparison.entries
    return {
        "name": [e.name for e in entries],
        "head": [e.spec for e in entries],
        "embedding": [e.embedding for e in entries],
        "backbone": [e.backbone for e in entries],
        "untrained": [e.untrained for e in entries],
        "accuracy": [e.scores.accuracy.value for e in entries],
        "low": [e.scores.accuracy.low for e in entries],
        "high": [e.scores.accuracy.high for e in entries],
        "macro_f1": [e.scores.macro_f1 for e in entries],
        "balanced_accuracy": [e.scores.balanced_accuracy for e in entries],
        "top3": [e.scores.top3 for e in entries],
        "top5": [e.scores.top5 for e in entries],
        "mean_average_precision": [e.scores.mean_average_precision for e in entries],
        "calibration_error": [e.scores.calibration_error for e in entries],
        "tune_seconds": [e.cost.tune_seconds for e in entries],
        "fit_seconds": [e.cost.fit_seconds for e in entries],
        "predict_seconds": [e.cost.predict_seconds for e in entries],
        "bytes": [e.cost.bytes for e in entries],
    }
