"""Reads a folder into which `fetch_source` fetched manifests and pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from featurize.dataset.sources.base import Listing, Reader, Reading
from featurize.dataset.sources.columns import as_options, meaning
from featurize.dataset.sources.iiif.fetching import FORMAT, LISTING
from featurize.errors import SourceError


class Iiif(Reader):
    """A folder with pictures and their listing."""

    has_columns = True

    def recognises(self, source: Path) -> bool:
        return source.is_dir() and (source / LISTING).is_file() and (source / "manifests").is_dir()

    def read(self, source: Path, reading: Reading) -> Listing:
        rows = _rows(source)
        names = dict.fromkeys(name for row in rows for name in row["labels"])
        columns = {name: [row["labels"].get(name, "") for row in rows] for name in names}
        meant = meaning(columns, reading, repr(source.name))
        paths = [str(source / row["path"]) for row in rows]
        return Listing(
            paths,
            meant.splits,
            meant.labels,
            meant.notes,
            recognised=as_options(meant.recognised),
            troubles={path: row["trouble"] for path, row in zip(paths, rows, strict=True) if row.get("trouble")},
        )


def _rows(source: Path) -> Sequence[dict[str, Any]]:
    try:
        document = json.loads((source / LISTING).read_bytes())
        if document["format"] != FORMAT:
            raise ValueError(f"its format is {document['format']!r}")
        rows: Sequence[dict[str, Any]] = document["pictures"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{str(source / LISTING)!r} can't be read ({error}): prepare the address again") from error
    return rows
