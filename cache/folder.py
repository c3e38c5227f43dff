"""A features folder: the caches of all keys in it, and the choice of one."""

from __future__ import annotations

from collections.abc import Sequence

from cache.artifacts import Artifacts
from cache.buckets import Bucket, MemoryBucket, Place, bucket_at
from cache.contract import Store
from cache.errors import ArtstyleError, UnclearKey
from cache.key import KEY_FILE, Key, safe_name
from cache.places import remembered_places
from cache.schema1 import earlier_cache, key_buckets, list_earlier
from cache.segments.segment import SUFFIX
from cache.store import FeatureCache, read_key


def create_cache(root: Place, key: Key) -> Store:
    """The cache of a key under a features folder; made where it is not there.

    Raises
    ------
    ForeignKey
        The key's folder holds another key.
    StorageFailed
        It can't be made.
    """
    return FeatureCache.create(root, key)


def cache_in_memory(key: Key) -> Store:
    """An empty cache in memory: for tests, and for embedding a handful of pictures without leaving a trace."""
    return create_cache(MemoryBucket(), key)


def list_keys(root: Place) -> list[Key]:
    """The keys of all caches under a features folder, by name of their folders; no segment is opened."""
    return [read_key(bucket) for bucket in _buckets(root)]


def list_caches(root: Place) -> list[Store]:
    """Every key's cache under a features folder, or the one that it is, by name.

    Those of an earlier version are in `list_earlier`.
    """
    return [FeatureCache(bucket) for bucket in _buckets(root)]


def has_cache(root: Place, key: Key) -> bool:
    """Whether there is a cache of a key under a features folder."""
    return bucket_at(root).within(key.folder_name).has(KEY_FILE)


def find_cache(root: Place, key: Key) -> Store | None:
    """The cache of a key under a features folder; None where there is none.

    Raises
    ------
    ForeignKey
        The key's folder was changed.
    """
    if not has_cache(root, key):
        return None
    cache = FeatureCache(bucket_at(root).within(key.folder_name))
    return cache if cache.key.digest == key.digest else None


def artifacts_of(root: Place, key: Key) -> Artifacts:
    """What belongs to a key beside its segments, none of which is opened; the key's folder need not be there."""
    return Artifacts(bucket_at(root).within(key.folder_name), key.digest)


def open_cache(root: Place = "features", chosen: str | None = None) -> Store:
    """The one cache under a features folder that `chosen` names.

    Parameters
    ----------
    root : str, Path or Bucket
        The features folder, or a key's own folder; the folder "features" by default.
    chosen : str, optional
        A network, or any part of the key folder's name that only one has: "resnet50", "timm:vit_small", or some digits
        of its digest.

    Raises
    ------
    UnclearKey
        None or several fit; the message lists what is there. A cache without rows, as a run leaves it that stopped
        before its first picture, is no choice where another fits.
    EarlierVersion
        Only a cache of an earlier version fits; the message says how to take it over.

    Examples
    --------
    >>> import cache
    >>> store = cache.open_cache("features")
    >>> store.key.backbone, [recipe.name for recipe in store.recipes()]
    ('resnet18', ['avgpool', 'colour'])
    """
    above = bucket_at(root)
    if above.has(KEY_FILE):
        return FeatureCache(above)
    buckets = _buckets(above)
    fitting = [bucket for bucket in buckets if _fits(bucket.name, chosen)]
    filled = [bucket for bucket in fitting if has_rows(bucket)]
    fitting = filled or fitting
    if len(fitting) == 1:
        return FeatureCache(fitting[0])
    earlier = [old for old in list_earlier(above) if _fits(old.folder.name, chosen)]
    if earlier and not fitting:
        raise earlier[0].refusal()
    where = above.where()
    if not buckets:
        raise UnclearKey(f"there is no feature cache in {where!r}: make one with `featurize run`")
    listed = ", ".join(_described(bucket, bool(filled)) for bucket in buckets)
    if not fitting:
        raise UnclearKey(f"no feature cache in {where!r} has {chosen!r} in its name; there are: {listed}")
    raise UnclearKey(
        f"{len(fitting)} feature caches in {where!r} fit: choose one with --key and a part of its name; "
        f"there are: {listed}"
    )


def _described(bucket: Bucket, others_filled: bool) -> str:
    """A key's folder, with the file of the weights where one was seen: the names alone don't say which is which."""
    try:
        places = [str(path) for path in remembered_places(FeatureCache(bucket).artifacts)]
    except ArtstyleError:
        places = []
    notes = [*places, *(["empty"] if others_filled and not has_rows(bucket) else [])]
    return f"{bucket.name} ({', '.join(notes)})" if notes else bucket.name


def as_cache(cache: Store | Place) -> Store:
    """A cache as it is; where a place is given, the one cache there, as `open_cache` finds it."""
    return cache if isinstance(cache, Store) else open_cache(cache)


def as_caches(caches: Store | Place | Sequence[Store | Place]) -> list[Store]:
    """Caches, or places of caches, as a list; one of them may be given alone."""
    several = caches if isinstance(caches, Sequence) and not isinstance(caches, str) else [caches]
    return [as_cache(cache) for cache in several]


def has_rows(bucket: Bucket) -> bool:
    """Whether a key's bucket holds any segment; none is opened."""
    return any(name.endswith(SUFFIX) for name in bucket.names())


def _fits(name: str, chosen: str | None) -> bool:
    return chosen is None or safe_name(chosen) in name


def _buckets(root: Place) -> list[Bucket]:
    """Those of all keys of this version under a features folder, by name."""
    return [bucket for bucket in key_buckets(root) if not earlier_cache(bucket)]
