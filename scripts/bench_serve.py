"""How fast the service answers, beside its own engine and beside a server as tutorials show it.

    python scripts/bench_serve.py FOLDER [--backbones squeezenet1_1,resnet50] [--requests 300] [--long 20000]

FOLDER has pictures (JPEG), at any depth. For each backbone (untrained: only speed counts) a head is made on the
embeddings of some of them. Then, one after another, on loopback, with clients that ask again as soon as they are
answered:

- the engine's own rate, from files in batches of 8, as `featurize run` works, and its time for each picture alone;
- `classify serve` at 1, 8 and 64 clients, with what the answers were, and at 1 beside 200 slow clients;
- a naive server at 8 clients: PyTorch, loaded once, one picture at a time, the request's thread does it all.

Pictures differ: a large one takes ten times as long as most, whoever decodes it. So each answer at 1 client is set
against the engine's time for the same picture, and the service's slowest hundredth against the engine's.

Rates are pictures a second; CPU is processor time of the server and its companions for each picture, which other
programs on the machine change little. `--long` requests more show whether memory grows: megabytes after a tenth of
them and at the end. `--same` asks about every picture of FOLDER and compares with `classify predict`.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

CLIENTS = (1, 8, 64)
LEARN = 40  # pictures that the head learns from
SAMPLE = 64  # pictures that are asked about, in turn
SINGLE = 3  # times that the engine sees each picture alone
SLOW = 200  # clients that never say what they want
_TICK = os.sysconf("SC_CLK_TCK")


def make_head(paths: Sequence[Path], backbone: str, folder: Path) -> Path:
    """A head on an untrained backbone, with the features folder that keeps its exported network."""
    from cache import open_cache
    from classify.fitting.fit import fit
    from classify.headfile import save_head
    from featurize.dataset.prepare import prepare
    from featurize.dataset.table import read_table
    from featurize.run.extract import Settings, extract

    for n, path in enumerate(paths[:LEARN]):
        place = folder / "pictures" / "train" / f"class{n % 4}" / f"{n}{path.suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    table_file = folder / "dataset.csv"
    prepare(folder / "pictures", table_file)
    table = read_table(table_file)
    extract(table, folder / "features", Settings(backbone=backbone, weights="random"))
    head = folder / "style.safetensors"
    save_head(fit(table, open_cache(folder / "features"), "logreg:C=1", tune=False).saved, head)
    return head


@dataclass(frozen=True)
class Engine:
    """What the engine does without a service around it.

    Parameters
    ----------
    rate : float
        Pictures a second, all processors.
    singles : list of list of float
        For each picture, seconds from bytes to probabilities, several times.
    """

    rate: float
    singles: list[list[float]]

    @property
    def each(self) -> list[float]:
        """Seconds for each picture, the median of the times."""
        return [statistics.median(times) for times in self.singles]

    @property
    def slowest(self) -> float:
        """The time within which 99 % of single pictures were done, seconds."""
        return at(0.99, [seconds for times in self.singles for seconds in times])


def at(share: float, times: Sequence[float]) -> float:
    """The time within which a share of them ended, seconds."""
    return sorted(times)[min(int(share * len(times)), len(times) - 1)]


def measure_engine(head: Path, paths: Sequence[Path]) -> Engine:
    """The batch engine's own rate, and its time for a single picture."""
    from classify.head_network import HeadNetwork
    from classify.headfile import load_head
    from classify.prediction import Predictor

    saved = load_head(head)
    batches = HeadNetwork(saved, features=head.parent / "features", batch_size=8)
    list(batches.batches(paths[:16]))
    started = time.perf_counter()
    list(batches.batches(paths))
    rate = len(paths) / (time.perf_counter() - started)
    one = Predictor(saved, features=head.parent / "features")
    singles: list[list[float]] = [[] for _ in paths]
    for path, times in itertools.chain(*itertools.repeat(list(zip(paths, singles, strict=True)), SINGLE)):
        data = path.read_bytes()
        started = time.perf_counter()
        one.styles(one.network.embed([one.network.decode(data)])[0], 3)
        times.append(time.perf_counter() - started)
    return Engine(rate, singles)


