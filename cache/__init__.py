"""What an embedding's identity is, and storing embeddings so that none is ever lost or wrong.

Knows numpy and h5py; knows nothing of pictures, networks or heads. `FeatureCache` is the folder on disk,
`MemoryCache` the same contract in memory.
"""

from cache.contract import Store
from cache.errors import (
    ArtstyleError,
    CacheError,
    EarlierVersion,
    ForeignKey,
    NotStored,
    SegmentDamaged,
    StorageFailed,
    UnclearKey,
)
from cache.folder import list_caches, open_cache
from cache.key import Key, Recipe
from cache.plan import Plan
from cache.rows import OK, Rows
from cache.schema1 import list_earlier
from cache.store import FeatureCache

__all__ = [
    "OK",
    "ArtstyleError",
    "CacheError",
    "EarlierVersion",
    "FeatureCache",
    "ForeignKey",
    "Key",
    "NotStored",
    "Plan",
    "Recipe",
    "Rows",
    "SegmentDamaged",
    "StorageFailed",
    "Store",
    "UnclearKey",
    "list_caches",
    "list_earlier",
    "open_cache",
]
