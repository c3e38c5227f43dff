"""A features folder: the caches of all keys in it, and the choice of one."""

from __future__ import annotations

from pathlib import Path

from cache.errors import UnclearKey
from cache.key import KEY_FILE, safe_name
from cache.schema1 import list_earlier
from cache.store import FeatureCache


def list_caches(root: Path) -> list[FeatureCache]:
    """Every key's cache under a features folder, by name; those of an earlier version are in `list_earlier`."""
    return [FeatureCache(folder) for folder in _folders(root)]


def open_cache(root: Path, chosen: str | None = None) -> FeatureCache:
    """The one cache under a features folder that `chosen` names.

    Parameters
    ----------
    root : Path
        The features folder, or a key's own folder.
    chosen : str, optional
        A network, or any part of the key folder's name that only one has: "resnet50", "timm:vit_small", or some digits
        of its digest.

    Raises
    ------
    UnclearKey
        None or several fit; the message lists what is there.
    EarlierVersion
        Only a cache of an earlier version fits; the message says how to take it over.
    """
    if (root / KEY_FILE).exists():
        return FeatureCache(root)
    folders = _folders(root)
    fitting = [folder for folder in folders if _fits(folder, chosen)]
    if len(fitting) == 1:
        return FeatureCache(fitting[0])
    earlier = [old for old in list_earlier(root) if _fits(old.folder, chosen)]
    if earlier and not fitting:
        raise earlier[0].refusal()
    if not folders:
        raise UnclearKey(f"there is no feature cache in {str(root)!r}: make one with `featurize run`")
    listed = ", ".join(folder.name for folder in folders)
    if not fitting:
        raise UnclearKey(f"no feature cache in {str(root)!r} has {chosen!r} in its name; there are: {listed}")
    raise UnclearKey(
        f"{len(fitting)} feature caches in {str(root)!r} fit: choose one with --key and a part of its name; "
        f"there are: {listed}"
    )


def _fits(folder: Path, chosen: str | None) -> bool:
    return chosen is None or safe_name(chosen) in folder.name


def _folders(root: Path) -> list[Path]:
    earlier = {old.folder for old in list_earlier(root)}
    return [path.parent for path in sorted(root.glob(f"*/{KEY_FILE}")) if path.parent not in earlier]
