"""Engines: numbers that depend on the picture alone, the same whoever computes them."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import get_model

from cache import Artifacts
from cache.buckets import MemoryBucket
from featurize import engines
from featurize.dataset.table import DatasetTable
from featurize.engines import EngineChoice, exported, int8, make_engine, openvino
from featurize.engines.base import Engine
from featurize.engines.exported import BODY, export_body, find_body, join, precision_of
from featurize.engines.fake import FakeEngine
from featurize.engines.onnx import OnnxEngine
from featurize.engines.openvino import OpenvinoEngine
from featurize.engines.torch import TorchEngine
from featurize.errors import BackboneError
from featurize.networks.base import TOKENS
from featurize.networks.network import choose_network
from featurize.networks.recipes import FORMULAS, formulas
from featurize.pictures.transform import Transform
from featurize.run import extract
from featurize.run.agreement import relative_difference
from featurize.run.pipeline import on_one_processor
from featurize.run.settings import Settings

SQUEEZENET = choose_network("squeezenet1_1", "random")
PLAIN = [FORMULAS[n] for n in ("avgpool", "multi", "stats", "gram")]
AVGPOOL = FORMULAS["avgpool"]
Make = Callable[[int], Engine]


@pytest.fixture(scope="module")
def module() -> torch.nn.Module:
    return SQUEEZENET.load()


@pytest.fixture(scope="module")
def body(module: torch.nn.Module) -> bytes:
    return export_body(SQUEEZENET, module)


def in_memory() -> Artifacts:
    return Artifacts(MemoryBucket(), "")


def maker(name: str, module: torch.nn.Module, body: bytes) -> Make:
    if name == "fake":
        return lambda size: FakeEngine(PLAIN, size)
    if name == "torch":
        return lambda size: TorchEngine(SQUEEZENET, module, PLAIN, batch_size=size)
    engine = {"onnx": OnnxEngine, "openvino": OpenvinoEngine}[name]
    return lambda size: engine(join(body, PLAIN, in_memory()), PLAIN, batch_size=size)


REAL = ["torch", "onnx", "openvino"]


@pytest.fixture(scope="module", params=REAL)
def make(request: pytest.FixtureRequest, module: torch.nn.Module, body: bytes) -> Make:
    return maker(request.param, module, body)


@pytest.fixture(scope="module", params=[*REAL, "fake"])
def make_any(request: pytest.FixtureRequest, module: torch.nn.Module, body: bytes) -> Make:
    """All that stand behind the contract, the fake among them."""
    return maker(request.param, module, body)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """Blobs of colour, so that feature maps have some structure."""
    small = np.random.default_rng(seed).integers(0, 256, (count, 14, 14, 3), dtype=np.uint8)
    return small.repeat(16, axis=1).repeat(16, axis=2)


@pytest.fixture(scope="module")
def expected(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """Straight from the definitions, with nothing folded, cut or exported."""
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (Transform().mean, Transform().std))
    x = (torch.from_numpy(pictures(4)).permute(0, 3, 1, 2) / 255 - mean) / std
    maps = []
    with torch.inference_mode():
        for name, layer in module.features.named_children():
            x = layer(x)
            if f"features.{name}" in SQUEEZENET.backbone.nodes:
                maps.append(x.double().numpy())
    pooled = [m.mean((2, 3)) for m in maps]
    deviations = [m.std((2, 3)) for m in maps]
    middle = maps[-2].reshape(4, maps[-2].shape[1], -1)
    projection = np.random.Generator(np.random.PCG64(0)).standard_normal((64, middle.shape[1])) / 8
    projected = projection @ middle
    grams = projected @ projected.transpose(0, 2, 1) / middle.shape[2]
    rows, columns = np.triu_indices(64)
    return {
        "avgpool": pooled[-1],
        "multi": np.concatenate(pooled[-3:], 1),
        "stats": np.concatenate([v for pair in zip(pooled, deviations, strict=True) for v in pair], 1),
        "gram": grams[:, rows, columns],
    }


@pytest.mark.parametrize("name", ["avgpool", "multi", "stats", "gram"])
def test_vectors_are_those_of_the_definition(make: Make, expected: dict[str, np.ndarray], name: str) -> None:
    found = make(4).embed(pictures(4))[FORMULAS[name].recipe]
    assert found.dtype == np.float32
    assert found.shape == expected[name].shape
    assert relative_difference(found, expected[name]).max() < 1e-5


def test_the_size_of_the_batch_hardly_matters(make_any: Make) -> None:
    pixels = pictures(64)
    whole = make_any(64).embed(pixels)[AVGPOOL.recipe]
    for size in (1, 3, 8):
        engine = make_any(size)
        parts = [engine.embed(pixels[n : n + size])[AVGPOOL.recipe] for n in range(0, 24, size)]
        assert relative_difference(np.concatenate(parts), whole[:24]).max() < 1e-5


def test_a_picture_s_vector_does_not_depend_on_its_neighbours(make_any: Make) -> None:
    """Bit for bit, in a batch of one shape: neighbours may fail, be black, or be others."""
    engine = make_any(4)
    pixels, others = pictures(4), pictures(4, seed=1)
    alone = np.zeros_like(pixels)
    alone[2], others[2] = pixels[2], pixels[2]
    found = [engine.embed(p) for p in (pixels, alone, others)]
    for formula in PLAIN:
        assert len({v[formula.recipe][2].tobytes() for v in found}) == 1


def test_several_threads_at_once_give_the_same_bits(make_any: Make) -> None:
    engine = make_any(2)
    pixels = [pictures(2, seed) for seed in range(6)]
    with ThreadPoolExecutor(1, initializer=on_one_processor) as pool:
        alone = [v[AVGPOOL.recipe].tobytes() for v in pool.map(engine.embed, pixels)]
    with ThreadPoolExecutor(3, initializer=on_one_processor) as pool:
        together = [v[AVGPOOL.recipe].tobytes() for v in pool.map(engine.embed, pixels)]
    assert together == alone


def test_mirrored_recipes_do_not_care_which_way_a_picture_hangs(module: torch.nn.Module) -> None:
    engine = TorchEngine(SQUEEZENET, module, formulas("avgpool", mirror=True), batch_size=2)
    plain = TorchEngine(SQUEEZENET, module, [AVGPOOL], batch_size=2)
    pixels = pictures(2)
    mirrored = np.ascontiguousarray(pixels[:, :, ::-1])
    recipe = FORMULAS["avgpool-mirror"].recipe
    both, turned = engine.embed(pixels)[recipe], engine.embed(mirrored)[recipe]
    mean = (plain.embed(pixels)[AVGPOOL.recipe] + plain.embed(mirrored)[AVGPOOL.recipe]) / 2
    assert np.array_equal(both, turned)
    assert np.allclose(both, mean, rtol=1e-6)
    assert recipe != AVGPOOL.recipe


def test_folding_batchnorm_changes_nothing_and_nothing_is_learned(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = get_model("resnet18", weights=None)
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(8, 3, 64, 64))  # statistics that are not the initial ones
    network.eval()
    engine = TorchEngine(choose_network("resnet18", "random"), network, [AVGPOOL], batch_size=2)
    assert not [m for m in engine._body.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    before = {k: v.clone() for k, v in engine._body.state_dict().items()}
    found = engine.embed(pictures(2))[AVGPOOL.recipe]
    assert all(torch.equal(v, before[k]) for k, v in engine._body.state_dict().items())
    network.fc = torch.nn.Identity()
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (Transform().mean, Transform().std))
    with torch.inference_mode():
        expected = network((torch.from_numpy(pictures(2)).permute(0, 3, 1, 2) / 255 - mean) / std).numpy()
    assert relative_difference(found, expected).max() < 1e-5


def test_an_exported_network_is_kept_and_a_damaged_one_made_again(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path, "")
    make_engine(SQUEEZENET, [AVGPOOL], EngineChoice("onnx"), artifacts)
    kept = find_body(artifacts)
    assert kept is not None
    for file in tmp_path.iterdir():  # body and formulas
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    assert find_body(artifacts) is None
    vectors = make_engine(SQUEEZENET, [AVGPOOL], EngineChoice("onnx"), artifacts).embed(pictures(8))
    assert find_body(artifacts) == kept
    assert artifacts.verify() == []
    reference = make_engine(SQUEEZENET, [AVGPOOL], EngineChoice("torch"), artifacts).embed(pictures(8))
    assert relative_difference(vectors[AVGPOOL.recipe], reference[AVGPOOL.recipe]).max() < 1e-5


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (EngineChoice(device="cuda:77"), "'cuda:77' is not to be had here"),
        (EngineChoice("onnx", "bf16"), "the onnx engine has no bf16"),
        (EngineChoice("torch", "int8:0"), "int8 does not run in the torch engine"),
        (EngineChoice("onnx", compiled=True), "--compile is for the torch engine, and this run takes the onnx engine"),
        (EngineChoice("tensorrt"), "--engine tensorrt: choose one of auto, onnx"),
        (EngineChoice("auto", "int8:0"), "the calibrated network .* is missing or damaged"),
    ],
    ids=["no such device", "onnx in bf16", "torch in int8", "compiled onnx", "no such engine", "no calibrated network"],
)
def test_what_can_not_be_computed_is_told(tmp_path: Path, choice: EngineChoice, message: str) -> None:
    with pytest.raises(BackboneError, match=message):
        make_engine(SQUEEZENET, [AVGPOOL], choice, Artifacts(tmp_path, ""))


@pytest.mark.parametrize(
    ("precision", "is_there", "has_bf16", "fastest", "of_tokens"),
    [
        ("fp32", True, True, "onnx", "openvino"),
        ("bf16", True, True, "openvino", "openvino"),
        ("bf16", True, False, "torch", "torch"),
        ("int8", True, False, "openvino", "openvino"),
        ("fp32", False, False, "onnx", "onnx"),
        ("bf16", False, False, "torch", "torch"),
        ("int8", False, False, "onnx", "onnx"),
    ],
)
def test_auto_is_the_fastest_that_is_there(
    monkeypatch: pytest.MonkeyPatch, precision: str, is_there: bool, has_bf16: bool, fastest: str, of_tokens: str
) -> None:
    monkeypatch.setattr(openvino, "installed", lambda: is_there)
    monkeypatch.setattr(openvino, "has_bf16", lambda: has_bf16)
    maps = SQUEEZENET.backbone
    tokens = replace(maps, variant={TOKENS: {}})
    assert engines._fastest(precision, "cpu", maps) == fastest
    assert engines._fastest(precision, "cpu", tokens) == of_tokens
    assert engines._fastest(precision, "cuda", tokens) == "torch"
    large = replace(maps, parameters=632_000_000)
    assert engines._fastest(precision, "cpu", large) == (fastest if precision == "int8" else "torch")


def test_what_fits_into_no_onnx_file_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported, "LARGEST", 1_000_000)
    with pytest.raises(BackboneError, match=r"squeezenet1_1 has 1 million parameters.*use --engine torch"):
        exported.export(choose_network("squeezenet1_1", "random"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU, torch is the engine")
def test_a_network_is_exported_and_run_without_torch_in_this_process(tmp_path: Path, body: bytes) -> None:
    """A gigabyte less in every run, and some seconds where it was exported before."""
    code = """
