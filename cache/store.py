"""The folder on disk that keeps embeddings.

A cache folder `features/<backbone>-<digest>/` holds `key.json` and immutable segments. The list of its files
is the manifest: what is listed is there whole, and nothing else knows better.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import files, plan, segment
from cache.contract import Store, check_all_found
from cache.errors import CacheError, ForeignKey, SegmentDamaged, StorageFailed
from cache.ids import Ids, to_hex
from cache.index import Places
from cache.key import KEY_FILE, Key, Recipe
from cache.rows import OK, Failure, Rows
from cache.schema1 import earlier_cache
from cache.segment import Segment

ASIDE = "damaged"
_LISTINGS = 100  # of a folder that changes all the time, before its state is taken as it is


class FeatureCache(Store):
    """The folder of one key.

    Parameters
    ----------
    folder : Path
        An existing key folder.

    Attributes
    ----------
    problems : list of CacheError
        Segments that were left out because they are damaged or foreign.

    Raises
    ------
    ForeignKey
        `key.json` is missing, changed, or belongs elsewhere.
    EarlierVersion
        An earlier version made it; `cache.adopt` takes it over.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = _read_key(folder)
        self.problems: list[CacheError] = []
        self._segments: dict[str, Segment] = {}
        self._places: dict[Recipe | None, Places] = {}
        self.refresh()

    @classmethod
    def create(cls, root: Path, key: Key) -> FeatureCache:
        """Open a key's folder under `root`; make it if it is not there."""
        folder = root / key.folder_name
        path = folder / KEY_FILE
        files.make_folder(root)
        files.make_folder(folder)
        if not path.exists():
            files.write_atomic(path, [key.canonical])
        files.settle(folder, folder / plan.FOLDER)
        cache = cls(folder)
        if cache.key.digest != key.digest:
            raise ForeignKey(f"{str(path)!r} holds another key than {key.digest[:12]}: move the folder away")
        return cache

    @property
    def segments(self) -> list[Segment]:
        """The undamaged segments, by name."""
        return [self._segments[name] for name in sorted(self._segments)]

    def refresh(self) -> None:
        """Look at the folder again: other processes may have added or merged segments.

        A listing is not a moment: while it is made, a merged segment can appear where it has looked already, and
        the originals vanish where it has not. So it counts only when the next one is the same.
        """
        listed = self._listed()
        for _ in range(_LISTINGS):
            whole = self._take(listed)
            before, listed = listed, self._listed()
            if whole and listed == before:
                break
        self._places = {}

    def _listed(self) -> set[str]:
        with files.clear_reading(self.folder):
            return {path.name for path in self.folder.iterdir() if path.suffix == segment.SUFFIX}

    def _take(self, listed: set[str]) -> bool:
        """Open the segments that are new in a listing, drop those that are not in it; whether none had gone."""
        whole = True
        self._segments = {n: s for n, s in self._segments.items() if n in listed and s.is_there()}
        self.problems = []
        for name in sorted(listed - self._segments.keys()):
            try:
                self._segments[name] = Segment.open(self.folder / name, self.key.digest)
            except FileNotFoundError:
                whole = False  # merged away since the listing, or replaced by the same rows
            except (SegmentDamaged, ForeignKey) as problem:
                self.problems.append(problem)
        return whole

    def append(self, rows: Rows) -> None:
        """Write rows as one new segment."""
        if not len(rows):
            return
        path = segment.write(self.folder, self.key.digest, rows)
        try:
            self._segments[path.name] = Segment.open(path, self.key.digest)
            self._places = {}
        except FileNotFoundError:
            self.refresh()  # another process merged it at once

    def recipes(self) -> list[Recipe]:
        found = {r for s in self._segments.values() if (s.status == OK).any() for r in s.recipes}
        return sorted(found, key=lambda r: (r.name, r.digest))

    def status(self, wanted: Ids) -> NDArray[np.uint8]:
        return self._index(None).status_of(wanted)

    def embedded(self, wanted: Ids, recipe: Recipe) -> NDArray[np.bool_]:
        return self._index(recipe).find(wanted) >= 0

    def gather(self, wanted: Ids, recipe: Recipe) -> NDArray[np.floating]:
        for _ in range(_LISTINGS):
            try:
                return self._gather(wanted, recipe)
            except FileNotFoundError:
                self.refresh()  # segments were merged or replaced since the folder was listed
        raise StorageFailed(f"the segments in {str(self.folder)!r} change faster than they can be read: try again")

    def _gather(self, wanted: Ids, recipe: Recipe) -> NDArray[np.floating]:
        places = self._index(recipe)
        found = places.find(wanted)
        check_all_found(self.key, wanted, found >= 0, recipe)
        number, row = places.segment[found], places.row[found]
        segments = self.segments
        used = np.unique(number)
        shapes = [segments[n].recipes[recipe] for n in used]
        dimension = shapes[0].shape[1] if shapes else 0
        out = np.empty((len(wanted), dimension), np.result_type(*(s.dtype for s in shapes)) if shapes else np.float32)
        for n in used:
            mine = np.flatnonzero(number == n)
            out[mine] = segments[n].vectors(recipe)[row[mine]]
        return out

    def ids(self) -> Ids:
        return self._index(None).ids

    def failures(self) -> list[Failure]:
        places = self._index(None)
        segments = self.segments
        return [
            Failure(
                to_hex(places.ids[i : i + 1])[0],
                int(places.status[i]),
                segments[places.segment[i]].details.get(int(places.row[i]), ""),
            )
            for i in np.flatnonzero(places.status != OK)
        ]

    def verify(self) -> None:
        """Check every byte of every segment; what does not hold is left out and listed in `problems`."""
        for _ in range(_LISTINGS):
            try:
                for name, opened in list(self._segments.items()):
                    try:
                        opened.verify()
                    except SegmentDamaged as problem:
                        del self._segments[name]
                        self._places = {}
                        self.problems.append(problem)
                return
            except FileNotFoundError:
                self.refresh()  # merged or replaced meanwhile

    def set_aside_damaged(self) -> list[Path]:
        """Move damaged segments into the folder `damaged`, so that their rows are made again."""
        damaged = [p.path for p in self.problems if isinstance(p, SegmentDamaged) and self._is_damaged(p.path)]
        for path in damaged:
            files.move(path, self.folder / ASIDE / path.name)
        self.refresh()
        return damaged

    def _is_damaged(self, path: Path) -> bool:
        """Whether it still is: another process may have set it aside and made it again meanwhile."""
        try:
            Segment.open(path, self.key.digest).verify()
        except SegmentDamaged:
            return True
        except (FileNotFoundError, ForeignKey):
            return False
        return False

    @property
    def nbytes(self) -> int:
        """Bytes of all undamaged segments on disk."""
        return sum(s.size for s in self._segments.values())

    def _index(self, recipe: Recipe | None) -> Places:
        if recipe not in self._places:
            self._places[recipe] = Places.of(self.segments, recipe)
        return self._places[recipe]


def _read_key(folder: Path) -> Key:
    path = folder / KEY_FILE
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ForeignKey(f"{str(folder)!r} is not a feature cache: it has no readable {KEY_FILE}") from error
    earlier = earlier_cache(folder)
    if earlier:
        raise earlier.refusal()
    key = Key.from_json(text)
    if folder.resolve().name != key.folder_name:
        raise ForeignKey(
            f"{str(path)!r} was changed, or its folder renamed: its content belongs into a folder {key.folder_name!r}"
        )
    return key
