"""The address at which the Image API gives a picture at the size that is needed.

Sources: https://iiif.io/api/image/2.1/ and https://iiif.io/api/image/3.0/. A width alone is understood from level 1 on,
in all versions. At level 0 a server has only the sizes that its info.json lists.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from featurize.dataset.sources.iiif.presentation import Image, pixels_of


def needs_info(image: Image) -> bool:
    """Whether the manifest does not say enough, so that info.json has to be asked."""
    return bool(image.service) and (image.level == 0 or not (image.width and image.height))


def picture_address(image: Image, side: int, info: Mapping[str, Any] | None = None) -> str:
    """Where to get a picture.

    Parameters
    ----------
    image : Image
    side : int
        Pixels that its shorter side needs.
    info : mapping, optional
        The service's info.json.

    Returns
    -------
    str
        The smallest size that is large enough, or the whole picture where it is smaller.
    """
    if not image.service:
        return image.url
    info = info or {}
    width, height = (pixels_of(info.get(name)) or getattr(image, name) for name in ("width", "height"))
    if image.level == 0:
        return _listed_size(image, side, info)
    if not (width and height) or min(width, height) <= side:
        return _request(image, "max" if image.version == 3 else "full")
    return _request(image, f"{math.ceil(width * side / min(width, height))},")


def _listed_size(image: Image, side: int, info: Mapping[str, Any]) -> str:
    said = info.get("sizes")
    named = [one for one in said if isinstance(one, Mapping)] if isinstance(said, list) else []
    sizes = [(pixels_of(one.get("width")), pixels_of(one.get("height"))) for one in named]
    large = sorted(size for size in sizes if min(size) >= side)
    if not large:
        return image.url
    width, height = large[0]
    return _request(image, f"{width},{height}" if image.version == 3 else f"{width},")


def _request(image: Image, size: str) -> str:
    quality = "native" if image.version == 1 else "default"
    return f"{image.service}/full/{size}/0/{quality}.jpg"
