"""The software and the machine that figures come from, so that others can repeat them."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any


def versions(*packages: str) -> dict[str, str]:
    """Installed versions by name; "python" is Python's own, and what is not installed is left out."""
    found = {}
    for package in packages:
        try:
            found[package] = platform.python_version() if package == "python" else metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Operating system, kind of processor, and how many of them."""
    return {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count() or 1}
