"""What decides the numbers: the identity of a set of embeddings.

Two runs with the same key give the same vectors for the same picture; anything that could change a vector is
in the key, and nothing else is. Engine, library versions, device, threads and batch size are not: they are
recorded beside each segment, and rows are only added after stored ones were embedded again and agreed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cache.errors import ForeignKey

SCHEMA = 1
Json = Any  # what json.dumps takes: None, bool, int, float, str, lists and dicts with str keys of these


def canonical_json(value: Json) -> bytes:
    """The one spelling of a JSON value: sorted names, no spaces, UTF-8, no NaN.

    Raises
    ------
    ValueError, TypeError
        The value has no JSON spelling, or would not be read back equal (a name that is no string, a tuple).
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    if json.loads(text) != value:
        raise TypeError(f"{value!r} would change on its way through JSON: use str names, lists and plain numbers")
    return text.encode()


@dataclass(frozen=True)
class Key:
    """Everything that decides an embedding's numbers, recipes apart.

    Parameters
    ----------
    backbone : str
        Name of the frozen network, as in "resnet50".
    weights : str
        Identity of its weights, as in "torchvision:resnet50-0676ba61", "sha256:..." or
        "random:seed=0,torch=2.14.1".
    transform : mapping
        Decode policy, size, crop, interpolation, mean, std: plain JSON values.
    precision : str
        "fp32", "bf16", or "int8:<hash of the calibrated model>".
    schema : int
        Version of this list.
    """

    backbone: str
    weights: str
    transform: Mapping[str, Json]
    precision: str = "fp32"
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.]+", self.backbone):
            raise ValueError(f"{self.backbone!r} can't name a backbone: letters, digits, '_' and '.' are allowed")

    @cached_property
    def canonical(self) -> bytes:
        """Canonical JSON of all fields."""
        return canonical_json(
            {
                "backbone": self.backbone,
                "precision": self.precision,
                "schema": self.schema,
                "transform": dict(self.transform),
                "weights": self.weights,
            }
        )

    @cached_property
    def digest(self) -> str:
        """sha256 of the canonical JSON, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical).hexdigest()

    @property
    def folder_name(self) -> str:
        """`<backbone>-<first 12 digits>`."""
        return f"{self.backbone}-{self.digest[:12]}"

    @property
    def untrained(self) -> bool:
        """Whether the weights were drawn at random and never trained."""
        return self.weights.startswith("random:")

    @classmethod
    def from_json(cls, text: bytes | str) -> Key:
        """Read a key back.

        Raises
        ------
        ForeignKey
            The text is no key, or one of a schema this version does not know.
        """
        try:
            fields = json.loads(text)
            key = cls(**fields)
            key.digest  # noqa: B018  computing it proves that every field is plain JSON
        except (ValueError, TypeError) as error:
            raise ForeignKey(f"this is not the key of a feature cache: {error}") from error
        if key.schema != SCHEMA:
            raise ForeignKey(f"the key has schema {key.schema}, this version reads {SCHEMA}: update artstyle")
        return key

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True)
class Recipe:
    """How a vector is made from the backbone's feature maps: a name and the definition behind it.

    Parameters
    ----------
    name : str
        As users say it, "avgpool".
    definition : mapping
        Plain JSON that pins the formula and its constants; vectors of two definitions never mix.
    """

    name: str
    definition: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", self.name):
            raise ValueError(f"{self.name!r} can't name a recipe: letters, digits, '_', '.' and '-' are allowed")

    @cached_property
    def digest(self) -> str:
        """sha256 of name and definition."""
        return hashlib.sha256(canonical_json([self.name, dict(self.definition)])).hexdigest()

    def __hash__(self) -> int:
        return hash(self.digest)
