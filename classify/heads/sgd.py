"""Training a small fully connected network by Adam, in torch, on a CPU or on CUDA.

The backward pass of so small a network is a handful of products; written out, with torch's fused Adam, a step at batch
32 takes two thirds of what autograd needs. Rows come in the order of a random permutation, gathered a few
batches at a time, so that they may lie in a memory map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from classify.heads.rows import Array, Rows

if TYPE_CHECKING:
    import torch

Epoch = dict[str, float]  # what is known at the end of an epoch
OnEpoch = Callable[[Epoch], None]


@dataclass(frozen=True)
class Schedule:
    """How a network is trained."""

    hidden: tuple[int, ...] = (512, 256)
    dropout: float = 0.5
    batch: int = 32
    lr: float = 1e-3
    weight_decay: float = 0.0
    seed: int = 0
    device: str = "cpu"


def pick_device(name: str) -> str:
    """ "auto" -> "cuda" where there is one, else "cpu"; other names as they are.

    Raises
    ------
    ValueError
        Where the name is none of a device, or CUDA is asked for and missing.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.partition(":")[0] not in ("cpu", "cuda"):
        raise ValueError(f"there is no device {name!r}; choose from auto, cpu, cuda")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device={name} can't be had: torch {torch.__version__} sees no CUDA device; use device=cpu")
    return name


class Network:
    """A network in training: linear layers, each but the last followed by ReLU and dropout.

    Weights start uniform at half of Glorot & Bengio's bound (2010), which is about torch's own start for these widths;
    the full bound, Keras's, cost 2 to 4 points in cross-validation, on 250 rows as on 2,000. A single layer, being a
    convex problem, starts at 0, as do all biases.
    """

    def __init__(self, schedule: Schedule, features: int, classes: int):
        import torch

        self.schedule = schedule
        self.device = pick_device(schedule.device)
        self.generator = torch.Generator().manual_seed(schedule.seed)
        self.noise = torch.Generator(self.device).manual_seed(schedule.seed + 1)
        widths = (features, *schedule.hidden, classes)
        self.weights = [self._start(a, b) for a, b in pairwise(widths)]  # (in, out)
        self.biases = [torch.zeros(width, device=self.device) for width in widths[1:]]
        parameters = [*self.weights, *self.biases]
        self._gradients = [torch.zeros_like(parameter) for parameter in parameters]
        for parameter, gradient in zip(parameters, self._gradients, strict=True):
            parameter.grad = gradient
        # without weight decay AdamW is Adam (Kingma & Ba, 2015)
        self._adam = torch.optim.AdamW(parameters, schedule.lr, weight_decay=schedule.weight_decay, fused=True)

    def _start(self, inputs: int, outputs: int) -> torch.Tensor:
        import torch

        bound = 0.5 * (6 / (inputs + outputs)) ** 0.5 if self.schedule.hidden else 0.0
        return ((2 * torch.rand(inputs, outputs, generator=self.generator) - 1) * bound).to(self.device)

    def masks(self, rows: int) -> list[torch.Tensor]:
        """Dropout factors (rows, width) for each hidden layer: 0 or 1 / (1 - dropout).

        Drawn row by row, so that it does not matter how many rows are asked for at once.
        """
        import torch

        keep = 1 - self.schedule.dropout
        draws = torch.rand(rows, sum(self.schedule.hidden), generator=self.noise, device=self.device)
        return list(torch.split((draws < keep).float().mul_(1 / keep), list(self.schedule.hidden), 1))

    def step(
        self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor, masks: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One batch of x (n, D), y (n,), weights (n,): update, and return summed loss and number of hits."""
        import torch

        inputs = [x]
        for number, mask in enumerate(masks):
            hidden = torch.addmm(self.biases[number], inputs[-1], self.weights[number])
            inputs.append(hidden.relu_().mul_(mask))
        scores = torch.addmm(self.biases[-1], inputs[-1], self.weights[-1])
        logs = scores.log_softmax(1)
        loss = -(logs.gather(1, y[:, None])[:, 0] * weights).sum()
        hits = (scores.argmax(1) == y).sum()
        delta = logs.exp_()
        delta.scatter_add_(1, y[:, None], torch.full_like(delta[:, :1], -1.0))
        delta.mul_((weights / len(y))[:, None])
        layers = len(self.weights)
        for number in reversed(range(layers)):
            torch.mm(inputs[number].t(), delta, out=self._gradients[number])
            torch.sum(delta, 0, out=self._gradients[layers + number])
            if number:
                # a hidden unit at 0 is off, by ReLU or by dropout: its sign is the derivative of both
                delta = (delta @ self.weights[number].t()).mul_(masks[number - 1]).mul_(inputs[number] > 0)
        self._adam.step()
        return loss, hits

    def arrays(self) -> list[tuple[Array, Array]]:
        """Copies of weights (in, out) and biases (out,) of each layer, float32."""
        pairs = zip(self.weights, self.biases, strict=True)
        return [(W.cpu().numpy().copy(), b.cpu().numpy().copy()) for W, b in pairs]


def run_epoch(network: Network, rows: Rows, index: Array, codes: Array, weights: Array) -> tuple[float, float]:
    """Go once through rows `index` in random order; returns mean loss and accuracy while training."""
    import torch

    batch = network.schedule.batch
    order = index[torch.randperm(len(index), generator=network.generator).numpy()]
    loss, hits = torch.zeros((), device=network.device), torch.zeros((), device=network.device)
    gather = max(batch, rows.step // batch * batch)  # rows read at once: whole batches
    for start in range(0, len(order), gather):
        part = order[start : start + gather]
        X = torch.from_numpy(rows[part]).to(network.device)
        y = torch.from_numpy(codes[part]).to(network.device)
        w = torch.from_numpy(weights[part]).to(network.device)
        masks = network.masks(len(part))
        for at in (slice(i, i + batch) for i in range(0, len(part), batch)):
            more_loss, more_hits = network.step(X[at], y[at], w[at], [mask[at] for mask in masks])
            loss += more_loss
            hits += more_hits
    return float(loss) / float(weights[index].sum()), float(hits) / len(index)
