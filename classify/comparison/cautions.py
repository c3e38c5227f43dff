"""Warnings that can’t be overlooked: what must be known before a figure is believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cache import Store
from classify.comparison.result import DatasetFacts
from classify.data import LabelledRows
from classify.evaluation.entry import Entry
from classify.evaluation.findings import Caution, LeakAudit
from classify.evaluation.statistics import FEWEST_GROUPS
from classify.fitting.trial import keeps_artists_apart
from classify.lineage import trained_on
from classify.row_cautions import label_cautions, row_cautions
from featurize.dataset.labels import label_key
from featurize.dataset.spelling import spelled_alike
from featurize.wording import NARROW, counted, listing, percent, plain_names, points

FEW = 10  # test images a class should have
FEWEST_COPIES, COPIES_SHARE = 3, 0.02  # of the pictures of a part; two that look alike happen
MOST_NAMED = 4  # classes or heads that a caution names


def all_cautions(
    entries: Sequence[Entry],
    dataset: DatasetFacts,
    leaks: LeakAudit,
    classes: Sequence[str],
    parts: tuple[LabelledRows, LabelledRows],
    alike: Sequence[tuple[str, str]] = (),
) -> Iterator[Caution]:
    """Every warning that the figures and the rows of both parts give rise to, the gravest first.

    `alike` are the ids of pictures that show one picture, though their files differ.
    """
    yield from untrained(entries)
    yield from near_chance(entries, dataset)
    yield from copies(leaks)
    yield from shared_artists(leaks)
    yield from namesakes(leaks)
    yield from few_artists(dataset)
    if not keeps_artists_apart(parts[0]):  # otherwise known painters were asked for
        yield from ungrouped_folds(entries, dataset)
    train, test = parts
    yield from row_cautions(test, dataset.test, dataset.target, scored=True)
    yield from copies_within(test, dataset.test, alike, scored=True)
    if not dataset.folds:  # by folds both parts are the same rows
        yield from row_cautions(train, "training", dataset.target, scored=False)
        yield from copies_within(train, "training", alike, scored=False)
    yield from label_cautions(train.followed_by(test))
    yield from class_spellings(classes)
    yield from absent_classes(dataset, classes)
    yield from small_classes(dataset, classes)


def seen_pictures(caches: Sequence[Store], test: Sequence[str]) -> Iterator[Caution]:
    """A network behind the embeddings was fine-tuned on test pictures."""
    for cache in caches:
        seen = len(trained_on(cache) & set(test))
        if seen:
            yield Caution(
                "seen-pictures",
                f"The network {cache.key.folder_name} was trained on {seen:,} of the {len(set(test)):,} test pictures: "
                "figures of heads on its embeddings say nothing about new pictures. Score them on pictures that it has "
                "not seen.",
            )


def untrained(entries: Sequence[Entry]) -> Iterator[Caution]:
    """The network behind the embeddings was never trained."""
    networks = sorted({e.backbone for e in entries if e.untrained})
    if networks:
        yield Caution(
            "untrained",
            f"Untrained backbone: the weights of {' and '.join(networks)} are random. These figures show that the "
            "machinery works; they say nothing about what a trained network can do.",
        )


def near_chance(entries: Sequence[Entry], dataset: DatasetFacts) -> Iterator[Caution]:
    """A head does no better than guessing, or than always naming the commonest class."""
    line = max(dataset.chance, dataset.majority)
    low = [e.name for e in entries if min([e.scores.accuracy.low, *_low(e)]) <= line]
    if low:
        yield Caution(
            "near-chance",
            f"{_named(low)} can’t be told from guessing: the interval reaches down to chance "
            f"({percent(dataset.chance)}) or the share of the largest class ({percent(dataset.majority)}). "
            "Before you use it, look for labels out of step with their pictures, a wrong transform, or too few test "
            "pictures.",
        )


def copies(leaks: LeakAudit) -> Iterator[Caution]:
    """Pictures that are on both sides of the split."""
    same, near = len(leaks.same_files), len(leaks.copies)
    told = [f"{_pictures(same)} in the training part, too, as the same file"] if same else []
    told += [f"{_pictures(near)} nearly the same as a training picture"] if near else []
    if told:
        yield Caution(
            "duplicates",
            f"{' and '.join(told)}: what was learned by heart is scored. See “Pictures that stand twice”, with the "
            "command that takes one of each pair out of the table.",
        )


def copies_within(
    rows: LabelledRows, part: str, alike: Sequence[tuple[str, str]], *, scored: bool
) -> Iterator[Caution]:
    """Many pictures of one part are copies of each other: each file counts, though there are fewer pictures."""
    there = set(rows.ids)
    own = {picture for pair in alike if there.issuperset(pair) for picture in pair}
    if len(own) >= max(FEWEST_COPIES, COPIES_SHARE * len(there)):
        kind = "picture" if part == "all" else f"{part} picture"
        effect = "intervals are too narrow" if scored else "such a picture weighs more than others in what is learned"
        yield Caution(
            "copies-within",
            f"{counted(len(own), kind)} are nearly the same as another {kind}, and each counts: {effect}. See "
            "“Pictures that stand twice”.",
        )


def shared_artists(leaks: LeakAudit) -> Iterator[Caution]:
    """Artists that are on both sides of the split."""
    artists = leaks.artists
    if artists is None or not artists.shared_pictures:
        return
    known = counted(artists.test_artists, "artist")
    worth = ""
    if leaks.worth is not None:
        d = leaks.worth.difference
        worth = (
            f" With as many pictures to learn from, having met the artist is worth {points(d.value)} points of "
            f"accuracy to {leaks.worth.head} (95{NARROW}% interval {points(d.low)} to {points(d.high)})."
        )
    yield Caution(
        "artist-overlap",
        f"{percent(artists.share)} of the test pictures whose artist is known are by one who is in the training part, "
        f"too ({artists.shared_artists} of {known}): a head may recognise painters instead of styles.{worth}",
    )


def namesakes(leaks: LeakAudit) -> Iterator[Caution]:
    """Artists who count as new, but may be artists of the training part under another spelling."""
    found = leaks.artists.candidates if leaks.artists else ()
    if found:
        pictures = sum({c.test_name: c.pictures for c in found}.values())
        named = [f"“{c.test_name}” may be “{c.train_name}”" for c in found]
        yield Caution(
            "artist-names",
            f"{_pictures(pictures)} counted as by new artists, but their names may mean artists of the training part: "
            f"{listing(named)}. If they do, give both one spelling in the dataset table.",
        )


def few_artists(dataset: DatasetFacts) -> Iterator[Caution]:
    """The test part has artists, but too few to resample them."""
    count = dataset.test_artists
    if count is not None and 0 < count < FEWEST_GROUPS:
        yield Caution(
            "few-artists",
            f"The test pictures whose artist is known are by {counted(count, 'artist')} only. No interval by artist is "
            f"shown: with fewer than {FEWEST_GROUPS} artists it would hold the truth far less often than it says. "
            "The other intervals and tests hold for more pictures by the same artists, and say nothing about others.",
        )


def ungrouped_folds(entries: Sequence[Entry], dataset: DatasetFacts) -> Iterator[Caution]:
    """Artists are known, but too few for folds that keep them apart."""
    if dataset.train_artists is None or dataset.grouped_tuning or not any(e.tuned for e in entries):
        return
    reached = {e.name: max(max(t["accuracy"]) for t in e.tuned.values()) for e in entries if e.tuned}
    first = next(iter(reached))
    scored = next(e.scores.accuracy.value for e in entries if e.name == first)
    classes = counted(sum(map(bool, dataset.train_counts)), "class", "classes")
    yield Caution(
        "ungrouped-folds",
        f"Most training pictures are of classes by a single artist ({counted(dataset.train_artists, 'artist')}, "
        f"{classes}), so that the tuning’s folds could not keep artists apart: "
        f"parameters were chosen, and probabilities calibrated, on pictures too easy to tell ({first}: "
        f"{percent(reached[first])} in these folds, {percent(scored)} on the test part).",
    )


def class_spellings(classes: Sequence[str]) -> Iterator[Caution]:
    """Classes that differ in nothing but case, accents or separators."""
    alike = [listing([f"“{name}”" for name in names]) for names in spelled_alike(classes, label_key)]
    if alike:
        yield Caution(
            "class-spellings",
            f"{listing(alike)} {'are' if len(alike) == 1 else 'each are'} counted as different classes, though only "
            "their spelling differs: give each class one spelling in the dataset table.",
        )


def absent_classes(dataset: DatasetFacts, classes: Sequence[str]) -> Iterator[Caution]:
    """Classes that only one of the two parts has."""
    unseen = [c for c, a, b in _counted(dataset, classes) if not a and b]
    untested = [c for c, a, b in _counted(dataset, classes) if a and not b]
    if unseen:
        yield Caution(
            "absent-classes",
            f"{_named(unseen)} {_have(unseen)} test pictures but no training pictures: every head must miss them.",
        )
    if untested:
        yield Caution(
            "absent-classes",
            f"{_named(untested)} {_have(untested)} no test pictures: nothing is known of them.",
        )


def small_classes(dataset: DatasetFacts, classes: Sequence[str]) -> Iterator[Caution]:
    """Classes with too few test pictures to say anything about them one by one."""
    few = [c for c, _, b in _counted(dataset, classes) if 0 < b < FEW]
    if few:
        yield Caution(
            "small-classes",
            f"{_named(few)} {_have(few)} under {FEW} test pictures: don’t read their figures one by one.",
        )


def _low(entry: Entry) -> list[float]:
    clustered = entry.scores.clustered
    return [] if clustered is None else [clustered.low]


def _counted(dataset: DatasetFacts, classes: Sequence[str]) -> list[tuple[str, int, int]]:
    """Each class as it is shown, with its training and its test pictures."""
    shown = plain_names(classes)
    return [(shown[c], a, b) for c, a, b in zip(classes, dataset.train_counts, dataset.test_counts, strict=True)]


def _named(names: Sequence[str]) -> str:
    return listing(names, MOST_NAMED)


def _pictures(count: int) -> str:
    return counted(count, "test picture is", "test pictures are")


def _have(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"