import sys
from cache import Artifacts
from featurize.engines import EngineChoice, make_engine
from featurize.networks.network import choose_network
from featurize.networks.recipes import formulas
network = choose_network("squeezenet1_1", "random")
artifacts = Artifacts(sys.argv[1], "")
engine = make_engine(network, formulas("avgpool,gram"), EngineChoice(ENGINE), artifacts)
print(engine.describe(), "torch" in sys.modules)
"""
    said = [
        subprocess.run(
            [sys.executable, "-c", code.replace("ENGINE", repr(name)), str(tmp_path)],
            capture_output=True, text=True, check=True,
        ).stdout.split()
        for name in ("auto", "auto", "openvino")
    ]  # fmt: skip
    assert [(s[0], s[-1]) for s in said] == [("onnx", "False"), ("onnx", "False"), ("openvino", "False")]
    assert find_body(Artifacts(tmp_path, "")) == body, "other bytes than in a process that has torch"


@pytest.mark.skipif(not openvino.has_bf16(), reason="the processor has no bfloat16")
def test_bf16_on_a_cpu_is_near_float32(body: bytes) -> None:
    exact, coarse = (
        OpenvinoEngine(join(body, [AVGPOOL], in_memory()), [AVGPOOL], batch_size=4, precision=p).embed(pictures(4))[
            AVGPOOL.recipe
        ]
        for p in ("fp32", "bf16")
    )
    assert 1e-4 < relative_difference(coarse, exact).max() < 5e-2


def test_eight_bits_are_calibrated_once_and_part_of_the_key(paintings: Path, tmp_path: Path) -> None:
    from cache import artifacts_of, open_cache
    from featurize.dataset.prepare import prepare
    from featurize.run.extract import Settings, extract

    table = prepare(paintings, tmp_path / "dataset.csv").table
    settings = Settings(backbone="squeezenet1_1", weights="random", precision="int8")
    done = extract(table, tmp_path / "features", settings)
    artifacts = artifacts_of(tmp_path / "features", done.key)
    body = find_body(artifacts, done.key.precision)
    assert body is not None
    assert done.key.precision == precision_of(body) == "int8:" + hashlib.sha256(body).hexdigest()[:16]
    again = extract(table, tmp_path / "features", settings)
    assert (again.key, again.embedded) == (done.key, 0)
    other = extract(table, tmp_path / "other", settings)
    assert other.key == done.key, "the same pictures give the same network"
    plain = extract(table, tmp_path / "features", Settings(backbone="squeezenet1_1", weights="random"))
    assert plain.key != done.key
    a, b = (open_cache(d.folder).gather(table.ids, AVGPOOL.recipe) for d in (done, plain))
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert 0.98 < cosine.min() < 1


def test_only_the_network_that_was_calibrated_is_that_of_an_eight_bit_key(tmp_path: Path, body: bytes) -> None:
    """Whole, and under its right name, another network is still not the one whose hash is in the key."""
    artifacts = Artifacts(tmp_path, "")
    calibrated = body[:-1] + bytes([body[-1] ^ 1])
    artifacts.keep(BODY, body)
    with pytest.raises(BackboneError, match="missing or damaged"):
        find_body(artifacts, precision_of(calibrated))
    name = artifacts.keep(BODY, calibrated)
    assert find_body(artifacts, precision_of(calibrated)) == calibrated
    (tmp_path / name).write_bytes(body)
    with pytest.raises(BackboneError, match="missing or damaged"):
        find_body(artifacts, precision_of(calibrated))


@pytest.mark.parametrize("depthwise", [False, True])
def test_networks_with_depthwise_convolutions_keep_their_ends_in_float32(
    depthwise: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import onnx
    from onnx import helper

    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["x0"], perm=[0, 3, 1, 2]),
    ]
    weights = []
    for n in range(8):
        group = 3 if depthwise and n == 2 else 1
        drawn = rng.standard_normal((3, 3 // group, 1, 1)).astype(np.float32)
        weights.append(onnx.numpy_helper.from_array(drawn, f"w{n}"))
        nodes.append(helper.make_node("Conv", [f"x{n}", f"w{n}"], [f"x{n + 1}"], f"conv{n}", group=group))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pixels", onnx.TensorProto.UINT8, ["b", 8, 8, 3])],
        [helper.make_tensor_value_info("x8", onnx.TensorProto.FLOAT, ["b", 3, 8, 8])],
        weights,
    )
    body = tmp_path / "fp32.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), body)
    quantised = onnx.load_from_string(int8.quantise(body, rng.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)))
    made_by = {output: node.op_type for node in quantised.graph.node for output in node.output}
    in_float = [
        n.name for n in quantised.graph.node if n.op_type == "Conv" and made_by.get(n.input[1]) != "DequantizeLinear"
    ]
    assert in_float == ([f"conv{n}" for n in (0, 1, 2, 3, 4, 7)] if depthwise else [])
    assert capsys.readouterr().out == "", "a command's output is its own"
    assert logging.getLogger().level == logging.WARNING


def test_an_engine_without_eight_bits_is_refused_before_anything_is_calibrated(tmp_path: Path) -> None:
    table = DatasetTable({"id": [], "path": [], "size": [], "mtime_ns": [], "split": []}, tmp_path)
    asked = Settings(backbone="squeezenet1_1", weights="random", precision="int8", engine="torch")
    with pytest.raises(BackboneError, match="int8 does not run in the torch engine"):
        extract.precision_of(SQUEEZENET, asked, table, tmp_path, lambda line: pytest.fail(line))
