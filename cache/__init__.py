"""What an embedding's identity is, and storing embeddings so that none is ever lost or wrong.

Knows numpy and h5py; knows nothing of pictures, networks or heads. `Store` is what everybody depends on, `Bucket`
where its bytes lie: on a disk or in memory.
"""

from cache.artifacts import Artifacts, Kind
from cache.contract import Store
from cache.errors import (
    ArtifactDamaged,
    ArtstyleError,
    CacheError,
    EarlierVersion,
    ForeignKey,
    NotStored,
    SegmentDamaged,
    StorageFailed,
    UnclearKey,
)
from cache.folder import (
    artifacts_of,
    cache_in_memory,
    create_cache,
    find_cache,
    has_cache,
    list_caches,
    list_keys,
    open_cache,
)
from cache.key import Key, Recipe
from cache.plan import Plan
from cache.rows import OK, Rows
from cache.schema1 import list_earlier
from cache.store import FeatureCache

__all__ = [
    "OK",
    "ArtifactDamaged",
    "Artifacts",
    "ArtstyleError",
    "CacheError",
    "EarlierVersion",
    "FeatureCache",
    "ForeignKey",
    "Key",
    "Kind",
    "NotStored",
    "Plan",
    "Recipe",
    "Rows",
    "SegmentDamaged",
    "StorageFailed",
    "Store",
    "UnclearKey",
    "artifacts_of",
    "cache_in_memory",
    "create_cache",
    "find_cache",
    "has_cache",
    "list_caches",
    "list_earlier",
    "list_keys",
    "open_cache",
]
