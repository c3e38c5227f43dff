"""Fetches what an address names: its manifests, then their pictures, into a folder that says what became of each.

    iiif/example.org-3f2a.../
      manifests/*.json     copies of the documents, with the marks by which a server knows that they are current
      pictures-512/*.jpg   pictures whose shorter side has 512 pixels or more
      listing.json         every picture and every broken document, in order: where it lies, and what is said of it

A file is written whole or not at all, so a run that is stopped goes on where it ended.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from cache import files
from featurize.dataset.sources.base import POLITELY, Asking
from featurize.dataset.sources.iiif.client import Client, parsed
from featurize.dataset.sources.iiif.image_api import needs_info, picture_address
from featurize.dataset.sources.iiif.presentation import Image, images, kind_of, members
from featurize.dataset.sources.tree import ending, is_picture_name
from featurize.errors import NotFetched, SourceError, Undecodable
from featurize.pictures import decoding
from featurize.progress import Progress

LISTING = "listing.json"
FORMAT = "artstyle iiif 1"
_NAME = 160  # bytes of a text in a file's name, of which a name has 255


def is_address(source: object) -> bool:
    """Whether a source is an address in the web."""
    return bool(re.match(r"https?://", str(source), re.IGNORECASE))


def fetch_source(
    address: str,
    beside: Path,
    asking: Asking = POLITELY,
    progress: Progress | None = None,
    client: Client | None = None,
) -> Path:
    """Fetch everything that a manifest or a collection names, except what is there already.

    Parameters
    ----------
    address : str
        Of a manifest or a collection.
    beside : Path
        The folder in which the folder `iiif` is made.
    asking : Asking
    progress : callable, optional
        Called with (pictures done, pictures in all).
    client : Client, optional

    Returns
    -------
    Path
        The folder, for the reader `Iiif`.

    Raises
    ------
    SourceError
        The address can't be fetched, or is no manifest and no collection.
    StorageFailed
        A file can't be written.
    """
    client = client or Client(asking.rate)
    folder = beside / "iiif" / f"{file_stem(_parts(address).netloc)}-{_digest(address)}"
    store = _Documents(folder / "manifests", client)
    try:
        first = kind_of(store.get(address))
    except NotFetched as error:
        raise SourceError(f"{address!r} can't be fetched: {error}") from error
    if not first:
        raise SourceError(f"{address!r} is no IIIF manifest and no collection: give the address of one of these")
    entries = list(_listed(store, address))
    pictures = [entry for entry in entries if "image" in entry]
    for done, entry in enumerate(pictures, 1):
        _fetch_picture(entry, folder, asking, client)
        if progress:
            progress(done, len(pictures))
    rows = [{name: value for name, value in entry.items() if name != "image"} for entry in entries]
    document = {"format": FORMAT, "source": address, "pictures": rows}
    files.make_folder(folder)
    files.write_atomic(folder / LISTING, [json.dumps(document, ensure_ascii=False, indent=1).encode()])
    return folder


class _Documents:
    """Documents by their address, with a copy on the disk that is asked about, not fetched again."""

    def __init__(self, folder: Path, client: Client) -> None:
        self._folder, self._client = folder, client
        self._read: dict[str, Any] = {}

    def path(self, address: str) -> Path:
        """Where the copy lies."""
        return self._folder / f"{file_stem(path_of(address).strip('/')) or 'manifest'}-{_digest(address)}.json"

    def get(self, address: str) -> Any:
        """A document, current if the server can be reached."""
        if address not in self._read:
            self._read[address] = self._current(address)
        return self._read[address]

    def _current(self, address: str) -> Any:
        path = self.path(address)
        kept = _kept(path)
        try:
            answer = self._client.get(address, kept["marks"] if kept else None)
            if answer.status == 304 and kept:
                return kept["document"]
            document = parsed(answer.body)
        except NotFetched:
            if kept is None:
                raise
            return kept["document"]
        marks = {name: answer.headers[name] for name in ("etag", "last-modified") if name in answer.headers}
        files.make_folder(self._folder)
        kept = {"address": address, "marks": marks, "document": document}
        files.write_atomic(path, [json.dumps(kept, ensure_ascii=False).encode()])
        return document


def _kept(path: Path) -> dict[str, Any] | None:
    """A copy with its marks; None where there is none, or it was changed so that it is none."""
    try:
        kept = parsed(path.read_bytes())
    except (FileNotFoundError, NotFetched):
        return None
    return kept if isinstance(kept, dict) and isinstance(kept.get("marks"), dict) and "document" in kept else None


def _listed(store: _Documents, address: str) -> Iterator[dict[str, Any]]:
    """Every picture below an address, and every document that is broken; each document once, in the order named."""
    waiting, seen = [address], {address}
    while waiting:
        at = waiting.pop(0)
        try:
            document = store.get(at)
            kind = kind_of(document)
            found = images(document, at) if kind == "manifest" else []
            if not kind:
                raise NotFetched("it is no IIIF manifest and no collection")
            if kind == "manifest" and not found:
                raise NotFetched("the manifest has no picture")
        except (NotFetched, ValueError) as error:
            yield {"path": f"manifests/{store.path(at).name}", "trouble": f"{at}: {error}", "labels": {"manifest": at}}
            continue
        for image in found:
            yield {"image": image, "labels": _labels(image)}
        below = [] if kind == "manifest" else [a for a in members(document) if a not in seen]
        seen.update(below)
        waiting = below + waiting


def _labels(image: Image) -> dict[str, str]:
    return {**image.labels, "manifest": image.manifest, "canvas": image.canvas, "image": image.service or image.url}


def _fetch_picture(entry: dict[str, Any], folder: Path, asking: Asking, client: Client) -> None:
    """Fetch the picture of an entry, if it is not there; the entry says where it lies, or what is wrong."""
    image: Image = entry["image"]
    known = image.service or image.url
    name = f"{file_stem(image.labels.get('title', ''))[:60] or 'picture'}-{_digest(known + ' ' + image.canvas)}"
    suffix = ending(path_of(image.url)) if not image.service and is_picture_name(image.url) else ".jpg"
    entry["path"] = f"pictures-{asking.side}/{name}{suffix}"
    target = folder / entry["path"]
    if target.exists():
        return
    try:
        body = _picture(image, asking.side, client)
        decoding.probe(body)  # what is no picture is not kept, so the next run asks again
    except (NotFetched, Undecodable) as error:
        entry["trouble"] = f"{known}: {error}"
        return
    files.make_folder(target.parent)
    files.write_atomic(target, [body])


def _picture(image: Image, side: int, client: Client) -> bytes:
    """The bytes of a picture at the size that is needed; where the server refuses that size, as the manifest has it."""
    info = client.json(f"{image.service}/info.json") if needs_info(image) else None
    sized = picture_address(image, side, _mapping(info))
    try:
        return client.get(sized).body
    except NotFetched as error:
        if not image.url or image.url == sized or not error.refused:
            raise
    return client.get(image.url).body


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def path_of(address: str) -> str:
    """The path within an address; "" in a text that is none."""
    return _parts(address).path


def _parts(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # as of "http://[": whoever asks for it says what is wrong with it
        return SplitResult("", "", "", "", "")


def file_stem(text: str) -> str:
    """A text as a part of a file's name: letters, digits and hyphens, at most 80 letters and 160 bytes."""
    short = re.sub(r"[^\w.]+", "-", text, flags=re.UNICODE).strip("-.").lower()[:80]
    return short.encode()[:_NAME].decode(errors="ignore")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]
