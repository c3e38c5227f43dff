"""What is answered about pictures, as JSON: the same from the command line and from the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cache.errors import ArtstyleError
from classify.prediction import Prediction
from featurize.errors import Undecodable

UNSURE_BELOW = 0.5  # the likeliest class is less likely than all others together


def picture_json(prediction: Prediction) -> dict[str, Any]:
    """One picture's answer: its name, and either predictions or an error."""
    name = str(prediction.path)
    if prediction.trouble:
        return {"picture": name, "error": trouble_json(prediction.trouble)}
    return {
        "picture": name,
        "predictions": [{"label": label, "probability": chance} for label, chance in prediction.styles],
        "unsure": prediction.styles[0][1] < UNSURE_BELOW,
    }


def trouble_json(trouble: ArtstyleError) -> Mapping[str, str]:
    """Why there is no prediction, without what a decoder wrote: that may name things of this machine."""
    if isinstance(trouble, Undecodable):
        return {"code": trouble.reason.label.replace(" ", "_"), "message": trouble.reason.sentence}
    return {"code": "no_picture", "message": str(trouble)}
