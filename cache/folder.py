"""A features folder: the caches of all keys in it, and the choice of one."""

from __future__ import annotations

from pathlib import Path

from cache.errors import UnclearKey
from cache.store import KEY_FILE, FeatureCache


def list_caches(root: Path) -> list[FeatureCache]:
    """Every key's cache under a features folder, by name."""
    return [FeatureCache(path.parent) for path in sorted(root.glob(f"*/{KEY_FILE}"))]


def open_cache(root: Path, chosen: str | None = None) -> FeatureCache:
    """The one cache under a features folder that `chosen` names.

    Parameters
    ----------
    root : Path
        The features folder, or a key's own folder.
    chosen : str, optional
        Any part of the key folder's name that only one has: "resnet50", or some digits of its digest.

    Raises
    ------
    UnclearKey
        None or several fit; the message lists what is there.
    """
    if (root / KEY_FILE).exists():
        return FeatureCache(root)
    names = sorted(path.parent.name for path in root.glob(f"*/{KEY_FILE}"))
    if not names:
        raise UnclearKey(f"there is no feature cache in {str(root)!r}: make one with `featurize run`")
    fitting = [name for name in names if chosen is None or chosen in name]
    if len(fitting) == 1:
        return FeatureCache(root / fitting[0])
    listed = ", ".join(names)
    if not fitting:
        raise UnclearKey(f"no feature cache in {str(root)!r} has {chosen!r} in its name; there are: {listed}")
    raise UnclearKey(
        f"{len(fitting)} feature caches in {str(root)!r} fit: choose one with --key and a part of its name; "
        f"there are: {listed}"
    )
