"""Several makers in one cell: `Currier|Palmer`, `Rubens; Brueghel`, `Hill & Adamson`.

Bars, semicolons and lines part makers for certain. Words and signs that join (`and`, `und`, `&`, ...) stand inside
names, too: `Gilbert & George`, `Smith & Sons`, `Ortega y Gasset`. They part where the names are full ones, or where one
of them stands elsewhere in the column as well. So two rows that share a maker are found, and a pair that only works
together stays one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from featurize.dataset.people.nobody import is_near, known_part
from featurize.dataset.people.same import person_key
from featurize.dataset.spelling import words_of

_SURE = re.compile(r"[;|¦•；｜、\n\r\t\v\f\x85\u2028\u2029]|\s/+\s|(?<!:)//+")
_JOINS = re.compile(
    r"\s+(?:and|und|et|og|och|or|oder|with|mit|avec|и)\s+|\s*[&＆+]\s*", re.IGNORECASE
)  # also between two full names that stand nowhere else
_MAY_JOIN = re.compile(
    r"\s+(?:and|und|et|og|och|or|oder|with|mit|avec|и|e|ed|y|i|en|con|com|met|med|ja)\s+|\s*[&＆+/]\s*"
    r"|\s+[-\u2013\u2014\u00b7]\s+|\s*,\s+(?:and\s+)?",
    re.IGNORECASE,
)
_COMMA = re.compile(r",\s")
_REST = re.compile(
    r"[,\s]*[(\[]?(?:(?<!\w)(?:and|und|et|e|y|en|og|och|with|mit|avec|con|met)|[&+])\s+"
    r"(?:(?:his|her|their|sein\w*|ihr\w*|zijn|son|sa|sua?|an|the|le|la|il|el|de)\s+)?"
    r"(?:(?:workshop|studio|atelier)(?:\s(?:assistance|assistants?|participation|help))?|assistance|assistants?|others"
    r"|another|pupils?|collaborators?|werkstatt|mitarbeiter|gehilfen?|andere[rn]?|autres|altri|otros|bottega|aiuti|taller"
    r"|werkplaats|medewerkers?|unknown|unbekannt\w*|al)\.?[)\]]?\s*$|[,\s]+(?:et\s+al|u\.?\s?a|e\.\s?a)\.?\s*$",
    re.IGNORECASE,
)
_ROLES = (
    "artist|painter|engraver|etcher|printmaker|print maker|publisher|printer|maker|designer|draughtsman|draftsman|"
    "sculptor|photographer|lithographer|illustrator|author|inventor|künstler(?:in)?|maler(?:in)?|stecher|zeichner(?:in)?|"
    "bildhauer(?:in)?|fotograf(?:in)?|drucker|verleger|entwerfer|schilder|prentmaker|tekenaar|graveur|drukker|uitgever|"
    "ontwerper|vervaardiger|fotograaf|peintre|dessinateur|sculpteur|éditeur|imprimeur|photographe|pittore|incisore|"
    "disegnatore|editore|scultore|pintor(?:a)?|grabador(?:a)?|dibujante|escultor(?:a)?|editor"
)
_MADE = (
    "designed|engraved|etched|printed|published|painted|drawn|made|woven|executed|photographed|built|carved|cast|"
    "modell?ed|illustrated|lithographed|sculpted"
)
_ROLE = re.compile(
    rf"^\s*(?:{_ROLES})\s*:\s*|^\s*(?:(?:{_MADE})\s+by|by:)\s+|\s*[(\[](?:{_ROLES})[)\]]\s*$", re.IGNORECASE
)
_BEHIND_ROLE = re.compile(rf"(?<=[)\]])\s*,\s*(?=[^,]*[(\[](?:{_ROLES})[)\]]\s*(?:,|$))", re.IGNORECASE)
_MOST = 1000  # characters of a name; what is longer is a text, and stands for itself
_FIRM = {
    "co", "company", "comp", "inc", "ltd", "limited", "cie", "compagnie", "corporation", "corp", "gmbh", "ag", "kg",
    "son", "sons", "brother", "brothers", "bros", "sohn", "sohne", "sohns", "gebruder", "bruder", "fils", "freres",
    "figli", "figlio", "fratelli", "hijos", "hijo", "hermanos", "zoon", "zonen", "gebroeders", "sonner", "partner",
    "partners", "associates", "family", "wife", "daughter", "daughters", "jr", "sr", "junior", "senior", "filho",
}  # fmt: skip


def makers_of(artists: Iterable[str]) -> list[tuple[str, ...]]:
    """The known makers of each row.

    Parameters
    ----------
    artists : iterable of str
        A column of a table: N cells. What stands in one may decide how another one is read.

    Returns
    -------
    list of tuple of str
        N times the names as written, each person once; none for an unknown maker.

    Examples
    --------
    >>> makers_of(["Currier|Palmer", "Hill & Adamson", "Gilbert & George", "Hill", "Unknown"])
    [('Currier', 'Palmer'), ('Hill', 'Adamson'), ('Gilbert & George',), ('Hill',), ()]
    """
    cells = list(artists)
    parts = {cell: _certain(cell) for cell in set(cells)}
    wholes = {person_key(name): name for names in parts.values() for name in names}
    stands = Counter(key for whole, name in wholes.items() for key in {whole, *map(person_key, _pieces(name))})
    known = {
        cell: _each_once(p for name in names for p in _parted(name, wholes, stands)) for cell, names in parts.items()
    }
    return [known[cell] for cell in cells]


def keys_of(artists: Iterable[str]) -> list[tuple[str, ...]]:
    """The makers of each row as `makers_of` gives them, in the normal form of `person_key`."""
    return [tuple(map(person_key, names)) for names in makers_of(artists)]


def _certain(cell: str) -> list[str]:
    """The names that separators part for certain, without those that name nobody."""
    text = cell.strip()
    if text[:1] == "[" and text[-1:] == "]":  # a list as Python and JSON write it
        text = re.sub(r"""(?<=["']),\s*(?=["'])""", ";", text[1:-1]).replace('"', "").replace("'", "")
    names = _SURE.split(_BEHIND_ROLE.sub(";", text))
    found = (_known_in(_ROLE.sub("", name)) if len(name) <= _MOST else name.strip() for name in names)
    return [name for name in found if name]


def _known_in(name: str) -> str:
    """What of a name says who made a picture, without `and workshop`."""
    return known_part(_REST.sub("", name)) or _known_pieces(name)


def _known_pieces(name: str) -> str:
    """Of `Unknown and Jan Lievens`, where the whole names nobody, the rest that names somebody by a full name."""
    pieces = list(map(known_part, _JOINS.split(name)))
    named = [piece for piece in pieces if _is_full(piece)]
    return " & ".join(named) if len(pieces) > 1 and not is_near(name) else ""


def _pieces(name: str) -> list[str]:
    """The names that a name may consist of."""
    pieces = [piece.strip() for piece in _MAY_JOIN.split(name)] if len(name) <= _MOST else []
    return pieces if len(pieces) > 1 and all(pieces) else []


def _parted(name: str, wholes: Mapping[str, str], stands: Mapping[str, int]) -> Sequence[str]:
    """A name, or those that it consists of."""
    pieces = _pieces(name)
    if not pieces or any(not _FIRM.isdisjoint(words_of(piece).split()) for piece in pieces):
        return [name]
    couple = _couple(_JOINS.split(name))
    if any(person_key(person) in wholes for person in couple):
        return couple  # `Bernd & Hilla Becher`, where one of them stands alone, too
    keys = list(map(person_key, pieces))
    alike = len({_is_full(piece) for piece in pieces}) == 1  # not as in `John and Mary Smith`
    stood = [key in wholes or (alike and stands[key] > 1) for key in keys]
    if _COMMA.search(name) and not all(map(_is_full, pieces)):  # `Rubens, Peter Paul and Brueghel, Jan`
        return _parted_by_words(name, wholes, stands)
    words = _JOINS.split(name)
    listed = len(words) > 1 and len([piece for word in words for piece in _COMMA.split(word)]) == len(pieces)
    if any(stood) or (listed and all(map(_is_full, pieces))):
        return [piece for piece in map(known_part, pieces) if piece] or [name]
    return [name]


def _couple(pieces: Sequence[str]) -> list[str]:
    """The full names of two people who share a surname; nothing for others."""
    if len(pieces) != 2 or _is_full(pieces[0]) or len(last := pieces[1].split(maxsplit=1)) == 1:
        return []
    return [f"{pieces[0]} {last[1]}", pieces[1]]


def _parted_by_words(name: str, wholes: Mapping[str, str], stands: Mapping[str, int]) -> Sequence[str]:
    """A name whose commas stand between surname and first name."""
    pieces = [piece.strip() for piece in _JOINS.split(name)]
    whole = len(pieces) > 1 and all(_is_full(piece) or person_key(piece) in wholes for piece in pieces)
    return pieces if whole else [name]


def _is_full(name: str) -> bool:
    return len(words_of(name).split()) > 1


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    once: dict[str, str] = {}
    for name in names:
        once.setdefault(person_key(name), name)
    return tuple(once.values())
