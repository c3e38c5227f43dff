"""Where a network is cut, which layers are retrained, and which rows a step sees."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from classify.data import Examples, load_rows
from classify.errors import FinetuneError
from classify.finetune.checkpoint import Keeper
from classify.finetune.feed.inputs import Fetched, Pictures, Uncached
from classify.finetune.feed.schedule import Step, steps
from classify.finetune.feed.views import View, crop, fixed_views
from classify.finetune.learner import Learner
from classify.finetune.network import build, linear_weights
from classify.finetune.optimize import Mean
from classify.finetune.scope import chosen_layers, halves
from classify.finetune.settings import FinetuneSettings
from classify.finetune.team import Team
from classify.finetune.training import Training, scores_of
from classify.fitting.asked import read_spec
from classify.fitting.trial import train_head
from featurize.dataset.table import DatasetTable
from featurize.networks.network import choose_network
from featurize.networks.providers import provider_of
from tests.classify.finetune.worlds import quick


def body(name: str) -> torch.nn.Module:
    network = choose_network(name, "random", size=32)
    whole = network.load()
    return provider_of("torchvision").trainable(network.backbone, whole, network.backbone.nodes[-1:])


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("resnet18", "layer4"),
        ("resnet18", "conv1"),
        ("squeezenet1_1", "features.9"),
        ("mobilenet_v2", "features.17"),
        ("convnext_tiny", "features.7"),
    ],
)
def test_the_two_halves_are_the_whole(name: str, node: str) -> None:
    whole = body(name)
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    parts = halves(whole, node)
    with torch.no_grad():
        maps = x if parts.before is None else parts.before(x)
        assert torch.equal(parts.after(maps)["0"], whole(x)["0"])
    own = {id(p) for p in whole.parameters()}
    assert {id(p) for half in (parts.before, parts.after) if half for p in half.parameters()} == own


@pytest.mark.parametrize("name", ["squeezenet1_1", "convnext_tiny"])
def test_the_state_holds_all_that_training_may_change(name: str) -> None:
    """Also the parameters that a network reads by itself and not as a step of its own, as ConvNeXt's scales."""
    tuned = build(choose_network(name, "random", size=32), quick(everything=True), 2, "cpu")
    trained = {name: p for name, p in tuned.whole.named_parameters() if p.requires_grad}
    state = {name: value.clone() for name, value in tuned.state().items()}
    assert len(trained) >= 50
    assert {f"network.{name}" for name in trained} == {name for name in state if name.startswith("network.")}
    tuned.load({name: value + 1 for name, value in state.items()})
    assert all(torch.equal(p, state[f"network.{name}"] + 1) for name, p in trained.items())


def test_a_node_that_more_than_one_map_passes_is_refused() -> None:
    with pytest.raises(FinetuneError, match="2 maps go into it"):
        halves(body("resnet18"), "layer4.1.conv2")


def test_layers_with_weights_are_counted_from_the_end_with_batchnorm() -> None:
    """As RASTA counts them."""
    names = [name for name, _ in chosen_layers(body("resnet18"), quick(layers=3))]
    assert names == ["layer4.1.bn1", "layer4.1.conv2", "layer4.1.bn2"]
    every = [name for name, _ in chosen_layers(body("resnet18"), quick(everything=True))]
    assert len(every) == 40
    assert every[0] == "conv1"
    stage = [name for name, _ in chosen_layers(body("resnet18"), quick(start="layer4"))]
    assert stage == [name for name in every if name.startswith("layer4")]
    with pytest.raises(FinetuneError, match="41: the network has 40"):
        chosen_layers(body("resnet18"), quick(layers=41))
    with pytest.raises(FinetuneError, match=r"no such node with weights; .* there are: layer4, layer3"):
        chosen_layers(body("resnet18"), quick(start="layer9"))


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_b0", "convnext_tiny"])
def test_all_layers_are_all_parameters(name: str) -> None:
    """Also of steps that torch.fx does not look into: blocks of convolution and norm, and squeeze and excitation."""
    whole = body(name)
    layers = chosen_layers(whole, quick(everything=True))
    mine = {id(p) for _, module in layers for p in module.parameters(recurse=False)}
    assert mine == {id(p) for p in whole.parameters()}
    names = [layer for layer, _ in layers]
    last = chosen_layers(whole, quick(start="features.7"))
    assert [layer for layer, _ in last] == names[names.index(last[0][0]) :]
    assert last[0][0].startswith("features.7")


@pytest.mark.parametrize("node", ["features.14.conv.0.0", "features.14.conv.1.1"])
def test_a_node_within_a_step_is_refused_with_the_step_to_choose(node: str) -> None:
    with pytest.raises(FinetuneError, match=f"is a part of {node[:-2]}, which is one step: use --from {node[:-2]}"):
        halves(body("mobilenet_v2"), node)


