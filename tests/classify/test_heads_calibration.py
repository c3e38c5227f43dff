"""Temperature and doubt of a head's probabilities: when they are taken, and how far they go."""

from __future__ import annotations

import numpy as np
import pytest

from classify.heads import calibration
from classify.heads.calibration import DOUBT, HIGHEST, LOWEST, Calibration, at_bound, fit_calibration, fit_temperature
from tests.classify.drawn import rng


def test_only_a_temperature_at_a_bound_is_called_so():
    assert at_bound(np.exp(HIGHEST - 0.001))
    assert at_bound(np.exp(LOWEST + 0.001))
    assert not any(at_bound(np.exp(log)) for log in (LOWEST + 0.1, 0.0, HIGHEST - 0.1))


def test_doubt_is_taken_where_it_makes_the_classes_likelier_by_two(monkeypatch):
    """In all of them together: a likelihood ratio test of one more parameter."""
    gains = []
    for seed, wrong in np.ndindex(5, 3):
        codes = np.arange(300) % 3
        scores = 3 * np.eye(3)[codes] + rng(seed).standard_normal((300, 3))
        codes = np.where(np.arange(300) < wrong, (codes + 1) % 3, codes)
        monkeypatch.setattr(calibration, "WORTH", -np.inf)
        plain, best = Calibration(fit_temperature(scores, codes)), fit_calibration(scores, codes)
        gains.append((best.logs(scores) - plain.logs(scores))[np.arange(300), codes].sum())
        monkeypatch.undo()
        assert fit_calibration(scores, codes) == (best if gains[-1] >= 2 else plain)
    assert min(gains) < 0.1
    assert any(0.2 < gain < 2 for gain in gains)
    assert max(gains) > 2


def test_doubt_goes_no_further_than_nine_tenths():
    """Where all classes are wrong, whatever the scores say; so the order of the classes stays."""
    scores = np.eye(3)[np.arange(60) % 3] * 5.0
    found = fit_calibration(scores, (np.arange(60) + 1) % 3)
    assert found.doubt <= DOUBT == 0.9
    mixed = Calibration(1.0, DOUBT).probabilities(scores)
    np.testing.assert_array_equal(mixed.argmax(1), scores.argmax(1))


def test_a_temperature_lies_between_the_ninth_powers_of_e():
    """Whatever the size of the scores; one within 2 % of a bound is called so."""
    codes = np.arange(300) % 3
    scores = np.eye(3)[codes] + rng().standard_normal((300, 3))
    for size, bound in ((1e9, 9), (1e-9, -9)):
        found = fit_temperature(size * scores, codes)
        assert np.log(found) == pytest.approx(bound, abs=0.01)
        assert at_bound(found)
        assert fit_calibration(size * scores, codes) == Calibration(found), "there is no doubt where nothing fits"
    assert not at_bound(np.exp(9 - 0.015))
    assert not at_bound(np.exp(-9 + 0.015))


def test_doubt_lowers_a_temperature_by_four_powers_of_e_at_most():
    """Nearly all rows are right, and nothing would keep them from being sure; a few are wrong by far."""
    codes = np.arange(2000) % 2
    scores = 5.0 * np.eye(2)[codes]
    scores[:40] = 200.0 * np.eye(2)[1 - codes[:40]]
    plain, found = fit_temperature(scores, codes), fit_calibration(scores, codes)
    assert found.doubt > 0.02
    assert np.log(plain / found.temperature) == pytest.approx(4, abs=0.01)


def test_rows_without_a_score_or_of_an_unknown_class_count_nothing():
    codes = np.arange(90) % 3
    scores = 2 * np.eye(3)[codes] + rng().standard_normal((90, 3))
    more = np.concatenate([scores, np.full((3, 3), np.nan), [[0, -np.inf, 1]]])
    known = np.concatenate([codes, [0, 1, 2, 1]])
    weights = np.ones(94)
    for fitted in (fit_calibration(more, known), fit_calibration(more, known, weights)):
        assert fitted == fit_calibration(scores, codes)
    assert fit_calibration(more[90:], known[90:]) == Calibration(1.0, 0.0)
    assert fit_temperature(more[90:], known[90:]) == 1
