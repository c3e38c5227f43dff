"""The client, `classify ask` and the model card: what they say is what the head says."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from classify.client import StyleClient
from classify.commands.main import cli
from classify.errors import AskError
from classify.headfile import save_head
from classify.report.card import card_text
from classify.serve.settings import ServeSettings
from featurize.commands.console import run
from featurize.engines.fake import FakeEngines
from tests.classify.serve import rooms
from tests.classify.serve.running import Running, serving

Screen = pytest.CaptureFixture[str]


def call(*arguments: object) -> int:
    return run(cli, [str(a) for a in arguments], FakeEngines())


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(rooms.picture(4))
    return path


def test_ask_prints_what_predict_prints(service: Running, painting: Path, tmp_path: Path, capsys: Screen) -> None:
    assert call("predict", "--head", rooms.saved_head(tmp_path), painting) == 0
    expected = capsys.readouterr().out
    assert call("ask", service.address, painting) == 0
    assert capsys.readouterr().out == expected


def test_a_file_its_name_and_its_bytes_are_the_same_picture(service: Running, painting: Path) -> None:
    with StyleClient(service.address) as client:
        answers = [client.predict(given, top=4) for given in (painting, str(painting), painting.read_bytes())]
        assert answers[0].styles == answers[1].styles == answers[2].styles
        assert answers[0].label == answers[0].styles[0][0]
        assert client.predict(painting, head="second").facts["head"] == "second"
        assert set(client.model()) == {"first", "second"}


def test_what_the_service_refuses_is_one_sentence(service: Running, tmp_path: Path, capsys: Screen) -> None:
    (tmp_path / "b.png").write_text("no picture")
    assert call("ask", service.address, tmp_path / "b.png", tmp_path / "none.png", "http://example.org/a.jpg") == 1
    said = capsys.readouterr().err
    assert "422: no picture format is recognised" in said
    assert "none.png' can't be read" in said
    assert "403: this service fetches no addresses" in said


def test_a_service_that_wants_a_token_gets_it(painting: Path) -> None:
    with serving(ServeSettings(port=0, token="s3cret")) as running:
        with StyleClient(running.address) as client, pytest.raises(AskError, match="401"):
            client.predict(painting)
        with StyleClient(running.address, token="s3cret") as client:
            assert client.predict(painting).styles


class Busy(http.server.BaseHTTPRequestHandler):
    """Busy twice, then something else."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(503 if type(self).asked < 3 else 200)
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(b'{"heads": {"x": {}}}' if type(self).asked < 4 else b"<html>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def busy() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    thread = threading.Thread(target=partial(server.serve_forever, 0.01))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_busy_service_is_asked_again_and_a_stranger_is_found_out(busy: str) -> None:
    with StyleClient(busy) as client:
        assert list(client.model()) == ["x"]
        assert Busy.asked == 3
        with pytest.raises(AskError, match="something else than JSON"):
            client.model()


@pytest.mark.parametrize("address", ["127.0.0.1:8000", "ftp://x", "http://127.0.0.1:9", "http://[", ""])
def test_an_address_without_a_service_is_named(address: str, painting: Path) -> None:
    with pytest.raises(AskError, match=r"no address of a service|can't be reached"):
        StyleClient(address).predict(painting)


def test_a_card_says_what_the_head_knows_of_itself(tmp_path: Path, capsys: Screen) -> None:
    head = tmp_path / "style.safetensors"
    saved = rooms.make_head()
    save_head(
        replace(saved, training={**saved.training, "warnings": ["Few pictures."], "weights": ["/secret/w.pth"]}), head
    )
    assert call("card", "--head", head) == 0
    text = capsys.readouterr().out
    assert all(label.replace("_", " ") in text for label in rooms.STYLES)
    for fact in ("31.0", "25.0", "38.0", "Few pictures.", "untrained", "can't be told from guessing", saved.key.digest):
        assert fact in text
    assert "/secret" not in text
    front = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    assert front
    assert "value: 0.3100" in front[1]
    for line in front[1].splitlines():
        name, _, value = line.strip().removeprefix("- ").partition(": ")
        assert not value.startswith('"') or json.loads(value), name
    assert call("card", "--head", head, "--report", tmp_path / "report") == 0
    assert (tmp_path / "report" / "card-style.md").read_text(encoding="utf-8") == text


def test_a_card_without_a_score_says_that_nobody_knows() -> None:
    text = card_text("x", replace(rooms.make_head(), metrics={}))
    assert "no score was saved" in text
    assert "model-index" not in text


def test_a_secret_that_no_header_can_carry_is_refused_without_showing_it() -> None:
    with pytest.raises(AskError, match="--token takes") as error:
        StyleClient("http://127.0.0.1:9", token="secret\nb")
    assert "secret" not in str(error.value)
