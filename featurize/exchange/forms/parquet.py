"""One Parquet file: the columns of the table, and a column of lists for each recipe.

Apple's Embedding Atlas opens it: `embedding-atlas FILE --vector avgpool`. For it (`--format atlas`) the vectors of all
recipes stand side by side in one column, "vector".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from cache import Recipe
from featurize.exchange.forms.base import Contents

_TYPES = {"float16": "float32"}  # Parquet's half floats are read by few programs


def write_parquet(contents: Contents, path: Path) -> None:
    """See `featurize.exchange.forms.base.Writer`."""
    _write(contents, path, {recipe.name: [recipe] for recipe in contents.recipes})


def write_atlas(contents: Contents, path: Path) -> None:
    """See `featurize.exchange.forms.base.Writer`."""
    _write(contents, path, {"vector": contents.recipes})


def _write(contents: Contents, path: Path, vectors: Mapping[str, Sequence[Recipe]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = contents.plain_texts()
    names = _own_names(vectors, texts)
    readers = [contents.blocks(recipes) for recipes in vectors.values()]
    about = {"artstyle": json.dumps(dict(contents.about), ensure_ascii=False)}
    writer, start = None, 0
    try:
        for several in zip(*readers, strict=True):
            end = start + len(several[0])
            columns = {name: pa.array(column[start:end], pa.string()) for name, column in texts.items()}
            for name, block in zip(names, several, strict=True):
                flat = pa.array(block.astype(_TYPES.get(str(block.dtype), block.dtype), copy=False).ravel())
                columns[name] = pa.FixedSizeListArray.from_arrays(flat, block.shape[1]).cast(pa.list_(flat.type))
            table = pa.table(columns)
            if writer is None:
                writer = pq.ParquetWriter(path, table.schema.with_metadata(about))
            writer.write_table(table.replace_schema_metadata(about))
            start = end
    finally:
        if writer is not None:
            writer.close()


def _own_names(vectors: Mapping[str, object], texts: Mapping[str, object]) -> list[str]:
    """Names for the vectors' columns that no label has."""
    names: list[str] = []
    for name in vectors:
        while name in texts or name in names:
            name = f"{name}_vector"
        names.append(name)
    return names
