"""Explains what a saved head says of a picture: which places speak for a class, and which against it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import artifacts_of
from classify.errors import HeadError
from classify.explain.heat import has_places, heat_of, is_pooled, row_of
from classify.explain.methods import METHODS
from classify.explain.occlusion import occlusion
from classify.explain.scores import mean_row
from classify.explain.slopes import slopes_of
from classify.head_network import HeadNetwork, formulas_behind, network_behind
from classify.headfile import SavedHead
from featurize.engines.maps import Maps, stage_maps
from featurize.pictures.file import pixels_of, read
from featurize.pictures.transform import Pixels
from featurize.wording import listing, plain

_NEAR = 5


@dataclass(frozen=True)
class Explanation:
    """Which places of a picture speak for a class.

    Parameters
    ----------
    pixels : ndarray (H, W, 3) uint8
        The picture as the network sees it.
    label : str
        The class that is explained.
    heat : ndarray (h, w) float64
        For each place, in units of the head's score: above 0 where it speaks for the class, below 0 where against.
        By cam and gradcam, against the mean training picture; by occlusion, how far the score falls when the place is
        covered.
    score : float
        The head's score of the class, less the mean of all classes' scores: probabilities depend on such differences
        alone.
    base : float
        By cam and gradcam, the score of the mean training picture: the sum of the heat and this is the score. Where
        the embedding has no such picture (stats, gram), what is left of the score; by occlusion, NaN.
    method : str
        "cam", "gradcam" or "occlusion".
    classes : sequence of str
    probabilities : ndarray (K,) float64
    head, network : str
        Their names.
    target : str
        The label column.
    untrained : bool
    """

    pixels: Pixels
    label: str
    heat: NDArray[np.float64]
    score: float
    base: float
    method: str
    classes: Sequence[str]
    probabilities: NDArray[np.float64]
    head: str
    network: str
    target: str
    untrained: bool

    @property
    def probability(self) -> float:
        """The head's probability of the class."""
        return float(self.probabilities[list(self.classes).index(self.label)])

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """The likeliest classes with their probabilities, best first; the explained one is always among them."""
        order = list(np.argsort(-self.probabilities, kind="stable")[:count])
        explained = list(self.classes).index(self.label)
        if explained not in order:
            order.append(explained)
        return [(self.classes[n], float(self.probabilities[n])) for n in order]


