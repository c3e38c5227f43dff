"""A network of the user's own, as docs/networks.md shows it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from cache import open_cache
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.errors import BackboneError
from featurize.networks.network import choose_network
from featurize.networks.providers import backbone
from tests.conftest import ROOT, save_picture
from tests.featurize.networks import golden


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the two files of the page."""
    page = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    for language, name in (("python", "mine.py"), ("toml", "mine.toml")):
        code, *_ = re.findall(rf"```{language}\n(.*?)```", page, re.S)
        (tmp_path / name).write_text(code)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_class(folder: Path, base: str, forward: str, layers: str = "") -> None:
    """Write `mine.py`: a class whose `forward` is one statement, and a network that is one of it."""
    (folder / "mine.py").write_text(
        f"from torch import nn\n\n\nclass Mine({base}):\n    def forward(self, x):\n        {forward}\n\n\n"
        f"def network():\n    return Mine({layers})\n"
    )


def test_ten_lines_embed_pictures(mine: Path) -> None:
    text = (mine / "mine.py").read_text() + (mine / "mine.toml").read_text()
    assert sum(bool(line.strip()) for line in text.splitlines()) <= 10
    for n in range(3):
        save_picture(mine / "paintings" / "Baroque" / f"{n}.jpg", n)
    assert run(cli, ["prepare", "paintings"]) == 0
    line = ["run", "--backbone", "module:mine.network", "--weights", "random", "--engine", "torch"]
    assert run(cli, [*line, "--embedding", "avgpool,gram"]) == 0
    cache = open_cache("features")
    assert cache.gather(cache.ids(), cache.recipe("avgpool")).shape == (3, 64)
    assert cache.key.backbone == "module:mine.network"


def test_its_pixels_and_maps_are_as_stated(mine: Path) -> None:
    network = choose_network("module:mine.network", "random")
    module = network.load()
    shown = golden.pixels(network, golden.drawn())
    with torch.inference_mode():
        expected = {
            "avgpool": module(torch.from_numpy(shown.transpose(0, 3, 1, 2) / np.float32(127.5) - 1)).mean((2, 3))
        }
    golden.assert_agree(golden.vectors(network, module, "avgpool", shown), expected)


def test_an_edited_network_is_another(mine: Path) -> None:
    before = choose_network("module:mine.network", "random").key()
    (mine / "mine.py").write_text((mine / "mine.py").read_text().replace("7, 4, 3", "5, 4, 2"))
    assert choose_network("module:mine.network", "random").key() != before


@pytest.mark.parametrize("line", ["import blocks", "from blocks import first", "from blocks.deep import second"])
def test_a_network_whose_parts_in_other_files_were_edited_is_another(line: str, mine: Path) -> None:
    (mine / "blocks").mkdir()
    for name in ("__init__.py", "deep.py"):
        (mine / "blocks" / name).write_text("first = second = 1\n")
    (mine / "mine.py").write_text(f"{line}\n{(mine / 'mine.py').read_text()}")
    before = choose_network("module:mine.network", "random").key()
    edited = "deep.py" if "deep" in line else "__init__.py"
    (mine / "blocks" / edited).write_text("first = second = 2\n")
    assert choose_network("module:mine.network", "random").key() != before


def test_weights_beside_it_are_the_default(mine: Path) -> None:
    torch.save(choose_network("module:mine.network", "random").load().state_dict(), mine / "mine.pth")
    with (mine / "mine.toml").open("a") as file:
        file.write('weights = "mine.pth"\n')
    assert choose_network("module:mine.network").key().weights.startswith("sha256:")


