"""What must be known of the rows themselves before a figure is believed: left out, repeated, labelled twice.

`fit`, `evaluate` and `compare` ask this about the rows that they use. Nothing is taken out of the table here: it is
the user's, and `featurize audit --drop-duplicates` removes repeats on request.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from classify.data import LabelledRows
from classify.evaluation.findings import Caution
from featurize.wording import counted, listing

REMOVE = "`featurize audit --drop-duplicates` removes the repeats"


def row_cautions(rows: LabelledRows, part: str, target: str, *, scored: bool) -> Iterator[Caution]:
    """Cautions about the rows of one part.

    Parameters
    ----------
    rows : LabelledRows
    part : str
        As it is spoken of, "training" or the name of a split; "all" for the whole table.
    target : str
        The label column.
    scored : bool
        Whether figures are computed on the rows; otherwise they are learned from.
    """
    part = "" if part == "all" else f"{part} "
    if rows.left_out:
        reasons = ((rows.unlabelled, f"no {target}"), (rows.broken, "no embedding, because the file is broken"))
        said = [f"{count:,} {'has' if count == 1 else 'have'} {reason}" for count, reason in reasons if count]
        whole = counted(len(rows) + rows.left_out, f"{part}row")
        yield Caution("left-out", f"Of {whole}, {listing(said)}: left out{' of every figure' if scored else ''}.")
    repeats = len(rows) - len(set(rows.ids))
    if repeats:
        effect = "figures rest on fewer pictures than they seem to, and intervals are too narrow"
        if not scored:
            effect = "such a picture weighs more than others in what is learned"
        again = counted(repeats, f"{part}row repeats a picture", f"{part}rows repeat a picture")
        yield Caution("repeated-rows", f"{again} of another {part}row, and each row counts: {effect}; {REMOVE}.")


def label_cautions(rows: LabelledRows) -> Iterator[Caution]:
    """A caution where one picture has several labels, in whatever parts its rows are."""
    labels: dict[str, set[str]] = defaultdict(set)
    paths: dict[str, str] = {}
    for picture, label, path in zip(rows.ids, rows.y.tolist(), rows.paths, strict=True):
        labels[picture].add(label)
        paths.setdefault(picture, path.name)
    several = [f"{paths[picture]} ({listing(sorted(names))})" for picture, names in labels.items() if len(names) > 1]
    if several:
        pictures = counted(len(several), "picture stands", "pictures stand")
        yield Caution(
            "several-labels",
            f"{pictures} in several rows with different labels, of which a head can name one: {listing(several)}. Give "
            "each picture one row in the dataset table.",
        )
