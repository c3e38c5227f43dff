"""Under which terms a network's weights may be used: remembered beside their embeddings, and looked up.

A run writes the licence down beside the segments, so that exports, reports and cards name it without the library that
the weights came from.
"""

from __future__ import annotations

import json
import re

from cache import Key, Store
from cache.artifacts import Artifacts, Kind
from featurize.errors import FeaturizeError
from featurize.networks.base import Published
from featurize.networks.providers import provider_of

_KIND = Kind("licence", ".json")
# how the names of licences begin that ask for no more than a name, or for the same licence on copies of the weights
_FREE = re.compile(
    r"(the\s)?(apache|mit|bsd|isc|ncsa|zlib|unlicense|cc[-\s]?0|cc[-\s]by([-\s]sa)?|mpl|public\sdomain)(?![a-z])",
    re.IGNORECASE,
)
# what stands in the names and texts of those that ask for more
_RESTRICTED = re.compile(r"(?<![a-z])(nc|nd)(?![a-z])|non-?\s?commercial|research[- ](only|use)", re.IGNORECASE)


def remember_licence(artifacts: Artifacts, licence: str) -> None:
    """Write down beside a key's segments under which terms its weights may be used.

    Raises
    ------
    StorageFailed
        The storage refused.
    """
    artifacts.keep(_KIND, json.dumps({"licence": licence}, ensure_ascii=False).encode())


def licence_of(cache: Store) -> str:
    """The licence of the weights behind a cache; "" where nothing is known."""
    remembered = cache.artifacts.find(_KIND)
    if remembered is not None:
        return str(json.loads(remembered)["licence"])
    published = published_weights(cache.key)
    return published.licence if published else ""


def published_weights(key: Key) -> Published | None:
    """What the provider of a key's network says about its weights, where it published them."""
    try:
        backbone = provider_of(key.network["provider"]).backbone(key.network["name"])
    except FeaturizeError:  # a provider that is not installed here, or vectors without a network
        return None
    return next((p for p in backbone.published.values() if f"{key.weights}-".startswith(f"{p.identity}-")), None)


def is_restricted(licence: str) -> bool:
    """Whether a licence forbids commercial use, or has terms of its own that must be read first.

    So is any that is not known here, as the ones that firms write for their own weights.
    """
    plain = licence.strip()
    return bool(plain) and (_FREE.match(plain) is None or _RESTRICTED.search(plain) is not None)


def restriction(what: str, licence: str) -> str:
    """A sentence about weights whose licence forbids commercial use, or has terms of its own; else ""."""
    if not is_restricted(licence):
        return ""
    return f"the weights of {what} are under the licence {licence!r}: read it before any commercial use"
