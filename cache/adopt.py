"""Taking over what an earlier version embedded: the same bits under the key of this version.

Segments carry the digest of their key, so each one is written again, by the same road as a new one. Plans and exported
networks get the names that artifacts have now. Only when all that was written has been read back and compared, and
everything else in the folder copied, is the old folder removed. A crash before that leaves the old folder as it was;
started again, the same files are written under the same names.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import files
from cache.artifacts import Artifacts, Kind
from cache.buckets import ASIDE, DiskBucket
from cache.errors import ArtifactDamaged, CacheError, ForeignKey, SegmentDamaged, StorageFailed
from cache.key import KEY_FILE
from cache.plan import PLANS
from cache.rows import OK, Rows
from cache.schema1 import EarlierCache
from cache.segments import segment
from cache.segments.segment import Segment
from cache.store import FeatureCache

# how plans, exported networks and their formulas were named, each after the sha256 of its bytes
_ARTIFACT = re.compile(
    r"(plans/|(?P<stem>body|recipes-[0-9a-f]{16})-)(?P<digits>[0-9a-f]{16,64})(?P<suffix>\.json|\.onnx)"
)


@dataclass(frozen=True)
class Adoption:
    """What became of an earlier version's cache.

    Parameters
    ----------
    old, new : Path
        Their folders.
    embedded : int
        Pictures with vectors in the new folder.
    problems : sequence of CacheError
        What is damaged or foreign; copied into the folder `damaged`, to be made again.
    removed : bool
        Whether the old folder is gone. It stays where files were added to it meanwhile.
    """

    old: Path
    new: Path
    embedded: int
    problems: tuple[CacheError, ...]
    removed: bool


def adopt(earlier: EarlierCache) -> Adoption:
    """Take over a cache of an earlier version, and remove its folder.

    Raises
    ------
    EarlierVersion
        It is not known which layers of its network were read.
    StorageFailed
        The file system refused, or what was written is not what was there; the old folder is as it was.
    """
    old, digest, key = earlier.folder, earlier.made_with.digest, earlier.made_with.key
    if key is None:
        raise earlier.refusal()
    files.sweep(old)
    listed = [path for path in sorted(old.rglob("*")) if path.is_file() and path.name != KEY_FILE]
    new = old.parent / key.folder_name
    cache = FeatureCache.create(old.parent, key)
    problems: list[CacheError] = []
    for path in listed:
        named = _ARTIFACT.fullmatch(path.relative_to(old).as_posix())
        try:
            if path.suffix == segment.SUFFIX and path.parent == old:
                _take_over(path, digest, cache)
            elif named:
                _keep(path, named, cache.artifacts)
            else:
                _copy(path, new / path.relative_to(old))
        except (SegmentDamaged, ArtifactDamaged, ForeignKey) as problem:
            problems.append(problem)
            _copy(path, new / ASIDE / path.name)
    cache.refresh()
    removed = _remove(old, listed)
    ids = cache.ids()
    return Adoption(old, new, int((cache.status(ids) == OK).sum()), tuple(problems), removed)


def _take_over(path: Path, digest: str, cache: FeatureCache) -> None:
    rows = Segment.open(DiskBucket(path.parent), path.name, digest).rows()
    written = segment.write(cache.bucket, cache.key.digest, rows)
    if not _same(Segment.open(cache.bucket, written, cache.key.digest).rows(), rows):
        raise StorageFailed(f"the rows of {str(path)!r} were not read back from {written!r} as they were written")


def _keep(path: Path, named: re.Match[str], artifacts: Artifacts) -> None:
    """Keep an artifact under the name that it has now."""
    with files.clear_reading(path):
        content = path.read_bytes()
    if not hashlib.sha256(content).hexdigest().startswith(named["digits"]):
        raise ArtifactDamaged(path.name, str(path))
    artifacts.keep(Kind(named["stem"] or PLANS.stem, named["suffix"]), content)


def _same(a: Rows, b: Rows) -> bool:
    """Whether all of some rows is equal, vectors bit for bit."""
    if (a.details, a.environment, set(a.vectors)) != (b.details, b.environment, set(b.vectors)):
        return False
    pairs = [(a.ids, b.ids), (a.status, b.status), *((a.vectors[r], b.vectors[r]) for r in a.vectors)]
    return all(x.dtype == y.dtype and np.array_equal(_bits(x), _bits(y)) for x, y in pairs)


def _bits(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """An array's bytes: failed rows hold NaN, which equals nothing."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _copy(path: Path, target: Path) -> None:
    with files.clear_reading(path):
        content = path.read_bytes()
    files.make_folder(target.parent)
    files.write_atomic(target, [content])


def _remove(old: Path, listed: list[Path]) -> bool:
    """Remove the files that were taken over, the key last: without the key the other files can't be understood."""
    for path in listed:
        files.remove(path)
    if any(path.is_file() and path.name != KEY_FILE for path in old.rglob("*")):
        return False
    files.remove(old / KEY_FILE)
    files.remove_folder(old)
    return True
