"""What the driver of a Ray cluster does when workers refuse, die, hang or fail: with a made-up Ray in this process."""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache import StorageFailed, open_cache
from cache.plan import unfinished
from featurize import cluster
from featurize.cluster import connected
from featurize.dataset.prepare import prepare
from featurize.dataset.table import DatasetTable
from featurize.engines.fake import FakeEngines
from featurize.errors import FeaturizeError
from featurize.networks.recipes import FORMULAS
from featurize.run import plans
from featurize.run.executors import on_ray
from featurize.run.extract import Extraction, Settings, extract
from featurize.run.plans import Work
from tests.featurize import fake

AVGPOOL = FORMULAS["avgpool"].recipe


class RayError(Exception):
    """As in ray.exceptions."""


class RayTaskError(RayError):
    """Something was raised in a worker."""


class RayActorError(RayError):
    """A worker died."""


Fault = Callable[[str, Callable[[], Any]], Any]  # what was asked for, the worker's work -> its answer


@dataclass
class FakeRay:
    """Workers in this process, on a clock that does not tick by itself.

    By number of the worker, `faults` says what becomes of those that have one, `starts` when it is ready, and `paces`
    how long it takes for a batch, one second where nothing is said.
    """

    faults: dict[int, Fault]
    node_resources: Sequence[dict[str, float]]
    starts: dict[int, float] = field(default_factory=dict)
    paces: dict[int, float] = field(default_factory=dict)
    now: float = 0.0
    hired: int = 0
    killed: list[Any] = field(default_factory=list)
    most_held: int = 0  # by one worker
    options_given: dict[str, Any] = field(default_factory=dict)
    exceptions: Any = field(
        default_factory=lambda: SimpleNamespace(
            RayError=RayError, RayTaskError=RayTaskError, RayActorError=RayActorError
        )
    )

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": there} for there in self.node_resources]

    def shutdown(self) -> None:
        pass

    def remote(self, made: Any) -> Any:
        def options(**given: Any) -> Any:
            self.options_given = given
            return SimpleNamespace(remote=lambda *arguments: self.hire(made, arguments))

        return SimpleNamespace(options=options)

    def hire(self, made: Any, arguments: Any) -> Any:
        number = self.hired
        self.hired += 1
        fault = self.faults.get(number, lambda what, work: work())
        worker: list[Any] = []
        held: list[Answer] = []

        def make() -> Any:
            worker.append(made(*arguments))
            return worker[0].ready()

        def ready() -> Answer:
            return Answer(lambda: fault("ready", make), self.now + self.starts.get(number, 0.0))

        def embed(piece: Work) -> Answer:
            begins = max([self.now, *(answer.ends for answer in held)])
            ends = begins + self.paces.get(number, 1.0) * len(piece.batches)
            held.append(Answer(lambda: fault("embed", lambda: worker[0].embed(piece)), ends))
            self.most_held = max(self.most_held, sum(answer.result is None for answer in held))
            return held[-1]

        return Hired(SimpleNamespace(remote=ready), SimpleNamespace(remote=embed))

    def wait(self, answers: Sequence[Answer], num_returns: int, timeout: float) -> Any:
        for answer in sorted(answers, key=lambda answer: answer.ends):
            if answer.carry_out():
                self.now = max(self.now, answer.ends)
                return [answer], []
        return [], answers

    def get(self, answer: Answer) -> Any:
        if isinstance(answer.result, Exception):
            raise answer.result
        return answer.result

    def kill(self, worker: Any) -> None:
        self.killed.append(worker)


class Hired:
    def __init__(self, ready: Any, embed: Any) -> None:
        self.ready, self.embed = ready, embed


class Answer:
    def __init__(self, work: Callable[[], Any], ends: float) -> None:
        self.work, self.ends, self.result = work, ends, None

    def carry_out(self) -> bool:
        if self.result is None:
            try:
                self.result = self.work()
            except RayError as error:
                self.result = error
        return self.result is not None


def dies(what: str, work: Callable[[], Any]) -> Any:
    if what == "embed":
        raise RayActorError("The actor died unexpectedly.\nThe node ran out of memory.")
    return work()


def hangs(what: str, work: Callable[[], Any]) -> Any:
    return None if what == "embed" else work()


def stumbles(what: str, work: Callable[[], Any]) -> Any:
    if what == "embed":
        raise RayTaskError("Traceback (most recent call last):\n  ...\nValueError: strange pixels")
    return work()


def disk_full(what: str, work: Callable[[], Any]) -> Any:
    return on_ray.Refused("node-b", "can't write 'x.h5': the disk is full", True) if what == "embed" else work()


def no_weights(what: str, work: Callable[[], Any]) -> Any:
    return on_ray.Refused("node-b", "there is no file of weights 'w.pth'") if what == "ready" else work()


@pytest.fixture
def table(paintings: Path, tmp_path: Path) -> DatasetTable:
    return prepare(paintings, tmp_path / "dataset.csv").table


