"""Predictions do not depend on the company a picture is in, nor on the way it came: file, stream, address."""

from __future__ import annotations

import http.server
import io
import json
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from classify.commands.main import cli
from classify.errors import HeadMismatch
from classify.prediction import Predictor, Source, load_predictors
from featurize.commands.console import run
from featurize.engines.fake import FakeEngines
from featurize.networks.network import choose_network
from tests.classify.serve import rooms

Screen = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with rooms.without_companions():
        yield


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    made = [tmp_path / f"{n}.png" for n in range(7)]
    for n, path in enumerate(made):
        path.write_bytes(rooms.picture(n))
    return made


def call(*arguments: object) -> int:
    return run(cli, [str(a) for a in arguments], FakeEngines())


def with_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_a_picture_alone_and_among_others_gives_the_same_bits(paths: list[Path]) -> None:
    """The fake engine's numbers depend on size of batch and place, so any other batch would be found out."""
    predictor = rooms.make_predictor()
    together = [p.styles for p in predictor.predict(paths)]
    alone = [next(iter(predictor.predict([path]))).styles for path in paths]
    streamed = [p.styles for p in predictor.predict_each(Source(str(p), p.read_bytes) for p in paths)]
    pixels = [predictor.network.decode(path.read_bytes()) for path in paths]
    by_hand = [predictor.styles(predictor.network.embed([each])[0], 3) for each in pixels]
    assert together == alone == streamed == by_hand


def test_heads_on_the_same_embeddings_share_one_network() -> None:
    engines = FakeEngines()
    first, second = load_predictors([rooms.make_head(0), rooms.make_head(1)], engines=engines)
    assert first.network is second.network
    assert len(engines.made) == 1


def test_a_network_of_other_embeddings_is_refused() -> None:
    from dataclasses import replace

    network = rooms.make_predictor().network
    other = replace(rooms.make_head(), key=choose_network("resnet18", "random", size=64).key())
    with pytest.raises(HeadMismatch, match="other embeddings"):
        Predictor(other, network=network)


def test_standard_input_is_a_picture(
    paths: list[Path], tmp_path: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = rooms.saved_head(tmp_path)
    assert call("predict", "--head", head, paths[0]) == 0
    expected = capsys.readouterr().out.partition("\t")[2]
    with_input(monkeypatch, paths[0].read_bytes())
    assert call("predict", "--head", head, "-") == 0
    assert capsys.readouterr().out == f"-\t{expected}"


def test_lines_are_answered_one_by_one_in_their_order(
    paths: list[Path], tmp_path: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line has its answer, whatever it asks for; a line without sense stops nothing."""
    lines = [str(paths[0]), json.dumps({"path": str(paths[1])}), "{not json", '{"a": 1}', "nowhere.png", "", "a\0b"]
    with_input(monkeypatch, "\n".join(lines).encode())
    assert call("predict", "--head", rooms.saved_head(tmp_path), "--jsonl", "--top", 2) == 1
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [a["picture"] for a in answers] == [
        str(paths[0]),
        str(paths[1]),
        "{not json",
        '{"a": 1}',
        "nowhere.png",
        "a\0b",
    ]
    assert [len(a.get("predictions", ())) for a in answers] == [2, 2, 0, 0, 0, 0]
    assert [a.get("error", {}).get("code") for a in answers] == [
        None, None, "no_picture", "no_picture", "missing", "no_picture",
    ]  # fmt: skip


def test_an_answer_comes_before_the_next_line_is_asked() -> None:
    """A program that asks one picture at a time over a pipe is not left waiting."""
    predictor, asked = rooms.make_predictor(), threading.Event()

    def lines() -> Iterator[Source]:
        yield Source("first", lambda: rooms.picture(1))
        assert asked.wait(30)
        yield Source("second", lambda: rooms.picture(2))

    answers = predictor.predict_each(lines())
    assert next(answers).path == "first"
    asked.set()
    assert [p.path for p in answers] == ["second"]


def test_a_stream_that_breaks_is_an_error_not_an_end() -> None:
    def lines() -> Iterator[Source]:
        yield Source("first", lambda: rooms.picture(1))
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(rooms.make_predictor().predict_each(lines()))


class Pictures(http.server.BaseHTTPRequestHandler):
    """A museum's picture server."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(rooms.picture(0))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def museum() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    thread = threading.Thread(target=partial(server.serve_forever, 0.01))
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_address_is_fetched_where_it_is_allowed(
    paths: list[Path], museum: str, tmp_path: Path, capsys: Screen
) -> None:
    head, url = rooms.saved_head(tmp_path), f"http://{museum}/a.jpg"
    assert call("predict", "--head", head, "--url", url) == 1
    assert "port" in capsys.readouterr().err
    assert call("predict", "--head", head, "--url", url, "--allow-hosts", museum) == 0
    assert call("predict", "--head", head, "paintings", "--allow-hosts", museum) == 2, "nothing is fetched"
    by_address = capsys.readouterr().out
    assert call("predict", "--head", head, paths[0]) == 0
    assert by_address.partition("\t")[2] == capsys.readouterr().out.partition("\t")[2]


@pytest.mark.parametrize(
    "arguments",
    [[], ["--jsonl", "a.jpg"], ["--jsonl", "--url", "http://example.org/a"]],
    ids=["nothing", "both", "url"],
)
def test_wrong_usage_is_refused(arguments: Sequence[str], capsys: Screen) -> None:
    assert call("predict", "--head", "x", *arguments) == 2
