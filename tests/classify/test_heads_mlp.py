"""The heads that are trained step by step: what a step does, what is recorded, and what chooses nothing."""

from __future__ import annotations

import numpy as np
import pytest
import threadpoolctl
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from classify.heads import make_head, mlp
from classify.heads.solvers.parallel import Libraries
from classify.heads.watch import Watch
from tests.classify.drawn import rng

torch = pytest.importorskip("torch")

from classify.heads.solvers.sgd import Batch, Network, Schedule, own_threads  # noqa: E402


def data(rows=300, features=20, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(rows) % 3)
    X = rng.standard_normal((3, features))[y] + rng.standard_normal((rows, features))
    return X.astype(np.float32), np.array(["a", "b", "c"])[y]


def test_the_default_is_the_widened_classifier_of_the_slides():
    head = make_head("mlp")
    assert (head.hidden, head.dropout, head.batch, head.epochs) == ((512, 256), 0.5, 32, 12)
    X, y = data(64)
    shapes = [W.shape for W, _ in head.fit(X, y).layers_]
    assert shapes == [(20, 512), (512, 256), (256, 3)]
    assert [W.shape for W, _ in make_head("softmax").fit(X, y).layers_] == [(20, 3)]


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("hidden", [(), (7,), (9, 5), (9, 8, 5)], ids=str)
def test_a_step_is_that_of_autograd_and_adam(hidden, parts, monkeypatch):
    """The backward pass is written out by hand; torch's own must agree, dropout, row weights and shares included."""
    monkeypatch.setattr("classify.heads.solvers.sgd.FEWEST", 2)
    network = Network(Schedule(hidden=hidden, dropout=0.4, batch=5, lr=0.01), 6, 4, parts)
    assert len(network._columns) == (parts if hidden else 0)
    layers = [[torch.from_numpy(array).requires_grad_() for array in layer] for layer in network.arrays()]
    adam = torch.optim.Adam([array for layer in layers for array in layer], lr=0.01)
    generator = torch.Generator().manual_seed(2)
    for _ in range(5):
        x, y = torch.randn(8, 6, generator=generator), torch.randint(0, 4, (8,), generator=generator)
        row_weights, masks = torch.rand(8, generator=generator), network.masks(8)
        total = 0.0
        for at in (slice(0, 5), slice(5, 8)):
            h = x[at]
            for (W, b), mask in zip(layers, masks, strict=False):
                h = torch.relu(h @ W + b) * mask[at]
            W, b = layers[-1]
            losses = torch.nn.functional.cross_entropy(h @ W + b, y[at], reduction="none") * row_weights[at]
            adam.zero_grad()
            losses.mean().backward()
            adam.step()
            total += float(losses.sum().detach())
        loss, _ = network.train(Batch(x, y, row_weights, masks))
        assert float(loss) == pytest.approx(total, rel=1e-4)
    for ours, theirs in zip(network.arrays(), layers, strict=True):
        for array, wanted in zip(ours, theirs, strict=True):
            torch.testing.assert_close(torch.from_numpy(array), wanted.detach(), atol=1e-5, rtol=1e-3)


def test_threads_that_share_the_first_layer_change_nothing_and_leave_torch_alone(monkeypatch):
    X, y = data()
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    alone = make_head("mlp").fit(X, y)
    assert torch.get_num_threads() == 2
    monkeypatch.setattr("classify.heads.solvers.parallel.SMALL", 0)
    with threadpool_limits(3, "blas"):
        shared, again = (make_head("mlp").fit(X, y) for _ in range(2))
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
    np.testing.assert_equal(again.state(), shared.state())
    np.testing.assert_allclose(shared.predict_proba(X), alone.predict_proba(X), atol=1e-3)


def test_what_is_recorded_of_an_epoch_is_a_mean_over_its_rows():
    """A single layer starts at 0: all classes are as likely, and the first one is named."""
    X, y = data(70)
    (first,) = make_head("softmax:epochs=1,batch=100").fit(X, y).history_
    assert first["train_accuracy"] == pytest.approx(np.mean(y == "a"))
    assert first["train_loss"] == pytest.approx(np.log(3), rel=1e-5)


