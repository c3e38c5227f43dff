"""How fast a network is retrained: from pixels in memory, from picture files, and from stored maps.

    python scripts/bench_finetune.py FOLDER --from layer4 [--all] [--pictures 4096] [--batch-size 32] [--epochs 3]
    python scripts/bench_finetune.py FOLDER --from layer4 --all --batch-size 256 --amp bf16 --compile    # on a GPU

FOLDER has a folder of pictures for each class; `--pictures N` makes N distinct files of those in it. Retrained is what
`--from` names, and with `--all` also the whole network. Each line is the training loop of `classify finetune` on other
rows:

- on the device: one batch that lies there already, which is what the network alone can do;
- kept pictures: decoded once and kept in memory; crops are cut anew, as after the first epoch where memory suffices;
- files: read, checked and decoded in each epoch;
- stored maps: read from the feature cache; no pictures, no frozen layers.

Counted are all steps of an epoch; the median of the epochs after the first is printed, which warms up and compiles.
"waiting" is the share in which the loop waited for rows. TFLOP/s counts the products of all layers that compute,
forward and backward, as torch's FlopCounterMode does; the last share is of the rate at which the same device multiplies
two large square matrices in the same precision. Weights are untrained by default, which takes as long.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench_extract import make_pictures

from classify.finetune.checkpoint import Keeper
from classify.finetune.feed.inputs import Fetched, Inputs, Pictures, Uncached, threads
from classify.finetune.feed.maps import open_maps
from classify.finetune.feed.views import PLAIN, View
from classify.finetune.network import Tuned, build
from classify.finetune.settings import FinetuneSettings
from classify.finetune.team import Team
from classify.finetune.training import Training
from featurize.dataset.prepare import prepare
from featurize.dataset.table import DatasetTable
from featurize.engines.torch import choose_device
from featurize.networks.network import choose_network

if TYPE_CHECKING:
    import torch

KEPT = 1 << 34  # bytes of decoded pictures that may be kept
SIDE = {"cuda": 8192, "cpu": 2048}  # of the matrices that are multiplied


@dataclass
class OnDevice:
    """The same rows again and again, which lie on the device.

    Parameters
    ----------
    rows : torch.Tensor (B, ...)
        As the retrained part takes them, or pixels where `tuned` computes that from them.
    tuned : Tuned or None
    """

    rows: torch.Tensor
    tuned: Tuned | None

    def fetch(self, rows: Sequence[int], views: Sequence[View]) -> Fetched:
        """Nothing but how many are wanted."""
        import torch

        return Fetched(torch.zeros(len(rows), dtype=torch.uint8), np.ones(len(rows), bool))

    def maps(self, rows: Fetched) -> torch.Tensor:
        """So many of the rows."""
        mine = self.rows[: len(rows.values)]
        return self.tuned.maps(mine) if self.tuned else mine


def matrix_rate(device: str, amp: str) -> float:
    """FLOP/s of the product of two square matrices of random numbers; the best of ten."""
    import torch

    kind = {"off": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[amp]
    side = SIDE[device.partition(":")[0]]
    a = torch.randn(side, side, device=device, dtype=kind)
    seconds = []
    for _ in range(13):
        wait(device)
        started = time.perf_counter()
        a @ a
        wait(device)
        seconds.append(time.perf_counter() - started)
    return 2 * side**3 / min(seconds[3:])


def wait(device: str) -> None:
    """Until the device has done what it was asked for."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def flops(tuned: Tuned, inputs: Inputs, size: int) -> float:
    """Products and sums for one row of a batch, forward and backward."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    fetched = inputs.fetch(list(range(size)), [PLAIN] * size)
    tuned.mode(training=True)
    with FlopCounterMode(display=False) as counter:
        torch.autograd.backward(tuned.logits(inputs.maps(fetched)).sum())
    for parameter in tuned.whole.parameters():
        parameter.grad = None
    return int(counter.get_total_flops()) / size


def epochs(tuned: Tuned, inputs: Inputs, count: int, batch: int) -> tuple[float, float]:
    """Rows a second, and the share of the time in which the loop waited for them: the median epoch."""
    codes = np.arange(count) % tuned.head.out_features
    every = np.arange(count)
    training = Training(
        tuned, inputs, codes, every, every[:0], tuned.settings, batch, Team(), Keeper(None), lambda record: None
    )
    later = training.run(tuned.settings.epochs).history[2:]
    seconds = statistics.median(r["steps_seconds"] for r in later)
    return count / seconds, statistics.median(r["inputs_seconds"] / r["steps_seconds"] for r in later)


def of_scope(given: argparse.Namespace, start: str | None, device: str) -> FinetuneSettings:
    """Settings that retrain a node and all behind it, or else everything."""
    return FinetuneSettings(
        given.backbone, given.weights, start=start, everything=start is None, epochs=given.epochs,
        batch_size=given.batch_size, amp=given.amp, views=given.views, compiled=given.compiled, device=device,
        map_limit=1000,
    )  # fmt: skip


def contestants(tuned: Tuned, table: DatasetTable, scratch: Path, batch: int) -> Iterator[tuple[str, Inputs, str]]:
    """Name, rows, and a remark."""
    transform, workers = tuned.network.transform, threads(tuned.settings.workers)
    files = [table.picture(n) for n in range(len(table))]
    import torch

    pixels = torch.randint(0, 256, (batch, transform.crop, transform.crop, 3), dtype=torch.uint8, device=tuned.device)
    yield "on the device", OnDevice(pixels, tuned), ""
    yield "kept pictures", Uncached(Pictures(files, transform, workers, KEPT), tuned), ""
    yield "files", Uncached(Pictures(files, transform, workers, 0), tuned), ""
    if tuned.settings.start is None:
        return
    maps = open_maps(scratch / "features", tuned, table.columns["id"], lambda line: print(line, file=sys.stderr))
    seconds = maps.fill(Pictures(files, transform, workers, KEPT), tuned)
    yield "stored maps, on the device", OnDevice(tuned.maps(pixels), None), ""
    yield "stored maps", maps, f"storing them took {seconds:.0f} s, {maps.nbytes / 1e9:.1f} GB"


def main() -> None:
    """Parse, measure one scope after the other, print the table."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--weights", default="random")
    parser.add_argument("--from", dest="start", help="the node that is retrained, and all behind it")
    parser.add_argument("--all", dest="everything", action="store_true", help="also the whole network")
    parser.add_argument("--pictures", type=int, help="make so many distinct files of those in FOLDER")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--amp", default="off", choices=["off", "bf16", "fp16"])
    parser.add_argument("--compile", dest="compiled", action="store_true")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", help="rows, separated by semicolons")
    given = parser.parse_args()
    device = choose_device(given.device)
    rate = matrix_rate(device, given.amp)
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else f"{torch.get_num_threads()} threads"
    print(f"{name}: matrix product, {given.amp}: {rate / 1e12:.3g} TFLOP/s; batches of {given.batch_size}\n")
    print("| retrained | rows | images/s | waiting | TFLOP/s | share of the matrix product | |")
    print("|---|---|---|---|---|---|---|")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = given.folder
        if given.pictures:
            folder = scratch / "pictures"
            make_pictures(given.folder, given.pictures, folder)
        table = prepare(folder, scratch / "dataset.csv").table
        table = table.take(range(len(table) // given.batch_size * given.batch_size))
        network = choose_network(given.backbone, given.weights)
        for start in [None] * given.everything + [given.start] * bool(given.start):
            settings = of_scope(given, start, device)
            tuned = build(network, settings, 25, device)
            plain = build(network, replace(settings, compiled=False), 25, device)
            for rows, inputs, remark in contestants(tuned, table, scratch, given.batch_size):
                if given.only and rows not in given.only.split(";"):
                    continue
                images, waiting = epochs(tuned, inputs, len(table), given.batch_size)
                side = network.transform.crop
                few = torch.zeros(8, side, side, 3, dtype=torch.uint8, device=device)
                used = images * flops(
                    plain, OnDevice(plain.maps(few), None) if "maps" in rows else OnDevice(few, plain), 8
                )
                cells = [f"from {start}" if start else "all layers", rows, f"{images:.4g}", f"{waiting:.0%}"]
                print(f"| {' | '.join([*cells, f'{used / 1e12:.3g}', f'{used / rate:.1%}', remark])} |", flush=True)


if __name__ == "__main__":
    main()
