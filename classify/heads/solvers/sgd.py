"""Training a small fully connected network by Adam, in torch, on a CPU or on CUDA.

The backward pass of so small a network is a handful of products; written out, with torch's fused Adam, a step at batch
32 takes half of what autograd and an Optimizer object need. The first layer is shared out to threads of our own. Rows
come in the order of a random permutation, gathered a few batches at a time, so that they may lie in a memory map.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from classify.heads.rows.blocks import TAKE_ROWS, Array, Rows
from classify.heads.solvers.adam import Adam
from classify.heads.solvers.device import pick_device
from classify.heads.solvers.parallel import ALONE, Libraries, Team

if TYPE_CHECKING:
    import torch

FEWEST = 64  # hidden units that are worth a thread
FIRST_TWO = (("weights", 1), ("onward", 0))  # the two layers that columns hold a share of, and along which dimension


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


class Batch(NamedTuple):
    """Rows x (n, D), their classes y (n,), weights (n,), and dropout factors (n, width) for each hidden layer."""

    x: torch.Tensor
    y: torch.Tensor
    weights: torch.Tensor
    masks: list[torch.Tensor]

    def split(self, size: int) -> list[Batch]:
        """Parts of so many rows."""
        parts = (slice(start, start + size) for start in range(0, len(self.x), size))
        return [Batch(self.x[at], self.y[at], self.weights[at], [mask[at] for mask in self.masks]) for at in parts]


class Columns:
    """Some units of the first hidden layer, which one thread looks after, backwards and forwards.

    Nearly all weights of a network on embeddings are in the first layer. Its units share their inputs and are summed
    up by the second layer, so that threads need to wait for each other once a step, from the update by one batch to
    the sums of the next; a library that splits each of its products waits some twenty times, and on a busy machine
    each wait can last a time slice.

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
        self._dropout = schedule.dropout
        self.weights, self.biases, self.onward = (t.contiguous() for t in (weights, biases, onward))
        self._adam = Adam([self.weights, self.biases, self.onward], schedule.lr, schedule.weight_decay)

    def forward(self, batch: Batch) -> torch.Tensor:
        """What these units add to the next layer's sums."""
        import torch

        self._x = batch.x
        self._hidden = torch.addmm(self.biases, batch.x, self.weights).relu_().mul_(batch.masks[0][:, self.at])
        return self._hidden @ self.onward

    def backward(self, delta: torch.Tensor) -> None:
        """Update, given the derivative by the next layer's sums."""
        import torch

        weights, biases, onward = self._adam.gradients
        own = backward(delta, self.onward, self._hidden, self._dropout)
        torch.mm(self._hidden.t(), delta, out=onward)
        differentiate(self._x, own, weights, biases)
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
        self._adam = Adam([*weights, *biases], schedule.lr, schedule.weight_decay)

    def _start(self, inputs: int, outputs: int) -> torch.Tensor:
        import torch

        bound = 0.5 * (6 / (inputs + outputs)) ** 0.5 if self.schedule.hidden else 0.0
        return ((2 * torch.rand(inputs, outputs, generator=self.generator) - 1) * bound).to(self.device)

    def masks(self, rows: int) -> list[torch.Tensor]:
        """Dropout factors (rows, width) for each hidden layer: 0 or 1 / (1 - dropout)."""
        import torch

        keep = 1 - self.schedule.dropout
        draws = torch.rand(rows, sum(self.schedule.hidden), generator=self.noise, device=self.device)
        return list(torch.split((draws < keep).float().mul_(1 / keep), list(self.schedule.hidden), 1))

    def train(self, rows: Batch, threads: Team = ALONE) -> tuple[torch.Tensor, torch.Tensor]:
        """Take a step for every batch of the rows, in their order; the summed weighted loss and the number of hits."""
        import torch

        seen, delta = [], None
        for batch in rows.split(self.schedule.batch):
            sums = self._advance(delta, batch, threads)
            scores, delta = self._step(batch, sums)
            seen.append(scores)
        if delta is not None:
            last = delta
            threads.map(lambda part: part.backward(last), self._columns)
        scores = torch.cat(seen)
        losses = torch.nn.functional.cross_entropy(scores, rows.y, reduction="none")
        return (losses * rows.weights).sum(), (scores.argmax(1) == rows.y).sum()

    def _advance(self, delta: torch.Tensor | None, batch: Batch, threads: Team) -> torch.Tensor | None:
        """Update the columns, given the derivative by their sums for the last batch; their sums for the next."""

        def turn(part: Columns) -> torch.Tensor:
            if delta is not None:
                part.backward(delta)
            return part.forward(batch)

        sums = threads.map(turn, self._columns)
        return sum(sums[1:], sums[0]) if sums else None

    def _step(self, batch: Batch, sums: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Update the layers after the columns; the scores before that (n, classes), and the derivative by the sums."""
        import torch

        x, y, weights, masks = batch
        count = len(self._weights)
        weight_gradients, bias_gradients = self._adam.gradients[:count], self._adam.gradients[count:]
        if sums is None:  # no hidden layer
            inputs, scores = [x], torch.addmm(self._biases[0], x, self._weights[0])
        else:
            inputs, scores = [], sums + self._biases[0]
            for mask, later, biases in zip(masks[1:], self._weights, self._biases[1:], strict=True):
                inputs.append(scores.relu_().mul_(mask))
                scores = torch.addmm(biases, inputs[-1], later)
        delta = scores.softmax(1)
        delta.scatter_add_(1, y[:, None], torch.full_like(delta[:, :1], -1.0))
        delta.mul_((weights / len(y))[:, None])
        for number in reversed(range(count)):
            below = backward(delta, self._weights[number], inputs[number], self.schedule.dropout) if masks else delta
            differentiate(inputs[number], delta, weight_gradients[number], bias_gradients[number - count])
            delta = below
        if masks:
            torch.sum(delta, 0, out=bias_gradients[0])
        self._adam.step()
        return scores, delta

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


def backward(delta: torch.Tensor, weights: torch.Tensor, hidden: torch.Tensor, dropout: float) -> torch.Tensor:
    """Derivative by a layer's output -> by the sums of the hidden units before it.

    A hidden unit at 0 is off, by ReLU or by dropout; the others were multiplied by 1 / (1 - dropout).
    """
    import torch

    by_units = torch.addmm(delta[:1, :1], delta, weights.t(), beta=0, alpha=1 / (1 - dropout))
    by_sums: torch.Tensor = torch.ops.aten.threshold_backward(by_units, hidden, 0)
    return by_sums


def differentiate(inputs: torch.Tensor, delta: torch.Tensor, weights: torch.Tensor, biases: torch.Tensor) -> None:
    """Set the gradients of a layer's weights and biases."""
    import torch

    torch.mm(inputs.t(), delta, out=weights)
    torch.sum(delta, 0, out=biases)


@contextmanager
def own_threads(multiplications: float, libraries: Libraries) -> Iterator[Team]:
    """Threads for the columns of a network, torch's own being one in each meanwhile."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with libraries.team(multiplications, lambda: torch.set_num_threads(1)) as threads:
            yield threads
    finally:
        torch.set_num_threads(before)


def work_of(schedule: Schedule, features: int) -> float:
    """Multiplications of one pass through the first hidden layer: what threads may share."""
    return schedule.batch * float(features) * (schedule.hidden[0] if schedule.hidden else 0)


def run_epoch(
    network: Network, rows: Rows, index: Array, codes: Array, weights: Array, libraries: Libraries
) -> tuple[float, float]:
    """Go once through rows `index` in random order; returns mean loss and accuracy while training."""
    import torch

    batch = network.schedule.batch
    order = index[torch.randperm(len(index), generator=network.generator).numpy()]
    gather = max(batch, TAKE_ROWS // batch * batch)  # rows read at once: whole batches
    loss, hits = torch.zeros((), device=network.device), torch.zeros((), device=network.device)
    with own_threads(work_of(network.schedule, rows.shape[1]), libraries) as threads:
        for start in range(0, len(order), gather):
            part = order[start : start + gather]
            x, y, w = (torch.from_numpy(a[part]).to(network.device) for a in (rows, codes, weights))
            more_loss, more_hits = network.train(Batch(x, y, w, network.masks(len(part))), threads)
            loss += more_loss
            hits += more_hits
    return float(loss) / float(weights[index].sum()), float(hits) / len(index)
