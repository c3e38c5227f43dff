"""A saved head on the pictures of a split: their embeddings are looked up, scored, and doubts are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from classify.data import load_examples
from classify.fitting.scoring import Score, score
from classify.headfile import SavedHead, as_head
from classify.row_cautions import label_cautions, row_cautions
from featurize.dataset.table import DatasetTable


def evaluate(
    head: SavedHead | str | Path,
    table: DatasetTable | str | Path = "dataset.csv",
    features: str | Path = "features",
    split: str = "test",
) -> Score:
    """Score a saved head on a split.

    Parameters
    ----------
    head : SavedHead, str or Path
        The head, or the file that it was saved in.
    table : DatasetTable, str or Path
        The table, or where it lies.
    features : str or Path
        The features folder.
    split : str
        "train", "val", "test" or "all".

    Raises
    ------
    HeadFileError
        The file is missing, damaged or no head.
    HeadMismatch
        The features folder holds other embeddings than the head was trained on.
    TableError, DataError, NotStored
        The split has no rows with a label, or they were not embedded yet.

    Examples
    --------
    >>> import classify
    >>> score = classify.evaluate("style.safetensors", "dataset.csv", "features", "test")
    >>> 0 <= score.low <= score.accuracy <= score.high <= 1
    True
    """
    saved = as_head(head)
    cache = saved.open_cache(features)
    examples = load_examples(table, cache, saved.recipes, saved.target, split)
    rows = examples.rows
    cautions = (*row_cautions(rows, split, saved.target, scored=True), *label_cautions(rows))
    untrained = ("untrained backbone",) if cache.key.untrained else ()
    figures = score(saved.head, examples, split)
    learned = _learned_from(saved, split)
    return replace(figures, warnings=(*learned, *(caution.text for caution in cautions), *untrained))


def _learned_from(saved: SavedHead, split: str) -> tuple[str, ...]:
    """A warning where the head learned from the split that it is scored on, as a final head does."""
    learned = str(saved.training.get("split", "")).split("+")
    if split in learned or "all" in (split, *learned):
        return (
            f"the head learned from pictures of {split!r}, so that these figures look far better than those of new "
            "pictures would: believe the figures that it was saved with (`classify card`)",
        )
    return ()
