"""The rows of a dataset table: pictures that the selection wants, that can be read, and that nobody removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from featurize.dataset.choosing.looks import Looks
from featurize.dataset.choosing.selection import Selection, select
from featurize.dataset.edits.merging import Merge
from featurize.dataset.said import Said
from featurize.dataset.sources import Listing
from featurize.dataset.table import relative_paths
from featurize.errors import SourceError, Undecodable
from featurize.progress import Progress
from featurize.reasons import Reason


@dataclass(frozen=True)
class Choice:
    """How to choose among the pictures of a source.

    Parameters
    ----------
    source : Path
    selection : Selection
    seed : int
        Of samples.
    workers : int, optional
        Reading threads.
    progress : callable, optional
        Called with (files done, files in all).
    """

    source: Path
    selection: Selection
    seed: int = 0
    workers: int | None = None
    progress: Progress | None = None

    def rows(
        self, said: Said, merge: Merge, looks: Looks, known: Set[str]
    ) -> tuple[list[int], Mapping[str, Sequence[str]]]:
        """Numbers of the pictures that belong into the table, and the labels of all, with people's in them.

        Parameters
        ----------
        said : Said
            N pictures.
        merge : Merge
            Learns which pictures people know by another path.
        looks : Looks
            Reads what is wanted and was not looked at.
        known : set of str
            Paths of the older table.

        Raises
        ------
        SourceError
            Nothing is left.
        """
        labels = said.with_edits(merge)
        rows = self._wanted_and_readable(looks, said, labels, merge.deleted)
        if merge.find_renamed({n: looks[n].id for n in rows if said.written[n] not in known}):
            labels = said.with_edits(merge)
            rows = [n for n in rows if n not in merge.deleted]
        return rows, labels

    def _wanted_and_readable(
        self, looks: Looks, said: Said, labels: Mapping[str, Sequence[str]], removed: Set[int]
    ) -> list[int]:
        """Numbers of the files that the selection wants, that are pictures, and that nobody removed from the table.

        Only wanted files are read. Where some of them turn out to be no pictures, the selection is made again without
        them, until it holds: a limit is reached, and a class is as large as it was asked to be.
        """
        listing = said.listing
        names = relative_paths(listing.paths, self.source.absolute())
        while True:
            refused = looks.refused
            usable = [n for n in range(len(listing)) if n not in refused and n not in removed]
            if not usable and removed:
                raise SourceError(
                    f"all pictures of {str(self.source)!r} were removed from the table: "
                    "--discard-edits brings them back"
                )
            if not usable:
                raise SourceError(_nothing(self.source, listing, refused))
            there = {**labels, "split": listing.splits, "path": names}
            if len(usable) < len(listing):
                there = {c: [values[n] for n in usable] for c, values in there.items()}
            wanted = select(there, said.target, [names[n] for n in usable], self.selection, self.seed)
            chosen = [usable[n] for n in wanted]
            looks.read(chosen, self.workers, self.progress)
            if len(looks.refused) == len(refused):
                return chosen


def _nothing(source: Path, listing: Listing, refused: Mapping[int, Undecodable]) -> str:
    first, why = next(iter(refused.items()))
    told = f"{Path(listing.paths[first]).name!r}: {why}"
    if all(w.reason == Reason.MISSING for w in refused.values()):
        column = dict(zip(listing.recognised[::2], listing.recognised[1::2], strict=True)).get("--path-column")
        named = f" in its column {column!r}" if column else ""
        another = ", or which column names them with --path-column" if column else ""
        return (
            f"none of the {len(listing)} files that {str(source)!r} names{named} is there (the first: {told}): say "
            f"where they are with --images FOLDER{another}, or look at the lists alone with `featurize audit "
            "--lists-only SOURCE`"
        )
    return (
        f"none of the {len(listing)} files in {str(source)!r} is a picture that can be read (the first: {told}): "
        "give a folder of pictures"
    )
