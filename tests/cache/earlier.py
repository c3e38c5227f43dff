"""Caches as an earlier version wrote them: keys of schema 1, which named no nodes."""

from __future__ import annotations

from pathlib import Path

from cache import Rows, open_cache
from cache.buckets import DiskBucket
from cache.key import Json, canonical_json
from cache.schema1 import EarlierKey
from cache.segments import segment

WEIGHTS = "torchvision:resnet50-0676ba61"
TRANSFORM = {
    "resize": 256,
    "crop": 224,
    "interpolation": "bilinear",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "decode": "exact",
    "policy": 2,
}


def earlier_key(backbone: str = "resnet50", weights: str = WEIGHTS, precision: str = "fp32") -> EarlierKey:
    """A key of schema 1."""
    fields: dict[str, Json] = {
        "backbone": backbone,
        "weights": weights,
        "transform": TRANSFORM,
        "precision": precision,
        "schema": 1,
    }
    return EarlierKey(fields)


def write_earlier(root: Path, key: EarlierKey, *segments: Rows) -> Path:
    """A key's folder of schema 1 with some segments."""
    folder = root / key.folder_name
    folder.mkdir(parents=True)
    (folder / "key.json").write_bytes(canonical_json(dict(key.fields)))
    for rows in segments:
        segment.write(DiskBucket(folder), key.digest, rows)
    return folder


def rows_in(folder: Path) -> list[Rows]:
    """The rows of each segment in a key's folder of this version."""
    bucket, digest = DiskBucket(folder), open_cache(folder).key.digest
    return [segment.Segment.open(bucket, path.name, digest).rows() for path in sorted(folder.glob("*.h5"))]
