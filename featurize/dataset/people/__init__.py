"""People who made pictures: who stands in a cell, who is nobody, and which names are one person."""

from __future__ import annotations

from featurize.dataset.people.makers import keys_of, makers_of
from featurize.dataset.people.nobody import is_nobody, says_unknown
from featurize.dataset.people.same import may_be_one, person_key, spelled_apart

__all__ = ["is_nobody", "keys_of", "makers_of", "may_be_one", "person_key", "says_unknown", "spelled_apart"]