@dataclass
class Load:
    """What clients saw.

    Attributes
    ----------
    seconds : float
    times : list of (int, float)
        Of each answer 200: the picture's number, and how long it took.
    statuses : Counter
    """

    seconds: float = 0.0
    times: list[tuple[int, float]] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Pictures answered a second."""
        return len(self.times) / self.seconds

    def at(self, share: float) -> float:
        """The time within which that share of the answers came, seconds."""
        return at(share, [seconds for _, seconds in self.times])

    def to_own(self, each: Sequence[float]) -> list[float]:
        """Each answer's time, in times of the engine's for the same picture."""
        return [seconds / each[number] for number, seconds in self.times]


def ask(port: int, pictures: Sequence[bytes], clients: int, requests: int) -> Load:
    """Clients on kept connections, each asking again as soon as it is answered, or half a second after a 503."""
    load, counter = Load(), itertools.count()
    started = time.perf_counter()

    def client() -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while (n := next(counter)) < requests:
            began = time.perf_counter()
            try:
                line.request("POST", "/v1/predict", pictures[n % len(pictures)], {"Content-Type": "image/jpeg"})
                answer = line.getresponse()
                answer.read()
                status = str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                status = type(error).__name__
                line.close()
            load.statuses[status] += 1
            if status == "200":
                load.times.append((n % len(pictures), time.perf_counter() - began))
            else:
                time.sleep(0.5)
        line.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - started
    return load


@dataclass(frozen=True)
class Server:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    port: int

    def family(self) -> list[int]:
        """The process and those that it started."""
        found = [self.process.pid]
        for one in found:
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{one}/task").iterdir():
                    found += map(int, (task / "children").read_text().split())
        return found

    def cpu(self) -> float:
        """Processor time of all of them so far, seconds."""
        ticks = 0
        for one in self.family():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICK

    def megabytes(self) -> float:
        """Memory of all of them that is not shared with others."""
        kilobytes = 0
        for one in self.family():
            with contextlib.suppress(OSError):
                lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
                kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
        return kilobytes / 1024


@contextlib.contextmanager
def serving(*command: str) -> Iterator[Server]:
    """A server that says "answering at http://...:PORT/" when it is ready."""
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        for line in process.stdout:
            if "answering at" in line:
                yield Server(process, int(line.split(":")[2].split("/")[0]))
                break
        else:
            raise SystemExit("the server did not start")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        process.stdout.close()


def naive(backbone: str, port: int) -> None:
    """A server as tutorials show it: the network is loaded once; each request's thread decodes and computes."""
    import io

    import torch
    import uvicorn
    from PIL import Image
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route
    from torchvision import models, transforms

    network = models.get_model(backbone, weights=None, num_classes=4).eval()
    transform = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )

    def compute(data: bytes) -> list[float]:
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        with torch.no_grad():
            shares: list[float] = network(transform(picture)[None]).softmax(1)[0].tolist()
        return shares

    async def predict(request: Request) -> JSONResponse:
        return JSONResponse(await run_in_threadpool(compute, await request.body()))

    app = Starlette(routes=[Route("/v1/predict", predict, methods=["POST"])])
    print(f"answering at http://127.0.0.1:{port}/", flush=True)
    uvicorn.run(app, port=port, log_level="critical")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.contextmanager
def slow_clients(port: int) -> Iterator[None]:
    """Clients that send half a request's head, again whenever they are hung up on."""
    ended = threading.Event()

    def hold() -> None:
        lines: list[socket.socket] = []
        while not ended.wait(0.2):
            for line in lines:
                with contextlib.suppress(BlockingIOError):
                    if not line.recv(1000):
                        line.close()
            lines = [line for line in lines if line.fileno() >= 0]
            while len(lines) < SLOW:
                line = socket.create_connection(("127.0.0.1", port))
                line.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: local")
                line.setblocking(False)
                lines.append(line)
        for line in lines:
            line.close()

    thread = threading.Thread(target=hold)
    thread.start()
    time.sleep(1)
    yield
    ended.set()
    thread.join()


def row(name: str, load: Load, cpu: float, engine: Engine) -> list[str]:
    """A line of the table."""
    seen = ", ".join(f"{count} x {status}" for status, count in sorted(load.statuses.items()))
    figures = [f"{load.rate:.1f}", f"{load.rate / engine.rate:.2f}", f"{1000 * load.at(0.5):.0f}"]
    return [name, *figures, f"{1000 * load.at(0.99):.0f}", f"{1000 * cpu / len(load.times):.1f}", seen]


