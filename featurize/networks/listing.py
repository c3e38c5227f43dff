"""Which networks there are: what the installed libraries have, and what each network gives and costs.

Libraries are asked in a process of its own and once for each version, as in `described`. Nothing is fetched.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata, util

from featurize import processes
from featurize.errors import BackboneError
from featurize.networks.base import CLASS, MAP, POOLED, Backbone
from featurize.networks.described import Description, remember, remembered
from featurize.networks.providers import provider_of
from featurize.wording import raised

MOST = 20  # networks of which size and cost are told
_INDEX = "every network"  # what a library is asked for a list
_FLOAT32 = 4  # bytes


@dataclass(frozen=True)
class Library:
    """A library that networks come from.

    Parameters
    ----------
    provider : str
        As it stands before the colon.
    module, package : str
        As it is imported, and as it is installed.
    extra : str
        What installs it with artstyle; "" where it is always there.
    tags : callable
        Gives the names of its networks, each with the tags of published weights; loads the library.
    describe : callable
        What it says of one network; loads the library.
    """

    provider: str
    module: str
    package: str
    extra: str
    tags: Callable[[], Mapping[str, Sequence[str]]]
    describe: Callable[[str], Description]

    @property
    def installed(self) -> bool:
        """Whether it can be loaded."""
        return util.find_spec(self.module) is not None

    @property
    def version(self) -> str:
        """The installed version."""
        return metadata.version(self.package)


@dataclass(frozen=True)
class Listed:
    """A network, as it is chosen by.

    Parameters
    ----------
    name : str
        As `--backbone` takes it.
    embedding : str
        The recipes that its authors evaluate it with.
    dimension : int
        Numbers in that embedding.
    side : int
        Of the pictures that it sees, pixels.
    megabytes : float
        Of its parameters in float32, without a classifier.
    gigamacs : float
        Multiply-adds for one picture, in thousand millions.
    weights : sequence of str
        Tags of published weights: those that the word is in, then the others; the default first.
    licences : sequence of str
        Of each of these weights; "" where the library says nothing.
    """

    name: str
    embedding: str
    dimension: int
    side: int
    megabytes: float
    gigamacs: float
    weights: Sequence[str]
    licences: Sequence[str]


@dataclass(frozen=True)
class Listing:
    """What was found.

    Parameters
    ----------
    networks : sequence of Listed
        The first that fit.
    more : sequence of str
        The names of the others that fit.
    unusable : mapping of str to str
        Those that fit and can't be used, with the reason.
    counts : mapping of str to int
        Provider -> networks in all, of the libraries that are installed.
    absent : sequence of Library
        Those that are not installed.
    """

    networks: Sequence[Listed]
    more: Sequence[str]
    unusable: Mapping[str, str]
    counts: Mapping[str, int]
    absent: Sequence[Library]


def _timm_tags() -> dict[str, list[str]]:
    import timm

    found: dict[str, list[str]] = {str(name): [] for name in timm.list_models()}
    for tagged in timm.list_pretrained():
        name, _, tag = tagged.partition(".")
        found.setdefault(name, []).append(tag)
    return found


def _open_clip_tags() -> dict[str, list[str]]:
    import open_clip

    return {str(name): open_clip.list_pretrained_tags_by_model(name) for name in open_clip.list_models()}


def _torchvision_tags() -> dict[str, list[str]]:
    from featurize.networks.libraries.torchvision import BACKBONES

    return {name: list(backbone.published) for name, backbone in BACKBONES.items()}


def _describe_torchvision(name: str) -> Description:
    """torchvision's own figures: parameters and multiply-adds of the whole network, classifier and all."""
    from torchvision.models import get_model_weights

    from featurize.networks.libraries.torchvision import BACKBONES

    known, facts = BACKBONES[name], next(iter(get_model_weights(name))).meta
    stages = [(stage.node, stage.channels or 0, stage.reduction) for stage in known.stages]
    cost = 2 * float(facts["_ops"])  # it counts a multiplication and an addition as one
    return Description(stages, {}, known.transform, parameters=int(facts["num_params"]), gigaflops=cost)


def _describe_timm(name: str) -> Description:
    from featurize.networks.libraries.timm import describe

    return describe(name)


def _describe_open_clip(name: str) -> Description:
    from featurize.networks.libraries.open_clip import describe

    return describe(name)


LIBRARIES = (
    Library("torchvision", "torchvision", "torchvision", "", _torchvision_tags, _describe_torchvision),
    Library("timm", "timm", "timm", "timm", _timm_tags, _describe_timm),
    Library("open_clip", "open_clip", "open_clip_torch", "open-clip", _open_clip_tags, _describe_open_clip),
)


