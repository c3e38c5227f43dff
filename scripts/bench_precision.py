"""What eight bits and bfloat16 cost: how near vectors are to those in float32, and heads on them.

    python scripts/bench_precision.py FOLDER --backbone mobilenet_v2 --weights FILE [--precision int8,bf16]
    python scripts/bench_precision.py FOLDER --backbone timm:NAME --weights FILE --size 224 --block 6 --embedding mean

FOLDER comes with a train and a val part. Printed are the mean and the smallest cosine to float32 over all pictures, and
the accuracies on val of heads tuned and fitted on train, in float32 and in each precision (points of difference). For
eight bits, ranges are taken from 100 pictures of train. `--ways` tries other ways to calibrate convolutions on val.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

HEADS = ("logreg", "svm", "linear-svm", "ridge", "lda", "knn", "prototype", "softmax", "mlp")
BATCH = 10


def cosines(a: Any, b: Any) -> str:
    """Mean and smallest cosine of the rows of a and b (N, D)."""
    found = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return f"{found.mean():.4f} | {found.min():.4f}"


def ways(body: Path) -> dict[str, dict[str, Any]]:
    """Ways to calibrate, by name."""
    from featurize.engines.int8 import care_for

    found: dict[str, dict[str, Any]] = {"minimum and maximum": {}}
    for percentile in (99.9, 99.99):
        care = care_for(body, percentile)
        ends = care.pop("nodes_to_exclude", None)
        if ends:
            found["minimum and maximum, ends in float32"] = {"nodes_to_exclude": ends}
            found[f"percentile {percentile}"] = care
            found[f"percentile {percentile}, ends in float32"] = {**care, "nodes_to_exclude": ends}
    return found


def compare_ways(table: Any, network: Any, scratch: Path) -> None:
    """Print the cosines of each way to calibrate."""
    import onnxruntime

    from cache import Artifacts
    from featurize.engines import int8
    from featurize.engines.exported import INPUT, export_body, join
    from featurize.networks.recipes import formulas
    from featurize.pictures.file import pixels

    body = scratch / "fp32.onnx"
    body.write_bytes(export_body(network, network.load()))
    examples = int8.calibration_pixels(int8.sorted_by_chance(table), network.transform)
    seen = np.stack([pixels(table.picture(n), network.transform) for n in table.rows_of("val").tolist()])

    def embed(path: Path) -> Any:
        model = join(path.read_bytes(), formulas("avgpool"), Artifacts(scratch, ""))
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        parts = [session.run(None, {INPUT: seen[n : n + BATCH]})[0] for n in range(0, len(seen), BATCH)]
        return np.concatenate(parts)

    wanted = embed(body)
    print("\n| ranges | mean cosine | smallest |\n|---|---|---|")
    for name, options in ways(body).items():
        other = scratch / f"{len(name)}-tried.onnx"
        other.write_bytes(int8.quantise(body, examples, options))
        print(f"| {name} | {cosines(embed(other), wanted)} |", flush=True)


def compare_heads(table: Any, base: dict[str, Any], precisions: list[str], heads: list[str], scratch: Path) -> None:
    """Print cosines over all pictures, and each head's accuracy on val in float32 and the other precisions."""
    from cache import open_cache
    from classify.data import load_examples
    from classify.fitting.trial import folds_of, train_head
    from classify.heads import HeadSpec
    from featurize.run.extract import Settings, extract

    def stored(precision: str) -> Any:
        settings = Settings(**base, precision=precision, control=False)
        return open_cache(extract(table, scratch / "features", settings).folder)

    def accuracy(name: str, parts: dict[str, Any]) -> float:
        train, val = parts["train"], parts["val"]
        trial = train_head(HeadSpec(name), train, folds_of(train.rows, seed=0))
        return float(np.mean(trial.head.predict(val.X) == val.y))

    caches = {precision: stored(precision) for precision in ("fp32", *precisions)}
    for recipe in caches["fp32"].recipes():
        examples = {
            precision: {s: load_examples(table, cache, [recipe], "style", s) for s in ("all", "train", "val")}
            for precision, cache in caches.items()
        }
        exact = examples["fp32"]
        print(f"\n{recipe.name}, {len(exact['all'].y)} pictures\n")
        print("| precision | mean cosine | smallest |\n|---|---|---|")
        for precision in precisions:
            print(f"| {precision} | {cosines(examples[precision]['all'].X, exact['all'].X)} |")
        print(f"\n| head | float32 | {' | '.join(precisions)} |\n|---|---|{'---|' * len(precisions)}")
        for name in heads:
            a = accuracy(name, exact)
            cells = [f"{100 * (accuracy(name, examples[precision]) - a):+.1f}" for precision in precisions]
            print(f"| {name} | {a:.1%} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Parse, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--weights", default="imagenet-v1")
    parser.add_argument("--size", type=int)
    parser.add_argument("--embedding")
    parser.add_argument("--block", type=int)
    parser.add_argument("--heads", default=",".join(HEADS))
    parser.add_argument("--precision", default="int8,bf16", help="one or several, separated by commas")
    parser.add_argument("--ways", action="store_true", help="try other ways to calibrate eight bits")
    given = parser.parse_args()

    from featurize.dataset.prepare import prepare
    from featurize.networks.network import choose_network

    with tempfile.TemporaryDirectory() as folder:
        table = prepare(given.folder, Path(folder) / "dataset.csv").table
        print(f"{given.backbone}, {len(table)} pictures")
        if given.ways:
            compare_ways(table, choose_network(given.backbone, given.weights), Path(folder))
        base = {name: getattr(given, name) for name in ("backbone", "weights", "size", "embedding", "block")}
        compare_heads(table, base, given.precision.split(","), given.heads.split(","), Path(folder))


if __name__ == "__main__":
    main()
