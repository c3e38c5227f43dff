"""Experiments of others, repeated on any dataset table: the slides' and RASTA's.

A protocol is a dataset table cut to the experiment's classes, pictures and split, the heads it compares, and what is to
be said beside the figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cache import Store
from cache.rows import OK
from classify.comparison.compare import compare
from classify.comparison.result import Comparison
from classify.comparison.steps.ready import SEEDS
from classify.errors import DataError
from classify.evaluation.findings import Control, Protocol, Published
from classify.fitting.asked import check_seed
from classify.heads import HeadSpec
from featurize.dataset.labels import label_key
from featurize.dataset.table import DatasetTable
from featurize.networks.recipes import MIRROR
from featurize.progress import Progress
from featurize.wording import percent

SLIDES_CLASSES, SLIDES_PICTURES, SLIDES_TEST = 10, 5000, 0.2
SLIDES_HEADS = ("softmax:epochs=12", "mlp:epochs=12")

RASTA_STYLES = (
    "Abstract_Art", "Abstract_Expressionism", "Art_Informel", "Art_Nouveau_(Modern)", "Baroque", "Color_Field_Painting",
    "Cubism", "Early_Renaissance", "Expressionism", "High_Renaissance", "Impressionism", "Magic_Realism",
    "Mannerism_(Late_Renaissance)", "Minimalism", "Naïve_Art_(Primitivism)", "Neoclassicism", "Northern_Renaissance",
    "Pop_Art", "Post-Impressionism", "Realism", "Rococo", "Romanticism", "Surrealism", "Symbolism", "Ukiyo-e",
)  # fmt: skip
RASTA_HEADS = ("softmax",)


@dataclass(frozen=True)
class Setting:
    """What an experiment is run with.

    Parameters
    ----------
    table : DatasetTable
    caches : sequence of Store
    embeddings : sequence of str
    target : str
    seed : int
    progress : callable, optional
    command : str
    """

    table: DatasetTable
    caches: Sequence[Store]
    embeddings: Sequence[str] = ("avgpool",)
    target: str = "style"
    seed: int = 0
    progress: Progress | None = None
    command: str = ""

    def run(
        self, table: DatasetTable, heads: Sequence[str | HeadSpec], *, test: str | None, tune: bool, seeds: int = SEEDS
    ) -> Comparison:
        """A comparison on a table cut to the experiment."""
        return compare(
            table,
            self.caches,
            heads,
            embeddings=self.embeddings,
            target=self.target,
            test=test,
            tune=tune,
            folds=0,
            seed=self.seed,
            seeds=seeds,
            progress=self.progress,
            command=self.command,
        )


def slides(setting: Setting) -> Comparison:
    """The experiment of "Artwork Style Prediction", and a control with labels out of step.

    The 10 most frequent classes, 5,000 pictures sampled, 80 % to learn from and 20 % to score, the last layer
    retrained (`softmax`) against the widened classifier (`mlp`), Adam, batches of 32, 12 epochs. In the control the
    pictures stand in sampled order and the labels in table order, as in the original notebook: most labels then belong
    to other pictures, and a head should fall to about the share of the largest class.

    Raises
    ------
    DataError
        Fewer than two classes have embedded pictures.
    """
    sampled, rows = _sampled(setting)
    comparison = setting.run(sampled, SLIDES_HEADS, test="test", tune=False)
    labels = sampled.column(setting.target)
    table_order = [labels[n] for n in np.argsort(rows, kind="stable").tolist()]
    out_of_step = sampled.with_columns(**{setting.target: table_order})
    control = setting.run(out_of_step, SLIDES_HEADS, test="test", tune=False, seeds=1)
    largest = max(Counter(labels).values()) / len(labels)
    kept = np.mean([a == b for a, b in zip(labels, table_order, strict=True)])
    facts = (
        f"{len(sampled)} pictures of the {len(set(labels))} most frequent classes, sampled with seed {setting.seed} "
        "from all splits of the table; 80 % to learn from, 20 % to score, at random.",
        "Retrained last layer (softmax) against the widened classifier (mlp: 512, dropout 0.5, 256, dropout 0.5); "
        "Adam, batches of 32, 12 epochs, no tuning.",
        f"Control: pictures in sampled order, labels in table order, as in the notebook; "
        f"{percent(float(kept))} of the labels are right by luck.",
        f"What differs from the original: its backbone was Keras’s ResNet50 with ImageNet weights, here it is "
        f"{_backbones(comparison)}; frozen for good (there, batch normalisation went on using batch statistics while "
        "training); embeddings are standardised; the pictures are those of this table, not WikiArt’s 62,917. Artists "
        "may be on both sides of the split, as in the original.",
    )
    return replace(
        comparison,
        protocol=Protocol(
            name="slides",
            title="The experiment of “Artwork Style Prediction”",
            published=(Published("frozen ResNet50, 10 styles", "top-1", 0.203, "the slides"),),
            controls=tuple(Control(e.name, e.scores.accuracy, largest) for e in control.entries),
            facts=facts,
        ),
    )


def rasta(setting: Setting, heads: Sequence[str | HeadSpec] = RASTA_HEADS, test: str | None = None) -> Comparison:
    """The experiment of Lecoutre, Negrevergne & Yger (ACML 2017) with a frozen network.

    Their 25 styles, the table's own split, top-1/3/5 accuracy and average precision per class; with and without
    averaging over a picture and its mirror image, where the feature cache holds both.

    Raises
    ------
    DataError
        The table has fewer than two of the 25 styles.
    """
    labels = setting.table.column(setting.target)
    wanted = {label_key(style) for style in RASTA_STYLES}
    kept = [n for n, label in enumerate(labels) if label_key(label) in wanted]
    found = {label_key(labels[n]) for n in kept}
    if len(found) < 2:
        raise DataError(
            f"the table has {len(found)} of RASTA's 25 styles in its column {setting.target!r}: the protocol needs two "
            "or more; use `classify compare` without --protocol for other classes"
        )
    mirrored = _mirrored(setting)
    both = replace(setting, embeddings=tuple(dict.fromkeys([*setting.embeddings, *mirrored])))
    comparison = both.run(setting.table.take(kept), heads, test=test, tune=True)
    missing = [style for style in RASTA_STYLES if label_key(style) not in found]
    facts = (
        f"{len(found)} of RASTA's 25 styles"
        + (f" (missing: {', '.join(missing)})" if missing else "")
        + f", {comparison.dataset.train_rows} pictures to learn from; RASTA had about 80,000.",
        f"Frozen {_backbones(comparison)}; RASTA: ResNet50.",
        f"With and without mirror averaging: {', '.join(mirrored)}."
        if mirrored
        else "Without mirror averaging: this feature cache holds no mirrored embedding (make one with "
        f"`{_command_for_mirrored(setting)}`).",
    )
    return replace(
        comparison,
        protocol=Protocol(
            name="rasta",
            title="RASTA’s experiment with a frozen network",
            published=(
                Published("frozen ResNet50, 25 styles", "top-1", 0.495, "RASTA"),
                Published("frozen ResNet50, 25 styles", "top-5", 0.878, "RASTA"),
                Published("about 20 layers retrained", "top-1", 0.62, "RASTA"),
            ),
            controls=(),
            facts=facts,
        ),
    )


def _command_for_mirrored(setting: Setting) -> str:
    from featurize.run.again import run_command

    names = [f"{name}-mirror" for name in setting.embeddings if "+" not in name and not name.endswith("-mirror")]
    cache = setting.caches[0]
    return run_command(cache.key, ",".join(names), cache.place)


def _sampled(setting: Setting) -> tuple[DatasetTable, list[int]]:
    """The slides' pictures in sampled order with their new split, and the rows of the table they come from."""
    check_seed(setting.seed)
    table = setting.table
    labels = table.column(setting.target)
    ready = (np.stack([cache.status(table.ids) for cache in setting.caches]) == OK).all(axis=0)
    usable = [n for n, label in enumerate(labels) if label and ready[n]]
    counts = Counter(labels[n] for n in usable)
    frequent = sorted(counts, key=lambda c: (-counts[c], c))[:SLIDES_CLASSES]
    if len(frequent) < 2:
        raise DataError(
            f"only {len(frequent)} of the classes {setting.target!r} has embedded pictures: embed more with "
            "`featurize run`"
        )
    pool = np.array([n for n in usable if labels[n] in set(frequent)])
    rng = np.random.default_rng(setting.seed)
    rows = rng.choice(pool, min(SLIDES_PICTURES, len(pool)), replace=False)
    split = np.where(rng.permutation(len(rows)) < round(SLIDES_TEST * len(rows)), "test", "train")
    return table.take(rows.tolist()).with_columns(split=split.tolist()), rows.tolist()


def _mirrored(setting: Setting) -> list[str]:
    """The embeddings that are asked for, averaged over a picture and its mirror image, where all caches have them."""
    there = [{recipe.name for recipe in cache.recipes()} for cache in setting.caches]
    plain = [e for e in setting.embeddings if MIRROR not in e]
    mirrored = ["+".join(part + MIRROR for part in embedding.split("+")) for embedding in plain]
    return [m for m in mirrored if all(set(m.split("+")) <= names for names in there)]


def _backbones(comparison: Comparison) -> str:
    told = {
        f"{k['backbone']} ({k['weights'][:22]}{', untrained' if k['untrained'] else ''})": None
        for k in comparison.provenance.caches
    }
    return " and ".join(told)
