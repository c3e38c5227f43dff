"""What the service answers is what the command line answers, and every mistake has one fixed sentence."""

from __future__ import annotations

import contextlib
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest

from classify.prediction import Source
from classify.prediction.answers import picture_json
from classify.serve.settings import ServeSettings
from tests.classify.serve import rooms
from tests.classify.serve.running import Running, make_heads, serving

HEAD = {
    "coverage",
    "holds",
    "status",
    "head",
    "target",
    "question",
    "backbone",
    "untrained",
    "key",
    "pictures",
    "seconds",
}


def by_command_line(datas: list[bytes], top: int = 3) -> list[dict[str, Any]]:
    """What `classify predict --jsonl` prints about the same bytes, with a network of its own."""
    sources = [Source("", lambda data=data: data) for data in datas]  # type: ignore[misc]
    return [json.loads(json.dumps(picture_json(p))) for p in rooms.make_predictor().predict_each(sources, top)]


def test_answers_are_those_of_the_command_line_whoever_asks_at_the_same_time(service: Running) -> None:
    """Bit for bit: the fake engine's numbers would be others in another batch or place."""
    datas = [rooms.picture(n) for n in range(12)]
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(service.predict, datas))
    assert [a.status_code for a in answers] == [200] * 12
    assert [a.json()["pictures"][0] for a in answers] == by_command_line(datas)
    assert set(answers[0].json()) == HEAD


def test_several_pictures_in_one_form_are_answered_in_their_order(service: Running) -> None:
    datas = [rooms.picture(n) for n in range(3)]
    files = [("picture", (f"{n}.png", data, "image/png")) for n, data in enumerate([*datas, b"no picture"])]
    answer = service.ask("POST", "/v1/predict?top=2", files=files).json()
    assert [p["picture"] for p in answer["pictures"]] == ["0.png", "1.png", "2.png", "3.png"]
    assert [p.get("predictions") for p in answer["pictures"][:3]] == [
        p["predictions"] for p in by_command_line(datas, 2)
    ]
    assert answer["pictures"][3]["error"]["code"] == "not_a_picture"


def test_another_head_answers_when_it_is_named(service: Running) -> None:
    first, second = (
        service.predict(rooms.picture(1), f"/v1/predict?head={name}").json() for name in ("first", "second")
    )
    assert (first["head"], second["head"]) == ("first", "second")
    assert first["pictures"] != second["pictures"]


def test_the_old_demo_s_sign_of_life_and_a_page_for_browsers(service: Running) -> None:
    assert service.ask("GET", "/", headers={"Accept": "application/json"}).json() == {"status": 200}
    assert service.ask("GET", "/").json() == {"status": 200}
    page = service.ask("GET", "/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")


def test_the_model_s_facts_hold_no_path_of_the_machine(service: Running) -> None:
    answer = service.ask("GET", "/v1/model").json()
    assert set(answer["heads"]) == {"first", "second"}
    facts = answer["heads"]["first"]
    assert facts["classes"] == rooms.STYLES
    assert facts["backbone"]["untrained"] is True
    assert any("untrained" in warning for warning in facts["warnings"])
    assert facts["scores"]["val"]["accuracy"] == 0.31
    assert "weights" not in facts["training"]


