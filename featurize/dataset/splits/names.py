"""Names of splits as people and programs write them: `train`, `training_set`, `seg_test`, `val2017`, `Validierung`."""

from __future__ import annotations

import re
from functools import lru_cache

from featurize.dataset.spelling import words_of

_PARTS = {
    "train": "train training trainings trn entrainement apprentissage entrenamiento addestramento treino treinamento",
    "val": "val valid validation dev validierung validierungs validatie validacion validazione validacao",
    "test": "test tests testing tst prueba pruebas teste",
}
_FILLERS = "sets? data dataset daten datensatz images? imgs? pics? pictures? photos? bilder folder dir split samples?"
_FILLER = re.compile(f"(?:{'|'.join(_FILLERS.split())}|\\d+)")
_WORD = {
    part: re.compile(f"(?:{'|'.join(words.split())})(?:{'|'.join(_FILLERS.split())})?")
    for part, words in _PARTS.items()
}
_FOLD = re.compile(r"(?:k ?)?(?:folds?|splits?|cv) \d+")
_INNER = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


@lru_cache(maxsize=100_000)
def split_name(name: str) -> str:
    """ "train", "val" or "test" if a name says so, as `wikipaintings_train` and `test_images` do; else "".

    Any words may stand before the split's, but behind it only such as `set` and `images`, and numbers.

    Examples
    --------
    >>> [split_name(name) for name in ("seg_train", "TrainingSet", "val2017", "train_val", "test pattern", "trainA")]
    ['train', 'train', 'val', '', '', '']
    """
    words = _words(name)
    said = [(n, part) for n, word in enumerate(words) if (part := _part(word))]
    if len(said) != 1:
        return ""
    place, part = said[0]
    return part if all(map(_FILLER.fullmatch, words[place + 1 :])) else ""


def is_like_a_split(name: str) -> bool:
    """Whether a word of a name is a split's, or begins like one: `trainval`, `test_pattern`, `trainA`, `fold3`."""
    return bool(_FOLD.fullmatch(" ".join(_words(name)))) or any(
        _part(word) or word.startswith(("train", "valid", "test")) for word in _words(name)
    )


def _words(name: str) -> list[str]:
    return words_of(_INNER.sub(" ", name).replace("+", " ")).split()


def _part(word: str) -> str:
    return next((part for part, pattern in _WORD.items() if pattern.fullmatch(word)), "")
