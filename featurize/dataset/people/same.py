"""Names of artists compared: one normal form, and pairs of names that may mean one person.

`Monet, Claude`, `claude-monet` and `CLAUDE MONET` have the same words, so they are one artist wherever artists are
counted or kept apart: folds, splits, audit, overlap. `C. Monet` may be that artist or another one. Such pairs stay
apart and are shown, and whoever knows gives them one spelling in the dataset table.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations

from featurize.dataset.spelling import spelled_alike, words_of

_PARTICLES = {
    "af", "al", "am", "da", "de", "degli", "dei", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "il",
    "la", "le", "les", "lo", "of", "san", "st", "the", "und", "van", "vom", "von", "y", "zu", "zur",
}  # fmt: skip
_FEWEST_LETTERS = 3  # of a word that two names of one person share


@lru_cache(maxsize=200_000)
def person_key(name: str) -> str:
    """The normal form of an artist's name: its words, sorted; case, accents, separators and signs don't matter.

    Examples
    --------
    >>> person_key("Monet, Claude"), person_key("claude-monet"), person_key("CLAUDE_MONET")
    ('claude-monet', 'claude-monet', 'claude-monet')
    >>> person_key("van Gogh, Vincent") == person_key("Vincent van Gogh")
    True
    """
    plain = "".join(c if _is_of_a_word(c) else " " for c in words_of(name.replace("&", " and ")))
    return "-".join(sorted(plain.split())) or " ".join(name.split())


def _is_of_a_word(c: str) -> bool:
    """Whether a character is a letter, a mark over one, or a digit, and no sign as in `Claude Monet*`."""
    return unicodedata.category(c)[0] in "LMN"


def spelled_apart(names: Iterable[str]) -> list[list[str]]:
    """Spellings that the normal form takes for one artist though their words stand in another order.

    Parameters
    ----------
    names : iterable of str
        A name for each picture.

    Returns
    -------
    list of list of str
        For each artist the spellings, the most frequent one first.
    """
    return [same for same in spelled_alike(names, person_key) if len({words_of(name) for name in same}) > 1]


def may_be_one(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names with different normal forms that may mean one person.

    They do where both have the same letters in all (`O'Keeffe`, `o keeffe`), or where every word of one stands in the
    other, too, as a word, as an initial or with `ae`, `oe`, `ue` for an umlaut or `е` for `ё`. A word that both have in
    full, of three letters or more and no particle, is needed. So `C. Monet`, `Monet` and `Claude Oscar Monet` may be
    `Claude Monet`, and `Pieter Bruegel` may be the Elder or the Younger, who are never taken for each other.

    Parameters
    ----------
    names : iterable of str
        Repeated ones count as the artist's usual spelling.

    Returns
    -------
    list of (str, str)
        Usual spellings of both, sorted.
    """
    counts = Counter(names)
    usual: dict[str, str] = {}
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        usual.setdefault(person_key(name), name)
    words = {key: _comparable(key) for key in usual}
    pairs = {(a, b) for a, b in _candidates(words) if _fits(words[a], words[b])}
    letters: dict[str, list[str]] = defaultdict(list)
    for key in usual:
        if key.replace("-", "").isalpha():  # "room 12" and "room 21" have the same letters, too
            letters["".join(sorted(key.replace("-", "")))].append(key)
    pairs.update(pair for same in letters.values() for pair in combinations(same, 2))
    return sorted({(min(usual[a], usual[b]), max(usual[a], usual[b])) for a, b in pairs})


def _candidates(words: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Pairs of names that share a telling word and, unless one has no other word, the first letter of another.

    So a first name that a thousand artists share does not mean half a million pairs.
    """
    with_word: dict[str, list[str]] = defaultdict(list)
    bare: dict[str, list[str]] = defaultdict(list)
    with_letter: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, parts in words.items():
        for word in {w for w in parts if _is_telling(w)}:
            rest = list(parts)
            rest.remove(word)
            with_word[word].append(key)
            if not rest:
                bare[word].append(key)
            for letter in {part[:1] for part in rest}:
                with_letter[word, letter].append(key)
    for word, short in bare.items():
        yield from ((a, b) for a in short for b in with_word[word] if a != b)
    for keys in with_letter.values():
        yield from combinations(keys, 2)


def _comparable(key: str) -> list[str]:
    """The words of a normal form, an umlaut written with an e like one written without, and Russian ё like е."""
    return [re.sub(r"(?<=[aou])e", "", word).replace("ё", "е") for word in key.split("-")]


def _is_telling(word: str) -> bool:
    return len(word) >= _FEWEST_LETTERS and word not in _PARTICLES and word.isalpha()


def _fits(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether each word of the shorter name stands in the longer one, in full or as an initial, each used once."""
    short, long = sorted((a, b), key=lambda name: (len(name), name))  # the same whichever comes first
    rest = [word for word in long if word not in short]
    for word in short:
        if word not in long:
            partner = next((other for other in rest if _is_initial(word, other)), None)
            if partner is None:
                return False
            rest.remove(partner)
    return True


def _is_initial(a: str, b: str) -> bool:
    short, long = sorted((a, b), key=len)
    return len(short) == 1 and short.isalpha() and long.startswith(short)
