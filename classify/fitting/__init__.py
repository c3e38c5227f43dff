"""The one way in which a head is tuned, fitted, calibrated and scored on labelled rows, for `fit` and for `compare`.

`asked` reads what was asked for, `trial` trains one head, `scoring` looks at its answers, `fit` makes a saved head of
it, and `facts` says how it was made.
"""

from __future__ import annotations

from classify.fitting.asked import place, read_spec, read_specs
from classify.fitting.fit import Fitted
from classify.fitting.scoring import Score, score
from classify.fitting.trial import Trial, folds_of, train_head

__all__ = [
    "Fitted",
    "Score",
    "Trial",
    "folds_of",
    "place",
    "read_spec",
    "read_specs",
    "score",
    "train_head",
]
