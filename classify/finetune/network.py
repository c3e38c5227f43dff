"""The network that is fine-tuned: frozen part, retrained part, the standard embedding, and a linear head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cache import Recipe
from classify.errors import FinetuneError
from classify.finetune.scope import Halves, active_modules, chosen_layers, halves
from classify.finetune.settings import FinetuneSettings
from featurize.networks.network import Network
from featurize.networks.providers import provider_of, standard_embedding
from featurize.networks.recipes import Formula, formulas

if TYPE_CHECKING:
    import torch


@dataclass
class Tuned:
    """A network on its way.

    Parameters
    ----------
    network : Network
        Who it was before.
    whole : torch.nn.Module
        As its provider built it: the owner of all parameters.
    parts : Halves
    layers : sequence of (str, torch.nn.Module)
        Those that are retrained, from early to late.
    active : sequence of torch.nn.Module
        What behaves otherwise while it is trained: retrained layers, and dropout behind the first of them.
    formulas : sequence of Formula
        The standard embedding, as functions of the maps.
    head : torch.nn.Linear
        On that embedding.
    settings : FinetuneSettings
    device : str
    """

    network: Network
    whole: torch.nn.Module
    parts: Halves
    layers: Sequence[tuple[str, torch.nn.Module]]
    active: Sequence[torch.nn.Module]
    formulas: Sequence[Formula]
    head: torch.nn.Linear
    settings: FinetuneSettings
    device: str

    @property
    def on_gpu(self) -> bool:
        """Whether it is computed on a GPU of NVIDIA's or AMD's."""
        return self.device.startswith("cuda")

    @property
    def recipes(self) -> list[Recipe]:
        """Of the embedding that the head is on."""
        return [formula.recipe for formula in self.formulas]

    def mode(self, training: bool) -> None:
        """Training mode for what is retrained; all else, and norms that keep their statistics, stays in evaluation."""
        self.whole.eval()
        for module in self.active:
            module.training = training

    def pixels(self, batch: torch.Tensor) -> torch.Tensor:
        """(B, H, W, 3) uint8 -> normalised (B, 3, H, W) float32, channels last in memory, on the device."""
        import torch

        mean, std = self._normalisation
        x = batch.to(self.device, non_blocking=True).permute(0, 3, 1, 2).float()
        return ((x / 255 - mean) / std).contiguous(memory_format=torch.channels_last)

    @cached_property
    def _normalisation(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation of the transform, on the device."""
        import torch

        transform = self.network.transform
        mean, std = (torch.tensor(v, device=self.device).view(1, 3, 1, 1) for v in (transform.mean, transform.std))
        return mean, std

    def maps(self, batch: torch.Tensor, exact: bool = False) -> torch.Tensor:
        """What the retrained part takes, from pixels (B, H, W, 3) uint8: maps (B, C, h, w) of the frozen part.

        With `exact` in 32 bits whatever is asked for: what is stored must not depend on it.
        """
        import torch

        x = self.pixels(batch)
        if self.parts.before is None:
            return x
        with torch.no_grad(), _without_tf32() if exact else self.precision():
            maps: torch.Tensor = self.parts.before(x)
        return maps.float()

    def embedding(self, maps: torch.Tensor) -> torch.Tensor:
        """Maps before the retrained part -> embeddings (B, D) float32."""
        import torch

        with self.precision():
            if self.settings.checkpointing and torch.is_grad_enabled():
                from torch.utils.checkpoint import checkpoint

                found = checkpoint(self.parts.after, maps, use_reentrant=False)
            else:
                found = self.parts.after(maps)
        last = [found[str(n)].float() for n in range(len(found))]
        return torch.cat([formula.vectors(last) for formula in self.formulas], 1)

    def logits(self, maps: torch.Tensor) -> torch.Tensor:
        """Maps before the retrained part -> scores (B, K) float32."""
        scores: torch.Tensor = self.head(self.embedding(maps))
        return scores

    def precision(self) -> torch.autocast:
        """Where sums are done in 16 bits, if so asked."""
        import torch

        kind = torch.float16 if self.settings.amp == "fp16" else torch.bfloat16
        return torch.autocast(self.device.partition(":")[0], kind, enabled=self.settings.amp != "off")

    def state(self) -> dict[str, torch.Tensor]:
        """All that training changes, by name: parameters and statistics of retrained layers, and the head."""
        found = {f"head.{name}": value for name, value in self.head.state_dict().items()}
        # by the tensors: a graph keeps a layer that is no step of its own as another module with the same parameters
        retrained = {
            id(t) for _, module in self.layers for t in (*module._parameters.values(), *module._buffers.values())
        }
        whole = self.whole.state_dict(keep_vars=True).items()
        return found | {f"network.{name}": value.detach() for name, value in whole if id(value) in retrained}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Set what `state` gave."""
        import torch

        with torch.no_grad():
            for name, value in self.state().items():
                value.copy_(state[name])


def build(network: Network, settings: FinetuneSettings, classes: int, device: str) -> Tuned:
    """Load a network and make it ready to be fine-tuned; its head is all zeros.

    Raises
    ------
    WeightsError, BackboneError
        The network or its weights can't be had.
    FinetuneError
        It can't be retrained as asked.
    """
    import torch

    # before it is cut, since a graph keeps the buffers that it finds
    whole = network.load().to(device).to(memory_format=torch.channels_last)
    provider = provider_of(network.backbone.provider)
    wanted = formulas(standard_embedding(network.backbone.identity), backbone=network.backbone)
    nodes = network.backbone.nodes
    places = sorted({place for f in wanted for place in f.places(len(nodes))})
    body = provider.trainable(network.backbone, whole, [nodes[place] for place in places])
    layers = chosen_layers(body, settings, provider.classifier(network.backbone))
    parts = halves(body, settings.start) if settings.start else Halves(None, body)
    by_place = [_at(f, [places.index(place) for place in f.places(len(nodes))]) for f in wanted]
    active = active_modules(body, layers, settings.batch_stats)
    side = network.transform.crop
    with torch.no_grad():
        found = body(torch.zeros(1, 3, side, side, device=device))
        width = sum(f.vectors([found[str(n)] for n in range(len(found))]).shape[1] for f in by_place)
    head = torch.nn.Linear(width, classes).to(device)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    for _, module in layers:
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(True)
    if device.startswith("cuda"):
        torch.backends.cudnn.benchmark = True  # nearly all batches have the same shape
    if settings.compiled:
        for half in (parts.before, parts.after):
            if half is not None:
                half.compile()
    return Tuned(network, whole, parts, layers, active, by_place, head, settings, device)


@contextmanager
def _without_tf32() -> Iterator[None]:
    """On a GPU, convolutions of 32-bit numbers keep all their digits; by default they keep ten bits of 23."""
    import torch

    asked = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = asked


def _at(formula: Formula, places: Sequence[int]) -> Formula:
    """The formula, taking all maps that are computed and reading some of them."""
    plain = formula.vectors
    return replace(formula, vectors=lambda maps: plain([maps[place] for place in places]))


def linear_weights(saved_head: object) -> tuple[np.ndarray, np.ndarray]:
    """Weights (K, D) and biases (K,) of a fitted linear head for rows as they are, float32.

    Raises
    ------
    FinetuneError
        The head is not linear in the rows.
    """
    from classify.heads.linear import LinearHead

    if not isinstance(saved_head, LinearHead) or saved_head.sqrt or saved_head.l2:
        raise FinetuneError(
            f"a {type(saved_head).__name__} head is not linear in the embedding, so nothing can start from it: give a "
            "logreg or linear-svm without sqrt and l2"
        )
    scaling = saved_head.scaling_
    W = saved_head.coef_.astype(np.float64)
    if scaling.scale is not None:
        W = W / scaling.scale
    b = saved_head.intercept_.astype(np.float64)
    if scaling.mean is not None:
        b = b - W @ scaling.mean
    return (W / saved_head.temperature_).astype(np.float32), (b / saved_head.temperature_).astype(np.float32)
