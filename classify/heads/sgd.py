"""Training a small fully connected network by Adam, in torch, on a CPU or on CUDA.

The backward pass of so small a network is a handful of products; written out, with torch's fused Adam, a step at batch
32 takes two thirds of what autograd needs. The first layer is shared out to threads of our own. Rows come in the order
of a random permutation, gathered a few batches at a time, so that they may lie in a memory map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from classify.heads.parallel import ALONE, Team, team
from classify.heads.rows import Array, Rows

if TYPE_CHECKING:
    import torch

FEWEST = 64  # hidden units that are worth a thread
FIRST_TWO = (("weights", 1), ("onward", 0))  # the two layers that columns hold a share of, and along which dimension

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


class Columns:
    """Some units of the first hidden layer, which one thread looks after, forwards and backwards.

    Nearly all weights of a network on embeddings are in the first layer. Its units share their inputs and are summed
    up by the second layer, so that a step needs threads to wait for each other twice; a library that splits each of
    its products waits some twenty times, and on a busy machine each wait can last a time slice.

    Parameters
    ----------
    at : which units
    weights : (D, n), biases : (n,)
    onward : (n, width of the next layer), the next layer's weights for these units
    schedule : Schedule
    """

    def __init__(
        self, at: slice, weights: torch.Tensor, biases: torch.Tensor, onward: torch.Tensor, schedule: Schedule
    ):
        self.at = at
        self.weights, self.biases, self.onward = (t.contiguous() for t in (weights, biases, onward))
        self._adam = make_adam([self.weights, self.biases, self.onward], schedule)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What these units add to the next layer's sums, for rows x (n, D) and their dropout factors."""
        import torch

        self._x, self._mask = x, mask[:, self.at]
        self._hidden = torch.addmm(self.biases, x, self.weights).relu_().mul_(self._mask)
        return self._hidden @ self.onward

    def backward(self, delta: torch.Tensor) -> None:
        """Update, given the derivative by the next layer's sums."""
        import torch

        own = backward(delta, self.onward, self._hidden, self._mask)
        differentiate(self._hidden, delta, self.onward)
        differentiate(self._x, own, self.weights)
        torch.sum(own, 0, out=self.biases.grad)
        self._adam.step()


