"""Numbers drawn by lot, each following from a name and a seed alone."""

from __future__ import annotations

import hashlib

from featurize.errors import SourceError


def draw(name: str, seed: int) -> float:
    """A number in [0, 1) that depends on nothing but the name and the seed."""
    digest = hashlib.sha256(f"{seed}:{name}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def check_shares(val: float, test: float) -> None:
    """Raise `SourceError` unless the shares leave something to train on."""
    if not (val >= 0 and test >= 0 and val + test < 1):
        raise SourceError(f"--val {val} and --test {test}: both must be 0 or more and together under 1")