def test_torch_has_one_thread_in_each_of_ours_and_its_own_number_afterwards(monkeypatch):
    monkeypatch.setattr("classify.heads.solvers.parallel.SMALL", 0)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with threadpool_limits(2, "blas"), own_threads(1.0, Libraries()) as threads:
            assert torch.get_num_threads() == 1
            assert threads.map(lambda _: torch.get_num_threads(), [0, 1]) == [1, 1]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("inputs", "outputs"), [(2048, 512), (30, 2000)])
def test_weights_start_evenly_within_half_of_glorots_bound(inputs, outputs):
    """Glorot & Bengio, 2010: sqrt(6 / (inputs + outputs)); a single layer starts at 0."""
    network = Network(Schedule(hidden=(outputs,)), inputs, 5)
    (first, _), (second, _) = network.arrays()
    for weights in (first, second):
        bound = 0.5 * np.sqrt(6 / sum(weights.shape))
        assert 0.99 * bound < abs(weights).max() <= bound
        assert weights.std() == pytest.approx(bound / np.sqrt(3), rel=0.05)
        assert abs(weights.mean()) < 0.1 * bound
    assert not Network(Schedule(hidden=()), inputs, 5).arrays()[0][0].any()


@pytest.mark.parametrize("patience", [0, 2])
def test_each_number_of_epochs_has_the_held_out_scores_of_a_training_of_its_own(patience):
    X, y = data(90)
    codes = np.unique(y, return_inverse=True)[1]
    folds = [(np.arange(60), np.arange(60, 90)), (np.arange(30, 90), np.arange(30))]
    head = make_head("mlp", hidden=(8,), patience=patience)
    found = head.out_of_fold(X, y, folds, [{"epochs": 4}, {"epochs": 1}])
    for scores, epochs in zip(found, (4, 1), strict=True):
        for train, held_out in folds:
            alone = make_head("mlp", hidden=(8,), patience=patience, epochs=epochs).fit(X[train], y[train])
            np.testing.assert_allclose(scores[held_out], alone.scores(X[held_out]), rtol=1e-4, atol=1e-4)
        assert codes.max() + 1 == scores.shape[1]


@pytest.mark.parametrize("name", ["softmax", "mlp:epochs=7,patience=2"])
def test_a_warm_up_is_one_epoch_and_leaves_the_head_as_it_was(name, monkeypatch):
    epochs = []
    run = mlp.run_epoch
    monkeypatch.setattr(mlp, "run_epoch", lambda *given: epochs.append(1) or run(*given))
    head = make_head(name)
    before = head.get_params()
    head.warm_up()
    assert sum(epochs) == 1
    assert head.get_params() == before
    assert not hasattr(head, "layers_")


@pytest.mark.parametrize("small", [0, 1 << 22], ids=["threads", "alone"])
def test_a_tuned_training_looks_for_libraries_once_and_copies_weights_only_where_they_are_scored(monkeypatch, small):
    """Both take as long as an epoch on a few rows, and a comparison by folds trains thousands of epochs."""
    looks, copies = [], []

    class Watched(threadpoolctl.ThreadpoolController):
        def __init__(self):
            looks.append(1)
            super().__init__()

    arrays = Network.arrays
    monkeypatch.setattr("classify.heads.solvers.parallel.SMALL", small)
    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", Watched)
    monkeypatch.setattr(Network, "arrays", lambda network: copies.append(1) or arrays(network))
    X, y = data(60, features=512)  # 8 million multiplications a batch
    head = make_head("mlp")
    codes, index = np.unique(y, return_inverse=True)[1], np.arange(60)
    head._path(head._prepare(X, y, None, None)[0], codes, [(index[:40], index[40:])], (2, 7))
    assert sum(looks) == 1
    assert sum(copies) == 2


