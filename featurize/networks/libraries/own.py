"""A network of the user's own: "module:mine.network", the function `network` of `mine.py`, and `mine.toml` beside it.

The function takes nothing and returns a torch.nn.Module; the TOML says which pixels it expects and where it is read.
The sha256 of the Python file, and of files beside it that it imports, is in the key: an edited network is another one.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import sys
import tomllib
import traceback
from collections.abc import Iterator, Mapping, Sequence
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurize.errors import BackboneError
from featurize.networks.base import Backbone, Published, Stage
from featurize.networks.libraries.torchvision import Torchvision
from featurize.networks.weights_file import file_digest
from featurize.pictures.transform import Transform
from featurize.wording import raised

if TYPE_CHECKING:
    import torch

_NEEDED = {"size": int, "mean": list, "std": list, "nodes": list}
_KINDS = {int: "a whole number", list: "a list", str: "a text in quotes"}
_OPTIONAL = {"resize": int, "fit": str, "interpolation": str, "fill": list, "weights": str}


class Own(Torchvision):
    """Functions of the user's; their networks are cut as graphs of torch.fx, as torchvision's are."""

    def names(self) -> Sequence[str]:
        return []

    def backbone(self, name: str) -> Backbone:
        path, _ = _place(name)
        facts = facts_of(path.with_suffix(".toml"))
        weights = facts.get("weights")
        return Backbone(
            provider="module",
            name=name,
            stages=tuple(map(Stage, facts["nodes"])),
            transform=transform_of(facts),
            variant={"code": _code_digest(path)},
            file=path.parent / weights if weights else None,
        )

    def fetch(self, published: Published) -> Path:
        raise NotImplementedError("nobody publishes weights of a network of the user's own")

    def build(self, backbone: Backbone, side: int) -> torch.nn.Module:
        import torch

        path, function = _place(backbone.name)
        spec = util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = util.module_from_spec(spec)
        with _running(path):
            spec.loader.exec_module(module)
        make = getattr(module, function, None)
        if not callable(make):
            raise BackboneError(f"{str(path)!r} has no function {function!r}: name one that returns a torch.nn.Module")
        with _running(path):
            network = make()
        if not isinstance(network, torch.nn.Module):
            raise BackboneError(f"{backbone.name}() gives a {type(network).__name__}: a torch.nn.Module is needed")
        self._try(backbone, network.eval().float(), side)
        return network

    def _try(self, backbone: Backbone, network: torch.nn.Module, side: int) -> None:
        """Raise unless a network makes feature maps of a picture; later errors come from exports, and name no cause."""
        import torch

        cut = self.trainable(backbone, network, backbone.nodes)
        try:
            with torch.inference_mode():
                found = cut(torch.zeros(1, 3, side, side))
        except MemoryError:
            raise
        except Exception as error:  # the user's code and torch raise any kind
            raise BackboneError(
                f"{backbone.full_name} can't embed a picture of 3 x {side} x {side} numbers ({raised(error)}): mend "
                "its code, or `size` in its .toml"
            ) from error
        for node, maps in zip(backbone.nodes, (found[str(n)] for n in range(len(found))), strict=True):
            shape = tuple(maps.shape) if isinstance(maps, torch.Tensor) else type(maps).__name__
            if not isinstance(maps, torch.Tensor) or maps.ndim != 4 or not maps.is_floating_point():
                raise BackboneError(
                    f"node {node!r} of {backbone.full_name} gives {shape}: a feature map is needed, (1, channels, "
                    "height, width) for one picture; name another node in its .toml"
                )

    def classifier(self, backbone: Backbone) -> tuple[str, ...]:
        return ()


def _place(name: str) -> tuple[Path, str]:
    """The file of a module, which is not loaded for that, and the name of the function."""
    module, _, function = name.rpartition(".")
    if module:
        relative = Path(*module.split("."))
        for folder in [Path.cwd(), *map(Path, sys.path)]:
            for path in (folder / relative.with_suffix(".py"), folder / relative / "__init__.py"):
                if path.is_file():
                    return path, function
    raise BackboneError(
        f"module:{name} is not to be found in this folder or among Python's: write module:FILE.FUNCTION without .py"
    )


def _code_digest(path: Path) -> str:
    """sha256 of a Python file; where it imports files that lie beside it, of all of these."""
    found: dict[Path, str] = {}
    waiting = [path]
    while waiting:
        here = waiting.pop()
        found[here] = file_digest(here)
        waiting += [other for other in _imported(here, path.parent) if other not in found]
    if len(found) == 1:
        return found[path]
    listed = sorted(f"{other.relative_to(path.parent).as_posix()} {digest}" for other, digest in found.items())
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()


def _imported(path: Path, folder: Path) -> Iterator[Path]:
    """The files in a folder that a Python file imports, as its text says; it is not run."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # said when it is run
        return
    for statement in ast.walk(tree):
        names: list[str] = []
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            whole = [
                f"{statement.module}.{alias.name}" if statement.module else alias.name for alias in statement.names
            ]
            names = [*filter(None, [statement.module]), *whole]
        for name in names:
            parts = name.split(".")
            for count in range(1, len(parts) + 1):
                place = folder.joinpath(*parts[:count])
                yield from (p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file())


