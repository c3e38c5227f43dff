"""The loop: epochs of steps, each followed by a look at held-out rows and by a checkpoint.

All that is drawn by chance follows from the seed, the epoch and the step, so a training that was stopped goes on as if
it never had been. Each of several processes takes every n-th row of a batch; losses are sums over the batch's rows
divided by their number, so the processes' gradients add up to that of one process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classify.errors import FinetuneError
from classify.finetune.checkpoint import Keeper, Progress, optimizer_tensors, restore_optimizer
from classify.finetune.feed.ahead import STEPS, Asked, fetched
from classify.finetune.feed.inputs import Fetched, Inputs
from classify.finetune.feed.schedule import Step, steps
from classify.finetune.feed.views import PLAIN
from classify.finetune.network import Tuned
from classify.finetune.optimize import Mean, make_optimizer, set_rates
from classify.finetune.settings import AUTO, FinetuneSettings
from classify.finetune.team import Team
from classify.heads.calibration import fit_temperature, log_softmax
from featurize import energy
from featurize.progress import duration

if TYPE_CHECKING:
    import torch

_SAY_SECONDS = 20  # between two lines on how far an epoch has come

OnEpoch = Callable[[dict[str, Any]], None]


@dataclass
class Training:
    """One training of one network.

    Parameters
    ----------
    tuned : Tuned
        Its head as it is to begin.
    inputs : Inputs
    codes : ndarray (N,) int
        Classes of all rows.
    fit : ndarray (n,) int
        Rows to learn from.
    held : ndarray (m,) int
        Rows to choose the epoch by; may be empty.
    settings : FinetuneSettings
    batch_size : int
    team : Team
    keeper : Keeper
    on_epoch : callable
        Called with the record of each epoch, also of those that were done before.
    ahead : int, optional
        Steps whose rows are fetched before they are needed; by default some where a GPU computes meanwhile.
    say : callable
        Called with a line on how far a long epoch has come.
    """

    tuned: Tuned
    inputs: Inputs
    codes: NDArray[np.intp]
    fit: NDArray[np.intp]
    held: NDArray[np.intp]
    settings: FinetuneSettings
    batch_size: int
    team: Team
    keeper: Keeper
    on_epoch: OnEpoch
    ahead: int | None = None
    say: Callable[[str], None] = lambda line: None

    def __post_init__(self) -> None:
        self.parts = self.settings.accumulate
        if self.ahead is None:
            self.ahead = STEPS if self.tuned.on_gpu else 0

    def run(self, epochs: int) -> Progress:
        """Train for so many epochs; afterwards the network has the weights of the best one, or else the last.

        Raises
        ------
        StorageFailed
            A checkpoint could not be written; the last one stays.
        """
        import torch

        with torch.random.fork_rng():
            optimizer = make_optimizer(self.tuned, self.settings)
            scaler = torch.amp.GradScaler(self.tuned.device.partition(":")[0], enabled=self.settings.amp == "fp16")
            progress, mean = self._begin(optimizer, scaler)
            for record in progress.history:
                self.on_epoch(record)
            for epoch in range(len(progress.history), epochs + 1):
                if self._tired(progress):
                    break
                started, counted = time.perf_counter(), energy.read()
                record = self._epoch(epoch, optimizer, scaler, mean) if epoch else {"epoch": 0}
                self._check_finite(record)
                record |= self._looked(mean)
                record["seconds"] = round(time.perf_counter() - started, 4)
                used = energy.joules(counted, energy.read())
                record |= {} if used is None else {"joules": round(used, 3)}
                self._note(progress, record, optimizer, scaler, mean)
                self.on_epoch(record)
        self.tuned.load(progress.named("best."))
        return progress

    def _begin(self, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> tuple[Progress, Mean]:
        """Where the last checkpoint ended, or anew."""
        known = self.keeper.load()
        self.team.wait()  # the first process may write the next one at once
        if known is None:
            self.team.as_leader(self.tuned.state())
            return Progress(), Mean.of(self.tuned, self.settings.ema)
        try:
            self.tuned.load(known.named("best."))  # needed in the end
            self.tuned.load(known.named("now."))
            restore_optimizer(optimizer, known.named("optimizer."))
            scaler.load_state_dict(dict(known.scaler))
        except (KeyError, IndexError, ValueError, TypeError, RuntimeError) as error:
            raise self.keeper.damaged(error) from error
        here = {n: t.to(self.tuned.device) for n, t in known.named("mean.").items()}
        return known, Mean(self.settings.ema, here)

    def _check_finite(self, record: dict[str, Any]) -> None:
        """Raise where the weights have grown beyond all numbers: nothing can be learned from there.

        Raises
        ------
        FinetuneError
            The checkpoint of the epoch before stays.
        """
        import torch

        floats = [v for v in self.tuned.state().values() if v.is_floating_point()]
        finite = torch.stack([torch.isfinite(v).all() for v in floats]).all()
        if not np.isfinite(record.get("loss", 0.0)) or not bool(finite):
            raise FinetuneError(
                f"in epoch {record['epoch']} the loss or the weights grew beyond all numbers: begin another --out with "
                f"a smaller --rate (it is {self.settings.rate:g}) or --head-rate ({self.settings.head_rate:g}), a "
                "longer --warm-up, or --amp off"
            )

    def _tired(self, progress: Progress) -> bool:
        patience = self.settings.patience
        return patience is not None and len(progress.history) - 1 - progress.best >= patience

    def _epoch(
        self, epoch: int, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler, mean: Mean
    ) -> dict[str, Any]:
        """All steps of an epoch; gives its mean loss and accuracy as batches went by, and the seconds it took."""
        import torch

        todo = steps(self.fit, self.codes, self.settings, self.batch_size, epoch)
        self.tuned.mode(training=True)
        found, waited, begun, readable = [], 0.0, time.perf_counter(), False
        said = begun
        coming = fetched(self.inputs, map(self._asked, todo), ahead=self.ahead or 0, pinned=self.tuned.on_gpu)
        for number, step in enumerate(todo):
            asked = time.perf_counter()
            rows = next(coming)
            readable |= bool(rows.whole.any())
            waited += time.perf_counter() - asked
            if asked - said > _SAY_SECONDS:
                said = asked
                left = duration((asked - begun) / number * (len(todo) - number))
                self.say(f"epoch {epoch}: {number * self.batch_size:,} of {len(self.fit):,} pictures, {left} left")
            drawn = np.random.SeedSequence([self.settings.seed, epoch, number, self.team.rank])
            torch.manual_seed(int(drawn.generate_state(1)[0]))  # of dropout
            set_rates(optimizer, self.settings, epoch - 1 + (number + 0.5) / len(todo))
            found.append(self._within_memory(step, rows, optimizer, scaler))  # means over the batch
            self._update(optimizer, scaler)
            mean.follow(self.tuned)
        if not readable:
            raise FinetuneError(
                f"none of the {len(self.fit)} pictures could be read any more in epoch {epoch}: bring them back, and "
                "the same command goes on after the epoch before"
            )
        sizes = np.array([len(step.rows) for step in todo])
        loss, accuracy = (sizes @ torch.stack(found).cpu().double().numpy() / sizes.sum()).tolist()
        seconds = {"steps_seconds": time.perf_counter() - begun, "inputs_seconds": waited}
        return {
            "epoch": epoch,
            "loss": loss,
            "train_accuracy": accuracy,
            **{n: round(s, 4) for n, s in seconds.items()},
        }

    def _mine(self, step: Step) -> NDArray[np.intp]:
        """The places of a step's batch that this process works on."""
        return np.arange(len(step.rows))[self.team.rank :: self.team.size]

    def _asked(self, step: Step) -> Asked:
        """The rows of a step that this process needs: its own, and then those that they are mixed with."""
        mine = self._mine(step)
        places = np.concatenate([mine, step.partners[mine]]) if step.share < 1 else mine
        return step.rows[places].tolist(), [step.views[n] for n in places.tolist()]

    def _within_memory(
        self, step: Step, rows: Fetched, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
    ) -> torch.Tensor:
        """The gradient of a step; where memory does not suffice, in more parts, or else with advice.

        Raises
        ------
        FinetuneError
        """
        while True:
            optimizer.zero_grad(set_to_none=False)
            try:
                return self._gradient(step, rows, scaler, self.parts)
            except RuntimeError as error:
                if not _out_of_memory(error):
                    raise
                if self.settings.batch_size != AUTO or self.parts >= len(step.rows):
                    raise FinetuneError(
                        f"the memory of {self.tuned.device} does not suffice for a batch of {self.batch_size} in "
                        f"{self.parts} parts: use --batch-size auto or --accumulate {2 * self.parts}, --checkpointing, "
                        "--amp bf16, or retrain fewer layers; the same command with another --out begins anew"
                    ) from error
                self.parts *= 2

    def _gradient(self, step: Step, rows: Fetched, scaler: torch.amp.GradScaler, parts: int) -> torch.Tensor:
        """Add up the gradient of a step's loss, in parts; gives loss and accuracy (2,), on the device.

        They stay there until the epoch ends: to fetch them would wait for the device. Of two pictures that mixup
        blends, the one with the larger share has the right class.
        """
        import torch

        mine = self._mine(step)
        total = torch.zeros(2, device=self.tuned.device)
        for part in np.array_split(np.arange(len(mine)), parts):
            if not len(part):
                continue
            maps, targets, weights = self._mixed(step, rows, mine, slice(part[0], part[-1] + 1))
            logs = torch.log_softmax(self.tuned.logits(maps), 1)  # (b, K)
            loss = -((logs * targets).sum(1) * weights).sum() / len(step.rows)
            torch.autograd.backward(scaler.scale(loss))
            hits = (logs.detach().argmax(1) == targets.argmax(1)) * weights
            total += torch.stack([loss.detach(), hits.sum() / len(step.rows)])
        self.team.add_up([total])
        return total

    def _mixed(
        self, step: Step, rows: Fetched, mine: NDArray[np.intp], part: slice
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Maps (b, C, h, w), smoothed classes (b, K) and weights (b,) of a part of a batch; 0 for broken rows."""
        import torch

        maps, targets = self.inputs.maps(rows.part(part)), self._targets(step.rows[mine[part]])
        whole = rows.whole[part]
        if step.share < 1:
            theirs = slice(len(mine) + part.start, len(mine) + part.stop)
            maps = step.share * maps + (1 - step.share) * self.inputs.maps(rows.part(theirs))
            others = self._targets(step.rows[step.partners[mine[part]]])
            targets = step.share * targets + (1 - step.share) * others
            whole = whole & rows.whole[theirs]
        return maps, targets, torch.from_numpy(whole.astype(np.float32)).to(self.tuned.device)

    def _targets(self, rows: NDArray[np.intp]) -> torch.Tensor:
        import torch

        count, smoothing = self.tuned.head.out_features, self.settings.smoothing
        out = np.full((len(rows), count), smoothing / count, np.float32)
        out[np.arange(len(rows)), self.codes[rows]] += 1 - smoothing
        return torch.from_numpy(out).to(self.tuned.device)

    def _update(self, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> None:
        import torch

        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.team.add_up(p.grad for p in parameters if p.grad is not None)
        scaler.unscale_(optimizer)
        if self.settings.clip:
            torch.nn.utils.clip_grad_norm_(parameters, self.settings.clip)
        scaler.step(optimizer)
        scaler.update()

    def _looked(self, mean: Mean) -> dict[str, float]:
        """Loss and accuracy on the held-out rows, of the weights that would be kept now.

        The loss is that at the temperature at which it is least: a temperature is fitted afterwards in any case, so how
        sure the network is must not choose the epoch (Berta et al. 2025, "Rethinking early stopping: refine, then
        calibrate").
        """
        if not len(self.held):
            return {}
        now = {n: v.detach().clone() for n, v in self.tuned.state().items()} if mean.decay else {}
        if mean.decay:
            self.tuned.load(mean.state)
        scores, whole = scores_of(self.tuned, self.inputs, self.held, self.batch_size, self.team)
        if mean.decay:
            self.tuned.load(now)
        scores, codes = scores[whole], self.codes[self.held][whole]
        logs = log_softmax(scores / fit_temperature(scores, codes))
        return {
            "held_out_loss": float(-logs[np.arange(len(codes)), codes].mean()),
            "held_out_accuracy": float((logs.argmax(1) == codes).mean()),
        }

    def _note(
        self,
        progress: Progress,
        record: dict[str, Any],
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
        mean: Mean,
    ) -> None:
        """Take in an epoch, and write the checkpoint."""
        now = {name: value.detach().clone() for name, value in self.tuned.state().items()}
        losses = [r["held_out_loss"] for r in progress.history if "held_out_loss" in r]
        better = not losses or record["held_out_loss"] < min(losses)
        best = (mean.state or now) if better else progress.named("best.")
        progress.best = record["epoch"] if better else progress.best
        progress.history.append(record)
        kinds = {"now.": now, "best.": best, "mean.": mean.state, "optimizer.": optimizer_tensors(optimizer)}
        progress.tensors = {f"{k}{n}": t.clone() for k, found in kinds.items() for n, t in found.items()}
        progress.scaler = scaler.state_dict()
        if self.team.leads:
            self.keeper.save(progress)


def _out_of_memory(error: RuntimeError) -> bool:
    """Whether a device, or the machine, had no memory left."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def scores_of(
    tuned: Tuned, inputs: Inputs, rows: NDArray[np.intp] | Sequence[int], batch_size: int, team: Team
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores (n, K) of rows, whole and not mirrored, and which of the pictures could be read (n,)."""
    return _each(tuned, inputs, rows, batch_size, team, embedding=False)


def embeddings_of(
    tuned: Tuned, inputs: Inputs, rows: NDArray[np.intp] | Sequence[int], batch_size: int, team: Team
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Embeddings (n, D) of rows, and which of the pictures could be read (n,)."""
    return _each(tuned, inputs, rows, batch_size, team, embedding=True)


def _each(
    tuned: Tuned,
    inputs: Inputs,
    rows: NDArray[np.intp] | Sequence[int],
    batch_size: int,
    team: Team,
    *,
    embedding: bool,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    import torch

    tuned.mode(training=False)
    numbers = np.asarray(rows)
    width = tuned.head.in_features if embedding else tuned.head.out_features
    out = torch.zeros(len(numbers), width, device=tuned.device)
    sound = torch.zeros(len(numbers), device=tuned.device)
    mine = np.arange(len(numbers))[team.rank :: team.size]
    batches = [mine[start : start + batch_size] for start in range(0, len(mine), batch_size)]
    asked = ((numbers[places].tolist(), [PLAIN] * len(places)) for places in batches)
    coming = fetched(inputs, asked, ahead=STEPS if tuned.on_gpu else 0, pinned=tuned.on_gpu)
    for places, found in zip(batches, coming, strict=True):
        out[places] = _computed(tuned, inputs, found, embedding=embedding)
        sound[places] = torch.from_numpy(found.whole.astype(np.float32)).to(tuned.device)
    team.add_up([out, sound])
    return out.cpu().numpy(), sound.cpu().numpy() > 0


def _computed(tuned: Tuned, inputs: Inputs, rows: Fetched, *, embedding: bool) -> torch.Tensor:
    """Embeddings or scores of some rows, in two parts where the memory does not suffice for all of them."""
    import torch

    try:
        with torch.no_grad():
            maps = inputs.maps(rows)
            return tuned.embedding(maps) if embedding else tuned.logits(maps)
    except RuntimeError as error:
        count = len(rows.whole)
        if count == 1 or not _out_of_memory(error):
            raise
        halves = (slice(0, count // 2), slice(count // 2, count))
    return torch.cat([_computed(tuned, inputs, rows.part(half), embedding=embedding) for half in halves])
