"""What is answered about pictures, as JSON: the same from the command line and from the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cache.errors import ArtstyleError
from classify.prediction.predictor import Prediction
from featurize.errors import Undecodable
from featurize.wording import listing

MOST_NAMED = 5  # classes of a set on one line


def picture_json(prediction: Prediction) -> dict[str, Any]:
    """One picture's answer: its name, and either predictions or an error."""
    name = str(prediction.path)
    if prediction.trouble:
        return {"picture": name, "error": trouble_json(prediction.trouble)}
    return {
        "picture": name,
        "predictions": [{"label": label, "probability": chance} for label, chance in prediction.styles],
        "unsure": prediction.unsure,
        "set": None if prediction.among is None else list(prediction.among),
        "unlike": prediction.unlike,
    }


def trouble_json(trouble: ArtstyleError) -> Mapping[str, str]:
    """Why there is no prediction, without what a decoder wrote: that may name things of this machine."""
    if isinstance(trouble, Undecodable):
        return {"code": trouble.reason.label.replace(" ", "_"), "message": trouble.reason.sentence}
    return {"code": "no_picture", "message": str(trouble)}


def in_words(answer: Mapping[str, Any]) -> str:
    """A picture's answer, as `picture_json` gives it, on one line: classes with probabilities, and what to doubt."""
    styles = ", ".join(f"{one['label']} {one['probability']:.3f}" for one in answer["predictions"])
    doubts = []
    if answer.get("unlike"):
        doubts.append("unlike all training pictures")
    if len(answer.get("set") or ()) > 1:
        doubts.append(f"unsure between {len(answer['set'])}: {listing(answer['set'], MOST_NAMED)}")
    return "; ".join([styles, *doubts])
