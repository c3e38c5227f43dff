"""Which part of a picture speaks for a style, through the head that decides: heatmaps, as arrays and as figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cache.lazy import hand_out

if TYPE_CHECKING:
    from classify.explain.explainer import Explainer as Explainer
    from classify.explain.explainer import Explanation as Explanation
    from classify.explain.figure import explanation_figure as explanation_figure
    from classify.explain.figure import explanation_picture as explanation_picture
else:
    __getattr__, __dir__, __all__ = hand_out(
        __name__,
        {
            "classify.explain.explainer": "Explainer Explanation",
            "classify.explain.figure": "explanation_figure explanation_picture",
        },
    )
