"""The control row: what a head reaches on colour and texture alone, without any network.

Whatever a network adds, it adds to this. The numbers are those that `featurize run` keeps beside its vectors
(`featurize.pictures.squares.colours`); a feature cache without them gives a comparison without the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cache import Store
from cache.ids import from_hex
from classify.comparison.contest import Contest
from classify.comparison.matched import Matched, View
from classify.comparison.questions.plan import Plan
from classify.comparison.questions.put import put_questions
from classify.evaluation.findings import ColourControl
from classify.evaluation.statistics import wilson
from classify.fitting.asked import read_specs
from featurize.choices import CONTROL
from featurize.networks.elsewhere import is_imported
from featurize.run.again import run_command

HEAD = "logreg"


def control_of(contest: Contest, plan: Plan, caches: Sequence[Store]) -> ColourControl | None:
    """What a tuned logistic regression reaches on colour and texture, asked the same as all heads.

    Parameters
    ----------
    contest : Contest
        Whose rows, folds and questions are taken.
    plan : Plan
    caches : sequence of Store

    Returns
    -------
    ColourControl, or None where no cache holds the numbers for all rows, or the comparison was interrupted.
    """
    view = _view(contest.matched, caches)
    if view is None or contest.stopped:
        return None
    matched, specs = replace(contest.matched, views=(view,)), read_specs(HEAD)
    own = replace(contest, matched=matched, specs=specs, seeds=1, progress=None, tell=None)
    runs, put = own.once(), put_questions(own, plan)
    if own.stopped or not runs:
        contest.stopped = True
        return None
    (run,) = runs
    test = own.matched.parts[1]
    hits = int((own.classes[run.probabilities.argmax(1)] == test.y).sum())
    return ColourControl(
        head=HEAD,
        numbers=run.dimension,
        accuracy=None if own.matched.whole else wilson(hits, len(test)),
        answers={one.folding.question: one.answers[run.name].interval for one in put},
    )


def how_to_get_it(caches: Sequence[Store]) -> str:
    """One sentence: why there is no control row, and the command that brings it; "" where no command can."""
    able = [cache for cache in caches if _lasting(cache) and not is_imported(cache.key)]
    if not able:
        return ""
    command = run_command(able[0].key, CONTROL, able[0].place)
    return (
        "There is no control row, because the feature cache lacks colour and texture of these pictures: "
        f"`{command}` adds them, without the network."
    )


def _lasting(cache: Store) -> bool:
    """Whether it lies where another run finds it, which vectors in memory don't."""
    return "://" in cache.place or Path(cache.place).is_dir()


def _view(matched: Matched, caches: Sequence[Store]) -> View | None:
    """The control of a cache that has it for all rows."""
    ids = from_hex([picture for rows in matched.rows.values() for picture in rows.ids])
    for cache in caches:
        for recipe in cache.recipes():
            if recipe.name == CONTROL and cache.embedded(ids, recipe).all():
                return View(cache, CONTROL, (recipe,))
    return None