@pytest.fixture
def embed(monkeypatch: pytest.MonkeyPatch, table: DatasetTable, tmp_path: Path) -> Any:
    fake.decode_here(monkeypatch)
    monkeypatch.setattr(plans, "SEGMENT_PICTURES", 4)
    monkeypatch.setattr(plans, "_LEAST_BATCHES", 1)
    monkeypatch.setattr(on_ray, "_LEAST_PATIENCE", 0.0)
    said: list[str] = []

    def run(
        faults: dict[int, Fault],
        nodes: Sequence[dict[str, float]],
        starts: dict[int, float] | None = None,
        paces: dict[int, float] | None = None,
        **more: Any,
    ) -> tuple[Any, Any, list[str]]:
        ray = FakeRay(faults, nodes, starts or {}, paces or {})
        monkeypatch.setattr(on_ray, "connected", lambda address: ray)
        chosen = Settings(backbone="resnet18", weights="random", batch_size=2, ray="auto", **more)
        done = extract(table, tmp_path / "f", chosen, say=said.append, engines=FakeEngines())
        return done, ray, said

    run.said = said  # type: ignore[attr-defined]
    return run


@pytest.fixture
def alone(embed: Any, table: DatasetTable, tmp_path: Path) -> bytes:
    chosen = Settings(backbone="resnet18", weights="random", batch_size=2)
    return bits(extract(table, tmp_path / "alone", chosen, engines=FakeEngines()), table)


def bits(done: Extraction, table: DatasetTable) -> bytes:
    cache = open_cache(done.folder)
    assert unfinished(cache.artifacts) == []
    return cache.gather(table.ids, AVGPOOL).tobytes()


@pytest.mark.parametrize("fault", [dies, hangs, stumbles, disk_full, no_weights])
def test_whatever_one_worker_does_the_others_complete_the_run_with_its_bits(
    fault: Fault, embed: Any, alone: bytes, table: DatasetTable
) -> None:
    done, ray, said = embed({1: fault}, [{"CPU": 3.0}])
    assert (done.embedded, done.failed) == (21, [])
    assert bits(done, table) == alone
    assert ray.hired == (4 if fault is dies else 3), "who died is replaced, who refused is not"
    left_out = [line for line in said if "is left out" in line]
    assert left_out == {
        disk_full: ["a worker on node-b is left out: can't write 'x.h5': the disk is full"],
        no_weights: ["a worker on node-b is left out: there is no file of weights 'w.pth'"],
        stumbles: ["a worker on one of the nodes is left out: ValueError: strange pixels"],
    }.get(fault, [])


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (disk_full, StorageFailed, "no worker of the Ray cluster can embed .*node-b.*disk is full"),
        (no_weights, FeaturizeError, "no worker of the Ray cluster can embed .*no file of weights"),
        (dies, FeaturizeError, "died one after the other.*ran out of memory"),
    ],
)
def test_where_no_worker_can_the_run_ends_with_one_sentence(
    fault: Fault, error: type[Exception], said: str, embed: Any
) -> None:
    with pytest.raises(error, match=said):
        embed(dict.fromkeys(range(99), fault), [{"CPU": 2.0}])


def test_a_worker_holds_one_piece(embed: Any) -> None:
    _, ray, _ = embed({}, [{"CPU": 2.0}])
    assert ray.most_held == 1


