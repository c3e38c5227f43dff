"""Which picture goes into which batch, decided and written down before the first one is embedded.

The last bits of a vector can depend on the size of its batch and its place in it. A plan fixes both: ordered
ids, cut into batches of one size, cut into segments. A run that was interrupted finds its plan again and goes
on with it, so its vectors are bit for bit those of a run that was never interrupted. Pictures that failed, or
are in the cache already, leave their places empty; no other picture moves into them.

On disk a plan is one line of JSON and then the ids, 32 bytes each. Earlier versions wrote all of it as JSON; such plans
are read, too.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cache import ids
from cache.artifacts import Artifacts, Kind
from cache.errors import CacheError
from cache.ids import ID_BYTES, ID_DTYPE, Ids

PLANS = Kind("plan", ".ids")
EARLIER_PLANS = Kind("plan", ".json")
_GLANCE = 4096  # bytes at the beginning of a plan: its first line, and at least 64 ids


@dataclass(frozen=True)
class Plan:
    """Ordered ids, and how they are cut.

    Parameters
    ----------
    ids : ndarray (N,) S32
        Distinct ids in the order in which they are embedded.
    recipes : sequence of str
        Digests of the recipes the run makes.
    batch_size : int
        Pictures in a batch.
    segment_batches : int
        Batches in a segment.
    earlier : bool
        It lies in the form that earlier versions wrote.
    """

    ids: Ids
    recipes: Sequence[str]
    batch_size: int
    segment_batches: int
    earlier: bool = False

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.segment_batches < 1:
            raise ValueError(
                f"a batch of {self.batch_size} pictures and a segment of {self.segment_batches} batches: "
                "both need to be 1 or more"
            )

    def pieces(self) -> Iterator[list[Ids]]:
        """The batches of each segment, (B,) S32 each, in order; only the last batch of the plan may be short."""
        step = self.batch_size * self.segment_batches
        for start in range(0, len(self.ids), step):
            stop = min(start + step, len(self.ids))
            cuts = range(start, stop, self.batch_size)
            yield [self.ids[a : min(a + self.batch_size, stop)] for a in cuts]

    def _content(self) -> bytes:
        cut = {
            "batch_size": self.batch_size,
            "pictures": len(self.ids),
            "recipes": sorted(self.recipes),
            "segment_batches": self.segment_batches,
        }
        return json.dumps(cut).encode() + b"\n" + ids.to_bytes(self.ids).tobytes()

    def _earlier_content(self) -> bytes:
        return json.dumps(
            {
                "batch_size": self.batch_size,
                "ids": ids.to_hex(self.ids),
                "recipes": sorted(self.recipes),
                "segment_batches": self.segment_batches,
            }
        ).encode()

    def save(self, artifacts: Artifacts) -> None:
        """Write the plan beside a key's segments, unless it is there.

        Raises
        ------
        StorageFailed
            The storage refused.
        """
        artifacts.keep(PLANS, self._content())

    def forget(self, artifacts: Artifacts) -> None:
        """Remove the plan: it was carried out."""
        if self.earlier:
            artifacts.forget(EARLIER_PLANS, self._earlier_content())
        else:
            artifacts.forget(PLANS, self._content())


def unfinished(artifacts: Artifacts, among: Ids | None = None) -> list[Plan]:
    """The plans of a key, in a fixed order; what is no plan is passed over.

    A damaged plan costs nothing but the promise of equal last bits, so it does not stop a run.

    Parameters
    ----------
    artifacts : Artifacts
    among : ndarray (N,) S32, optional
        Only plans that begin with pictures of these: of all others, the first few kilobytes are read.
    """
    plans: list[Plan] = []
    known = None if among is None else np.sort(among)
    names = sorted(artifacts.names())
    for name in filter(EARLIER_PLANS.fits, names):
        plans += _read(artifacts, name, _parse_earlier)
    for name in filter(PLANS.fits, names):
        if known is None or _begins_among(artifacts, name, known):
            plans += _read(artifacts, name, _parse)
    return plans


def _read(artifacts: Artifacts, name: str, parse: Callable[[bytes], Plan]) -> Iterator[Plan]:
    """The plan of that name; nothing where it is damaged, gone, or no plan."""
    with contextlib.suppress(CacheError, ValueError, TypeError, KeyError):
        yield parse(artifacts.load(name))


def _parse(content: bytes) -> Plan:
    line, _, rest = content.partition(b"\n")
    fields = json.loads(line)
    found = ids.from_bytes(np.frombuffer(rest, np.uint8).reshape(-1, ID_BYTES))
    if fields.pop("pictures") != len(found):
        raise ValueError("a plan of another length")
    return Plan(found, **fields)


def _parse_earlier(content: bytes) -> Plan:
    fields = json.loads(content)
    return Plan(ids.from_hex(fields.pop("ids")), **fields, earlier=True)


def _begins_among(artifacts: Artifacts, name: str, known: Ids) -> bool:
    with contextlib.suppress(CacheError):
        _, _, rest = artifacts.glance(name, _GLANCE).partition(b"\n")
        first = np.frombuffer(rest[: len(rest) - len(rest) % ID_BYTES], ID_DTYPE)
        return bool((ids.positions(first, known) >= 0).any())
    return False