@pytest.mark.parametrize(
    ("name", "toml", "what"),
    [
        ("mine.network", "size = 128", "mine.toml' lacks '(mean|std|nodes)'"),
        (
            "mine.network",
            'size = "big"\nmean = []\nstd = []\nnodes = []',
            "size = 'big' in .*: a whole number is needed",
        ),
        ("mine.network", "size =", "mine.toml' is no TOML"),
        (
            "mine.network",
            "size = 64\nmean = [123.7, 116.3, 103.5]\nstd = [58.4, 57.1, 57.4]\nnodes = []",
            r"mean = \[123.7, 116.3, 103.5\] in .*: of values scaled to 0..1, each is from 0 to 1; divide by 255",
        ),
        ("mine.network", "size = 64\nmean = [0, 0, 0]\nstd = [1, 2, 1]\nnodes = []", r"std = \[1, 2, 1\] in"),
        ("mine.network", "size = true\nmean = []\nstd = []\nnodes = []", "size = True in .*: a whole number is needed"),
        ("mine.network", "size = 64\nmean = [0, 0, 0]\nstd = [1, 1, 1]\nnodes = []", r"nodes = \[\] in"),
        ("mine.network", "size = 64\nmean = [0, 0, 0]\nstd = [1, 1, 1]\nnodes = [1]", r"nodes = \[1\] in"),
        (
            "mine.network",
            "size = 64\nmean = [0, 0, 0]\nstd = [1, 1, 1]\nnodes = ['1', '1']",
            "different names in quotes",
        ),
        ("yours.network", "", "module:yours.network is not to be found"),
        ("network", "", "module:network is not to be found"),
    ],
)
def test_what_is_wrong_is_told(mine: Path, name: str, toml: str, what: str) -> None:
    (mine / "mine.toml").write_text(toml)
    with pytest.raises(BackboneError, match=what):
        backbone(f"module:{name}")


def test_a_function_that_gives_no_network_is_told(mine: Path) -> None:
    with pytest.raises(BackboneError, match="has no function 'net'"):
        choose_network("module:mine.net", "random").load()
    (mine / "mine.py").write_text("def network():\n    return 3\n")
    with pytest.raises(BackboneError, match=r"mine\.network\(\) gives a int"):
        choose_network("module:mine.network", "random").load()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def network():\n    raise RuntimeError('boom')\n", "line 2, can't be run (RuntimeError: boom)"),
        ("def network(:\n", "line 1, can't be run (SyntaxError: invalid syntax)"),
        ("import nosuchpackage\n", "line 1, can't be run (ModuleNotFoundError: No module named 'nosuchpackage')"),
        ("import sys\nsys.exit(3)\n", "line 2, can't be run (SystemExit: 3)"),
    ],
)
def test_code_that_fails_is_one_sentence_with_its_line(mine: Path, code: str, said: str) -> None:
    (mine / "mine.py").write_text(code)
    with pytest.raises(BackboneError, match=re.escape(said)):
        choose_network("module:mine.network", "random").load()


def test_a_network_that_torch_fx_cannot_trace_is_not_blamed_on_its_nodes(mine: Path) -> None:
    forward = "return super().forward(x) if x.sum() > 0 else x"
    write_class(mine, "nn.Sequential", forward, "nn.ReLU(), nn.ReLU(), nn.ReLU(), nn.ReLU()")
    with pytest.raises(BackboneError, match=r"can't be traced by torch\.fx"):
        choose_network("module:mine.network", "random").load()


@pytest.mark.parametrize(
    ("layers", "node", "said"),
    [
        (
            "nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()",
            "2",
            "node '2' of module:mine.network gives (1, 8)",
        ),
        ("nn.Conv2d(1, 8, 3)", "0", "can't embed a picture of 3 x 64 x 64 numbers (RuntimeError: Given groups=1"),
        ("nn.Conv2d(3, 8, 65)", "0", "can't embed a picture of 3 x 64 x 64 numbers (RuntimeError: Calculated padded"),
        ("nn.Conv2d(3, 8, 33).half(), nn.Flatten(2), nn.LSTM(1024, 4)", "2", "gives tuple: a feature map is"),
        ("nn.ReLU()", "last", "module:mine.network has not the nodes last; it has: input and 0"),
    ],
    ids=["a vector", "one channel", "too small a picture", "a tuple, in half precision", "no such node"],
)
def test_a_network_that_makes_no_maps_of_pictures_is_told_before_it_is_exported(
    layers: str, node: str, said: str, mine: Path
) -> None:
    (mine / "mine.py").write_text(f"from torch import nn\n\n\ndef network():\n    return nn.Sequential({layers})\n")
    (mine / "mine.toml").write_text(f"size = 64\nmean = [0, 0, 0]\nstd = [1, 1, 1]\nnodes = ['{node}']\n")
    with pytest.raises(BackboneError, match=re.escape(said)):
        choose_network("module:mine.network", "random").load()


def test_a_network_whose_code_fails_while_it_is_traced_is_told(mine: Path) -> None:
    write_class(mine, "nn.Module", "raise ValueError('not today')")
    with pytest.raises(BackboneError, match=r"can't be traced by torch\.fx.*ValueError: not today"):
        choose_network("module:mine.network", "random").load()
