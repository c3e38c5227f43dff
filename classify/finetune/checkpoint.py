"""A training as it is after an epoch, in one file that exists whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache import files
from classify.errors import FinetuneError

if TYPE_CHECKING:
    import torch

_FORMAT = "artstyle checkpoint 1"


@dataclass
class Progress:
    """How far a training has come.

    Parameters
    ----------
    history : list of mapping
        One an epoch; the first is of the weights before any training.
    best : int
        The epoch with the least loss on the held-out rows.
    tensors : dict of str to torch.Tensor
        "now.": the weights, "best.": those of the best epoch, "mean.": the running mean, "optimizer.": its state.
    scaler : mapping
        State of what scales 16-bit gradients.
    """

    history: list[dict[str, Any]] = field(default_factory=list)
    best: int = 0
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)
    scaler: Mapping[str, Any] = field(default_factory=dict)

    def named(self, prefix: str) -> dict[str, torch.Tensor]:
        """The tensors of one kind, by the rest of their names."""
        return {n.removeprefix(prefix): t for n, t in self.tensors.items() if n.startswith(prefix)}


@dataclass(frozen=True)
class Keeper:
    """Where a training is kept.

    Parameters
    ----------
    path : Path or None
        `.safetensors`; None keeps nothing.
    """

    path: Path | None

    def save(self, progress: Progress) -> None:
        """Write it; what was there before stays until this is on the disk.

        Raises
        ------
        StorageFailed
        """
        if self.path is None:
            return
        from safetensors.torch import save

        facts = {
            "format": _FORMAT,
            "history": progress.history,
            "best": progress.best,
            "scaler": dict(progress.scaler),
        }
        arrays = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in progress.tensors.items()}
        files.make_folder(self.path.absolute().parent)
        files.write_atomic(self.path, [save(arrays, metadata={"artstyle": json.dumps(facts)})])

    def load(self) -> Progress | None:
        """What was written last; None where nothing was.

        Raises
        ------
        FinetuneError
            The file was damaged.
        """
        if self.path is None or not self.path.is_file():
            return None
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="pt") as file:
                facts = json.loads(file.metadata()["artstyle"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no mapping
            if facts["format"] != _FORMAT:
                raise ValueError(f"its format is {facts['format']!r}")
            if facts["best"] not in [record["epoch"] for record in facts["history"]]:
                raise ValueError(f"its history has no epoch {facts['best']!r}")
            return Progress(facts["history"], facts["best"], tensors, facts["scaler"])
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise self.damaged(error) from error

    def damaged(self, error: Exception) -> FinetuneError:
        """What to raise where the file, or what it holds, is none of this training."""
        why = f"{error} is missing" if isinstance(error, KeyError) else " ".join(str(error).split())
        return FinetuneError(
            f"the checkpoint {str(self.path)!r} can't be used ({why}): remove it, and the training begins again"
        )


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The state of an optimizer by name: "3.exp_avg"."""
    import torch

    state = optimizer.state_dict()["state"]
    return {f"{n}.{what}": torch.as_tensor(v) for n, own in state.items() for what, v in own.items() if v is not None}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Give an optimizer the state that `optimizer_tensors` gave, laid out in memory as its parameters are.

    Fused kernels refuse a state whose strides are others than those of the parameter.
    """
    import torch

    own = optimizer.state_dict()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, what = name.partition(".")
        parameter = parameters[int(number)]
        alike = tensor.shape == parameter.shape
        state.setdefault(int(number), {})[what] = torch.empty_like(parameter).copy_(tensor) if alike else tensor
    optimizer.load_state_dict({**own, "state": state})
