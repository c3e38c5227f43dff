"""The findings of an audit as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from featurize.choices import SPLITS
from featurize.dataset.audit import words
from featurize.dataset.audit.commands import Commands
from featurize.dataset.audit.result import Audit, Coverage
from featurize.dataset.suspects.sheet import reason
from featurize.wording import counted


def render(found: Audit, most: int | None = None, commands: Commands = words.AS_EVER) -> str:
    """The findings as text.

    Parameters
    ----------
    found : Audit
    most : int, optional
        Entries of each list; all by default.
    commands : Commands, optional
    """
    parts = [
        [f"Audit of {found.source}", words.summary(found)],
        [f"! {caution.text}" for caution in words.cautions(found, commands)],
        _changed(found, most),
        _suspects(found, most),
        _duplicates(found, most),
        _copies(found, most),
        _same_names(found, most),
        _classes(found, most),
        _artists(found, most),
        _years(found),
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, parts) if lines) + "\n"


def _classes(found: Audit, most: int | None) -> Iterator[str]:
    splits = [s for s in (*SPLITS, "") if s in found.splits]
    width = max([len(found.target), *(len(c.name) for c in found.classes)], default=0)
    yield f"{found.target:{width}}" + "".join(f"{s or 'none':>9}" for s in splits) + f"{'all':>9}"
    for size in found.classes[:most]:
        yield f"{size.name:{width}}" + "".join(f"{size.counts.get(s, 0):9,}" for s in splits) + f"{size.total:9,}"
    yield from _more(found.classes, most)
    if found.unlabelled:
        yield f"{counted(found.unlabelled, 'picture')} without a {found.target}"


def _artists(found: Audit, most: int | None) -> Iterator[str]:
    yield f"Artists: {_covered(found.artists, 'artist')}"
    for shared in found.shared:
        yield f"  {words.sharing(shared)}"
        for name, here, there in shared.artists[: min(most or 10, 10)]:
            yield f"    {name}: {here:,} in {shared.part}, {there:,} in {shared.against}"
        yield from _more(shared.artists, min(most or 10, 10), "    ")
    for spellings in found.spellings[:most]:
        yield f"  {words.spelled(spellings)}"
    yield from _more(found.spellings, most, "  ")


def _years(found: Audit) -> Iterator[str]:
    span = f", {found.years.first} to {found.years.last}" if found.years.first else ""
    yield f"Years: {_covered(found.years.coverage, 'year')}{span}"
    for period in found.years.periods:
        counts = ", ".join(f"{s or 'none'} {period.counts[s]:,}" for s in (*SPLITS, "") if s in period.counts)
        yield f"  {period.name}: {counts}"


def _same_names(found: Audit, most: int | None) -> Iterator[str]:
    if not found.same_names:
        return
    yield f"Files of one name, with several classes or splits: {len(found.same_names):,}"
    for group in found.same_names[:most]:
        yield f"  {found.told[group.rows[0]].path.rpartition('/')[2]}: {words.mixed(group)}"
    yield from _more(found.same_names, most, "  ")


def _duplicates(found: Audit, most: int | None) -> Iterator[str]:
    yield f"Same content: {_looked_at(found, 'content', counted(len(found.duplicates), 'group') + ' of rows')}"
    for group in found.duplicates[:most]:
        yield f"  {words.mixed(group)}"
        yield from (f"    {words.row(found.told[row])}" for row in group.rows)
    yield from _more(found.duplicates, most, "  ")


def _copies(found: Audit, most: int | None) -> Iterator[str]:
    yield f"Copies, other files of one picture: {words.pairs(found)}"
    yield f"  by the pictures: {found.looked_at['pictures']}"
    yield f"  by their embeddings: {found.looked_at['embeddings']}"
    for pair in found.pairs[:most]:
        yield f"  {words.how_alike(pair)}"
        yield from (f"    {words.row(found.told[row])}" for row in pair.rows)
    yield from _more(found.pairs, most, "  ")
    if found.blank:
        yield f"Pictures of one tone: {len(found.blank):,}"
        yield from (f"  {words.row(found.told[row])}" for row in found.blank[:most])


def _changed(found: Audit, most: int | None) -> Iterator[str]:
    if not found.changed:
        return
    yield f"Files that are not the picture that their row names: {len(found.changed):,}"
    yield from (f"  {words.row(found.told[row])}" for row in found.changed[:most])
    yield from _more(found.changed, most, "  ")


def _suspects(found: Audit, most: int | None) -> Iterator[str]:
    if not found.suspects.judged:
        return
    yield f"Labels that may be wrong: {words.suspects(found)}"
    for suspect in found.suspects.found[:most]:
        yield f"  {words.row(found.told[suspect.row])}: {reason(suspect)}"
    yield from _more(found.suspects.found, most, "  ")


def _looked_at(found: Audit, what: str, found_there: str) -> str:
    said = found.looked_at[what]
    if said == "all":
        return found_there
    return f"{found_there} ({said})" if found_there else said


def _covered(coverage: Coverage, noun: str) -> str:
    return f"{coverage.known:,} of {coverage.of:,} rows name theirs, {counted(coverage.distinct, noun)}"


def _more(listed: Sequence[object], most: int | None, before: str = "") -> Iterable[str]:
    if most is not None and len(listed) > most:
        yield f"{before}and {len(listed) - most:,} more"
