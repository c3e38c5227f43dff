"""What an embedding's identity is, and storing embeddings so that none is ever lost or wrong.

Knows numpy and h5py; knows nothing of pictures, networks or heads. `Store` is what everybody depends on, `Bucket`
where its bytes lie: on a disk or in memory. Begin with `open_cache`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cache.lazy import hand_out

if TYPE_CHECKING:
    from cache.artifacts import Artifacts as Artifacts
    from cache.artifacts import Kind as Kind
    from cache.contract import Store as Store
    from cache.errors import ArtifactDamaged as ArtifactDamaged
    from cache.errors import ArtstyleError as ArtstyleError
    from cache.errors import CacheError as CacheError
    from cache.errors import EarlierVersion as EarlierVersion
    from cache.errors import ForeignKey as ForeignKey
    from cache.errors import NotStored as NotStored
    from cache.errors import SegmentDamaged as SegmentDamaged
    from cache.errors import StorageFailed as StorageFailed
    from cache.errors import UnclearKey as UnclearKey
    from cache.folder import artifacts_of as artifacts_of
    from cache.folder import cache_in_memory as cache_in_memory
    from cache.folder import create_cache as create_cache
    from cache.folder import find_cache as find_cache
    from cache.folder import has_cache as has_cache
    from cache.folder import list_caches as list_caches
    from cache.folder import list_keys as list_keys
    from cache.folder import open_cache as open_cache
    from cache.key import Key as Key
    from cache.key import Recipe as Recipe
    from cache.plan import Plan as Plan
    from cache.rows import OK as OK
    from cache.rows import Rows as Rows
    from cache.schema1 import list_earlier as list_earlier
    from cache.store import FeatureCache as FeatureCache
else:
    __getattr__, __dir__, __all__ = hand_out(
        __name__,
        {
            "cache.artifacts": "Artifacts Kind",
            "cache.contract": "Store",
            "cache.errors": (
                "ArtifactDamaged ArtstyleError CacheError EarlierVersion ForeignKey NotStored SegmentDamaged "
                "StorageFailed UnclearKey"
            ),
            "cache.folder": (
                "artifacts_of cache_in_memory create_cache find_cache has_cache list_caches list_keys open_cache"
            ),
            "cache.key": "Key Recipe",
            "cache.plan": "Plan",
            "cache.rows": "OK Rows",
            "cache.schema1": "list_earlier",
            "cache.store": "FeatureCache",
        },
    )