def test_dropout_turns_off_its_share_and_keeps_the_mean():
    masks = Network(Schedule(hidden=(400, 300), dropout=0.3), 5, 2).masks(500)
    for mask, width in zip(masks, (400, 300), strict=True):
        assert mask.shape == (500, width)
        assert float((mask == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
        assert float(mask.mean()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", ["mlp:hidden=16", "softmax"])
def test_each_epoch_is_recorded(name):
    X, y = data()
    seen = []
    head = make_head(name, epochs=5, lr=0.01).fit(X[:200], y[:200], watch=Watch(X[200:], y[200:], seen.append))
    assert [record["epoch"] for record in head.history_] == [1, 2, 3, 4, 5]
    assert seen == head.history_
    assert head.history_[-1]["train_loss"] < head.history_[0]["train_loss"]
    assert head.history_[-1]["train_accuracy"] > 0.7
    assert head.history_[-1]["val_accuracy"] == head.score(X[200:], y[200:])
    assert "val_accuracy" not in make_head(name, epochs=1).fit(X, y).history_[0]


@pytest.mark.parametrize("name", ["mlp:hidden=16", "softmax", "mlp:hidden=16,patience=2"])
def test_the_validation_rows_choose_nothing(name):
    """The head is the same with them, without them, and with their labels shuffled: the last epoch, not the best."""
    X, y = data()
    plain = make_head(name).fit(X[:200], y[:200])
    shuffled = np.random.default_rng(0).permutation(y[200:])
    for y_val in (y[200:], shuffled):
        watched = make_head(name).fit(X[:200], y[:200], watch=Watch(X[200:], y_val))
        np.testing.assert_equal(watched.state(), plain.state())


def test_early_stopping_looks_at_training_rows_and_keeps_the_best_of_them():
    X, y = data(200)
    y = np.random.default_rng(1).permutation(y)  # nothing to learn: it only gets worse
    head = make_head("mlp:hidden=64,epochs=60,patience=3,lr=0.01").fit(X, y)
    losses = [record["held_out_loss"] for record in head.history_]
    assert len(losses) == int(np.argmin(losses)) + 1 + 3 < 60
    index, held_out = head._split(np.unique(y, return_inverse=True)[1], np.arange(200))
    assert len(held_out) == 20 + 1  # a tenth of 67, 67 and 66 rows
    codes = np.unique(y, return_inverse=True)[1][held_out]
    rows = head.scaling_(X[held_out])
    assert head._loss(rows, codes) == pytest.approx(min(losses), rel=1e-5)
    assert not set(index) & set(held_out)


def test_a_tenth_of_each_class_is_held_out_for_early_stopping():
    codes = np.repeat([0, 1, 2, 3], [50, 20, 4, 5])
    index = np.sort(rng().permutation(len(codes))[:75])
    head = make_head("mlp:patience=2")
    train, held_out = head._split(codes, index)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, held_out])), index)
    sizes = np.bincount(codes[index])
    np.testing.assert_array_equal(np.bincount(codes[held_out], minlength=4), np.floor(sizes / 10 + 0.5))
    other = make_head("mlp:patience=2,seed=1")._split(codes, index)[1]
    assert held_out.tolist() != other.tolist()
    assert [len(part) for part in make_head("mlp")._split(codes, index)] == [75, 0]


@pytest.mark.parametrize("weights", [None, np.array([1.0, 3.0, 0.5])])
def test_the_held_out_loss_is_scikit_learns(weights):
    head = make_head("softmax")
    head.layers_ = [(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))]
    rows, codes = np.array([[3, 1, 0], [0, 0, 1], [800, 2, 1]], np.float32), np.array([0, 1, 0])
    chances = np.exp(rows - rows.max(1, keepdims=True))
    chances = chances / chances.sum(1, keepdims=True)
    wanted = log_loss(codes, chances, sample_weight=weights, labels=[0, 1, 2])
    assert head._loss(rows, codes, weights) == pytest.approx(wanted, rel=1e-6)


def test_the_global_state_of_torch_is_left_alone():
    X, y = data(60)
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    make_head("mlp:hidden=8").fit(X, y)
    torch.testing.assert_close(torch.rand(3), wanted)


def test_a_loss_is_a_mean_over_rows_whatever_the_last_batch():
    """50 rows make two batches, of 32 and 18: the first epoch's loss of a layer at zero is log 3 at first order."""
    X, y = data(50)
    head = make_head("softmax:epochs=1,lr=1e-9").fit(X, y)
    assert head.history_[0]["train_loss"] == pytest.approx(np.log(3), rel=1e-4)


def test_a_network_begins_without_a_bias_for_any_class() -> None:
    """A row of zeros gets the same from every class as long as nothing was learned."""
    X = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    head = make_head("mlp", hidden=(8,), lr=1e-12, epochs=1, standardize=False).fit(X, np.array(["a", "b", "c"] * 10))
    assert np.allclose(head.predict_proba(np.zeros((1, 6), np.float32)), 1 / 3, atol=1e-6)
