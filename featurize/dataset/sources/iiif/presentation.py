"""What a IIIF manifest or collection says, whichever version of the Presentation API it is written in.

Sources: https://iiif.io/api/presentation/2.1/ and https://iiif.io/api/presentation/3.0/.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

_LANGUAGES = ("en", "none", "@none")  # taken first, where a text has several


@dataclass(frozen=True)
class Image:
    """A picture on a canvas.

    Parameters
    ----------
    manifest, canvas : str
        The addresses that name them.
    url : str
        Of the picture itself.
    service : str
        Of its Image API; "" where it has none.
    version : int
        Of the Image API, 1, 2 or 3.
    level : int or None
        Of conformance, 0 to 2; None where the manifest does not say.
    width, height : int
        Pixels of the whole picture; 0 where the manifest does not say.
    labels : mapping of str to str
        Title and metadata, as the manifest has them.
    """

    manifest: str
    canvas: str
    url: str
    service: str = ""
    version: int = 2
    level: int | None = None
    width: int = 0
    height: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)


def kind_of(document: Any) -> str:
    """ "manifest", "collection", "page" of a collection, or "" for anything else."""
    if not isinstance(document, Mapping):
        return ""
    said = str(document.get("type") or document.get("@type") or "").rpartition(":")[2]
    return {"Manifest": "manifest", "Collection": "collection", "CollectionPage": "page"}.get(said, "")


def members(collection: Mapping[str, Any]) -> list[str]:
    """Addresses of the manifests, collections and pages that a collection names, in its order, each once."""
    found = [
        _address(entry)
        for name in ("items", "members", "collections", "manifests")
        for entry in _listed(collection.get(name))
        if isinstance(entry, str) or kind_of(entry) or name in ("collections", "manifests")
    ]
    found += [_address(collection.get(name)) for name in ("first", "next")]
    return list(dict.fromkeys(address for address in found if address))


def images(manifest: Mapping[str, Any], address: str) -> list[Image]:
    """The pictures of a manifest, one for each canvas that has one, in its order.

    Parameters
    ----------
    manifest : mapping
    address : str
        Where it came from.

    Raises
    ------
    ValueError
        It is not built like a manifest.
    """
    try:
        own = labels_of(manifest)
        several = [image for canvas in _canvases(manifest) for image in _on_canvas(canvas, address)]
        return [_labelled(image, own, len(several) > 1) for image in several]
    except (AttributeError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"it is not built like a manifest ({type(error).__name__}: {error})") from error


def labels_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The title and the metadata of a manifest or canvas, in the language that stands first or in English."""
    found = {"title": text_of(manifest.get("label"))}
    for pair in _mappings(manifest.get("metadata")):
        name, value = text_of(pair.get("label")), text_of(pair.get("value"))
        if name and value:
            found[name] = f"{found[name]}; {value}" if name in found else value
    return {name: value for name, value in found.items() if value}


def pixels_of(value: Any) -> int:
    """Pixels of a side; 0 where a document says none, or something that is none."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return max(number, 0)


def text_of(value: Any) -> str:
    """A text in any of the forms that the two versions have; several values are joined by semicolons.

    Examples
    --------
    >>> text_of({"de": ["Der Schrei"], "en": ["The Scream"]}), text_of([{"@value": "Oil", "@language": "en"}, "Wood"])
    ('The Scream', 'Oil; Wood')
    """
    if isinstance(value, Mapping):
        if "@value" in value:
            return _plain(value["@value"])
        language = next((name for name in (*_LANGUAGES, *value) if name in value), None)
        return "" if language is None else text_of(value[language])
    if isinstance(value, list):
        spoken = [v for v in value if isinstance(v, Mapping) and str(v.get("@language", "")).startswith("en")]
        other = [v for v in value if not (isinstance(v, Mapping) and "@language" in v)]
        return "; ".join(filter(None, map(text_of, [*spoken, *other] or value[:1])))
    return _plain(value)


def _plain(value: Any) -> str:
    """A text on one line without the mark-up that metadata may hold."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", "" if value is None else str(value))).split())


def _canvases(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "items" in manifest:  # version 3
        yield from _listed(manifest["items"])
        return
    for sequence in _listed(manifest.get("sequences"))[:1]:  # others are other orders of the same canvases
        yield from _listed(sequence.get("canvases"))


def _on_canvas(canvas: Mapping[str, Any], manifest: str) -> Iterator[Image]:
    """The first picture that is painted on a canvas."""
    name = _address(canvas)
    painted = [a.get("resource") for a in _listed(canvas.get("images"))]
    painted += [
        annotation.get("body")
        for page in _listed(canvas.get("items"))
        for annotation in _listed(page.get("items"))
        if "painting" in _listed(annotation.get("motivation", "painting"))
    ]
    for body in painted:
        picture = _chosen(body)
        if picture is not None:
            size = [pixels_of(picture.get(side)) or pixels_of(canvas.get(side)) for side in ("width", "height")]
            yield _image(picture, name, manifest, size[0], size[1], labels_of(canvas))
            return


def _image(
    picture: Mapping[str, Any], canvas: str, manifest: str, width: int, height: int, labels: Mapping[str, str]
) -> Image:
    for service in _mappings(picture.get("service")):
        context, profile = (str(service.get(name) or "") for name in ("@context", "profile"))
        kind = str(service.get("type") or service.get("@type") or "")
        if "image" not in f"{context} {profile} {kind}".lower() and profile not in ("level0", "level1", "level2"):
            continue  # a service for searching or logging in
        version = 3 if "ImageService3" in kind or "image/3" in context + profile else 2
        if "image-api/1" in context + profile or "image/1" in context + profile:
            version = 1
        level = next((n for n in (0, 1, 2) if f"level{n}" in profile), None)
        return Image(manifest, canvas, _address(picture), _address(service).rstrip("/"), version, level, width, height,
                     labels)  # fmt: skip
    return Image(manifest, canvas, _address(picture), width=width, height=height, labels=labels)


def _chosen(body: Any) -> Mapping[str, Any] | None:
    """The picture of an annotation's body; of several the first, of a choice the default."""
    for one in _mappings(body):
        kind = str(one.get("type") or one.get("@type") or "")
        if kind.endswith("Choice"):
            return _chosen(one.get("default") or one.get("items") or one.get("item"))
        if kind == "SpecificResource" or kind.endswith("SpecificResource"):
            return _chosen(one.get("source") or one.get("full"))
        if kind.endswith("Image") and _address(one):
            return dict(one)
    return None


def _labelled(image: Image, own: Mapping[str, str], several: bool) -> Image:
    """With the manifest's labels; where it has several pictures, what a canvas is called stands beside its title."""
    canvas = dict(image.labels)
    name = canvas.pop("title", "")
    labels = {**own, **canvas, **({"canvas_label": name} if several and name else {})}
    return replace(image, labels=labels)


def _address(entry: Any) -> str:
    if isinstance(entry, Mapping):
        entry = entry.get("id") or entry.get("@id") or ""
    return entry if isinstance(entry, str) else ""


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _mappings(value: Any) -> Sequence[Mapping[str, Any]]:
    return [one for one in _listed(value) if isinstance(one, Mapping)]
