"""What a library says of one of its networks, asked once and remembered.

Keys are to be made in milliseconds, and a library such as timm takes seconds and a gigabyte to load. So it is asked in
a process of its own, and its answer is kept in the user's cache folder, under the library's version.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata, util
from pathlib import Path
from typing import Any

from cache import StorageFailed, files
from cache.errors import ArtstyleError
from cache.key import Json, safe_name
from featurize import processes
from featurize.errors import BackboneError
from featurize.networks.base import Backbone, Published, Stage
from featurize.pictures.transform import Transform
from featurize.wording import raised

_EDITION = 5  # of the description's form, and of what is asked


@dataclass(frozen=True)
class Offer:
    """Weights that a library publishes.

    Parameters
    ----------
    source : str
        Where they come from; "" where they can't be had any more.
    licence : str
    transform : Transform
    """

    source: str
    licence: str
    transform: Transform


@dataclass(frozen=True)
class Description:
    """One network of a library.

    Parameters
    ----------
    stages : sequence of (str, int, int or None)
        Node, channels, reduction; see `Stage`.
    variant : mapping
        See `Backbone`.
    transform : Transform
        Where no weights say another.
    offers : mapping of str to Offer
        Published weights by name, the first being the default.
    classifier : sequence of str
        How the names of arrays begin that a file of weights may lack.
    parameters : int
        Of the part that makes embeddings.
    gigaflops : float
        A multiplication and an addition being two operations; for one picture.
    """

    stages: Sequence[tuple[str, int, int | None]]
    variant: Mapping[str, Json]
    transform: Transform
    offers: Mapping[str, Offer] = field(default_factory=dict)
    classifier: Sequence[str] = ()
    parameters: int = 0
    gigaflops: float = 0.0

    def backbone(self, provider: str, name: str, first: str = "") -> Backbone:
        """The network; the weights named `first` are its default."""
        published = {
            tag: Published(f"{provider}:{name}.{tag}", offer.transform, offer.source, offer.licence)
            for tag, offer in self.offers.items()
            if offer.source
        }
        if first in published:
            published = {first: published[first], **published}
        return Backbone(
            provider=provider,
            name=name,
            stages=tuple(Stage(*stage) for stage in self.stages),
            transform=self.offers[first].transform if first in self.offers else self.transform,
            published=published,
            variant=self.variant,
            parameters=self.parameters,
        )

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        plain = asdict(self)
        offers = {tag: {**plain["offers"][tag], "transform": o.transform.as_json()} for tag, o in self.offers.items()}
        return {**plain, "transform": self.transform.as_json(), "offers": offers}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Description:
        """A description from what `as_json` gave."""
        offers = {
            t: Offer(o["source"], o["licence"], Transform.from_json(o["transform"])) for t, o in plain["offers"].items()
        }
        stages = [tuple(stage) for stage in plain["stages"]]
        return cls(
            **{**plain, "transform": Transform.from_json(plain["transform"]), "offers": offers, "stages": stages}
        )


def need(package: str, extra: str) -> None:
    """Raise unless a library is installed.

    Raises
    ------
    BackboneError
        It is not; the message names the extra.
    """
    if util.find_spec(package) is None:
        raise BackboneError(f"{package} is not installed: `pip install 'artstyle[{extra}]'`")


def described(package: str, ask: Callable[..., Description], *arguments: str) -> Description:
    """A library's answer about one network.

    Parameters
    ----------
    package : str
        The library, as it is installed.
    ask : callable
        At the top of a module; loads the library.
    *arguments : str
        What is asked about.

    Raises
    ------
    BackboneError
        The library has no such network, or can't build it.
    """
    known = remembered(package, *arguments)
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, BackboneError):  # asked anew
        return Description.from_json(known)
    found = processes.call(_answer, package, ask, *arguments, unless_loaded="torch")
    remember(package, found.as_json(), *arguments)
    return found


def _answer(package: str, ask: Callable[..., Description], *arguments: str) -> Description:
    """What a library says; where its own code fails on a network, that is a sentence."""
    try:
        return ask(*arguments)
    except (ArtstyleError, MemoryError):
        raise
    except Exception as error:
        raise BackboneError(
            f"{package} {metadata.version(package)} can't show the layers of {arguments[0]!r} ({raised(error)}): "
            f"choose another network, or another version of {package}"
        ) from error


def remembered(package: str, *arguments: str) -> Json:
    """What a library answered before, as plain JSON; None where this version was not asked."""
    with contextlib.suppress(OSError, ValueError):
        return json.loads(_place(package, arguments).read_text(encoding="utf-8"))
    return None


def remember(package: str, answer: Json, *arguments: str) -> None:
    """Keep what a library answered."""
    path = _place(package, arguments)
    with contextlib.suppress(StorageFailed):  # nothing is lost but time
        files.make_folder(path.parent)
        files.write_atomic(path, [json.dumps(answer).encode()])


def _place(package: str, arguments: Sequence[str]) -> Path:
    digest = hashlib.sha256(json.dumps(arguments).encode()).hexdigest()[:12]
    folder = _folder() / f"{package}-{metadata.version(package)}-{_EDITION}"
    return folder / f"{safe_name(arguments[0])[:80]}-{digest}.json"


def _folder() -> Path:
    """Where this user's programs keep what they can make again."""
    if sys.platform == "win32":
        above = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    else:
        above = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(above) / "artstyle" / "networks"
