"""Where the features folders of a campaign lie, and what the campaign itself does to them: a disk, or a bad S3.

A campaign goes past the code under test, and past its client: that one does not survive a fork, so only children use
it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cache import files
from cache.buckets import clients, copies, objects
from tests.cache import s3

BACKGROUND = {"failing": 0.02, "lost": 0.02, "cut": 0.02, "stalled": 0.002}  # shares of all requests
_PATIENCE = 1.0  # seconds until the client gives up a request


class Ground(ABC):
    """Features folders under names that are paths, whether there are such folders or not."""

    @abstractmethod
    def root(self, path: Path) -> str:
        """What commands take as the features folder of that name."""

    @abstractmethod
    def names(self, root: str) -> list[str]:
        """Of all that lies there, at any depth, sorted."""

    @abstractmethod
    def read(self, root: str, name: str) -> bytes:
        """The bytes of one of them."""

    @abstractmethod
    def write(self, root: str, name: str, data: bytes) -> None:
        """A stranger writes it."""

    @abstractmethod
    def remove(self, root: str, below: str = "") -> None:
        """A stranger removes everything, or what lies in one folder of it."""

    def copy(self, source: str, target: str) -> None:
        """All of one folder into another, which is empty."""
        for name in self.names(source):
            self.write(target, name, self.read(source, name))

    def segments(self, root: str) -> list[str]:
        """The names of all segments that count."""
        return [n for n in self.names(root) if n.endswith(".h5") and "/damaged/" not in n]

    def has_cache(self, root: str) -> bool:
        """Whether there is a key."""
        return any(name.endswith("/key.json") for name in self.names(root))

    def leftovers(self, root: str) -> list[str]:
        """Temporary files that nobody needs any more."""
        return [name for name in self.names(root) if name.rpartition("/")[2].startswith(files.TEMPORARY)]

    @abstractmethod
    def trouble(self, **how: Any) -> None:
        """From now on requests go wrong as `tests.cache.s3.Trouble` says; by default as often as usual here."""


class Disk(Ground):
    """Folders."""

    def root(self, path: Path) -> str:
        return str(path)

    def names(self, root: str) -> list[str]:
        return sorted(str(p.relative_to(root)) for p in Path(root).rglob("*") if p.is_file())

    def read(self, root: str, name: str) -> bytes:
        return (Path(root) / name).read_bytes()

    def write(self, root: str, name: str, data: bytes) -> None:
        (Path(root) / name).parent.mkdir(parents=True, exist_ok=True)
        (Path(root) / name).write_bytes(data)

    def remove(self, root: str, below: str = "") -> None:
        shutil.rmtree(Path(root) / below, ignore_errors=True)

    def trouble(self, **how: Any) -> None:
        raise NotImplementedError("a disk gets no requests")


DISK = Disk()


class S3(Ground):
    """Objects in moto's server, reached by the commands through a proxy that troubles them."""

    def __init__(self, endpoint: str, proxy: str) -> None:
        self._endpoint, self._proxy = endpoint, proxy
        self._bucket = s3.new_bucket(endpoint)
        self._done: dict[str, int] = {}
        self.trouble()

    def root(self, path: Path) -> str:
        return f"{self._bucket}/{path.as_posix().strip('/')}"

    def names(self, root: str) -> list[str]:
        bucket, _, prefix = root.removeprefix("s3://").partition("/")
        asked = {"list-type": "2", "prefix": f"{prefix}/"}
        found: list[str] = []
        while True:
            page = self._ask("GET", f"{self._endpoint}/{bucket}?{urllib.parse.urlencode(asked)}").decode()
            found += [key.removeprefix(f"{prefix}/") for key in re.findall("<Key>([^<]*)</Key>", page)]
            more = re.search("<NextContinuationToken>([^<]*)<", page)
            if not more:
                return sorted(found)
            asked["continuation-token"] = more[1]

    def read(self, root: str, name: str) -> bytes:
        return self._ask("GET", self._at(root, name))

    def write(self, root: str, name: str, data: bytes) -> None:
        self._ask("PUT", self._at(root, name), data)

    def remove(self, root: str, below: str = "") -> None:
        for name in self.names(root):
            if name.startswith(below):
                self._ask("DELETE", self._at(root, name))

    def trouble(self, **how: Any) -> None:
        self._count()
        self._ask("PUT", self._proxy + s3.CONTROL, json.dumps(how or BACKGROUND).encode())

    def asked(self) -> int:
        """Requests since trouble was last set."""
        return int(self._said()["requests"])

    @property
    def requests(self) -> Mapping[str, int]:
        return {**self._said()["happened"], "requests": self._done.get("requests", 0) + self.asked()}

    def _count(self) -> None:
        self._done["requests"] = self._done.get("requests", 0) + self.asked()

    def _said(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self._ask("GET", self._proxy + s3.CONTROL))
        return said

    def _at(self, root: str, name: str) -> str:
        return f"{self._endpoint}/{root.removeprefix('s3://')}/{name}"

    @staticmethod
    def _ask(method: str, url: str, data: bytes | None = None) -> bytes:
        # moto looks whether there is a signature, not at it; a form, which urllib takes data for, it would read itself
        headers = {"Authorization": "AWS reader:secret", "Content-Type": "application/octet-stream"}
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as reply:
            content: bytes = reply.read()
        return content


@contextmanager
def s3_ground(folder: Path) -> Iterator[S3]:
    """A new store, whose server ends with this process; copies of its objects go into a folder."""
    objects._PAUSE, clients.PATIENCE = 0.002, _PATIENCE
    copies.SMALL = 0  # the vectors here are few, and the copies are to be tried, too
    os.environ["ARTSTYLE_OBJECT_CACHE"] = str(folder / "copies")
    command = [sys.executable, "-m", "tests.cache.s3"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        endpoint, proxy = server.stdout.readline().split()
        os.environ.update(s3.environment(proxy))
        try:
            yield S3(endpoint, proxy)
        finally:
            server.stdin.close()
