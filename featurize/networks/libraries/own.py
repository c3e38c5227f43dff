"""A network of the user's own: "module:mine.network", the function `network` of `mine.py`, and `mine.toml` beside it.

The function takes nothing and returns a torch.nn.Module; the TOML says which pixels it expects and where it is read.
The sha256 of the Python file is in the key, so that an edited network is another one.
"""

from __future__ import annotations

import contextlib
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

if TYPE_CHECKING:
    import torch

_NEEDED = {"size": int, "mean": list, "std": list, "nodes": list}
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
            variant={"code": file_digest(path)},
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
        return network

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
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        said = f"{type(error).__name__}: {message}" if message else type(error).__name__
        raise BackboneError(f"{where}, can't be run ({' '.join(said.split())}): mend it") from error


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
        if not isinstance(value, known[what]):
            raise BackboneError(f"{what} = {value!r} in {str(path)!r}: a {known[what].__name__} is needed")
    for what in ("mean", "std"):
        if any(not isinstance(value, int | float) or not 0 <= value <= 1 for value in facts[what]):
            raise BackboneError(
                f"{what} = {facts[what]} in {str(path)!r}: of values scaled to 0..1, each is from 0 to 1; divide by "
                "255 what is of values up to 255"
            )
    return facts


def transform_of(facts: Mapping[str, Any]) -> Transform:
    """The transform that such a file states."""
    colours: dict[str, Any] = {what: tuple(facts[what]) for what in ("mean", "std", "fill") if what in facts}
    words = {what: facts[what] for what in ("fit", "interpolation") if what in facts}
    return Transform(resize=facts.get("resize", facts["size"]), crop=facts["size"], whole="round", **colours, **words)
