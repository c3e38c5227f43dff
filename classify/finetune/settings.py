"""What a fine-tuning is to do, with the defaults and the reasons for them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from classify.errors import FinetuneError

OPTIMIZERS = ("adamw", "sgd")
AMPS = ("off", "bf16", "fp16")
AUTO = "auto"
_PLACES = ("device", "workers", "memory", "map_limit")  # they don't change what is learned
_MOST_VIEWS = 1000  # more are no different from new ones in each epoch
# option -> least and greatest value
_BOUNDS = {
    "epochs": (1, 100_000),
    "rate": (0, 100),
    "head_rate": (0, 100),
    "weight_decay": (0, 100),
    "warm_up": (0, 100_000),
    "layer_decay": (0.01, 1),
    "smoothing": (0, 0.99),
    "mixup": (0, 100),
    "ema": (0, 0.999999),
    "clip": (0, 1e9),
    "accumulate": (1, 100_000),
    "held_out": (0.02, 0.5),
    "seed": (0, 2**32 - 1),
    "map_limit": (0, 1e9),
}


@dataclass(frozen=True)
class FinetuneSettings:
    """What a fine-tuning is to do. Of `layers`, `start`, `everything` and `head_only` one is given.

    Parameters
    ----------
    backbone, weights
        As for `featurize run`.
    size : int, optional
        Side of the square that the network sees.
    question : str, optional
        Choose the epoch, and make folds, for "new" painters, who are kept apart, or for "known" ones; by default new
        ones, where that is possible.
    target, split : str
        The label column, and the split to learn from.
    layers : int, optional
        Retrain the last so many layers with weights; BatchNorm counts, as in RASTA (Lecoutre et al. 2017).
    start : str, optional
        Retrain this node and all behind it.
    everything, head_only : bool
        Retrain all layers, or none but the head.
    init_head : str, optional
        The file of a linear head on the standard embedding to start from. By default a logistic regression is fitted
        to the frozen embeddings first (Kumar et al. 2022: linear probing, then fine-tuning). The epoch is chosen with
        a fitted one in any case, because the one of the file may know the rows that are held out.
    epochs : int
    batch_size : int or "auto"
        Pictures of one step, of all processes together; "auto" is 32, in as many parts as memory asks for.
    accumulate : int
        In how many parts a batch is computed, one after the other, where memory is short.
    optimizer : str
        "adamw" or "sgd" (with Nesterov's momentum of 0.9).
    rate, head_rate : float
        Greatest learning rate of the backbone's last layer, and of the head.
    layer_decay : float
        Each earlier layer learns at this share of the next one's rate.
    weight_decay : float
        Not applied to biases, norms and other vectors.
    warm_up : float
        Epochs in which the rates rise from 0; a cosine brings them back to 0 (Loshchilov & Hutter 2017).
    smoothing : float
        Label smoothing (Szegedy et al. 2016).
    mixup : float
        Parameter of mixup's beta distribution (Zhang et al. 2018), where training begins; 0 is without.
    balanced : bool
        Show pictures of every class equally often.
    augment : bool
        Random crops and mirror images. Colours are never changed: they are a large part of what a style is.
    views : int, optional
        Use so many fixed random crops of each picture instead of new ones in each epoch.
    cached : bool
        With `start`: keep the maps before it in the feature cache, and learn from them.
    ema : float
        Decay of a running mean of the weights, which is then used; 0 is without.
    clip : float
        Greatest norm of the gradient; 0 is without.
    batch_stats : bool
        Let the BatchNorm of retrained layers use and learn the statistics of batches. By default they stay as they
        are: batches are small, and files of weights with folded BatchNorm need it.
    held_out : float
        Share of the training rows that the epoch is chosen on.
    patience : int, optional
        Stop after so many epochs without a better one.
    refit : bool
        When the epoch is chosen, learn again from all training rows for as many epochs.
    amp : str
        "bf16", "fp16" or "off".
    compiled : bool
        Use torch.compile.
    checkpointing : bool
        Compute the retrained part twice instead of keeping all its maps in memory.
    seed : int
    device : str
    workers : int, optional
        Decoding threads.
    memory : int
        Bytes of decoded pictures that are kept; others are decoded in each epoch.
    map_limit : float
        Gigabytes of maps that may be stored.
    """

    backbone: str | None = None
    weights: str | None = None
    size: int | None = None
    question: str | None = None
    target: str = "style"
    split: str = "train"
    layers: int | None = None
    start: str | None = None
    everything: bool = False
    head_only: bool = False
    init_head: str | None = None
    epochs: int = 12
    batch_size: int | str = 32
    accumulate: int = 1
    optimizer: str = "adamw"
    rate: float = 3e-4
    head_rate: float = 1e-3
    layer_decay: float = 0.9
    weight_decay: float = 0.05
    warm_up: float = 1.0
    smoothing: float = 0.1
    mixup: float = 0.0
    balanced: bool = False
    augment: bool = True
    views: int | None = None
    cached: bool = True
    ema: float = 0.0
    clip: float = 1.0
    batch_stats: bool = False
    held_out: float = 0.2
    patience: int | None = None
    refit: bool = True
    amp: str = "off"
    compiled: bool = False
    checkpointing: bool = False
    seed: int = 0
    device: str = "auto"
    workers: int | None = None
    memory: int = 1 << 30
    map_limit: float = 8.0

    def __post_init__(self) -> None:
        chosen = [self.layers is not None, self.start is not None, self.everything, self.head_only]
        if sum(chosen) != 1:
            raise FinetuneError(
                f"{sum(chosen)} of --layers, --from, --all and --head-only are given: give one, which says what is "
                "retrained"
            )
        for name, (least, greatest) in _BOUNDS.items():
            value = getattr(self, name)
            if not least <= value <= greatest:  # also where it is NaN
                raise FinetuneError(f"--{name.replace('_', '-')} {value}: choose from {least} to {greatest}")
        for name in ("layers", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise FinetuneError(f"--{name} {value}: choose 1 or more")
        if self.views is not None and not 0 <= self.views <= _MOST_VIEWS:
            raise FinetuneError(f"--views {self.views}: choose from 0 to {_MOST_VIEWS}")
        if self.views is not None and not self.augment:
            raise FinetuneError(f"--views {self.views} and --no-augment, which shows each picture whole: leave one out")
        if self.init_head and not self.refit:
            raise FinetuneError(
                "--init-head and --no-refit: the epoch would be chosen on pictures that the head may have learned "
                "from; leave one out"
            )
        if self.batch_size != AUTO and (isinstance(self.batch_size, str) or self.batch_size < 1):
            raise FinetuneError(f"--batch-size {self.batch_size}: choose 1 or more, or {AUTO}")
        for name, allowed in (("optimizer", OPTIMIZERS), ("amp", AMPS)):
            if getattr(self, name) not in allowed:
                raise FinetuneError(f"--{name} {getattr(self, name)}: choose one of {', '.join(allowed)}")

    @property
    def from_cache(self) -> bool:
        """Whether epochs run on stored maps."""
        return self.cached and self.start is not None

    def as_json(self) -> dict[str, Any]:
        """What decides what is learned, as plain JSON; where and how fast it is computed is left out."""
        plain = {name: str(v) if isinstance(v, Path) else v for name, v in asdict(self).items()}
        return {name: value for name, value in plain.items() if name not in _PLACES}