@pytest.mark.parametrize("options", [{}, {"layers": 1, "everything": True}], ids=["none", "two"])
def test_what_is_retrained_must_be_said_once(options: dict[str, object]) -> None:
    with pytest.raises(FinetuneError, match="give one"):
        FinetuneSettings(**options)


def test_norms_keep_their_statistics_while_they_are_trained() -> None:
    """Frozen ones always, retrained ones unless they are to learn them."""
    network = choose_network("resnet18", "random", size=32)
    x = torch.rand(4, 3, 32, 32)
    for learns in (False, True):
        tuned = build(network, quick(backbone="resnet18", layers=2, batch_stats=learns), 3, "cpu")
        before = {n: v.clone() for n, v in tuned.whole.state_dict().items() if "running" in n}
        tuned.mode(training=True)
        tuned.logits(x).sum().backward()
        changed = {n for n, v in tuned.whole.state_dict().items() if n in before and not torch.equal(v, before[n])}
        assert changed == ({"layer4.1.bn2.running_mean", "layer4.1.bn2.running_var"} if learns else set())


def test_a_step_follows_from_seed_and_epoch_alone() -> None:
    rows, codes = np.arange(30), np.repeat([0, 1, 2], [20, 8, 2])
    first, again, next_ = (steps(rows, codes, quick(), 8, epoch) for epoch in (1, 1, 2))
    assert [s.rows.tolist() for s in first] == [s.rows.tolist() for s in again]
    assert [s.rows.tolist() for s in first] != [s.rows.tolist() for s in next_]
    assert sorted(n for s in first for n in s.rows.tolist()) == rows.tolist()


def test_balanced_steps_show_each_class_equally_often() -> None:
    codes = np.repeat([0, 1, 2], [20, 8, 2])
    seen = np.concatenate([s.rows for s in steps(np.arange(30), codes, quick(balanced=True), 8, 1)])
    assert np.bincount(codes[seen]).tolist() == [10, 10, 10]


def test_a_view_follows_from_the_picture_and_the_draw_alone() -> None:
    """And another draw, or another picture, gives another one; colours come from the picture."""
    square = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    one, two = "a" * 64, "b" * 64
    assert np.array_equal(crop(square, View((1,)), one, 32), crop(square, View((1,)), one, 32))
    assert not np.array_equal(crop(square, View((1,)), one, 32), crop(square, View((2,)), one, 32))
    assert not np.array_equal(crop(square, View((1,)), one, 32), crop(square, View((1,)), two, 32))
    assert len({v.name for v in fixed_views(4)}) == 6
    flat = np.full((40, 40, 3), (10, 200, 90), np.uint8)
    assert (crop(flat, View((1,)), one, 32) == flat[:32, :32]).all()


def test_no_painter_is_on_both_sides_when_the_epoch_is_chosen(world: DatasetTable) -> None:
    rows = load_rows(world, "style", "train")
    tuned = build(choose_network("squeezenet1_1", "random", size=32), quick(head_only=True), 3, "cpu")
    learner = Learner(tuned, None, rows, quick(head_only=True), 8, Team())
    fit, held = learner.held_out(np.arange(len(rows)))
    assert len(held)
    assert len(fit)
    assert sorted([*fit, *held]) == list(range(len(rows)))
    assert not set(rows.groups[fit]) & set(rows.groups[held])


def test_a_batch_in_parts_or_in_two_processes_gives_the_gradient_of_the_whole_batch(world: DatasetTable) -> None:
    """To 1e-5, which is rounding."""
    (plain, step), scaler = one_step(world, mixup=0.3), torch.amp.GradScaler("cpu", enabled=False)
    plain._gradient(step, fetch(plain, step), scaler, 1)
    whole = [p.grad.clone() for p in plain.tuned.head.parameters()]
    parted, _ = one_step(world, mixup=0.3)
    parted._gradient(step, fetch(parted, step), scaler, 3)
    shared = []
    for rank in range(2):
        process, _ = one_step(world, mixup=0.3)
        process.team = Lone(rank, 2)
        process._gradient(step, fetch(process, step), scaler, 1)
        shared.append([p.grad for p in process.tuned.head.parameters()])
    for n, expected in enumerate(whole):
        assert torch.allclose(expected, list(parted.tuned.head.parameters())[n].grad, atol=1e-5)
        assert torch.allclose(expected, shared[0][n] + shared[1][n], atol=1e-5)


class Lone(Team):
    """One of two processes, before they add up."""

    def add_up(self, tensors: object) -> None:
        """Nothing: the test does it."""


