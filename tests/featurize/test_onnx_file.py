"""A network in an ONNX file: the vectors of ONNX Runtime on the same pixels, and a sentence for what does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from cache import open_cache
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.table import read_table
from featurize.errors import BackboneError, WeightsError
from featurize.networks.network import choose_network, network_from
from featurize.pictures.file import pixels
from featurize.run.again import run_command
from tests.conftest import save_picture
from tests.featurize import fake

Screen = pytest.CaptureFixture[str]
SIDE = 32
TOML = f"size = {SIDE}\nmean = [0.5, 0.4, 0.3]\nstd = [0.2, 0.3, 0.4]\n"


def call(*arguments: object) -> int:
    return run(cli, [str(a) for a in arguments])


def save_network(
    path: Path, outputs: tuple[str, ...] = ("vectors",), batch: int | str = "n", opset: int = 17, last: bool = False
) -> Path:
    """A convolution, a mean over its positions and a product; made with onnx alone. `last`: channels come last."""
    rng = np.random.default_rng(0)
    arrays = {
        "kernel": rng.normal(size=(6, 3, 4, 4)).astype(np.float32),
        "matrix": rng.normal(size=(6, 5)).astype(np.float32),
    }
    turned = [helper.make_node("Transpose", ["input"], ["x"], perm=[0, 3, 1, 2])] if last else []
    nodes = [
        *turned,
        helper.make_node("Conv", ["x" if last else "input", "kernel"], ["convolved"], strides=[4, 4]),
        helper.make_node("Relu", ["convolved"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled4"]),
        helper.make_node("Flatten", ["pooled4"], ["pooled2"]),
        helper.make_node("MatMul", ["pooled2", "matrix"], ["vectors"]),
    ]
    shapes = {"map": [batch, 6, SIDE // 4, SIDE // 4], "vectors": [batch, 5]}
    given = [batch, SIDE, SIDE, 3] if last else [batch, 3, SIDE, SIDE]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("input", TensorProto.FLOAT, given)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, path)
    path.with_suffix(".toml").write_text(TOML + ('layout = "NHWC"\n' if last else ""))
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Screen) -> Path:
    """Five pictures and their dataset table."""
    monkeypatch.chdir(tmp_path)
    fake.decode_here(monkeypatch)
    for n in range(5):
        save_picture(tmp_path / "pictures" / ("a", "b")[n % 2] / f"{n}.jpg", n)
    assert call("prepare", "pictures", "--split", "random") == 0
    capsys.readouterr()
    return tmp_path


def by_onnx_runtime(path: Path, output: str) -> np.ndarray:
    """The output on the pictures of the table, one by one."""
    transform = choose_network(f"onnx:{path}").transform
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    table, found = read_table("dataset.csv"), []
    for n in range(len(table)):
        x = (pixels(table.picture(n), transform).astype(np.float64) / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.3, 0.4]
        x = x.transpose(2, 0, 1) if session.get_inputs()[0].shape[1] == 3 else x
        found.append(session.run([output], {"input": x[None].astype(np.float32)})[0][0])
    return np.stack(found)


@pytest.mark.parametrize(("batch", "last"), [("n", False), (1, False), ("n", True)])
def test_vectors_are_those_of_the_file(here: Path, batch: int | str, last: bool) -> None:
    path = save_network(here / "net.onnx", batch=batch, last=last)
    assert call("run", "--backbone", "onnx:net.onnx", "--batch-size", "2") == 0
    cache = open_cache("features")
    stored = cache.gather(read_table("dataset.csv").ids, cache.recipe("pooled"))
    assert np.abs(stored - by_onnx_runtime(path, "vectors")).max() < 1e-5


def test_a_feature_map_has_the_recipes_of_feature_maps(here: Path) -> None:
    path = save_network(here / "net.onnx", outputs=("map", "vectors"))
    path.with_suffix(".toml").write_text(TOML + 'output = "map"\n')
    assert call("run", "--backbone", "onnx:net.onnx", "--embedding", "avgpool") == 0
    cache = open_cache("features")
    stored = cache.gather(read_table("dataset.csv").ids, cache.recipe("avgpool"))
    assert np.abs(stored - by_onnx_runtime(path, "map").mean((2, 3))).max() < 1e-5


def test_a_value_within_can_be_read(here: Path) -> None:
    path = save_network(here / "net.onnx")
    path.with_suffix(".toml").write_text(TOML + 'output = "pooled2"\n')
    assert call("run", "--backbone", "onnx:net.onnx") == 0
    cache = open_cache("features")
    assert cache.gather(cache.ids(), cache.recipe("pooled")).shape == (5, 6)


def test_the_file_is_known_by_its_bytes(here: Path, capsys: Screen) -> None:
    """Moved, it is the same network; changed, it is another one."""
    path = save_network(here / "net.onnx")
    key = choose_network("onnx:net.onnx").key()
    (here / "moved").mkdir()
    for file in (path, path.with_suffix(".toml")):
        file.rename(here / "moved" / file.name)
    moved = here / "moved" / "net.onnx"
    assert choose_network(f"onnx:{moved}").key().digest == key.digest
    assert network_from(key, places=[moved]).fetch() == moved
    save_network(moved, opset=18)
    assert choose_network(f"onnx:{moved}").key().digest != key.digest
    with pytest.raises(WeightsError):
        network_from(key, places=[moved])


def test_the_command_that_goes_on_names_the_file(here: Path) -> None:
    save_network(here / "net.onnx")
    assert call("run", "--backbone", "onnx:net.onnx") == 0
    cache = open_cache("features")
    assert run_command(cache.key, place=cache.place) == f"featurize run --backbone onnx:{here / 'net.onnx'}"
    assert call("verify", "--deep") == 0


@pytest.mark.parametrize(
    "options",
    [("--engine", "torch"), ("--engine", "openvino"), ("--precision", "bf16"), ("--precision", "int8")],
    ids=" ".join,
)
def test_it_runs_in_one_engine_alone(here: Path, options: tuple[str, ...], capsys: Screen) -> None:
    save_network(here / "net.onnx")
    assert call("run", "--backbone", "onnx:net.onnx", *options) == 1
    assert "is an ONNX file" in capsys.readouterr().err


def test_other_weights_are_refused(here: Path, capsys: Screen) -> None:
    save_network(here / "net.onnx")
    assert call("run", "--backbone", "onnx:net.onnx", "--weights", "random") == 1
    assert "has its weights in it: leave --weights random out" in capsys.readouterr().err
    assert call("filters", "--backbone", "onnx:net.onnx") == 1
    shown = capsys.readouterr().err
    assert "runs in ONNX Runtime alone" in shown
    assert "--" not in shown, "options that filters does not have"


def _tokens(path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["input"], ["out"])], "net",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, SIDE])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3, SIDE])],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, ir_version=8), path)


def _external(path: Path) -> None:
    save_network(path)
    onnx.save(onnx.load(path), path, save_as_external_data=True, size_threshold=0)


def _bare(path: Path) -> None:
    save_network(path).with_suffix(".toml").unlink()


def _toml(text: str) -> object:
    return lambda path: save_network(path).with_suffix(".toml").write_text(text)


WRONG = {
    "missing": (lambda p: None, "there is no file 'net.onnx'"),
    "empty": (lambda p: (save_network(p), p.write_bytes(b"")), "it has no input or no output"),
    "no onnx": (lambda p: (save_network(p), p.write_bytes(b"\xff\x00text" * 9)), "can't be read as an ONNX file"),
    "no toml": (_bare, "there is no 'net.toml': write size, mean, std"),
    "several outputs": (lambda p: save_network(p, outputs=("map", "vectors")), "has several outputs (map, vectors)"),
    "tokens": (lambda p: (save_network(p), _tokens(p)), "has 3 dimensions"),
    "weights elsewhere": (_external, "keeps its weights in other files"),
    "a fact that is none": (_toml(TOML + "colour = 1\n"), "has an unknown 'colour'"),
    "no such output": (_toml(TOML + 'output = "x"\n'), "has no output 'x'; its outputs are: vectors"),
    "no such layout": (_toml(TOML + 'layout = "CHW"\n'), "use one of NCHW, NHWC"),
    "another size": (_toml(TOML.replace("32", "64")), "mend size or layout"),
    "another layout": (_toml(TOML + 'layout = "NHWC"\n'), "mend size or layout"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_one_sentence(here: Path, case: str, capsys: Screen) -> None:
    make, said = WRONG[case]
    make(here / "net.onnx")
    assert call("run", "--backbone", "onnx:net.onnx") == 1
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown


def test_a_network_is_not_opened_by_pytorch(here: Path) -> None:
    save_network(here / "net.onnx")
    with pytest.raises(BackboneError, match="use the network that it was exported from"):
        choose_network("onnx:net.onnx").load()