def measure(backbone: str, paths: Sequence[Path], requests: int, long: int) -> None:
    """One backbone's table."""
    from featurize.commands.console import print_table

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        head = make_head(paths, backbone, folder)
        engine = measure_engine(head, paths)
        pictures = [path.read_bytes() for path in paths]
        rows, loads = [], {}
        serve = ["-m", "classify", "serve", "--head", str(head), "--features", str(folder / "features"), "--port", "0"]
        with serving(*serve) as server:
            ask(server.port, pictures, 2, 10)
            for clients in CLIENTS:
                before = server.cpu()
                loads[clients] = ask(server.port, pictures, clients, requests)
                rows.append(row(f"serve, {clients} clients", loads[clients], server.cpu() - before, engine))
            with slow_clients(server.port):
                before = server.cpu()
                beside = ask(server.port, pictures, 1, requests)
                rows.append(row(f"serve, 1 client and {SLOW} slow ones", beside, server.cpu() - before, engine))
            if long:
                ask(server.port, pictures, 8, long // 10)
                first = server.megabytes()
                ask(server.port, pictures, 8, long - long // 10)
                grown = f"memory: {first:.0f} MB after {long // 10} requests, {server.megabytes():.0f} MB after {long}"
        with serving(str(Path(__file__)), "--naive", backbone) as server:
            ask(server.port, pictures, 2, 10)
            before = server.cpu()
            loads[0] = ask(server.port, pictures, 8, requests)
            rows.append(row("naive server, 8 clients", loads[0], server.cpu() - before, engine))
    usual = statistics.median(engine.each)
    print_table(
        f"{backbone}: engine {engine.rate:.1f} pictures/s in batches; one alone {1000 * usual:.0f} ms, the slowest "
        f"hundredth {1000 * engine.slowest:.0f} ms",
        ["", "pictures/s", "to engine", "median ms", "p99 ms", "CPU ms", "answers"],
        rows,
    )
    at_8, at_1, own = loads[8].rate, loads[1].at(0.99), loads[1].to_own(engine.each)
    print(f"at 8 clients: {at_8 / engine.rate:.2f} of the engine's rate", end=", ")
    print(f"{at_8 / loads[0].rate:.2f} times the naive server's")
    print(f"at 1 client, times of the engine's for the same picture: median {at(0.5, own):.2f}", end=", ")
    print(
        f"p99 {at(0.99, own):.2f}; p99 is {at_1 / engine.slowest:.2f} times the engine's, {at_1 / usual:.1f} its median"
    )
    print(f"beside {SLOW} slow clients, p99 is {beside.at(0.99) / at_1:.2f} times as long")
    if long:
        print(grown)


def compare(paths: Sequence[Path], backbone: str) -> None:
    """Every picture through the service and through the command line: how many answers are the same."""
    with tempfile.TemporaryDirectory() as name:
        head = make_head(paths, backbone, Path(name))
        features = ["--features", str(head.parent / "features")]
        command = [sys.executable, "-m", "classify", "predict", "--head", str(head), "--jsonl", *features]
        lines = "\n".join(map(str, paths)).encode()
        done = subprocess.run(command, input=lines, capture_output=True, check=True)
        printed = [json.loads(line) for line in done.stdout.splitlines()]
        answers: list[Any] = [None] * len(paths)
        counter = itertools.count()
        with serving("-m", "classify", "serve", "--head", str(head), "--port", "0", *features) as server:

            def client() -> None:
                line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
                while (n := next(counter)) < len(paths):
                    line.request("POST", "/v1/predict", paths[n].read_bytes(), {"Content-Type": "image/jpeg"})
                    answers[n] = json.loads(line.getresponse().read())["pictures"][0]
                line.close()

            clients = [threading.Thread(target=client) for _ in range(8)]
            for thread in clients:
                thread.start()
            for thread in clients:
                thread.join()
    same = sum(a["predictions"] == p["predictions"] for a, p in zip(answers, printed, strict=True))
    print(f"{backbone}: {same} of {len(paths)} answers of the service are those of classify predict, bit for bit")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--backbones", default="squeezenet1_1,resnet50")
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--long", type=int, default=0)
    parser.add_argument("--same", action="store_true")
    parser.add_argument("--naive", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.naive:
        naive(given.naive, free_port())
        return
    if given.folder is None:
        parser.error("a FOLDER of pictures is needed")
    paths = sorted(p for p in given.folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    for backbone in given.backbones.split(","):
        if given.same:
            compare(paths, backbone)
        else:
            chosen = paths[:: max(len(paths) // SAMPLE, 1)][:SAMPLE]
            measure(backbone, chosen, given.requests, given.long)


if __name__ == "__main__":
    main()