PICTURE = {"Content-Type": "image/png"}
JSON = {"Content-Type": "application/json"}
MISTAKES: dict[str, tuple[str, str, dict[str, str], bytes, int, str]] = {
    "no picture": ("POST", "/v1/predict", PICTURE, b"hello", 422, "not_a_picture"),
    "nothing": ("POST", "/v1/predict", PICTURE, b"", 422, "empty"),
    "cut": ("POST", "/v1/predict", PICTURE, rooms.picture(0)[:-40], 422, "truncated"),
    "no type": ("POST", "/v1/predict", {}, b"x", 415, "unsupported_type"),
    "text": ("POST", "/v1/predict", {"Content-Type": "text/plain"}, b"x", 415, "unsupported_type"),
    "form without a file": (
        "POST", "/v1/predict", {"Content-Type": "multipart/form-data; boundary=a"},
        b'--a\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n--a--\r\n', 422, "no_picture",
    ),
    "broken form": ("POST", "/v1/predict", {"Content-Type": "multipart/form-data; boundary=a"}, b"x", 400, "bad_form"),
    "form without boundary": ("POST", "/v1/predict", {"Content-Type": "multipart/form-data"}, b"x", 400, "bad_form"),
    "top 0": ("POST", "/v1/predict?top=0", PICTURE, b"x", 400, "bad_query"),
    "top x": ("POST", "/v1/predict?top=x", PICTURE, b"x", 400, "bad_query"),
    "top ²": ("POST", "/v1/predict?top=%C2%B2", PICTURE, b"x", 400, "bad_query"),
    "explain 2": ("POST", "/v1/predict?explain=2", PICTURE, b"x", 400, "bad_query"),
    "no heatmaps": ("POST", "/v1/predict?explain=1", PICTURE, b"x", 422, "no_heatmaps"),
    "no collection": ("POST", "/v1/predict?neighbours=5", PICTURE, b"x", 422, "no_neighbours"),
    "no head": ("POST", "/v1/predict?head=x", PICTURE, b"x", 404, "no_head"),
    "no JSON": ("POST", "/", JSON, b"{", 400, "bad_json"),
    "NaN": ("POST", "/", JSON, b'{"url": NaN}', 400, "bad_json"),
    "infinity": ("POST", "/", JSON, b'{"url": "a", "b": 1e999}', 400, "bad_json"),
    "half a character": ("POST", "/", JSON, b'{"url": "\\ud800"}', 400, "bad_json"),
    "deep": ("POST", "/", JSON, b"[" * 60_000, 400, "bad_json"),
    "long number": ("POST", "/", JSON, b'{"url": "a", "b": ' + b"1" * 6000 + b"}", 400, "bad_json"),
    "not UTF-8": ("POST", "/", JSON, b'{"url": "\xff"}', 400, "bad_json"),
    "compressed": ("POST", "/v1/predict", {**PICTURE, "Content-Encoding": "gzip"}, b"x", 415, "unsupported_type"),
    "no url": ("POST", "/", JSON, b"[]", 422, "no_url"),
    "url is none": ("POST", "/", JSON, b'{"url": 3}', 422, "no_url"),
    "JSON without its type": ("POST", "/", {"Content-Type": "text/plain"}, b'{"url": "a"}', 415, "unsupported_type"),
    "too much JSON": ("POST", "/", JSON, b" " * 70_000, 413, "too_large"),
    "addresses are off": ("POST", "/", JSON, b'{"url": "http://example.org/a"}', 403, "urls_off"),
    "no path": ("GET", "/etc/passwd", {}, b"", 404, "not_found"),
    "no asset": ("GET", "/static/front.html", {}, b"", 404, "not_found"),
    "wrong method": ("DELETE", "/v1/predict", {}, b"", 405, "wrong_method"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_has_its_status_and_a_fixed_sentence(service: Running, name: str) -> None:
    method, path, headers, body, status, code = MISTAKES[name]
    answer = service.ask(method, path, headers=headers, content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"status", "code", "message"}
    assert not {"/", "0x", "Traceback", "Error"} & {w for w in answer.json()["message"].split() if w not in ("/docs",)}


def test_a_body_that_is_too_large_is_refused_before_it_is_read(service: Running) -> None:
    head = (
        b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 999999999\r\n\r\n"
    )
    assert b'"code": "too_large"' in service.raw(head, 0.5)


def test_more_classes_than_there_are_gives_all(service: Running) -> None:
    asked = [service.predict(rooms.picture(1), f"/v1/predict?top={top}").json() for top in (99, 1_000_000)]
    assert len({len(answer["pictures"][0]["predictions"]) for answer in asked}) == 1


def test_a_wrong_method_learns_the_right_ones(service: Running) -> None:
    assert service.ask("PUT", "/v1/predict").headers["allow"] == "POST"
    assert set(service.ask("OPTIONS", "/").headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_an_endless_body_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client that would go on forever is answered, or hung up on where it does not listen."""
    monkeypatch.setattr("classify.serve.running.LINGER", 0.1)
    with serving(ServeSettings(port=0, max_body=1000)) as running, contextlib.suppress(httpx.TransportError):
        answer = running.ask("POST", "/v1/predict", headers=PICTURE, content=itertools.repeat(bytes(1000)))
        assert answer.status_code == 413


def test_security_headers_stand_on_every_answer(service: Running) -> None:
    for path, accept in (("/", "text/html"), ("/v1/model", "*/*"), ("/nothing", "*/*"), ("/static/page.js", "*/*")):
        headers = service.ask("GET", path, headers={"Accept": accept}).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200), ("localhost:8000", 200), ("LOCALHOST", 200), ("[::1]:80", 200), ("192.168.1.7", 200),
        ("evil.example", 403), ("localhost.evil.example", 403), ("127.0.0.1.evil.example", 403), ("", 403),
        ("evil.example:80", 403), ("a@localhost", 403), ("[::1", 403),
    ],
)  # fmt: skip
def test_a_name_that_is_turned_to_this_machine_is_refused(service: Running, host: str, status: int) -> None:
    assert service.ask("GET", "/v1/model", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1"}, 403),  # another port
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_a_page_of_another_origin_can_not_post(service: Running, headers: dict[str, str], status: int) -> None:
    assert service.predict(rooms.picture(0), **headers).status_code == status
    own = {"Origin": service.address, "Sec-Fetch-Site": "same-origin"}
    assert service.predict(rooms.picture(0), **own).status_code == 200


def test_a_secret_is_asked_for_where_there_is_one() -> None:
    with serving(ServeSettings(port=0, token="s3cret")) as running:
        for path in ("/v1/model", "/metrics"):
            assert running.ask("GET", path).status_code == 401
        for shown in ("", "Bearer", "Bearer s3cre", "Bearer s3crets", "Basic s3cret", "s3cret", "Bearer sécret"):
            headers = {"Authorization": shown.encode("latin-1")}
            answer = running.ask("POST", "/v1/predict", content=rooms.picture(0), headers={**PICTURE, **headers})  # type: ignore[dict-item]
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert running.predict(rooms.picture(0), Authorization="Bearer s3cret").status_code == 200
        for path in ("/healthz", "/readyz", "/", "/docs", "/static/style.css"):
            assert running.ask("GET", path, headers={"Accept": "text/html"}).status_code == 200


def test_a_client_that_asks_too_often_waits() -> None:
    with serving(ServeSettings(port=0, rate=3)) as running:
        answers = [running.predict(rooms.picture(0)) for _ in range(5)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
        assert 0 < int(answers[-1].headers["retry-after"]) <= 21


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back() -> None:
    """What was accepted is answered; nothing else than 200 and 503 is seen."""
    with serving(ServeSettings(port=0, waiting=3), pause=0.2) as running, ThreadPoolExecutor(12) as clients:
        answers = list(clients.map(lambda n: running.predict(rooms.picture(n)), range(12)))
        codes = [a.status_code for a in answers]
        assert set(codes) == {200, 503}
        assert codes.count(200) >= 3
        for refused in (a for a in answers if a.status_code == 503):
            assert refused.json()["code"] == "busy"
            assert int(refused.headers["retry-after"]) >= 1
        assert running.predict(rooms.picture(0)).status_code == 200, "there is room again"


def test_every_request_has_a_deadline() -> None:
    settings = replace(ServeSettings(port=0), seconds=0.3)
    with serving(settings, pause=1.0) as running:
        answer = running.predict(rooms.picture(0))
        assert (answer.status_code, answer.json()["code"]) == (503, "late")


def test_pictures_meet_in_batches_where_the_network_takes_several() -> None:
    """As on a GPU: more pictures than batches, and each with its own answer."""
    from classify.prediction import Predictor
    from classify.serve.heads import open_heads
    from featurize.engines.fake import FakeEngines

    predictor = Predictor(rooms.make_head(), engines=FakeEngines(pause=0.05), workers=1, batch_size=8)
    heads = open_heads([predictor], ["one"], 64)
    datas = [rooms.picture(n) for n in range(16)]
    futures = [heads["one"].room.predict(data, predictor, 2) for data in datas]
    found = [future.result(30).styles for future in futures]
    heads["one"].room.close()
    alone = [predictor.styles(predictor.network.embed([predictor.network.decode(data)])[0], 2) for data in datas]
    assert [[label for label, _ in styles] for styles in found] == [[label for label, _ in styles] for styles in alone]
    assert heads["one"].room.batches < 16


def test_closing_answers_what_waits() -> None:
    heads = make_heads(pause=0.05)
    head = heads["first"]
    futures = [head.room.predict(rooms.picture(n), head.predictor, 1) for n in range(6)]
    head.room.close()
    assert all(len(future.result(0).styles) == 1 for future in futures)
    assert head.room.waiting == 0


def test_metrics_count_requests_and_pictures(service: Running) -> None:
    service.predict(rooms.picture(0))
    service.predict(b"no picture")
    text = service.ask("GET", "/metrics").text
    assert 'artstyle_pictures_total{head="first",outcome="predicted"}' in text
    assert 'artstyle_pictures_total{head="first",outcome="not_a_picture"}' in text
    assert 'artstyle_requests_total{route="/v1/predict",status="422"}' in text
    assert 'artstyle_waiting_pictures{head="first"} 0.0' in text