@pytest.mark.parametrize("size", ["auto", 8])
def test_where_memory_is_short_a_batch_is_computed_in_parts_or_there_is_advice(
    world: DatasetTable, size: object
) -> None:
    training, step = one_step(world, batch_size=size)
    logits = training.tuned.logits

    def small(maps: torch.Tensor) -> torch.Tensor:
        if len(maps) > 3:
            raise torch.OutOfMemoryError("no memory left")
        return logits(maps)

    training.tuned.logits = small
    optimizer, scaler = torch.optim.SGD(training.tuned.head.parameters()), torch.amp.GradScaler("cpu", enabled=False)
    if size == "auto":
        training._within_memory(step, fetch(training, step), optimizer, scaler)
        assert training.parts == 4
    else:
        with pytest.raises(FinetuneError, match="--batch-size auto or --accumulate 2"):
            training._within_memory(step, fetch(training, step), optimizer, scaler)


def test_rows_are_scored_in_parts_where_memory_is_short(world: DatasetTable) -> None:
    """A batch that can be learned from in parts must not end the run when it is looked at."""
    training, _ = one_step(world)
    arguments = (training.inputs, training.fit, 8, training.team)
    torch.nn.init.normal_(training.tuned.head.weight, generator=torch.Generator().manual_seed(0))
    whole, _ = scores_of(training.tuned, *arguments)
    logits = training.tuned.logits

    def small(maps: torch.Tensor) -> torch.Tensor:
        if len(maps) > 3:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return logits(maps)

    training.tuned.logits = small
    assert np.allclose(scores_of(training.tuned, *arguments)[0], whole, atol=1e-5)


def one_step(world: DatasetTable, **options: object) -> tuple[Training, Step]:
    """A training that has not begun, and its first step."""
    settings = quick(**options)
    rows = load_rows(world, "style", "train")
    network = choose_network("squeezenet1_1", "random", size=32)
    tuned = build(network, settings, 3, "cpu")
    pictures = Pictures([world.picture(n) for n in world.rows_of("train")], network.transform, 1, 1 << 20)
    codes = np.unique(rows.y, return_inverse=True)[1]
    every = np.arange(len(rows))
    inputs = Uncached(pictures, tuned)
    training = Training(tuned, inputs, codes, every, every[:0], settings, 8, Team(), Keeper(None), lambda record: None)
    return training, steps(every, codes, settings, 8, 1)[0]


def fetch(training: Training, step: Step) -> Fetched:
    """The rows of a step."""
    return training.inputs.fetch(*training._asked(step))


@pytest.mark.parametrize("parts", [1, 3])
def test_the_accuracy_of_an_epoch_is_that_of_its_pictures(world: DatasetTable, parts: int) -> None:
    """Where nothing moves, it is the share of rows that the head names; in parts as at once."""
    training, _ = one_step(world, rate=0.0, head_rate=0.0, augment=False, accumulate=parts)
    record = training.run(1).history[1]
    scores, _ = scores_of(training.tuned, training.inputs, training.fit, 8, training.team)
    assert record["train_accuracy"] == pytest.approx(np.mean(scores.argmax(1) == training.codes))


def test_how_sure_a_network_is_does_not_choose_the_epoch(world: DatasetTable) -> None:
    """Scores ten times as large have the same held-out loss: a temperature is fitted afterwards."""
    training, _ = one_step(world)
    training.held = training.fit
    torch.nn.init.normal_(training.tuned.head.weight, generator=torch.Generator().manual_seed(0))
    before = training._looked(Mean(0.0, {}))
    with torch.no_grad():
        training.tuned.head.weight.mul_(10)
        training.tuned.head.bias.mul_(10)
    after = training._looked(Mean(0.0, {}))
    assert after["held_out_loss"] == pytest.approx(before["held_out_loss"], rel=1e-4)
    assert after["held_out_accuracy"] == before["held_out_accuracy"]


def test_the_head_that_training_begins_with_is_calibrated(world: DatasetTable) -> None:
    """One that is too sure of the rows that it has learned from would leave nothing to learn."""
    rows = load_rows(world, "style", "train")
    network = choose_network("squeezenet1_1", "random", size=32)
    tuned = build(network, quick(head_only=True), 3, "cpu")
    learner = Learner(tuned, None, rows, quick(head_only=True), 8, Team())
    centres = np.eye(3, tuned.head.in_features)[np.unique(rows.y, return_inverse=True)[1]]
    noise = np.random.default_rng(0).normal(size=(len(rows), tuned.head.in_features))
    learner.__dict__["frozen"] = (centres + noise).astype(np.float32)
    numbers = np.arange(len(rows))
    sure = train_head(read_spec("logreg:calibrate=false"), Examples(rows, learner.frozen), (), seed=0).head
    W, _ = learner._probe(numbers)
    assert np.linalg.norm(W) < np.linalg.norm(linear_weights(sure)[0]) / 2
