"""The search behind the recipes: stages x statistics x sizes x transformations, each beside plain average pooling.

    python scripts/search_recipes.py FOLDER --backbone mobilenet_v2 --weights FILE [--repeats 4]

All pictures of FOLDER are cross-validated as in `bench_recipes.py`: five folds, `--repeats` times, no artist on both
sides. The head is ridge regression, its penalty chosen by leaving one out, for speed. Printed are the accuracy and its
difference to average pooling on the same folds with the 95 % interval of the corrected resampled t-test, best first.
The best of so many looks better than it is: what is found with one network is to be confirmed with another, and by
`bench_recipes.py` with the heads that people use.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

# the ends of all blocks, early to late; the recipes read four of them (`featurize/networks/libraries/torchvision.py`)
BLOCKS = {
    "mobilenet_v2": ("features.1", "features.3", "features.6", "features.10", "features.13", "features.16",
                     "features.17", "features.18"),
    "squeezenet1_1": ("features.1", "features.3", "features.4", "features.6", "features.7", "features.9",
                      "features.10", "features.12"),
}  # fmt: skip
LAST = len(BLOCKS["mobilenet_v2"]) - 1
FOUR = {"mobilenet_v2": (1, 2, 4, 7), "squeezenet1_1": (2, 4, 6, 7)}
GRAM_CHANNELS = (16, 32, 64, 128)
GRAM_BLOCKS = (4, 6, 7)
BATCH = 16
PENALTIES = np.logspace(-3, 2, 11)  # times the number of standardised features, which is their Gram matrix's diagonal

Features = dict[str, Any]  # "mean 7" -> (N, channels)


def collect(body: Any, paths: Sequence[Path], transform: Any) -> tuple[Features, ...]:
    """Statistics of every block for every picture, and their means with those of the mirror image."""
    import torch

    from featurize.pictures import decoding

    plain: dict[str, list[Any]] = {}
    both: dict[str, list[Any]] = {}
    with torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            pixels = np.stack([transform(decoding.decode(path.read_bytes())) for path in paths[start : start + BATCH]])
            seen, mirrored = (statistics(body(torch.from_numpy(x.copy()))) for x in (pixels, pixels[:, :, ::-1]))
            for name in seen:
                plain.setdefault(name, []).append(seen[name])
                both.setdefault(name, []).append((seen[name] + mirrored[name]) / 2)
    return tuple({name: np.concatenate(parts) for name, parts in one.items()} for one in (plain, both))


def statistics(maps: Sequence[Any]) -> dict[str, Any]:
    """Means, standard deviations and maxima of every block, and the Gram matrices of some."""
    import torch

    found = {}
    for number, block in enumerate(maps):
        rows = block.flatten(2)
        found[f"mean {number}"] = rows.mean(2)
        found[f"std {number}"] = rows.std(2, unbiased=False)
        found[f"max {number}"] = rows.amax(2)
        for channels in GRAM_CHANNELS if number in GRAM_BLOCKS else ():
            drawn = np.random.default_rng(0).standard_normal((channels, rows.shape[1])) / channels**0.5
            projected = torch.from_numpy(drawn.astype(np.float32)) @ rows
            gram = projected @ projected.transpose(1, 2) / rows.shape[2]
            upper = torch.triu_indices(channels, channels)
            found[f"gram{channels} {number}"] = gram[:, upper[0], upper[1]]
    return {name: values.numpy() for name, values in found.items()}


def vectors(features: Features, kinds: str, blocks: Sequence[int]) -> Any:
    """The statistics of some kinds ("mean std") of some blocks, side by side."""
    return np.concatenate([features[f"{kind} {block}"] for block in blocks for kind in kinds.split()], 1)


def rooted(X: Any) -> Any:
    """Square roots, the sign kept."""
    return np.sign(X) * np.sqrt(np.abs(X))


def whitened(count: int) -> Callable[[Any, Any], tuple[Any, Any]]:
    """(training rows, other rows) -> both on the training rows' first principal components, each of variance 1."""

    def transform(train: Any, test: Any) -> tuple[Any, Any]:
        from sklearn.decomposition import PCA

        pca = PCA(min(count, len(train) - 1), whiten=True, random_state=0).fit(train)
        return pca.transform(train), pca.transform(test)

    return transform


