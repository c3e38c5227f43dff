"""Which pictures a network was fine-tuned on, as its file of weights says: figures on those tell nothing of others."""

from __future__ import annotations

from pathlib import Path

from cache import Store
from cache.places import remembered_places
from classify.data import LabelledRows
from classify.errors import DataError
from featurize.networks.weights_file import file_digest, read_card
from featurize.wording import counted

TRAINED_ON = "trained on"  # in the card of weights: the ids of the pictures


def trained_on(cache: Store) -> frozenset[str]:
    """Ids of the pictures that the network of a feature cache was fine-tuned on; empty where it was not.

    The file of its weights is looked at where `featurize run` saw it; another file in its place is not believed.
    """
    for path in remembered_places(cache.artifacts):
        seen = trained_on_by_file(path)
        if seen and cache.key.weights == f"sha256:{file_digest(path)}":
            return seen
    return frozenset()


def trained_on_by_file(path: Path | None) -> frozenset[str]:
    """Ids of the pictures that the network of a file of weights was fine-tuned on; empty where there is no such file.

    Raises
    ------
    WeightsError
        What the file says about itself can't be understood.
    """
    card = read_card(path) if path and path.is_file() else None
    return frozenset(card.more.get(TRAINED_ON, ())) if card else frozenset()


def refuse_folds(cache: Store, rows: LabelledRows, way_out: str) -> None:
    """Raise where folds would hold out pictures that the network was trained on.

    Raises
    ------
    DataError
    """
    seen = sum(picture in known for picture in rows.ids) if (known := trained_on(cache)) else 0
    if seen:
        raise DataError(
            f"the network of {cache.key.folder_name} was trained on {counted(seen, 'picture')} of the "
            f"{len(rows)} that folds would hold out, so their figures would look wonderful and mean nothing: {way_out}"
        )
