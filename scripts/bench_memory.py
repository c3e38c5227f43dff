"""How much memory heads take that read the feature cache in blocks: `classify fit` on more rows than should be held.

    python scripts/bench_memory.py                              200,000 x 2,048 as float16: four heads
    python scripts/bench_memory.py --heads logreg               tuned, too: 7 values of C x 5 folds
    python scripts/bench_memory.py --rows 1000000 --folder DIR  made in DIR, which must not be there, and removed again

A feature cache of made-up embeddings and a dataset table are written, then each head is fitted by the command line in
a process of its own; peak memory is the most that process ever had resident, mapped pages included. A twentieth of the
rows is the val split, which the command scores at the end.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# all there is to tune is given: one fit each; fewer epochs than usual, for memory does not grow with them
HEADS = ("prototype", "logreg:C=0.01", "softmax:epochs=2", "mlp:epochs=2")
SEGMENT = 20_000  # rows of one segment


def write_dataset(folder: Path, rows: int, features: int, classes: int) -> None:
    """`features/` and `dataset.csv`, in parts that are made one after the other."""
    from cache import Key, Recipe, Rows, create_cache
    from cache.ids import from_hex
    from featurize.dataset.table import DatasetTable, write_table

    rng = np.random.default_rng(0)
    means = 0.1 * rng.standard_normal((classes, features), dtype=np.float32)
    codes = rng.integers(0, classes, rows)
    ids = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(rows)]
    network = {"provider": "torchvision", "name": "resnet50", "stages": ["layer4"]}
    cache = create_cache(folder / "features", Key(network, "random:seed=0,torch=0", {"size": 224}))
    recipe = Recipe("avgpool", {"formula": "made up"})
    for start in range(0, rows, SEGMENT):
        part = codes[start : start + SEGMENT]
        X = rng.standard_normal((len(part), features), dtype=np.float32)
        X *= 0.5
        X += means[part]
        np.maximum(X, 0, out=X)
        embedded = np.zeros(len(part), np.uint8)
        cache.append(Rows(from_hex(ids[start : start + SEGMENT]), embedded, {recipe: X.astype(np.float16)}))
    columns = {
        "id": ids,
        "path": [f"pictures/{n}.jpg" for n in range(rows)],
        "size": ["1"] * rows,
        "mtime_ns": ["1"] * rows,
        "split": ["val" if n % 20 == 0 else "train" for n in range(rows)],
        "style": [f"style-{code:02}" for code in codes],
        "artist": [f"artist-{n % 997}" for n in range(rows)],
    }
    write_table(DatasetTable(columns, folder), folder / "dataset.csv")


def fit(folder: Path, head: str) -> tuple[float, float, str]:
    """Seconds, peak memory in GiB and the accuracy on val of `classify fit`."""
    command = [sys.executable, "-m", "classify", "fit", "--head", head, "--out", str(folder / "heads")]
    command += ["--dataset", str(folder / "dataset.csv"), "--features", str(folder / "features")]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    assert process.stdout is not None
    told = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"classify fit --head {head} failed:\n{told}")
    return time.perf_counter() - start, gib(usage), saved_accuracy(folder, head)


def saved_accuracy(folder: Path, head: str) -> str:
    """The accuracy on val that stands in the saved head, which is then removed."""
    from classify.headfile import load_head

    (path,) = (folder / "heads").iterdir()
    accuracy = load_head(path).metrics["val"]["accuracy"]
    path.unlink()
    return f"{accuracy:.4f}"


def gib(usage: resource.struct_rusage) -> float:
    """The most memory a process has had, GiB."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 2**30


def table(folder: Path, rows: int, features: int, classes: int, heads: list[str]) -> Iterator[str]:
    """The lines of the table, as they become known."""
    write_dataset(folder, rows, features, classes)
    size = rows * features * 2 / 2**30
    yield f"{rows:,} x {features:,} float16, {classes} classes: {size:.2f} GiB, {2 * size:.2f} GiB as float32"
    yield f"{'head':24} {'seconds':>9} {'peak GiB':>9} {'accuracy on val':>16}"
    for head in heads:
        seconds, peak, accuracy = fit(folder, head)
        yield f"{head:24} {seconds:9.1f} {peak:9.2f} {accuracy:>16}"


def main() -> None:
    """Parse, measure, print, remove."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--classes", type=int, default=27)
    parser.add_argument("--heads", nargs="+", default=list(HEADS), help="as `classify fit --head` takes them")
    parser.add_argument("--folder", type=Path, help="a new folder on a large disk; a temporary one by default")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    if options.folder:
        folder.mkdir(parents=True)
    try:
        for line in table(folder, options.rows, options.features, options.classes, options.heads):
            print(line, flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
