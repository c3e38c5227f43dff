"""What decides the numbers: the identity of a set of embeddings.

Two runs with the same key give the same vectors for the same picture. Whatever could change a vector is in the key,
and nothing else is. Engine, library versions, device, threads and batch size are not: they are recorded beside each
segment, and rows are only added after stored ones were embedded again and agreed.

As it stands in `key.json`, in canonical JSON (sorted names, no spaces); here with spaces:

    {"schema": 2,
     "network": {"provider": "torchvision", "name": "resnet50", "stages": ["layer1", "layer2", "layer3", "layer4"]},
     "weights": "torchvision:resnet50-0676ba61",
     "transform": {"resize": 256, "crop": 224, "fit": "crop", "interpolation": "bilinear", "mean": [...], "std": [...],
                   "decode": "exact", "policy": 2},
     "precision": "fp32"}

`network` may have more fields where a network has variants that give other numbers: `"activation": "quick_gelu"`,
`"positions": "bicubic"`. Which block, tokens or pooling a vector is made of is not here but in the recipe's
definition: recipes share one pass over the pictures, and one key.
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

KEY_FILE = "key.json"  # in a key's folder
SCHEMA = 2
PLAIN_PROVIDER = "torchvision"  # its networks are named without it: "resnet50", where others are "timm:resnet50"
Json = Any  # what json.dumps takes: None, bool, int, float, str, lists and dicts with str keys of these

_PROVIDER = re.compile(r"[a-z][a-z0-9_]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")  # in a file name on Linux, macOS or Windows
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])\.", re.IGNORECASE)  # names of devices on Windows
_LONGEST = 80  # characters of a network's name in a folder's name


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


def safe_name(text: str) -> str:
    """A text as it stands in the name of a folder."""
    return _UNSAFE.sub("-", text)


@dataclass(frozen=True)
class Key:
    """Everything that decides an embedding's numbers, recipes apart.

    Parameters
    ----------
    network : mapping
        The frozen network as plain JSON: "provider" ("torchvision"), "name" ("resnet50") and "stages", the list of the
        nodes where its feature maps are read, early to late; and whatever else of its architecture decides the numbers.
    weights : str
        Identity of its weights, as in "torchvision:resnet50-0676ba61", "sha256:..." or
        "random:seed=0,torch=2.14.1".
    transform : mapping
        How a picture becomes pixels: sizes, fit (crop, squash or pad), interpolation, mean, std, decode policy.
    precision : str
        "fp32", "bf16", or "int8:<hash of the calibrated model>".
    schema : int
        Version of this list.

    Raises
    ------
    ValueError
        `network` lacks one of its three fields, or one of them is not what it should be.
    """

    network: Mapping[str, Json]
    weights: str
    transform: Mapping[str, Json]
    precision: str = "fp32"
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        provider, name, stages = (self.network.get(what) for what in ("provider", "name", "stages"))
        if not (isinstance(provider, str) and _PROVIDER.fullmatch(provider)):
            raise ValueError(f"{provider!r} can't name a provider of networks: lower-case letters, digits and '_'")
        if not (isinstance(name, str) and name.strip() == name != "" and name.isprintable() and ":" not in name):
            raise ValueError(f"{name!r} can't name a network: printable characters without ':' are needed")
        if not (isinstance(stages, list) and all(isinstance(node, str) for node in stages)):
            raise ValueError(f"{stages!r} are no stages of a network: a list of the names of nodes is needed")

    @property
    def backbone(self) -> str:
        """The network as users name it: "resnet50", "timm:vit_small_patch14_dinov2.lvd142m"."""
        provider, name = self.network["provider"], self.network["name"]
        return str(name) if provider == PLAIN_PROVIDER else f"{provider}:{name}"

    @cached_property
    def canonical(self) -> bytes:
        """Canonical JSON of all fields."""
        return canonical_json(
            {
                "network": dict(self.network),
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
        """`<network>-<first 12 digits>`, a file name on every system.

        Characters that some system refuses become "-". The digits alone tell keys apart, so that names which differ in
        such characters or in case only never share a folder.
        """
        shown = safe_name(self.backbone)[:_LONGEST]
        safe = f"_{shown}" if shown.startswith((".", "-")) or _DEVICE.match(shown) else shown
        return f"{safe}-{self.digest[:12]}"

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
            The text is no key, or one of another schema; `cache.schema1` reads those of schema 1.
        """
        try:
            fields = json.loads(text)
            schema = fields["schema"]
        except (ValueError, TypeError, KeyError) as error:
            raise ForeignKey(f"this is not the key of a feature cache: {error}") from error
        if schema != SCHEMA:
            raise ForeignKey(f"the key has schema {schema!r}, this version reads {SCHEMA}: update artstyle")
        try:
            key = cls(**fields)
            key.digest  # noqa: B018  computing it proves that every field is plain JSON
        except (ValueError, TypeError, AttributeError) as error:
            raise ForeignKey(f"this is not the key of a feature cache: {error}") from error
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
        if not re.fullmatch(r"[A-Za-z0-9_.@-]+", self.name):
            raise ValueError(f"{self.name!r} can't name a recipe: letters, digits, '_', '.', '@' and '-' are allowed")

    @cached_property
    def digest(self) -> str:
        """sha256 of name and definition."""
        return hashlib.sha256(canonical_json([self.name, dict(self.definition)])).hexdigest()

    def __hash__(self) -> int:
        return hash(self.digest)
