"""Which layers are retrained, and where a network is cut into a frozen part and a retrained one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from classify.errors import FinetuneError
from classify.finetune.settings import FinetuneSettings
from featurize.wording import listing

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Halves:
    """A network in two parts, one behind the other; both share the parameters of the whole.

    Parameters
    ----------
    before : torch.nn.Module or None
        Pixels -> the one map that goes over; None where pixels go over.
    after : torch.nn.Module
        That map -> {"0": the last map, ...}.
    """

    before: torch.nn.Module | None
    after: torch.nn.Module


@runtime_checkable
class OfBlocks(Protocol):
    """What a provider's `trainable` is for a network of tokens: its blocks count as its layers."""

    def block_modules(self) -> Mapping[str, torch.nn.Module]:
        """The blocks by the names of their nodes, from early to late; none where it can't be cut between them."""

    def halves(self, start: str) -> tuple[torch.nn.Module | None, torch.nn.Module]:
        """Pixels -> the tokens before a block; these tokens -> what the whole gives."""


def chosen_layers(
    body: torch.nn.Module, settings: FinetuneSettings, unused: Sequence[str] = ()
) -> list[tuple[str, torch.nn.Module]]:
    """The layers of a network that are retrained, from early to late.

    Parameters
    ----------
    body : torch.nn.Module
    settings : FinetuneSettings
    unused : sequence of str
        How the names of layers begin that no embedding is made of: a classifier's.

    Raises
    ------
    FinetuneError
        There are not so many layers, or there is no such node.
    """
    layers = [(name, module) for name, module in _in_order(body) if not f"{_own(name)}.".startswith(tuple(unused))]
    if settings.head_only:
        return []
    if settings.everything:
        return layers
    blocks = dict(body.block_modules()) if isinstance(body, OfBlocks) else {}
    if blocks and settings.layers is not None and settings.layers > len(blocks):
        raise FinetuneError(
            f"--layers {settings.layers}: the network has {len(blocks)} blocks, which count as its layers; --all "
            "retrains all"
        )
    if blocks and settings.layers is not None:
        return _from_block(layers, list(blocks.values())[-settings.layers])
    if settings.layers is not None:
        if settings.layers > len(layers):
            raise FinetuneError(
                f"--layers {settings.layers}: the network has {len(layers)} layers with weights; --all retrains all"
            )
        return layers[-settings.layers :]
    assert settings.start is not None
    if blocks:
        if settings.start not in blocks:
            raise FinetuneError(
                f"--from {settings.start}: the network has no such block; from the last to the first there are: "
                f"{listing(reversed(list(blocks)), 24)}"
            )
        return _from_block(layers, blocks[settings.start])
    inside = [place for place, (name, _) in enumerate(layers) if _within(name, settings.start)]
    if not inside:
        stages = list(dict.fromkeys(_stage(name) for name, _ in layers))
        raise FinetuneError(
            f"--from {settings.start}: the network has no such node with weights; from the last to the first there "
            f"are: {listing(reversed(stages), 12)}"
        )
    return layers[inside[0] :]


