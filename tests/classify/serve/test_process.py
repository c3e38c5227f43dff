"""`classify serve` as a process: what it says, how it ends, and that nothing accepted is lost then."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from classify.commands.main import cli
from classify.serve.running import bind
from classify.serve.settings import ServeSettings
from featurize.commands.console import run
from tests.classify.serve import rooms
from tests.conftest import ROOT

Screen = pytest.CaptureFixture[str]


@contextlib.contextmanager
def process(folder: Path, *arguments: str, pause: float = 0.0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service and its address."""
    head = rooms.saved_head(folder)
    command = [sys.executable, "-m", "tests.classify.serve.serve_fake", str(pause), "--head", str(head), "--port", "0"]
    running = subprocess.Popen(
        [*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert running.stdout
        said = ""
        while not (found := re.search(r"answering at (http\S+)", said)):
            line = running.stdout.readline()
            assert line, said
            said += line
        yield running, found[1]
    finally:
        running.kill()
        running.communicate()


class Client(threading.Thread):
    """Asks again and again, each time on a new connection or always on the same, until it is refused."""

    def __init__(self, address: str, kept: bool) -> None:
        super().__init__()
        self.address, self.kept, self.seen = address, kept, Counter[str]()

    def run(self) -> None:
        with httpx.Client(timeout=30, trust_env=False, verify=False) as client:
            while True:
                headers = {"Content-Type": "image/png"} | ({} if self.kept else {"Connection": "close"})
                try:
                    answer = client.post(f"{self.address}v1/predict", content=rooms.picture(0), headers=headers)
                except httpx.ConnectError:
                    return  # the port is closed: nothing was accepted
                except httpx.TransportError as error:
                    self.seen[type(error).__name__] += 1
                    return
                self.seen[str(answer.status_code)] += 1
                if answer.status_code != 200:
                    return


def test_the_signal_to_end_loses_no_accepted_request(tmp_path: Path) -> None:
    """Under load, on kept and on new connections: answered with 200, refused with 503, or never connected."""
    with process(tmp_path, pause=0.02) as (running, address):
        clients = [Client(address, kept=bool(n % 2)) for n in range(12)]
        for client in clients:
            client.start()
        time.sleep(1.0)
        running.send_signal(signal.SIGTERM)
        for client in clients:
            client.join(60)
        said, _ = running.communicate(timeout=60)
        seen = sum((client.seen for client in clients), Counter())
        assert set(seen) <= {"200", "503"}, seen
        assert seen["200"] > 12
        assert running.returncode == 0
        assert "everything that was asked is answered" in said


def test_other_machines_are_not_served_without_a_secret(tmp_path: Path, capsys: Screen) -> None:
    assert run(cli, ["serve", "--head", str(tmp_path / "x"), "--host", "0.0.0.0"]) == 1
    assert "give --token" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(tmp_path: Path, capsys: Screen) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert run(cli, ["serve", "--head", str(tmp_path / "x"), "--port", port]) == 1
    assert f"port {port} can't be listened on" in capsys.readouterr().err


def test_a_head_that_is_no_head_ends_it(tmp_path: Path, capsys: Screen) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"\x80\x04pickle")
    assert run(cli, ["serve", "--head", str(tmp_path / "x.safetensors"), "--port", "0"]) == 1
    assert "no saved head" in capsys.readouterr().err


def test_an_answer_is_sent_at_once() -> None:
    """Without TCP_NODELAY each answer comes 40 ms late on a connection that is kept."""
    seen: list[int] = []

    async def once() -> None:
        def took(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = bind(ServeSettings(port=0))
        async with await asyncio.start_server(took, sock=listening):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            await reader.read()
            writer.close()

    asyncio.run(once())
    assert seen == [1]