class Network:
    """A network in training: linear layers, each but the last followed by ReLU and dropout.

    Weights start uniform at half of Glorot & Bengio's bound (2010), which is about torch's own start for these widths;
    the full bound, Keras's, cost 2 to 4 points in cross-validation, on 250 rows as on 2,000. A single layer, being a
    convex problem, starts at 0, as do all biases.

    Parameters
    ----------
    schedule : Schedule
    features, classes : int
    parts : int
        Into how many threads' shares the first hidden layer is cut.
    """

    def __init__(self, schedule: Schedule, features: int, classes: int, parts: int = 1):
        import torch

        self.schedule = schedule
        self.device = pick_device(schedule.device)
        self.generator = torch.Generator().manual_seed(schedule.seed)
        self.noise = torch.Generator(self.device).manual_seed(schedule.seed + 1)
        widths = (features, *schedule.hidden, classes)
        weights = [self._start(a, b) for a, b in pairwise(widths)]  # (in, out)
        biases = [torch.zeros(width, device=self.device) for width in widths[1:]]
        self._columns = []
        if schedule.hidden:
            first, first_biases, second = weights.pop(0), biases.pop(0), weights.pop(0)
            for at in shares(schedule.hidden[0], parts):
                self._columns.append(Columns(at, first[:, at], first_biases[at], second[at], schedule))
        self._weights, self._biases = weights, biases  # of what comes after the columns; all there is without them
        self._adam = make_adam([*weights, *biases], schedule)

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
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        weights: torch.Tensor,
        masks: Sequence[torch.Tensor],
        threads: Team = ALONE,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One batch of x (n, D), y (n,), weights (n,): update, and return summed loss and number of hits."""
        import torch

        if self._columns:
            first, *masks = masks
            scores = sum(threads.map(lambda part: part.forward(x, first), self._columns)) + self._biases[0]
        else:
            scores = torch.addmm(self._biases[0], x, self._weights[0])
        inputs = []  # of each of the later layers
        later = self._weights if self._columns else []
        for number, mask in enumerate(masks):
            inputs.append(scores.relu_().mul_(mask))
            scores = torch.addmm(self._biases[number + 1], inputs[-1], later[number])
        logs = scores.log_softmax(1)
        loss = -(logs.gather(1, y[:, None])[:, 0] * weights).sum()
        hits = (scores.argmax(1) == y).sum()
        delta = logs.exp_()
        delta.scatter_add_(1, y[:, None], torch.full_like(delta[:, :1], -1.0))
        delta.mul_((weights / len(y))[:, None])
        for number in reversed(range(len(later))):
            torch.sum(delta, 0, out=self._biases[number + 1].grad)
            below = backward(delta, later[number], inputs[number], masks[number])
            differentiate(inputs[number], delta, later[number])
            delta = below
        torch.sum(delta, 0, out=self._biases[0].grad)
        if self._columns:
            threads.map(lambda part: part.backward(delta), self._columns)
        else:
            differentiate(x, delta, self._weights[0])
        self._adam.step()
        return loss, hits

    def arrays(self) -> list[tuple[Array, Array]]:
        """Copies of weights (in, out) and biases (out,) of each layer, float32."""
        import torch

        weights, biases = self._weights, self._biases
        if self._columns:
            first, second = (torch.cat([getattr(c, name) for c in self._columns], dim) for name, dim in FIRST_TWO)
            weights = [first, second, *weights]
            biases = [torch.cat([c.biases for c in self._columns]), *biases]
        pairs = zip(weights, biases, strict=True)
        return [(W.cpu().numpy().copy(), b.cpu().numpy().copy()) for W, b in pairs]


def shares(units: int, threads: int) -> list[slice]:
    """Units as equal shares, as many as there are threads, none under FEWEST units if it can be helped."""
    count = max(1, min(threads, units // FEWEST))
    edges = [units * n // count for n in range(count + 1)]
    return [slice(*pair) for pair in pairwise(edges)]


def make_adam(parameters: list[torch.Tensor], schedule: Schedule) -> torch.optim.Optimizer:
    """An optimiser of tensors that get their gradients in place.

    Without weight decay AdamW is Adam (Kingma & Ba, 2015).
    """
    import torch

    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    return torch.optim.AdamW(parameters, schedule.lr, weight_decay=schedule.weight_decay, fused=True)


def backward(delta: torch.Tensor, weights: torch.Tensor, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Derivative by a layer's output -> by the sums of the hidden units before it.

    A hidden unit at 0 is off, by ReLU or by dropout: its sign is the derivative of both.
    """
    return (delta @ weights.t()).mul_(mask).mul_(hidden > 0)


def differentiate(inputs: torch.Tensor, delta: torch.Tensor, weights: torch.Tensor) -> None:
    """Set the gradient of a layer's weights."""
    import torch

    torch.mm(inputs.t(), delta, out=weights.grad)


@contextmanager
def own_threads(multiplications: float) -> Iterator[Team]:
    """Threads for the columns of a network, torch's own being one in each meanwhile."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with team(multiplications, lambda: torch.set_num_threads(1)) as threads:
            yield threads
    finally:
        torch.set_num_threads(before)


def work_of(schedule: Schedule, features: int) -> float:
    """Multiplications of one pass through the first hidden layer: what threads may share."""
    return schedule.batch * float(features) * (schedule.hidden[0] if schedule.hidden else 0)


def run_epoch(network: Network, rows: Rows, index: Array, codes: Array, weights: Array) -> tuple[float, float]:
    """Go once through rows `index` in random order; returns mean loss and accuracy while training."""
    with own_threads(work_of(network.schedule, rows.shape[1])) as threads:
        loss, hits = _epoch(network, rows, index, codes, weights, threads)
    return float(loss) / float(weights[index].sum()), float(hits) / len(index)


def _epoch(
    network: Network, rows: Rows, index: Array, codes: Array, weights: Array, threads: Team
) -> tuple[torch.Tensor, torch.Tensor]:
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
            more_loss, more_hits = network.step(X[at], y[at], w[at], [mask[at] for mask in masks], threads)
            loss += more_loss
            hits += more_hits
    return loss, hits
