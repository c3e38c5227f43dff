"""Fitting from a cache: the same bits each time, from memory or from disk, and a file that says how to do it again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classify.errors import HeadError
from classify.fitting.fit import fit
from classify.fitting.scoring import score_answers
from classify.headfile import load_head, save_head
from classify.heads import HEADS, make_head
from classify.heads.rows.gathered import Gathered
from classify.heads.solvers.products import TorchProducts
from tests.classify.embedded import make_dataset

QUICK = {"mlp": "mlp:hidden=16,epochs=2,lr=0.001", "ensemble": "ensemble:members=knn+ridge"}
ALL = [QUICK.get(name, name) for name in HEADS]


@pytest.mark.parametrize("spec", ALL)
def test_a_fit_repeats_to_the_bit(spec: str, tmp_path: Path) -> None:
    """Also from what the saved head says about itself alone: its kind, parameters, seed, rows and folds."""
    table, cache = make_dataset(tmp_path)
    one, two = (fit(table, cache, spec, seed=3).saved for _ in range(2))
    np.testing.assert_equal(two.head.state(), one.head.state())
    assert {**one.training, "seconds": 0} == {**two.training, "seconds": 0}
    save_head(one, tmp_path / "head.safetensors")
    told = load_head(tmp_path / "head.safetensors")
    again = fit(table, cache, told.training["spec"], target=told.target, seed=told.training["seed"]).saved
    np.testing.assert_equal(again.head.state(), told.head.state())
    assert again.head.get_params() == one.head.get_params()
    assert again.training["rows_digest"] == told.training["rows_digest"]


@pytest.mark.parametrize("spec", ALL)
def test_rows_left_on_disk_give_the_same_head(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, cache = make_dataset(tmp_path)
    read = fit(table, cache, spec)
    monkeypatch.setattr("classify.fitting.fit.IN_MEMORY", 0)
    monkeypatch.setattr(Gathered, "__array__", lambda *arguments, **options: pytest.fail("all rows read at once"))
    left = fit(table, cache, spec)
    np.testing.assert_equal(left.saved.head.state(), read.saved.head.state())
    assert left.scores == read.scores


def test_other_rows_labels_or_another_order_are_told_apart(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    styles = table.columns["style"]
    swapped = table.with_columns(style=[styles[-1], *styles[1:]])
    turned = table.take(list(reversed(range(len(table)))))
    digests = [fit(t, cache, "ridge").saved.training["rows_digest"] for t in (table, swapped, turned, table)]
    assert len(set(digests)) == 3
    assert digests[0] == digests[3]


def test_the_facts_say_what_was_tried_and_where(tmp_path: Path) -> None:
    training = fit(*make_dataset(tmp_path), "svm:gamma=0.1", seed=5).saved.training
    assert [point["C"] for point in training["grid"]] == list(make_head("svm").tunable["C"])
    best = max(training["grid"], key=lambda point: point["accuracy"])
    assert training["tuned"] == {"C": best["C"]}
    assert (training["spec"], training["seed"], training["folds"]) == ("svm:gamma=0.1", 5, 5)
    assert {"python", "artstyle", "numpy", "scipy", "scikit-learn"} <= set(training["versions"])
    assert training["machine"]["blas"]


def test_calibration_error_is_reported_and_saved(tmp_path: Path) -> None:
    fitted = fit(*make_dataset(tmp_path), "ridge")
    error = fitted.scores[0].calibration_error
    assert 0 <= error < 1
    assert fitted.saved.metrics["val"]["calibration_error"] == error


def test_the_calibration_error_stands_beside_what_few_pictures_show_by_chance() -> None:
    """Of n pictures that are right with 80 %, the share differs from 80 % by 0.8 sqrt(0.8 x 0.2 / n) on average."""
    for pictures in (25, 400):
        truth = np.array(["Baroque"] * pictures)
        named = truth.copy()
        named[: pictures // 5] = "Cubism"
        scored = score_answers(named, np.full(pictures, 0.8), truth, ["Baroque", "Cubism"], "val")
        assert scored.calibration_error == pytest.approx(0)
        assert scored.calibration_by_chance == pytest.approx(0.8 * (0.16 / pictures) ** 0.5, rel=0.01)


def test_an_ensemble_is_made_of_tuned_members(tmp_path: Path) -> None:
    saved = fit(*make_dataset(tmp_path), "ensemble:members=knn+ridge").saved
    members = [fit(*make_dataset(tmp_path), name).saved.head for name in ("knn", "ridge")]
    assert [m.get_params() for m in saved.head.members_] == [m.get_params() for m in members]


@pytest.mark.parametrize("name", ["logreg", "linear-svm"])
def test_a_head_on_a_device_is_the_head_on_the_cpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way through torch from end to end, its device being the CPU: CUDA differs in nothing but the name."""
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    y = np.arange(240) % 3
    X = (rng.standard_normal((3, 12))[y] + rng.standard_normal((240, 12))).astype(np.float32)
    plain = make_head(name, calibrate=True).fit(X, y)
    used = []

    def on_device(rows, device):
        used.append(device)
        return TorchProducts(rows, "cpu")

    monkeypatch.setattr("classify.heads.solvers.linear_path.make_products", on_device)
    there = make_head(name, calibrate=True, device="cuda").fit(X, y)
    assert set(used) == {"cuda"}
    np.testing.assert_allclose(there.predict_proba(X), plain.predict_proba(X), atol=2e-3)


def test_a_device_is_asked_of_heads_that_have_one(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    for name in ("logreg", "linear-svm", "softmax", "mlp:hidden=8"):
        assert fit(table, cache, name, device="auto", tune=False).saved.head.get_params()["device"] == "auto"
    assert fit(table, cache, "logreg:device=cpu", device="auto").saved.head.get_params()["device"] == "cpu"
    with pytest.raises(HeadError, match="device=cuda: ridge runs on the CPU only; logreg, softmax, mlp, linear-svm"):
        fit(table, cache, "ridge", device="cuda")
    if not pytest.importorskip("torch").cuda.is_available():
        with pytest.raises(HeadError, match="device=cuda can't be had"):
            fit(table, cache, "logreg", device="cuda")


def test_what_a_head_refuses_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(HeadError, match="head 'logreg:sqrt=true': sqrt=true needs non-negative features"):
        fit(*make_dataset(tmp_path), "logreg:sqrt=true")