def halves(body: torch.nn.Module, start: str) -> Halves:
    """Cut a network before a node.

    Parameters
    ----------
    body : torch.fx.GraphModule or OfBlocks
    start : str
        A module's name, "layer4"; all that is computed from its first step on stands in `after`.

    Raises
    ------
    FinetuneError
        More than one map crosses there, or the network is not known as a graph.
    """
    import torch
    from torch import fx

    if isinstance(body, OfBlocks) and body.block_modules():
        return Halves(*body.halves(start))
    if not isinstance(body, fx.GraphModule):
        raise FinetuneError(
            f"--from {start}: this network can't be cut between two layers; those of torchvision and plain vision "
            "transformers can: use --layers, --all or --head-only"
        )
    nodes = list(body.graph.nodes)
    steps = [(n, str(node.target)) for n, node in enumerate(nodes) if node.op == "call_module"]
    at = next((n for n, name in steps if _within(name, start)), None)
    if at is None:
        around = [name for _, name in steps if _within(start, name)]
        raise FinetuneError(
            f"--from {start}: the network is not cut there: "
            + (f"it is a part of {around[0]}, which is one step: use --from {around[0]}" if around else "use --layers")
        )
    later = set(nodes[at:])
    # a parameter that the network reads by itself, as ConvNeXt's scales, is no map and goes with the part that reads it
    weights = {node: {user in later for user in node.users} for node in nodes[:at] if node.op == "get_attr"}
    crossing = [n for n in nodes[:at] if n not in weights and any(user in later for user in n.users)]
    if len(crossing) > 1:
        raise FinetuneError(
            f"--from {start}: {len(crossing)} maps go into it and past it, and only one can be stored: choose the "
            "beginning of a whole block"
        )
    (over,) = crossing
    after = fx.Graph()
    known = {over: after.placeholder("maps")}
    for node in [*(node for node, read in weights.items() if True in read), *nodes[at:]]:
        known[node] = after.node_copy(node, lambda other: known[other])
    if over.op == "placeholder":
        return Halves(None, torch.fx.GraphModule(body, after))
    before = fx.Graph()
    earlier: dict[fx.Node, fx.Node] = {}
    for node in (node for node in nodes[:at] if weights.get(node) != {True}):
        earlier[node] = before.node_copy(node, lambda other: earlier[other])
    before.output(earlier[over])
    return Halves(torch.fx.GraphModule(body, before), torch.fx.GraphModule(body, after))


def active_modules(
    body: torch.nn.Module, layers: Sequence[tuple[str, torch.nn.Module]], batch_stats: bool
) -> list[torch.nn.Module]:
    """What behaves otherwise in training: retrained layers, and modules without weights behind the first of them."""
    from torch.nn.modules.batchnorm import _BatchNorm

    if not layers:
        return []
    modules = [module for _, module in _modules(body)]
    retrained = {id(module) for _, module in layers}
    behind = modules[next(n for n, module in enumerate(modules) if id(module) in retrained) :]
    mine = [m for m in behind if id(m) in retrained or not _has_weights(m)]
    return [m for m in mine if batch_stats or not isinstance(m, _BatchNorm)]


def _from_block(
    layers: Sequence[tuple[str, torch.nn.Module]], block: torch.nn.Module
) -> list[tuple[str, torch.nn.Module]]:
    """The layers of a block and all that stand behind it."""
    inside = {id(module) for module in block.modules()}
    first = next(place for place, (_, module) in enumerate(layers) if id(module) in inside)
    return list(layers[first:])


def _in_order(body: torch.nn.Module) -> list[tuple[str, torch.nn.Module]]:
    """The layers with weights of their own, from early to late: convolutions, norms and the like, by name."""
    return [(name, module) for name, module in _modules(body) if _has_weights(module)]


def _modules(body: torch.nn.Module) -> list[tuple[str, torch.nn.Module]]:
    """The modules in the order in which they compute, where that is known; else as they are defined."""
    from torch import fx

    if not isinstance(body, fx.GraphModule):
        return list(body.named_modules())
    used = dict.fromkeys(str(node.target) for node in body.graph.nodes if node.op == "call_module")
    direct = [str(node.target) for node in body.graph.nodes if node.op == "get_attr"]
    owners = dict.fromkeys(name.rpartition(".")[0] for name in direct)
    steps = [*used, *(name for name in owners if name not in used)]
    # a step may be a module of several layers, as torchvision's Conv2dNormActivation
    inside = [found for step in steps for found in body.get_submodule(step).named_modules(prefix=step)]
    return list(dict(inside).items())


def _has_weights(module: torch.nn.Module) -> bool:
    return any(True for _ in module.parameters(recurse=False))


def _within(name: str, node: str) -> bool:
    return _own(name) == node or _own(name).startswith(f"{node}.")


def _own(name: str) -> str:
    """A layer's own name: a network of another library is cut as the part `network` of another module."""
    return name.removeprefix("network.")


def _stage(name: str) -> str:
    """The first parts of a layer's name, as far as users name stages: "layer3", "features.14"."""
    parts: Sequence[str] = _own(name).split(".")
    return ".".join(parts[:2]) if len(parts) > 1 and parts[0] in ("features", "blocks", "stages") else parts[0]
