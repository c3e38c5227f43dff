"""How weights change: rates by layer and by step, the optimizer, and a running mean of the weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from classify.finetune.network import Tuned
from classify.finetune.settings import FinetuneSettings

if TYPE_CHECKING:
    import torch

_MOMENTUM = 0.9


def make_optimizer(tuned: Tuned, settings: FinetuneSettings) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019) or SGD, one group for each layer and kind of parameter.

    Each group remembers its greatest rate as "peak". Vectors (biases, norms) are not decayed.
    """
    import torch

    groups: list[dict[str, Any]] = []
    depth = len(tuned.layers)
    rates = [settings.rate * settings.layer_decay ** (depth - 1 - n) for n in range(depth)]
    for rate, module in [*zip(rates, (m for _, m in tuned.layers), strict=True), (settings.head_rate, tuned.head)]:
        for parameter in module.parameters(recurse=False):
            decay = settings.weight_decay if parameter.ndim > 1 else 0.0
            groups.append({"params": [parameter], "lr": rate, "peak": rate, "weight_decay": decay})
    fused = tuned.on_gpu or None  # one kernel a group instead of a dozen; on a CPU torch chooses
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.rate, momentum=_MOMENTUM, nesterov=True, fused=fused)
    return torch.optim.AdamW(groups, lr=settings.rate, fused=fused)


def set_rates(optimizer: torch.optim.Optimizer, settings: FinetuneSettings, epoch: float) -> float:
    """Set the rates of a step in whose middle so many epochs are done; gives their share of the greatest ones.

    Rises in a line during the warm-up, then falls as half a cosine to 0 at the last epoch.
    """
    warm, end = min(settings.warm_up, settings.epochs), float(settings.epochs)
    share = epoch / warm if epoch < warm else 0.5 * (1 + math.cos(math.pi * (epoch - warm) / max(end - warm, 1e-09)))
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
    return share


@dataclass
class Mean:
    """A running mean of the weights (Polyak & Juditsky 1992), which is used in their place; 0 is without.

    Parameters
    ----------
    decay : float
    state : mapping of str to torch.Tensor
        Empty without.
    """

    decay: float
    state: dict[str, torch.Tensor]

    @classmethod
    def of(cls, tuned: Tuned, decay: float) -> Mean:
        """Beginning with the weights as they are."""
        return cls(decay, {n: v.detach().clone() for n, v in tuned.state().items()} if decay else {})

    def follow(self, tuned: Tuned) -> None:
        """Take in the weights after a step."""
        if self.decay:
            for name, value in tuned.state().items():
                mean = self.state[name]
                mean.copy_(value if not value.is_floating_point() else mean.lerp(value, 1 - self.decay))