class Explainer:
    """A head with its network, ready to explain pictures; loaded once, used many times.

    Parameters
    ----------
    saved : SavedHead
    weights : str or Path, optional
        Name or file of the weights; by default those the head was trained on, if they can be found.
    method : str
        "cam", exact for heads that are linear in features that are means of maps; "gradcam", for heads with gradients;
        "occlusion", for all; "auto", the first of these that can be used.
    features : str or Path
        The features folder, where the exported network may lie.
    device : str
        Where the network runs, see `stage_maps` and, for occlusion, `HeadNetwork`.
    options
        Further ones of `HeadNetwork`, used by occlusion: workers, engines.

    Raises
    ------
    HeadError
        The method can't be used for this head.
    HeadMismatch, WeightsError, BackboneError
        The network or the device can't be had; see `HeadNetwork`.
    """

    def __init__(
        self,
        saved: SavedHead,
        weights: str | Path | None = None,
        *,
        method: str = "auto",
        features: str | Path = "features",
        device: str = "auto",
        **options: Any,
    ) -> None:
        self.saved = saved
        self._network = network_behind(saved, weights, features)
        self._formulas = formulas_behind(saved, self._network.backbone)
        self._slopes = slopes_of(saved.head)
        self._mean = mean_row(saved.head)
        self.method = self._chosen(method)
        self.transform = self._network.transform
        if self.method == "occlusion":
            self._embedding = HeadNetwork(saved, weights, features=features, device=device, **options)
        else:
            places = sorted({place for formula in self._formulas for place in formula.stages})
            artifacts = artifacts_of(features, saved.key)
            self._stages = stage_maps(self._network, places, artifacts, saved.key.precision, device)

    @property
    def network(self) -> str:
        """The network's name."""
        return self._network.backbone.full_name

    def explain(self, picture: Pixels | str | Path, label: str | None = None) -> Explanation:
        """Explain a class of a picture.

        Parameters
        ----------
        picture : ndarray (H, W, 3) uint8, or str or Path
            Pixels as the network sees them, or a file.
        label : str, optional
            The class; by default the one that the head chooses.

        Raises
        ------
        HeadError
            The head knows no such class; the message lists those near it.
        Undecodable
            The file is no picture that can be read.
        """
        pixels = self.decode(Path(picture)) if isinstance(picture, str | Path) else picture
        number = None if label is None else self.number_of(label)
        if self.method == "occlusion":
            heat, scores, number = self._by_occlusion(pixels, number)
            base = float("nan")
        else:
            heat, scores, number = self._by_gradient(pixels, number)
            base = float(scores[number] - heat.sum())
        shares = self.saved.head.calibration.probabilities(scores[None])[0]
        return Explanation(
            pixels,
            self.saved.classes[number],
            heat,
            float(scores[number]),
            base,
            self.method,
            self.saved.classes,
            shares,
            self.saved.kind,
            self.network,
            self.saved.target,
            self.saved.key.untrained,
        )

    def decode(self, path: Path) -> Pixels:
        """The pixels that the network sees of a picture file, (crop, crop, 3) uint8.

        Raises
        ------
        Undecodable
        """
        return pixels_of(read(path), self.transform)

    def number_of(self, label: str) -> int:
        """The number of a class; underscores may be written as spaces, capitals as small letters.

        Raises
        ------
        HeadError
            There is no such class, or the name means several.
        """
        classes = self.saved.classes
        if label in classes:
            return classes.index(label)
        alike = [n for n, name in enumerate(classes) if _loosely(name) == _loosely(label)]
        if len(alike) == 1:
            return alike[0]
        known = {_loosely(name): name for name in classes}
        near = difflib.get_close_matches(_loosely(label), list(known), _NEAR, 0.5)
        offer = [known[name] for name in near] or classes
        what = "near that name are" if near else "it knows"
        raise HeadError(f"the head knows no {self.saved.target} {label!r}: {what} {listing(offer, 30)}")

    def _chosen(self, method: str) -> str:
        if method not in METHODS:
            raise HeadError(f"there is no method {method!r}: choose one of {', '.join(METHODS)}")
        if any(formula.squares > 1 for formula in self._formulas):
            names = listing(recipe.name for recipe in self.saved.recipes)
            raise HeadError(f"{names} is a mean over views, of which none can be shown: explain a head without --views")
        exact = self._slopes is not None and self._slopes.linear and all(map(is_pooled, self._formulas))
        placed = all(map(has_places, self._formulas))
        names = " + ".join(recipe.name for recipe in self.saved.recipes)
        if method == "auto":
            return "cam" if exact else "gradcam" if self._slopes and placed else "occlusion"
        if method == "cam" and not exact:
            raise HeadError(
                f"cam is exact only for heads that are linear in features that are means of maps; {self.saved.kind} on "
                f"{names} is not: use --method {'gradcam or ' if placed and self._slopes else ''}occlusion"
            )
        if method == "gradcam" and self._slopes is None:
            raise HeadError(f"the scores of the head {self.saved.kind} have no gradient: use --method occlusion")
        if method == "gradcam" and not placed:
            raise HeadError(f"the embedding {names} is not made of maps, so it has no places: use --method occlusion")
        return method

    def _by_gradient(self, pixels: Pixels, number: int | None) -> tuple[NDArray[Any], NDArray[Any], int]:
        assert self._slopes is not None
        maps = self._maps(pixels)
        row = row_of(maps, self._formulas)
        scores = self._slopes.scores(row)
        chosen = int(scores.argmax()) if number is None else number
        return heat_of(maps, self._formulas, self._slopes, row, chosen, self._mean), scores, chosen

    def _maps(self, pixels: Pixels) -> Maps:
        """Maps of the picture and, where a recipe wants it, of its mirror image."""
        return self._stages(np.stack([pixels, pixels[:, ::-1]] if any(f.mirror for f in self._formulas) else [pixels]))

    def _by_occlusion(self, pixels: Pixels, number: int | None) -> tuple[NDArray[Any], NDArray[Any], int]:
        scores = self._scored(pixels)
        chosen = int(scores.argmax()) if number is None else number
        mean = self.transform.mean
        fill = np.array([round(255 * value) for value in mean], np.uint8)
        heat = occlusion(pixels, lambda several: np.array([self._scored(p)[chosen] for p in several]), fill)
        return heat, scores, chosen

    def _scored(self, pixels: Pixels) -> NDArray[np.float64]:
        """Scores (K,) of a picture less their mean, by the engine and the head themselves."""
        scores = np.asarray(self.saved.head.scores(self._embedding.embed([pixels]))[0], np.float64)
        return np.asarray(scores - scores.mean())


def _loosely(name: str) -> str:
    return plain(name).casefold().strip()
