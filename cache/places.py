"""Where the file of a key's weights was seen: a hint for later commands, never trusted without its hash.

The identity of the weights is in the key. Where they lie is not: files move. So a run writes the place down beside the
segments, for checking vectors and for predicting later; a command that finds a file there compares it with the
identity.
"""

from __future__ import annotations

import json
from pathlib import Path

from cache.artifacts import Artifacts, Kind

_PLACE = Kind("weights", ".json")


def remember_place(artifacts: Artifacts, path: Path) -> None:
    """Write down among a key's artifacts that the file of its weights lies there now.

    Raises
    ------
    StorageFailed
        The storage refused.
    """
    artifacts.keep(_PLACE, json.dumps({"file": str(path.absolute())}, ensure_ascii=False).encode())


def remembered_places(artifacts: Artifacts) -> list[Path]:
    """All places where the file of a key's weights was seen."""
    return [Path(json.loads(record)["file"]) for record in artifacts.every(_PLACE)]
