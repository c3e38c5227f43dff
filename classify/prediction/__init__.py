"""Pictures -> styles: through a head's own network, with prediction sets, as a table, as a page.

`predictor` asks the head, `listed` finds what a table says of the pictures, `asked` does both, `result` holds what came
of it, `sheet` and `gallery` lay it out, and `answers` is the JSON that the command line and the service share.
"""

from __future__ import annotations

from classify.prediction.asked import predict
from classify.prediction.predictor import Prediction, Predictor, Source, Styles, find_pictures, load_predictors
from classify.prediction.result import Predictions

__all__ = [
    "Prediction",
    "Predictions",
    "Predictor",
    "Source",
    "Styles",
    "find_pictures",
    "load_predictors",
    "predict",
]