def list_networks(word: str = "", most: int = MOST, say: Callable[[str], None] = lambda line: None) -> Listing:
    """Networks whose name, or whose weights' tag, holds a word.

    Parameters
    ----------
    word : str
        A part of a name, as in "dinov2" or "timm:resnet"; capitals don't matter. Without one, torchvision's networks.
    most : int
        Of so many networks size and cost are told; a library that is asked for the first time takes a second for each.
    say : callable
        Called with a sentence before a library is loaded.

    Raises
    ------
    BackboneError
        No network fits; the message names those that are called nearly so.
    """
    there = [library for library in LIBRARIES if library.installed]
    absent = [library for library in LIBRARIES if not library.installed]
    indexes = {library.provider: _index(library, say) for library in there}
    fitting = [
        (library, name)
        for library in there
        for name, tags in indexes[library.provider].items()
        if (_fits(word, library, name, tags) if word else not library.extra)
    ]
    if not fitting:
        raise BackboneError(_nothing(word, indexes, absent))
    shown, networks, unusable = fitting[:most], [], {}
    for library in there:
        names = [name for of, name in shown if of is library]
        for name, found in _described(library, names, say).items():
            if isinstance(found, str):
                unusable[_full(library, name)] = found
            else:
                networks.append(_listed(library, name, found, word))
    counts = {provider: len(index) for provider, index in indexes.items()}
    return Listing(networks, [_full(of, name) for of, name in fitting[most:]], unusable, counts, absent)


def _index(library: Library, say: Callable[[str], None]) -> Mapping[str, Sequence[str]]:
    known = remembered(library.package, _INDEX)
    if isinstance(known, dict):
        return known
    if library.extra:
        say(f"asking {library.package} which networks it has, once for this version")
    found = processes.call(library.tags, unless_loaded="torch")
    remember(library.package, found, _INDEX)
    return found


def _described(library: Library, names: Sequence[str], say: Callable[[str], None]) -> dict[str, Description | str]:
    """What a library says of networks, or why they can't be used; all that are new are asked in one process."""
    kept = {name: remembered(library.package, name) for name in names}
    new = [name for name, answer in kept.items() if not isinstance(answer, dict)]
    if new:
        say(f"asking {library.package} about {len(new)} of its networks, once for this version")
        for name, answer in processes.call(_ask, library.provider, new, unless_loaded="torch").items():
            kept[name] = answer
            remember(library.package, answer, name)
    return {
        name: answer["refused"] if "refused" in answer else Description.from_json(answer)
        for name, answer in kept.items()
    }


def _ask(provider: str, names: Sequence[str]) -> dict[str, dict[str, object]]:
    describe = next(library.describe for library in LIBRARIES if library.provider == provider)
    found: dict[str, dict[str, object]] = {}
    for name in names:
        try:
            found[name] = describe(name).as_json()
        except BackboneError as error:
            found[name] = {"refused": str(error)}
        except Exception as error:  # some of a thousand networks can't be built without numbers
            found[name] = {"refused": f"it can't be described ({raised(error)})"}
    return found


def _listed(library: Library, name: str, found: Description, word: str) -> Listed:
    provider = provider_of(library.provider)
    backbone = provider.backbone(name) if not library.extra else found.backbone(library.provider, name)
    embedding = provider.standard(backbone.identity)
    published = backbone.published
    tags = sorted(published, key=lambda tag: not word or word.casefold() not in tag.casefold())
    return Listed(
        name=backbone.full_name,
        embedding=embedding,
        dimension=sum(_numbers(backbone, recipe) for recipe in embedding.split("+")),
        side=backbone.transform.crop,
        megabytes=found.parameters * _FLOAT32 / 1e6,
        gigamacs=found.gigaflops / 2,
        weights=tags,
        licences=[published[tag].licence for tag in tags],
    )


def _numbers(backbone: Backbone, recipe: str) -> int:
    """How many numbers one of the usual recipes has."""
    kind = {"cls": CLASS, "pooled": POOLED}.get(recipe, MAP)
    return next((stage.channels or 0 for stage in reversed(backbone.stages) if stage.kind == kind), 0)


def _full(library: Library, name: str) -> str:
    return f"{library.provider}:{name}" if library.extra else name


def _fits(word: str, library: Library, name: str, tags: Sequence[str]) -> bool:
    whole = f"{library.provider}:{name}"
    return any(word.casefold() in text.casefold() for text in (whole, *(f"{whole}.{tag}" for tag in tags)))


def _nothing(word: str, indexes: Mapping[str, Mapping[str, object]], absent: Sequence[Library]) -> str:
    names = {name: provider for provider, index in indexes.items() for name in index}
    near = difflib.get_close_matches(word.rpartition(":")[2].casefold(), names, 5, 0.5)
    listed = ", ".join(f"{names[name]}:{name}" for name in near)
    meant = f"is one of {listed} meant?" if near else "`featurize networks` names the libraries"
    others = ", ".join(f"artstyle[{library.extra}]" for library in absent)
    missing = f" (not installed, and not searched: {others})" if others else ""
    return f"no network has {word!r} in its name{missing}: {meant}"
