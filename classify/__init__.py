"""From embeddings to styles: heads, honest comparison, reports, prediction.

Begin with `compare`, or with `fit` and `predict`; `make_head` gives a classifier for scikit-learn. docs/python.md is a
short introduction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cache.lazy import hand_out

if TYPE_CHECKING:
    from classify.comparison.compare import compare as compare
    from classify.comparison.result import Comparison as Comparison
    from classify.data import Examples as Examples
    from classify.data import load_examples as load_examples
    from classify.errors import ClassifyError as ClassifyError
    from classify.explain.explainer import Explainer as Explainer
    from classify.explain.explainer import Explanation as Explanation
    from classify.explain.figure import explanation_figure as explanation_figure
    from classify.explain.figure import explanation_picture as explanation_picture
    from classify.explore.artist import artist as artist
    from classify.explore.artist import write_artist as write_artist
    from classify.explore.hidden import load_hidden as load_hidden
    from classify.explore.maps.make import draw_map as draw_map
    from classify.explore.maps.make import map_of as map_of
    from classify.explore.maps.make import write_map as write_map
    from classify.explore.neighbours import neighbours as neighbours
    from classify.explore.neighbours import write_neighbours as write_neighbours
    from classify.explore.styles import draw_styles as draw_styles
    from classify.explore.styles import styles as styles
    from classify.explore.styles import write_styles as write_styles
    from classify.explore.timeline import timeline as timeline
    from classify.explore.timeline_page import draw_timeline as draw_timeline
    from classify.explore.timeline_page import write_timeline as write_timeline
    from classify.explore.works import load_works as load_works
    from classify.finetune.folds import cross_validate as cross_validate
    from classify.finetune.result import Finetuned as Finetuned
    from classify.finetune.result import load_finetuned as load_finetuned
    from classify.finetune.run import fine_tune as fine_tune
    from classify.finetune.settings import FinetuneSettings as FinetuneSettings
    from classify.fitting.evaluate import evaluate as evaluate
    from classify.fitting.fit import fit as fit
    from classify.headfile import SavedHead as SavedHead
    from classify.headfile import load_head as load_head
    from classify.headfile import save_head as save_head
    from classify.heads import HeadSpec as HeadSpec
    from classify.heads import make_head as make_head
    from classify.prediction import Prediction as Prediction
    from classify.prediction import Predictor as Predictor
    from classify.prediction import predict as predict
    from classify.report import write_report as write_report
    from classify.report.figures import draw_confusions as draw_confusions
    from classify.report.figures import draw_cost as draw_cost
    from classify.report.figures import draw_epochs as draw_epochs
    from classify.report.figures import draw_learning_curve as draw_learning_curve
    from classify.report.figures import draw_reliability as draw_reliability
    from classify.report.probabilities import write_probabilities as write_probabilities
else:
    __getattr__, __dir__, __all__ = hand_out(
        __name__,
        {
            "classify.comparison.compare": "compare",
            "classify.comparison.result": "Comparison",
            "classify.data": "Examples load_examples",
            "classify.errors": "ClassifyError",
            "classify.explain.explainer": "Explainer Explanation",
            "classify.explain.figure": "explanation_figure explanation_picture",
            "classify.explore.artist": "artist write_artist",
            "classify.explore.hidden": "load_hidden",
            "classify.explore.maps.make": "draw_map map_of write_map",
            "classify.explore.neighbours": "neighbours write_neighbours",
            "classify.explore.styles": "draw_styles styles write_styles",
            "classify.explore.timeline": "timeline",
            "classify.explore.timeline_page": "draw_timeline write_timeline",
            "classify.explore.works": "load_works",
            "classify.finetune.folds": "cross_validate",
            "classify.finetune.result": "Finetuned load_finetuned",
            "classify.finetune.run": "fine_tune",
            "classify.finetune.settings": "FinetuneSettings",
            "classify.fitting.evaluate": "evaluate",
            "classify.fitting.fit": "fit",
            "classify.headfile": "SavedHead load_head save_head",
            "classify.heads": "HeadSpec make_head",
            "classify.prediction": "Prediction Predictor predict",
            "classify.report": "write_report",
            "classify.report.figures": ("draw_confusions draw_cost draw_epochs draw_learning_curve draw_reliability"),
            "classify.report.probabilities": "write_probabilities",
        },
    )
