"""Keys of schema 1, which version 0.1 wrote before its release: recognised, and written as a key of this version.

Schema 1 named a network, but not the nodes that its stages are. `NODES` says which nodes those names stood for as long
as schema 1 was written. It never changes, whatever is done to the networks of later versions, so the key that follows
from it is the key of the same numbers.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from cache.buckets import Bucket, Place, bucket_at
from cache.errors import EarlierVersion, ForeignKey, StorageFailed
from cache.key import KEY_FILE, Json, Key, canonical_json

_FIELDS = {"backbone", "weights", "transform", "precision", "schema"}


def _features(*numbers: int) -> Sequence[str]:
    return [f"features.{n}" for n in numbers]


_RESNET = ["layer1", "layer2", "layer3", "layer4"]

NODES: Mapping[str, Sequence[str]] = {
    "resnet18": _RESNET,
    "resnet34": _RESNET,
    "resnet50": _RESNET,
    "resnet101": _RESNET,
    "resnet152": _RESNET,
    "resnext50_32x4d": _RESNET,
    "wide_resnet50_2": _RESNET,
    "mobilenet_v2": _features(3, 6, 13, 18),
    "mobilenet_v3_large": _features(3, 6, 12, 16),
    "squeezenet1_1": _features(4, 7, 10, 12),
    "densenet121": [*(f"features.transition{n}.conv" for n in (1, 2, 3)), "relu"],
    "efficientnet_b0": _features(2, 3, 5, 8),
    "convnext_tiny": _features(1, 3, 5, 7),
    "vgg16": _features(9, 16, 23, 30),
    "alexnet": _features(2, 5, 7, 12),
}


@dataclass(frozen=True)
class EarlierKey:
    """A key of schema 1.

    Parameters
    ----------
    fields : mapping
        "backbone", "weights", "transform", "precision" and "schema", as they stood in its key.json.
    """

    fields: Mapping[str, Json]

    @cached_property
    def digest(self) -> str:
        """sha256 of its canonical JSON; its segments and heads carry it."""
        return hashlib.sha256(canonical_json(dict(self.fields))).hexdigest()

    @property
    def folder_name(self) -> str:
        """The name of its folder."""
        return f"{self.fields['backbone']}-{self.digest[:12]}"

    @property
    def key(self) -> Key | None:
        """The key of this version for the same numbers; None where it is not known which nodes its network had."""
        name = self.fields["backbone"]
        if name not in NODES:
            return None
        return Key(
            network={"provider": "torchvision", "name": name, "stages": list(NODES[name])},
            weights=self.fields["weights"],
            transform={**self.fields["transform"], "fit": "crop"},
            precision=self.fields["precision"],
        )


@dataclass(frozen=True)
class EarlierCache:
    """A key's folder that an earlier version made; it knew no other places than disks.

    Parameters
    ----------
    folder : Path
    made_with : EarlierKey
    """

    folder: Path
    made_with: EarlierKey

    def refusal(self) -> EarlierVersion:
        """The error for a program that tries to read it: it says what the cache is, and how to go on."""
        made_by = f"{str(self.folder)!r} was made by an earlier version of artstyle"
        if self.made_with.key is None:
            return EarlierVersion(
                f"{made_by} with a network {self.made_with.fields['backbone']!r} that it did not come with, and it is "
                "not known which layers were read: move the folder away, and embed the pictures again"
            )
        features = shlex.quote(str(self.folder.parent))
        return EarlierVersion(
            f"{made_by}: `featurize adopt --features {features}` takes its vectors over, and nothing is embedded again"
        )


def read_earlier(fields: Json) -> EarlierKey | None:
    """A key of schema 1, where the fields of a key.json are one; else None."""
    if not isinstance(fields, dict) or fields.get("schema") != 1 or set(fields) != _FIELDS:
        return None
    plain = all(isinstance(fields[name], str) for name in ("backbone", "weights", "precision"))
    return EarlierKey(fields) if plain and isinstance(fields["transform"], dict) else None


def earlier_cache(bucket: Bucket) -> EarlierCache | None:
    """The bucket of a key of schema 1, where it is one; else None.

    Raises
    ------
    ForeignKey
        Its key.json was changed, or the folder renamed.
    """
    folder = bucket.path()
    try:
        fields = json.loads(b"".join(bucket.read(KEY_FILE)))
    except (FileNotFoundError, StorageFailed, ValueError):
        return None
    made_with = read_earlier(fields)
    if made_with is None or folder is None:
        return None
    if bucket.name != made_with.folder_name:
        raise ForeignKey(
            f"{bucket.where(KEY_FILE)!r} was changed, or its folder renamed: its content belongs into a folder "
            f"{made_with.folder_name!r}"
        )
    return EarlierCache(folder, made_with)


def refuse_unadopted(root: Place, key: Key) -> None:
    """Raise where an earlier version keeps this key's embeddings in a features folder.

    Parameters
    ----------
    root : str, Path or Bucket
    key : Key
        An 8-bit one stands for every calibration.

    Raises
    ------
    EarlierVersion
        They can be taken over, so they should not be made again, nor missed.
    """
    for old in list_earlier(root):
        same = old.made_with.key
        if same and replace(same, precision=_kind(same)).digest == replace(key, precision=_kind(key)).digest:
            raise old.refusal()


def _kind(key: Key) -> str:
    return key.precision.partition(":")[0]


def list_earlier(root: Place) -> list[EarlierCache]:
    """The caches of schema 1 under a features folder, or the one that it is; by name."""
    return [found for found in map(earlier_cache, key_buckets(root)) if found]


def key_buckets(root: Place) -> list[Bucket]:
    """The buckets of all keys under a features folder, or the one that it is, whatever their schema; by name."""
    above = bucket_at(root)
    if above.has(KEY_FILE):
        return [above]
    within = [above.within(name) for name in sorted(above.folders())]
    return [bucket for bucket in within if bucket.has(KEY_FILE)]
