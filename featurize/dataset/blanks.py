"""Cells that hold a text and yet say nothing: a spreadsheet's errors, and "not stated" in the languages of museums."""

from __future__ import annotations

import re

from featurize.dataset.spelling import words_of

# What a formula without a value shows, by the language of the spreadsheet; `####` is a column that was too narrow.
_NO_VALUE = {
    "#N/A", "#NV", "#N/D", "#N/D!", "#N/B", "#I/T", "#YOK", "#Н/Д", "#HIÁNYZIK", "#NENÍ_K_DISPOZICI",
    "#EJ TILLÄMPLIGT", "#SAKNAS!", "#PUUTTUU!", "#GETTING_DATA",
}  # fmt: skip
_ERROR = re.compile(r"#[¡¿]?[A-ZÀ-ÖØ-ÞА-Я]+(?:/0)?[!?]|#{2,}")
_NOT_STATED = {
    words_of(phrase)
    for phrase in """
    not stated|not given|not specified|not available|not applicable|not recorded|not catalogued|none given|unspecified
    to be determined|to be confirmed|tbd|tbc|tba|keine angabe|keine angaben|ohne angabe|ohne angaben|nicht angegeben
    nicht erfasst|noch nicht erfasst|nicht bestimmt|noch nicht bestimmt|wird noch bestimmt|zu bestimmen|unbestimmt
    nicht zugeordnet|n. bek.|k. A.|o. A.|non indiqué|non indiquée|non renseigné|non renseignée|non précisé|non précisée
    à déterminer|indéterminé|indéterminée|non indicato|non indicata|non specificato|non specificata|da determinare
    indeterminato|indeterminata|no indicado|no indicada|no especificado|no especificada|por determinar|indeterminado
    indeterminada|niet opgegeven|niet vermeld|niet gespecificeerd|nader te bepalen|não indicado|não informado
    a determinar|ikke angivet|ikke oplyst|ej angiven|ej angivet|inte angivet|nie podano|neuvedeno|не указан|не указано
    не указана""".replace("\n", "|").split("|")
}


def is_error(cell: str) -> bool:
    """Whether a cell holds what a spreadsheet shows instead of a value, as `#NV` and `####`."""
    text = cell.strip()
    return text in _NO_VALUE or bool(_ERROR.fullmatch(text))


def says_nothing(cell: str) -> bool:
    """Whether a cell's text stands for an empty cell.

    Examples
    --------
    >>> says_nothing("#NV"), says_nothing("Keine Angabe"), says_nothing("#1"), says_nothing("Pop Art")
    (True, True, False, False)
    """
    return is_error(cell) or words_of(cell) in _NOT_STATED
