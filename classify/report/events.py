"""The epochs of a training as TensorBoard shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from classify.errors import FinetuneError

NAMES = {
    "loss": "loss/training",
    "held_out_loss": "loss/held out",
    "train_accuracy": "accuracy/training",
    "held_out_accuracy": "accuracy/held out",
}


@contextmanager
def events(folder: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Gives a function that writes the record of an epoch; each stage and fold has a folder of its own below this one.

    Epochs that were done before a stop are handed in again, and take the place of what was written of them.

    Raises
    ------
    FinetuneError
        TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise FinetuneError(
            f"--tensorboard needs TensorBoard ({error}): pip install 'artstyle[tensorboard]', or leave it out; "
            "metrics.jsonl has the same figures"
        ) from error
    writers: dict[str, Any] = {}

    def write(record: dict[str, Any]) -> None:
        name = f"fold-{record['fold']}/{record['stage']}" if "fold" in record else record["stage"]
        if name not in writers:
            writers[name] = SummaryWriter(str(folder / name), purge_step=record["epoch"])
        for field, shown in NAMES.items():
            if field in record:
                writers[name].add_scalar(shown, record[field], record["epoch"])
        writers[name].flush()

    try:
        yield write
    finally:
        for writer in writers.values():
            writer.close()
