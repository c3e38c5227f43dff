"""What came of predicting some pictures: an answer for each, and what must be known to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, overload

from classify.fitting.question import holds_of
from classify.headfile import SavedHead
from classify.prediction.predictor import Prediction
from featurize.dataset.notes import Note

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Predictions(Sequence[Prediction]):
    """N predictions, in the order of the pictures or of the table's rows.

    Parameters
    ----------
    every : sequence of Prediction
    saved : SavedHead
        Which answered.
    coverage : float or None
        For which share of pictures the true class is in the prediction set; None where there are no sets.
    columns : mapping of str to sequence of str
        The user's table: N values each.
    notes : sequence of Note
        What was found on the way from the table to the pictures.
    """

    every: Sequence[Prediction]
    saved: SavedHead
    coverage: float | None = None
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: Sequence[Note] = ()

    @overload
    def __getitem__(self, index: int) -> Prediction: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Prediction]: ...
    def __getitem__(self, index: int | slice) -> Prediction | Sequence[Prediction]:
        return self.every[index]

    def __len__(self) -> int:
        return len(self.every)

    @property
    def troubles(self) -> list[Prediction]:
        """Those whose picture could not be read."""
        return [one for one in self.every if one.trouble is not None]

    @property
    def holds(self) -> str | None:
        """Whose pictures probabilities and sets hold for, as a sentence; None where the head does not say."""
        return holds_of(self.saved)

    def to_pandas(self) -> pandas.DataFrame:
        """A table of pandas with the columns that `write` writes; probabilities are numbers.

        Raises
        ------
        PackageMissing
            pandas is not installed.
        """
        from classify.prediction.sheet import columns_of, numbers_of
        from featurize.frames import frame

        table = frame(columns_of(self))
        numbers = numbers_of(self, table.columns)
        return table.assign(**{name: table[name].replace("", "nan").astype(float) for name in numbers})

    def write(self, out: str | Path) -> None:
        """Write a table of them: `.csv`, `.xlsx`, `.parquet` or `.json`, as the file's ending says.

        Raises
        ------
        PictureError
            The ending is another.
        StorageFailed
            The file system refused.
        """
        from classify.prediction.sheet import write

        write(self, Path(out))

    def write_page(self, out: str | Path) -> None:
        """Write a page that shows each picture with its classes.

        Raises
        ------
        StorageFailed
            The file system refused.
        """
        from classify.prediction.gallery import write

        write(self, Path(out))