@contextlib.contextmanager
def _running(path: Path) -> Iterator[None]:
    """Run the user's code: whatever it raises is one sentence that names the line.

    Raises
    ------
    BackboneError
    """
    try:
        yield
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) and error.filename == str(path) else [None, *lines][-1]
        where = f"{str(path)!r}, line {line}" if line else repr(str(path))
        raise BackboneError(f"{where}, can't be run ({raised(error)}): mend it") from error


def facts_of(
    path: Path, needed_facts: Mapping[str, type] = _NEEDED, optional: Mapping[str, type] = _OPTIONAL
) -> Mapping[str, Any]:
    """What a TOML file says of a network, each fact of its type.

    Raises
    ------
    BackboneError
        It is missing or no TOML, or a fact is missing, unknown or of another type.
    """
    if not path.is_file():
        needed = ", ".join(needed_facts)
        raise BackboneError(f"there is no {str(path)!r}: write {needed} of the network into it (docs/networks.md)")
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BackboneError(f"{str(path)!r} is no TOML: {error}") from error
    known = {**needed_facts, **optional}
    for what in [*(needed_facts.keys() - facts.keys()), *(facts.keys() - known.keys())]:
        there = "lacks" if what in needed_facts else "has an unknown"
        raise BackboneError(f"{str(path)!r} {there} {what!r}: {', '.join(needed_facts)} are needed")
    for what, value in facts.items():
        if not isinstance(value, known[what]) or isinstance(value, bool):
            raise BackboneError(f"{what} = {value!r} in {str(path)!r}: {_KINDS[known[what]]} is needed")
    for what in ("mean", "std"):
        if any(not isinstance(value, int | float) or not 0 <= value <= 1 for value in facts[what]):
            raise BackboneError(
                f"{what} = {facts[what]} in {str(path)!r}: of values scaled to 0..1, each is from 0 to 1; divide by "
                "255 what is of values up to 255"
            )
    nodes = facts.get("nodes", ["one"])
    if not nodes or not all(isinstance(node, str) for node in nodes) or len(set(nodes)) < len(nodes):
        raise BackboneError(f"nodes = {nodes} in {str(path)!r}: one or more different names in quotes are needed")
    return facts


def transform_of(facts: Mapping[str, Any]) -> Transform:
    """The transform that such a file states."""
    colours: dict[str, Any] = {what: tuple(facts[what]) for what in ("mean", "std", "fill") if what in facts}
    words = {what: facts[what] for what in ("fit", "interpolation") if what in facts}
    return Transform(resize=facts.get("resize", facts["size"]), crop=facts["size"], whole="round", **colours, **words)
