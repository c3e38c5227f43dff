"""How the findings of an audit are put into words, the same on the screen, in the text and on the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from featurize.dataset.audit.commands import Commands
from featurize.dataset.audit.result import Audit, Group, NearPair, Pair, Row, SharedArtists, Spellings, Twice
from featurize.dataset.labels import label_key
from featurize.dataset.spelling import spelled_alike
from featurize.wording import counted, listing, percent, visible

NO_SPLIT = "no split"
AS_EVER = Commands()


def summary(found: Audit) -> str:
    """One sentence on what was looked at."""
    parts = ", ".join(f"{name or 'in no split'} {count:,}" for name, count in found.splits.items())
    classes = counted(len(found.classes), f"{found.target} class", f"{found.target} classes")
    return f"{counted(found.rows, 'picture')}, {classes}; {parts}"


@dataclass(frozen=True)
class Caution:
    """Something that makes figures got with these splits too good, with what to do about it.

    Parameters
    ----------
    section : str
        The id of the page's section that shows it.
    text : str
        Commands stand between backticks.
    """

    section: str
    text: str


def cautions(found: Audit, commands: Commands = AS_EVER) -> list[Caution]:
    """What to do, the gravest first."""
    return list(_cautions(found, commands))


def _cautions(found: Audit, commands: Commands) -> Iterator[Caution]:
    if found.changed:
        files = counted(len(found.changed), "file is", "files are")
        again = f"run `{commands.prepare_again}` before anything else."
        yield Caution("changed", f"{files} not the picture that the table names: {again}")
    for shared in found.shared:
        if shared.pictures and shared.against == "train":
            yield Caution("artists", f"{sharing(shared)}: `{commands.split_by_artist}` keeps artists apart.")
    yield from _spellings(found)
    yield from _copies(found, commands)
    yield from _several_labels(found)


def _spellings(found: Audit) -> Iterator[Caution]:
    if alike := spelled_alike([size.name for size in found.classes], label_key):
        yield Caution(
            "classes",
            f"{listing(' = '.join(map(repr, names)) for names in alike)}: counted as different classes, though only "
            "their spelling differs; give each class one spelling in the table.",
        )
    if candidates := found.candidates_across:
        first = " and ".join(repr(name) for name in candidates[0].names)
        yield Caution(
            "artists",
            f"{counted(len(candidates), 'pair')} of artists' names in different splits may mean one person each (as "
            f"{visible(first)}): if they do, give both one spelling in the table.",
        )


def _copies(found: Audit, commands: Commands) -> Iterator[Caution]:
    drop = f"`{commands.drop_duplicates}` takes them out of the table; picture files stay."
    if across := len(found.duplicates_across):
        yield Caution("twice", f"{counted(across, 'picture')} with the same content in several splits: {drop}")
    if repeats := sum(len(group.rows) - len(group.splits) for group in found.duplicates):
        yield Caution(
            "twice",
            f"{counted(repeats, 'row repeats a picture', 'rows repeat a picture')} of another row of its split, and "
            f"each row counts in training and in figures: {drop}",
        )
    if across := len(found.near_across):
        yield Caution("twice", f"{counted(across, 'near-duplicate pair')} across splits: {drop}")
    if others := [pair for pair in found.other_copies if pair.across]:
        yield Caution(
            "twice",
            f"{counted(len(others), 'pair')} of pictures in different splits that seem to be copies by their "
            f"embeddings alone: look at them; if they are copies, `{commands.drop_copies}` takes one of each pair out "
            "of the table.",
        )
    if names := [group for group in found.same_names if len(group.splits) > 1]:
        yield Caution("names", f"{counted(len(names), 'file name')} in several splits: probably the same pictures.")


def _several_labels(found: Audit) -> Iterator[Caution]:
    if several := [group for group in found.duplicates if len(group.labels) > 1]:
        first = f"{_called(found, several[0])}, lines {_and([row + 2 for row in several[0].rows])}: {mixed(several[0])}"
        yield Caution(
            "twice",
            f"{counted(len(several), 'picture has', 'pictures have')} several labels (as {first}): a head can name one "
            "of them; give each picture one row.",
        )
    twice = {row for group in found.duplicates for row in group.rows}
    if named := [group for group in found.same_names if len(group.labels) > 1 and not twice.issuperset(group.rows)]:
        first = f"{_called(found, named[0])}, rows {_and([row + 1 for row in named[0].rows])}: {mixed(named[0])}"
        yield Caution(
            "names",
            f"{counted(len(named), 'file name has', 'file names have')} several labels (as {first}): probably one "
            "picture each, and a head can name one label; give each picture one row.",
        )


def _called(found: Audit, group: Group) -> str:
    return visible(found.told[group.rows[0]].path.rpartition("/")[2])


def _and(numbers: list[int]) -> str:
    return listing((f"{number:,}" for number in numbers), 6)


def sharing(shared: SharedArtists) -> str:
    """ "99.94 % of the val pictures (24,406 of 24,421) are by an artist who is also in train"."""
    return (
        f"{100 * shared.share:.2f} % of the {shared.part} pictures ({shared.pictures:,} of {shared.of:,}) are by an "
        f"artist who is also in {shared.against}"
    )


def spelled(spellings: Spellings) -> str:
    """ "counted as one artist: claude-monet (train 12), Monet, Claude (val 3)"."""
    what = "counted as one artist" if spellings.certain else "may be one artist, counted as two"
    names = (
        f"{visible(name)} ({', '.join(f'{split or NO_SPLIT} {n:,}' for split, n in count.items())})"
        for name, count in zip(spellings.names, spellings.counts, strict=True)
    )
    return f"{what}: {'; '.join(names)}"


def how_near(pair: NearPair) -> str:
    """What is told of a near-duplicate pair besides its rows."""
    said = [f"agreement {pair.agreement:.3f}"]
    if pair.confirmed:
        said.append(f"fine detail {pair.detail:.2f}")
    else:
        said.append("files could not be opened to confirm it")
    if pair.mirrored:
        said.append("mirrored")
    if pair.cropped >= 0.015:
        said.append(f"cropped by about {100 * pair.cropped:.0f} %")
    if pair.recoloured:
        said.append("in other colours")
    return ", ".join(said)


def how_alike(pair: Pair) -> str:
    """What is told of any pair besides its rows."""
    said = [how_near(pair.near)] if pair.near else []
    if pair.similarity is not None:
        said.append(f"cosine of the embeddings {pair.similarity:.3f}")
    return f"{'one picture' if pair.certain else 'perhaps one picture'}: {', '.join(said)}"


def pairs(found: Twice) -> str:
    """ "3 pairs, 1 across splits"."""
    return f"{counted(len(found.pairs), 'pair')}, {sum(pair.across for pair in found.pairs):,} across splits"


def suspects(found: Audit) -> str:
    """What a reader must know before the list of suspects."""
    seen = found.suspects
    share = f"{percent(seen.agreement, 0)} of {seen.judged:,} pictures"
    agreed = f"for {share} a head that learned from the others names the label"
    if seen.agreement <= seen.chance:
        return f"none is listed, because these embeddings tell no more of them than chance would; {agreed}"
    if not seen.found:
        return f"none is listed; {agreed}"
    return f"{len(seen.found):,}, the most suspicious first: to be looked at, and no verdict; {agreed}"


def row(told: Row) -> str:
    """A row in one line."""
    said = ", ".join(part for part in (told.split, told.label) if part)
    return f"{visible(told.path)} ({said})" if said else visible(told.path)


def mixed(group: Group) -> str:
    """What is odd about rows of one content or name."""
    said = []
    if len(group.splits) > 1:
        said.append(f"in {' and '.join(part or NO_SPLIT for part in group.splits)}")
    if len(group.labels) > 1:
        said.append(f"labelled {' and '.join(group.labels)}")
    return "; ".join(said) or f"{len(group.rows)} times in {group.splits[0] or NO_SPLIT}"
