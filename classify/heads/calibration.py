"""Probabilities from scores: a softmax at a temperature, fitted to held-out rows."""

from __future__ import annotations

import numpy as np

from classify.heads.rows.blocks import Array

NEAR = 0.01  # of a bound of log temperature: the search ends inside of it
LOWEST, HIGHEST = -9.0, 9.0  # bounds of log temperature; scores of some heads are distances in the hundreds


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
    from scipy.optimize import minimize_scalar

    own = scores[np.arange(len(codes)), codes]
    usable = np.isfinite(own)
    if not usable.any():
        return 1.0
    margins = scores[usable].astype(np.float64) - own[usable, None].astype(np.float64)  # (n, K), own class at 0

    def loss(log_temperature: float) -> float:
        logits = margins * np.exp(-log_temperature)
        top = logits.max(1)
        total = np.log(np.exp(logits - top[:, None]).sum(1)) + top
        return float(np.average(total, weights=None if weights is None else weights[usable]))

    best = minimize_scalar(loss, bounds=(LOWEST, HIGHEST), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(best.x))
