"""One `.npz` file with arrays `id`, `path`, `split`, `labels_<column>`, `features_<recipe>`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from featurize.exchange.forms.base import Contents, in_unicode


def write_npz(contents: Contents, path: Path) -> None:
    """See `featurize.exchange.forms.base.Writer`."""
    arrays: dict[str, NDArray[np.generic]] = {
        name.replace("/", "_"): np.array(list(map(in_unicode, column))) for name, column in contents.texts().items()
    }
    ids = contents.table.ids
    arrays |= {f"features_{r.name}": contents.cache.gather(ids, r) for r in contents.recipes}
    arrays["key"] = np.array(contents.cache.key.canonical.decode())
    arrays["about"] = np.array(json.dumps(dict(contents.about), ensure_ascii=False))
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
