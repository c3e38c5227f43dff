"""What a recipe, or another way of computing it, brings or costs in accuracy: variants x heads, each beside `avgpool`.

    python scripts/bench_recipes.py FOLDER --backbone mobilenet_v2 --weights FILE [--variants NAME,NAME]
        [--heads logreg,svm,lda,knn] [--repeats 5] [--by artist|chance] [--features FOLDER]

FOLDER has a folder of pictures for each class, perhaps with split folders above, which are left out of account: all
pictures are cross-validated, five folds, `--repeats` times, no artist on both sides (`--by chance` lets artists be on
both, as a random split does). Each head is tuned within each training part by folds grouped by artist. Printed are
the accuracy and its difference to that of the first variant with the same head on the same folds, with the 95 %
interval of the corrected resampled t-test (Nadeau & Bengio 2003), which knows that folds share pictures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

TEST_SHARE = 0.25  # pictures of a fold beside those trained on: 1/5 to 4/5
FOLDS = 5


@dataclass(frozen=True)
class Variant:
    """One way from pictures to vectors.

    Parameters
    ----------
    embedding : str
        Recipes, joined by + where their vectors stand side by side.
    settings : mapping
        Other settings of `featurize run`.
    options : str
        Options of every head, as in "sqrt=true".
    also : str
        Another variant whose vectors stand beside these.
    """

    embedding: str = "avgpool"
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: str = ""
    also: str = ""


VARIANTS: Mapping[str, Variant] = {
    "avgpool": Variant(),
    "avgpool, sqrt": Variant(options="sqrt=true"),
    "avgpool, L2": Variant(options="l2=true"),
    "avgpool, mirror": Variant("avgpool-mirror"),
    "avgpool, mirror, sqrt": Variant("avgpool-mirror", options="sqrt=true"),
    "avgpool, 14 views": Variant("avgpool-views14"),
    "multi": Variant("multi"),
    "multi, mirror": Variant("multi-mirror"),
    "stats": Variant("stats"),
    "stats, mirror": Variant("stats-mirror"),
    "stats, mirror, sqrt": Variant("stats-mirror", options="sqrt=true"),
    "gram": Variant("gram"),
    "avgpool+gram": Variant("avgpool+gram"),
    "avgpool, 448 pixels": Variant(settings={"size": 448}),
    "avgpool, mirror, 448 pixels": Variant("avgpool-mirror", {"size": 448}),
    "multi, mirror, 448 pixels": Variant("multi-mirror", {"size": 448}),
    "stats, mirror, 448 pixels": Variant("stats-mirror", {"size": 448}),
    "avgpool, mirror, 224 and 448 pixels": Variant("avgpool-mirror", also="avgpool, mirror, 448 pixels"),
    "multi, mirror, 224 and 448 pixels": Variant("multi-mirror", also="multi, mirror, 448 pixels"),
    "stats, mirror, 224 and 448 pixels": Variant("stats-mirror", also="stats, mirror, 448 pixels"),
    "avgpool, float16": Variant(settings={"store": "float16"}),
    "avgpool, fast decoding": Variant(settings={"decode": "fast"}),
    "avgpool, int8": Variant(settings={"precision": "int8"}),
}


def vectors(variant: Variant, table: Any, features: Path, base: Mapping[str, Any]) -> Any:
    """The variant's examples, all pictures of the table; embedded where they are not yet."""
    from cache import open_cache
    from classify.data import load_examples
    from featurize.run.extract import Settings, extract

    names = variant.embedding.split("+")
    settings = Settings(**{**base, **variant.settings, "embedding": ",".join(names)})
    root = features / settings.store
    cache = open_cache(extract(table, root, settings).folder)
    return load_examples(table, cache, [cache.recipe(name) for name in names], "style", "all")


def folds(y: Any, artists: Any, repeats: int, by: str) -> Iterator[tuple[Any, Any]]:
    """Training and test rows of every fold of every repeat."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    for seed in range(repeats):
        if by == "artist":
            yield from StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(y, y, artists)
        else:
            yield from StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(y, y)


def accuracies(head: str, X: Any, y: Any, artists: Any, splits: list[tuple[Any, Any]]) -> Any:
    """Accuracy on each fold (J,), the head tuned within the fold's training part."""
    from threadpoolctl import threadpool_limits

    from classify.heads import make_head
    from classify.heads.tuning import make_folds, tune

    found = []
    with threadpool_limits(1):
        for train, test in splits:
            new = make_head(head)
            tuning = tune(new, X[train], y[train], make_folds(y[train], artists[train]))
            found.append(
                np.mean(tuning.refit(new, X[train], y[train], groups=artists[train]).predict(X[test]) == y[test])
            )
    return np.array(found)


def main() -> None:
    """Parse, embed, cross-validate, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--weights", default="imagenet-v1")
    parser.add_argument("--variants", help=f"separated by semicolons; among: {'; '.join(VARIANTS)}")
    parser.add_argument("--heads", default="logreg,svm,lda,knn")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--by", choices=["artist", "chance"], default="artist")
    parser.add_argument("--features", type=Path, help="a features folder to keep; default: a temporary one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        report(given, given.features or Path(scratch) / "features", Path(scratch) / "dataset.csv")


def report(given: argparse.Namespace, features: Path, path: Path) -> None:
    """Print the table line by line."""
    from classify.evaluation.statistics import corrected_resampled
    from featurize.dataset.prepare import prepare

    names = given.variants.split(";") if given.variants else list(VARIANTS)
    heads = given.heads.split(",")
    table = prepare(given.folder, path).table
    base = {"backbone": given.backbone, "weights": given.weights}
    first: dict[str, Any] = {}
    print(f"{given.backbone}, {len(table)} pictures, {given.repeats} x {FOLDS} folds by {given.by}\n")
    print("| embedding | numbers | " + " | ".join(heads) + " |\n|" + "---|" * (len(heads) + 2))
    for name in names:
        variant = VARIANTS[name]
        examples = vectors(variant, table, features, base)
        beside = [vectors(VARIANTS[variant.also], table, features, base).X] if variant.also else []
        X = np.concatenate([examples.X, *beside], axis=1)
        if "sqrt" in variant.options and X.min() < 0:
            print(f"| {name} | {X.shape[1]} |" + " negative numbers |" * len(heads), flush=True)
            continue
        splits = list(folds(examples.y, examples.rows.groups, given.repeats, given.by))
        cells = []
        for head in heads:
            spec = f"{head}:{variant.options}" if variant.options else head
            found = accuracies(spec, X, examples.y, examples.rows.groups, splits)
            base_line = first.setdefault(head, found)
            cells.append(f"{found.mean():.1%}")
            if base_line is not found:
                gain, _ = corrected_resampled(found - base_line, TEST_SHARE)
                cells[-1] += f" ({100 * gain.value:+.1f}, {100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
        print(f"| {name} | {X.shape[1]} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