@pytest.mark.parametrize("whole", [4, 256], ids=["pieces of four", "one piece"])
@pytest.mark.parametrize(
    ("starts", "paces"),
    [({}, {}), ({1: 5.0}, {}), ({1: 1000.0}, {}), ({}, {0: 3.0}), ({1: 2.0}, {1: 3.0})],
    ids=["alike", "one starts late", "one never starts", "the first is slow", "the late one is slow"],
)
def test_all_workers_are_busy_until_the_end(
    whole: int, starts: Any, paces: Any, embed: Any, alone: bytes, table: DatasetTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run ends no later than if its batches could be shared at will, but for one smallest piece."""
    monkeypatch.setattr(plans, "SEGMENT_PICTURES", whole)
    monkeypatch.setattr(on_ray, "_LEAST_PATIENCE", 1e9)
    done, ray, _ = embed({}, [{"CPU": 2.0}], starts, paces)
    assert done.embedded == 21
    assert bits(done, table) == alone
    pace, start = [paces.get(n, 1.0) for n in range(2)], starts.get(1, 0.0)
    at_best = min(11 * pace[0], (11 + start / pace[1]) / (1 / pace[0] + 1 / pace[1]))
    assert ray.now <= at_best + on_ray._LEAST_BATCHES * max(pace)


@given(st.lists(st.integers(1, 40), max_size=12), st.integers(1, 20))
@settings(max_examples=50)
def test_pieces_become_smaller_towards_the_end_and_batches_stay_as_they_are(sizes: list[int], workers: int) -> None:
    numbers = iter(range(1000))
    pieces = [Work([[next(numbers)] for _ in range(size)]) for size in sizes]  # type: ignore[list-item]
    cut = list(on_ray.tapered(pieces, workers))
    assert [b for p in cut for b in p.batches] == [b for p in pieces for b in p.batches]
    left = sum(sizes)
    for piece in cut:
        assert 1 <= len(piece.batches) <= max(left // (2 * workers), on_ray._LEAST_BATCHES)
        left -= len(piece.batches)
    whole = {tuple(map(tuple, p.batches)) for p in cut}
    left = sum(sizes)
    for piece in pieces:
        if len(piece.batches) <= max(left // (2 * workers), on_ray._LEAST_BATCHES):
            assert tuple(map(tuple, piece.batches)) in whole, "where much is left, pieces stay whole"
        left -= len(piece.batches)


@pytest.mark.parametrize(("given", "niceness"), [(None, "0"), ("7", "7")])
def test_workers_of_a_cluster_that_is_started_here_do_not_give_way(
    given: str | None, niceness: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray starts workers with niceness 15: beside other programs they would get next to nothing of a processor."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    setting = "RAY_worker_niceness"
    monkeypatch.setattr(os, "environ", {**os.environ, **({setting: given} if given else {})})
    found: list[str] = []
    ray = SimpleNamespace(init=lambda *_, **__: found.append(os.environ[setting]))
    monkeypatch.setitem(sys.modules, "ray", ray)
    connected("auto")
    assert found == [niceness]


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "localhost:{}", "auto"])
def test_an_address_at_which_nobody_answers_is_named_at_once(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray is not asked: after five minutes it would end the process without a word."""
    asked: list[object] = []
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=lambda *where, **_: asked.append(where)))
    with answering(b"\0\0\0\4\0\0\0\0\0") as port:  # as gRPC does
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
        connected(form.format(port))
        assert len(asked) == 1
    with pytest.raises(FeaturizeError, match=f"the Ray cluster '.*:{port}' can't be reached: nobody answers there"):
        connected(form.format(port))
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            b"HTTP/1.0 400 Bad request\r\n\r\n",
            "what answers at '.*' is no Ray cluster: give the address that",
        ),
        (b"", "what answers at '.*' is no Ray cluster"),
        (None, "nobody answers there .*timed out"),
    ],
    ids=["a web server", "one that hangs up", "one that says nothing"],
)
def test_what_answers_and_is_no_cluster_is_named_at_once(
    answer: bytes | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace())
    monkeypatch.setattr(cluster, "_PATIENCE", 0.2)
    with answering(answer) as port, pytest.raises(FeaturizeError, match=said):
        connected(f"127.0.0.1:{port}")


@contextmanager
def answering(answer: bytes | None) -> Iterator[int]:
    """The port of a server that gives one answer to all, or none."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as lines:

        def serve() -> None:
            line = lines.enter_context(listening.accept()[0])
            line.recv(99)
            if answer is not None:
                line.sendall(answer)
                line.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize(
    "address", ["a host:6379", f"{70 * 'a'}:6379", "256.1.1.1:6379", "ray://", "", "127.0.0.1:99999"]
)
def test_an_address_that_is_none_is_named_at_once(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=lambda *_, **__: pytest.fail("Ray was asked")))
    monkeypatch.setattr(socket, "getaddrinfo", refuse_names)
    with pytest.raises(FeaturizeError, match=re.escape(repr(address))):
        connected(address)


def refuse_names(host: str, *_: object) -> list[object]:
    host.encode("idna")
    raise socket.gaierror("Name or service not known")


@pytest.mark.parametrize(
    ("nodes", "more", "workers"),
    [
        ([{"CPU": 4.0, "GPU": 2.0}, {"CPU": 4.0}], {"num_gpus": 1.0}, 2),
        ([{"CPU": 4.0, "GPU": 1.0}, {"CPU": 1.0, "GPU": 1.0}], {"num_gpus": 0.5}, 3),
        ([{"CPU": 3.0}, {"CPU": 3.0}], {"workers": 2}, 2),
    ],
)
def test_there_are_as_many_workers_as_the_nodes_have_room_for(
    nodes: Any, more: dict[str, Any], workers: int, embed: Any
) -> None:
    done, ray, _ = embed({}, nodes, **more)
    assert (ray.hired, done.embedded) == (workers, 21)
    assert ray.options_given["num_gpus"] == more.get("num_gpus", 0.0)


@pytest.mark.parametrize(
    ("nodes", "more", "what"),
    [
        ([{"CPU": 4.0, "GPU": 1.0}, {"CPU": 4.0, "GPU": 1.0}], {"num_gpus": 2.0}, "1 processor and 2 GPUs"),
        ([{"CPU": 2.0}, {"CPU": 2.0}], {"workers": 4}, "4 processors"),
    ],
)
def test_a_worker_that_fits_on_no_node_is_named_at_once(nodes: Any, more: Any, what: str, embed: Any) -> None:
    with pytest.raises(FeaturizeError, match=f"no node of the Ray cluster has {what} for a worker"):
        embed({}, nodes, **more)
