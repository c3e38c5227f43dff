"""What changes an embedding's numbers, and by how much: engines, batches, threads, neighbours, precisions, decoding.

    python scripts/bench_numbers.py FOLDER [--backbone resnet50] [--weights random] [--pictures 128]

Every row is compared with plain torch: torchvision's network as it is built, eager, float32, on the same pixels
(fast decoding: on the exact ones). Printed is the largest difference in a vector relative to its largest component,
over all pictures, and the cosine to the reference.
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

BATCHES = (1, 8, 64)
THREADS = (1, 2)


def reference(chosen: Any, pixels: Any) -> Any:
    """Mean over the positions of the last feature map (N, D), by torchvision's own network."""
    import torch
    from torchvision.models.feature_extraction import create_feature_extractor

    network = create_feature_extractor(chosen.load(), {chosen.backbone.nodes[-1]: "last"}).eval()
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (chosen.transform.mean, chosen.transform.std))
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pixels), 32):
            x = torch.from_numpy(pixels[start : start + 32]).permute(0, 3, 1, 2) / 255
            parts.append(network((x - mean) / std)["last"].mean((2, 3)).numpy())
    return np.concatenate(parts)


def embedded(engine: Any, pixels: Any, threads: int) -> Any:
    """The engine's `avgpool` vectors (N, D), batches in several threads at once; a short batch is padded."""
    from featurize.run.pipeline import on_one_processor

    size = engine.batch_size
    batches = []
    for start in range(0, len(pixels), size):
        batch = np.zeros((size, *pixels.shape[1:]), np.uint8)
        part = pixels[start : start + size]
        batch[: len(part)] = part
        batches.append(batch)
    with ThreadPoolExecutor(threads, initializer=on_one_processor) as pool:
        found = list(pool.map(engine.embed, batches))
    return np.concatenate([next(iter(v.values())) for v in found])[: len(pixels)]


def neighbours_matter(engine: Any, pixels: Any) -> bool:
    """Whether a picture's bits change when those beside it in the batch are black."""
    batch = pixels[: engine.batch_size].copy()
    alone = np.zeros_like(batch)
    alone[-1] = batch[-1]
    full, black = (embedded(engine, b, 1)[-1] for b in (batch, alone))
    return bool(full.tobytes() != black.tobytes())


def rows(given: argparse.Namespace, scratch: Path) -> Iterator[tuple[str, Any]]:
    """What was changed, and the vectors that come of it; the first is the reference."""
    from cache import artifacts_of
    from featurize.dataset.prepare import prepare
    from featurize.engines import EngineChoice, make_engine
    from featurize.engines.openvino import has_bf16, installed
    from featurize.networks.network import choose_network
    from featurize.networks.recipes import formulas
    from featurize.pictures.decoding import decode as decode_picture
    from featurize.run.extract import Settings, precision_of

    network = choose_network(given.backbone, given.weights)
    table = prepare(given.folder, scratch / "dataset.csv").table
    every = max(len(table) // given.pictures, 1)
    files = [table.picture(n).path.read_bytes() for n in range(0, len(table), every)][: given.pictures]

    root = scratch / "features"

    def pixels_of(decode: str) -> Any:
        transform = network.transform.with_options(None, decode)
        return np.stack([transform(decode_picture(data, transform.draft)) for data in files])

    def engine(name: str, precision: str, size: int) -> Any:
        choice = EngineChoice(name, precision, "cpu", size)
        return make_engine(network, formulas("avgpool"), choice, artifacts_of(root, network.key(precision)))

    exact = pixels_of("exact")
    truth = reference(network, exact)
    yield "", truth
    has_openvino = installed()
    for name in ("torch", "onnx", "openvino") if has_openvino else ("torch", "onnx"):
        for size in BATCHES:
            for threads in THREADS:
                made = engine(name, "fp32", size)
                said = " (neighbours change bits)" if size > 1 and neighbours_matter(made, exact) else ""
                yield f"{name} fp32, batches of {size}, threads: {threads}{said}", embedded(made, exact, threads)
    yield "stored as float16", truth.astype(np.float16).astype(np.float32)
    yield "fast decoding", embedded(engine("auto", "fp32", 8), pixels_of("fast"), 1)
    yield "torch bf16", embedded(engine("torch", "bf16", 8), exact, 1)
    if has_openvino and has_bf16():
        yield "openvino bf16", embedded(engine("openvino", "bf16", 8), exact, 1)
    settings = Settings(backbone=given.backbone, weights=given.weights, precision="int8")
    int8 = precision_of(network, settings, table, root, lambda line: None)
    for name in ("onnx", "openvino") if has_openvino else ("onnx",):
        yield f"{name} int8", embedded(engine(name, int8, 8), exact, 1)


def main() -> None:
    """Parse, embed in every way, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--weights", default="random")
    parser.add_argument("--pictures", type=int, default=128)
    given = parser.parse_args()
    show = functools.partial(print, flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        found = rows(given, Path(scratch))
        _, truth = next(found)
        show(f"{given.backbone}, weights {Path(given.weights).name}, {len(truth)} pictures, beside plain torch\n")
        show("| what | largest relative difference | mean cosine | smallest |\n|---|---|---|---|")
        for what, vectors in found:
            difference = (np.abs(vectors - truth).max(1) / np.abs(truth).max(1)).max()
            cosine = (vectors * truth).sum(1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(truth, axis=1)
            show(f"| {what} | {difference:.1e} | {cosine.mean():.5f} | {cosine.min():.5f} |")


if __name__ == "__main__":
    main()
