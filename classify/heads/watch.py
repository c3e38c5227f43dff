"""Following a training epoch by epoch: what a head with epochs shows after each one, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Epoch = dict[str, float]  # what is known at the end of an epoch


class Predicts(Protocol):
    """A head in the middle of its training."""

    def predict(self, X: Any) -> Any:
        """Classes (n,) of rows X (n, D)."""


@dataclass(frozen=True)
class Watch:
    """Who follows a training; nothing is ever chosen by what is seen.

    Parameters
    ----------
    X, y : (n, D) and (n,), optional
        Rows whose accuracy is recorded after each epoch, as "val_accuracy".
    on_epoch : callable, optional
        Called with the record of each epoch as it is made.
    """

    X: Any = None
    y: Any = None
    on_epoch: Callable[[Epoch], None] | None = None

    def epoch(self, head: Predicts, record: Epoch) -> None:
        """After an epoch: score the rows with the head as it is now, and pass the record on."""
        if self.X is not None:
            record["val_accuracy"] = float(np.mean(head.predict(self.X) == np.asarray(self.y)))
        if self.on_epoch is not None:
            self.on_epoch(record)
