"""Adam for small networks, whose steps take no longer than the preparations of an Optimizer object."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class Adam:
    """Adam (Kingma & Ba, 2015), with decoupled weight decay (Loshchilov & Hutter, 2019), of some tensors in place.

    Attributes
    ----------
    gradients : list of tensors like the parameters, to be set before each step
    """

    def __init__(self, parameters: list[torch.Tensor], lr: float, weight_decay: float):
        import torch

        self._parameters = parameters
        self.gradients, self._first, self._second = ([torch.zeros_like(p) for p in parameters] for _ in range(3))
        self._steps = [torch.zeros((), device=parameters[0].device)] * len(parameters)
        self._lr, self._weight_decay = lr, weight_decay

    def step(self) -> None:
        """Update the parameters."""
        import torch

        self._steps[0] += 1  # all are this one
        torch.ops.aten._fused_adamw_(  # what AdamW(fused=True) calls after preparations that cost as much again
            self._parameters, self.gradients, self._first, self._second, [], self._steps,
            amsgrad=False, maximize=False, beta1=0.9, beta2=0.999, eps=1e-8,
            lr=self._lr, weight_decay=self._weight_decay,
        )  # fmt: skip
