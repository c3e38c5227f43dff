"""IIIF: collections and manifests of museums and libraries (Presentation 2 and 3), their pictures by the Image API.

`fetch_source` brings what an address names into a folder; `Iiif` reads that folder like any other source. So a second
run asks only for what is not there yet, and everything after it works without a network.
"""

from __future__ import annotations

from featurize.dataset.sources.iiif.fetching import fetch_source, is_address
from featurize.dataset.sources.iiif.reader import Iiif

__all__ = ["Iiif", "fetch_source", "is_address"]
