"""Probabilities from scores: a softmax at a temperature, with a share of doubt, fitted to held-out rows.

The temperature is that of Guo et al. (ICML 2017). Where a head is now and then far off (scores that grow with the
length of a row are), one temperature must be high, so that those few mistakes become less unlikely, and all other
probabilities become too modest. The share of doubt, spread over all classes, takes care of such rows: labels are other
than the scores say with this probability, whatever they say (Copas, "Binary regression models for contaminated data",
JRSS B 1988; for several classes a special case of Zhang, Kailkhura & Han, "Mix-n-match", ICML 2020, section 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from classify.heads.rows.blocks import Array

NEAR = 0.01  # of a bound of log temperature: the search ends inside of it
DOUBT = 0.9  # the most that is spread over all classes: the order of the classes stays
LOWER = 4.0  # how much lower a logarithm of the temperature may be with doubt
WORTH = 2.0  # log-likelihood that doubt must bring: a likelihood ratio test of one parameter at 5 % asks for 1.92
BISECTIONS = 40
TINY = 1e-300
EXACT = {"xatol": 1e-4}  # of log temperature
LOWEST, HIGHEST = -9.0, 9.0  # bounds of log temperature; scores of some heads are distances in the hundreds


@dataclass(frozen=True)
class Calibration:
    """How scores become probabilities: (1 - doubt) softmax(scores / temperature) + doubt / K.

    Parameters
    ----------
    temperature : float
    doubt : float
        At least 0 and less than 1.
    """

    temperature: float = 1.0
    doubt: float = 0.0

    def logs(self, scores: Array) -> Array:
        """Scores (n, K) -> logarithms (n, K) float64 of the probabilities."""
        logs = log_softmax(scores, self.temperature)
        if not self.doubt:
            return logs
        mixed: Array = np.log((1 - self.doubt) * np.exp(logs) + self.doubt / scores.shape[1])
        return mixed

    def probabilities(self, scores: Array) -> Array:
        """Scores (n, K) -> probabilities (n, K) float64 that sum to 1."""
        found: Array = np.exp(self.logs(scores))
        return found


def softmax(scores: Array, temperature: float = 1.0) -> Array:
    """Scores (n, K) -> probabilities (n, K) float64 that sum to 1."""
    probabilities: Array = np.exp(log_softmax(scores, temperature))
    return probabilities


def log_softmax(scores: Array, temperature: float = 1.0) -> Array:
    """Scores (n, K) -> logarithms (n, K) float64 of the probabilities."""
    logits = scores.astype(np.float64) / temperature
    logits -= logits.max(1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(1, keepdims=True))
    return logits


def at_bound(temperature: float) -> bool:
    """Whether a fitted temperature is as low or as high as one may be."""
    return not LOWEST + NEAR < float(np.log(temperature)) < HIGHEST - NEAR


def fit_temperature(scores: Array, codes: Array, weights: Array | None = None) -> float:
    """The temperature that makes held-out classes likeliest (Guo et al., ICML 2017, section 4.2).

    Parameters
    ----------
    scores : (N, K); rows of NaN were never held out, -inf marks a class unknown to the fold; rows whose own class
        was unknown are left out
    codes : (N,) int, the true classes
    weights : (N,) > 0, optional
        How often each row counts.

    Returns
    -------
    float, between exp(-9) and exp(9); 1.0 where no row can be used
    """
    return _Likelihood(scores, codes, weights).temperature()


def fit_calibration(scores: Array, codes: Array, weights: Array | None = None) -> Calibration:
    """The temperature and the doubt that make held-out classes likeliest; no doubt where it brings next to nothing.

    Parameters
    ----------
    scores, codes, weights
        As in `fit_temperature`.
    """
    return _Likelihood(scores, codes, weights).calibration()


class _Likelihood:
    """How likely held-out classes are."""

    def __init__(self, scores: Array, codes: Array, weights: Array | None):
        own = scores[np.arange(len(codes)), codes]
        usable = np.isfinite(own)
        self._margins = scores[usable].astype(np.float64) - own[usable, None].astype(np.float64)  # own class at 0
        self._weights = None if weights is None else weights[usable]

    def temperature(self) -> float:
        from scipy.optimize import minimize_scalar

        if not len(self._margins):
            return 1.0
        bounds = (LOWEST, HIGHEST)
        best = minimize_scalar(lambda t: self._mean(-self._own(t)), bounds=bounds, method="bounded", options=EXACT)
        return float(np.exp(best.x))

    def calibration(self) -> Calibration:
        from scipy.optimize import minimize_scalar

        plain = self.temperature()
        if not len(self._margins) or at_bound(plain):
            return Calibration(plain)
        start = float(np.log(plain))
        bounds = (max(start - LOWER, LOWEST), start)
        best = minimize_scalar(lambda t: -self._with_doubt(t)[0], bounds=bounds, method="bounded", options=EXACT)
        likelihood, doubt = self._with_doubt(best.x)
        if len(self._margins) * (likelihood - self._mean(self._own(start))) < WORTH:
            return Calibration(plain)
        return Calibration(float(np.exp(best.x)), doubt)

    def _own(self, log_temperature: float) -> Array:
        """Logarithms (n,) of the true classes' probabilities."""
        logits = self._margins * np.exp(-log_temperature)
        top = logits.max(1)
        logs: Array = -np.log(np.exp(logits - top[:, None]).sum(1)) - top
        return logs

    def _with_doubt(self, log_temperature: float) -> tuple[float, float]:
        """The mean log-likelihood at the best doubt, and that doubt: the likelihood is concave in it."""
        own, share = np.exp(self._own(log_temperature)), 1 / self._margins.shape[1]

        def rises(doubt: float) -> bool:
            return self._mean((share - own) / np.maximum((1 - doubt) * own + doubt * share, TINY)) > 0

        low, high = 0.0, DOUBT
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if rises(middle) else (low, middle)
        return self._mean(np.log(np.maximum((1 - low) * own + low * share, TINY))), low

    def _mean(self, values: Array) -> float:
        return float(np.average(values, weights=self._weights))