def candidates(at: dict[tuple[int, bool], Features], four: Sequence[int]) -> Iterator[tuple[str, Any, Any]]:
    """Name, vectors, and what is fitted to training rows before the head, if anything."""
    plain, mirror = at[224, False], at[224, True]
    yield "avgpool", vectors(plain, "mean", [LAST]), None
    for kinds in ("mean", "mean std", "max", "mean max"):
        for block in range(LAST + 1):
            if (kinds, block) != ("mean", LAST):
                yield f"{kinds} of block {block}", vectors(plain, kinds, [block]), None
    some = {f"last {count}": range(LAST - count + 1, LAST + 1) for count in (2, 3, 4, 6, 8)}
    for name, blocks in {**some, "the recipes' four": four}.items():
        for kinds in ("mean", "std", "mean std", "mean std max"):
            yield f"{kinds} of {name}", vectors(plain, kinds, blocks), None
    for block in GRAM_BLOCKS:
        for channels in GRAM_CHANNELS:
            X = vectors(plain, f"gram{channels}", [block])
            yield f"gram of block {block}, {channels} channels", X, None
            yield f"gram of block {block}, {channels} channels, sqrt", rooted(X), None
    for kinds, name, blocks in (("mean", "the last", [LAST]), ("mean std", "the recipes' four", four),
                                ("mean std", "all 8", some["last 8"])):  # fmt: skip
        for size in (224, 320, 448):
            for mirrored in (False, True):
                X = vectors(at[size, mirrored], kinds, blocks)
                label = f"{kinds} of {name}, {size}{', mirror' if mirrored else ''}"
                if (size, mirrored) != (224, False):
                    yield label, X, None
                yield f"{label}, sqrt", rooted(X), None
        sizes = np.concatenate([vectors(at[size, True], kinds, blocks) for size in (224, 448)], 1)
        yield f"{kinds} of {name}, 224 and 448, mirror", sizes, None
        yield f"{kinds} of {name}, 224 and 448, mirror, sqrt", rooted(sizes), None
        for count in (32, 64, 128, 256):
            yield (
                f"{kinds} of {name}, mirror, sqrt, {count} components, whitened",
                rooted(vectors(mirror, kinds, blocks)),
                whitened(count),
            )


def ridge_accuracy(X: Any, labels: Any, Z: Any, wanted: Any) -> float:
    """Share of Z (M, D) that ridge regression on standardised X (N, D) and labels +1 and -1 gets right.

    The penalty is the one with the least squared error when each row is left out (Golub, Heath & Wahba 1979; here by
    rows, not generalised), by the eigenvectors of the Gram matrix, once for all penalties.
    """
    mean, deviation = X.mean(0), X.std(0) + 1e-9
    X, Z = (X - mean) / deviation, (Z - mean) / deviation
    classes, codes = np.unique(labels, return_inverse=True)
    Y = 2.0 * np.eye(len(classes))[codes] - 1
    offset = Y.mean(0)
    values, Q = np.linalg.eigh(X @ X.T)
    rotated = Q.T @ (Y - offset)
    best = (np.inf, Y)
    for penalty in X.shape[1] * PENALTIES:
        shrunk = 1 / (np.maximum(values, 0) + penalty)
        dual = Q @ (shrunk[:, None] * rotated)
        left_out = dual / (Q**2 @ shrunk)[:, None]
        best = min(best, (float((left_out**2).sum()), dual), key=lambda found: found[0])
    return float(np.mean(classes[np.argmax(Z @ (X.T @ best[1]) + offset, 1)] == wanted))


def accuracies(X: Any, y: Any, splits: Any, before: Any) -> Any:
    """Accuracy on each fold (J,)."""
    found = []
    for train, test in splits:
        inside, outside = before(X[train], X[test]) if before else (X[train], X[test])
        found.append(ridge_accuracy(inside, y[train], outside, y[test]))
    return np.array(found)


def main() -> None:
    """Parse, compute the statistics once, try all candidates, print them best first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", default="mobilenet_v2", choices=list(BLOCKS))
    parser.add_argument("--weights", default="imagenet-v1")
    parser.add_argument("--repeats", type=int, default=4)
    given = parser.parse_args()

    from dataclasses import replace

    from bench_recipes import TEST_SHARE, folds

    from classify.evaluation.statistics import corrected_resampled
    from featurize.dataset.groups import Groups
    from featurize.dataset.prepare import prepare
    from featurize.engines.frozen import frozen_body
    from featurize.networks.network import choose_network

    with tempfile.TemporaryDirectory() as scratch:
        table = prepare(given.folder, Path(scratch) / "dataset.csv").table
    columns = table.columns
    y = np.array(columns["style"])
    artists = np.array(Groups.of(columns["id"], columns["artist"]).names)
    paths = [table.folder / path for path in columns["path"]]
    at = {}
    for size in (224, 320, 448):
        chosen = choose_network(given.backbone, given.weights, size=size)
        network = replace(chosen, backbone=chosen.backbone.with_nodes(BLOCKS[given.backbone]))
        body = frozen_body(network, network.load())
        at[size, False], at[size, True] = collect(body, paths, network.transform)
    splits = list(folds(y, artists, given.repeats, "artist"))
    lines = []
    reference = None
    for name, X, before in candidates(at, FOUR[given.backbone]):
        found = accuracies(X.astype(np.float64), y, splits, before)
        reference = found if reference is None else reference
        gain = corrected_resampled(found - reference, TEST_SHARE)[0] if found is not reference else None
        lines.append((found.mean(), name, X.shape[1], gain))
        print(f"{found.mean():.1%} {name}", file=sys.stderr, flush=True)
    print(f"{given.backbone}, {len(y)} pictures, {given.repeats} x 5 folds by artist\n")
    print("| embedding | numbers | accuracy | difference to avgpool, points |\n|---|---|---|---|")
    for accuracy, name, width, gain in sorted(lines, key=lambda line: -line[0]):
        difference = f"{100 * gain.value:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})" if gain else ""
        print(f"| {name} | {width} | {accuracy:.1%} | {difference} |")


if __name__ == "__main__":
    main()
