"""Asking a service that `classify serve` runs, from Python.

with StyleClient("http://127.0.0.1:8000") as client:
    client.predict("painting.jpg").label  # "Impressionism"
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from classify.errors import AskError
from classify.serve.tokens import WRONG_TOKEN, fits_a_header

if TYPE_CHECKING:
    import httpx

LOCAL = "http://127.0.0.1:8000"
_LONGEST_WAIT = 30.0  # seconds before asking again, whatever the service says


@dataclass(frozen=True)
class Answer:
    """What a service says of one picture.

    Parameters
    ----------
    picture : str
    styles : sequence of (str, float)
        The likeliest classes with their probabilities, best first.
    unsure : bool
        The prediction set holds several classes; without one, no class is likelier than all others together.
    untrained : bool
        The network is untrained, so this is a guess.
    facts : mapping
        The whole answer as it came, with head, backbone, key, heatmap and similar pictures where they were asked for.
    among : sequence of str, optional
        The prediction set: classes among which the true one is for the share of pictures that `facts["coverage"]` says.
    unlike : bool, optional
        Whether the picture is unlike all that the head learned from; None where it can't tell.
    """

    picture: str
    styles: Sequence[tuple[str, float]]
    unsure: bool
    untrained: bool
    facts: Mapping[str, Any]
    among: Sequence[str] | None = None
    unlike: bool | None = None

    @property
    def holds(self) -> str | None:
        """Whose pictures probabilities and sets hold for, as a sentence; None where the head does not say."""
        said: str | None = self.facts.get("holds")
        return said

    @property
    def label(self) -> str:
        """The likeliest class."""
        return self.styles[0][0]


class StyleClient:
    """A service, as a program sees it; connections are kept open until it is closed.

    Parameters
    ----------
    address : str
    token : str
        The service's secret, where it wants one.
    seconds : float
        How long to wait for one answer.
    tries : int
        How often to ask a service that is busy; it says how long to wait in between.

    Raises
    ------
    AskError
        The package httpx is not installed, or the address is none.
    """

    def __init__(self, address: str = LOCAL, *, token: str = "", seconds: float = 60.0, tries: int = 5) -> None:
        try:
            import httpx
        except ImportError as error:
            raise AskError("asking a service needs the package httpx: pip install 'artstyle[serve]'") from error
        if not address.startswith(("http://", "https://")):
            raise AskError(f"{address!r} is no address of a service: it must look like {LOCAL}")
        if not fits_a_header(token):
            raise AskError(WRONG_TOKEN)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._address = address
        self._tries = tries
        try:
            self._http = httpx.Client(base_url=address, headers=headers, timeout=seconds)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise AskError(f"{address!r} is no address of a service: it must look like {LOCAL}") from error

    def __enter__(self) -> StyleClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def predict(
        self,
        picture: str | Path | bytes,
        *,
        top: int = 3,
        head: str | None = None,
        explain: bool = False,
        neighbours: int = 0,
    ) -> Answer:
        """The style of a picture.

        Parameters
        ----------
        picture : str, Path or bytes
            A file, an address that begins with http, or the bytes of a picture file.
        top : int
            How many classes to give.
        head : str, optional
            Which head answers, where the service has several.
        explain : bool
            Whether to show where in the picture the class is seen.
        neighbours : int
            How many similar pictures of the collection to name.

        Raises
        ------
        AskError
            The file can't be read, the service can't be reached, or it refuses.
        """
        query: dict[str, Any] = {"top": top}
        if head is not None:
            query["head"] = head
        if explain:
            query["explain"] = 1
        if neighbours:
            query["neighbours"] = neighbours
        name, sent = _body(picture)
        facts = self._ask("POST", "/v1/predict", params=query, **sent)
        (found,) = facts["pictures"]
        styles = [(one["label"], one["probability"]) for one in found["predictions"]]
        doubts = (found.get("set"), found.get("unlike"))  # a service of an earlier version has none
        return Answer(name, styles, found["unsure"], facts["untrained"], facts, *doubts)

    def model(self) -> Mapping[str, Any]:
        """What the service says of each of its heads, by their names.

        Raises
        ------
        AskError
        """
        heads: Mapping[str, Any] = self._ask("GET", "/v1/model")["heads"]
        return heads

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        import httpx

        for left in range(self._tries - 1, -1, -1):
            try:
                answer = self._http.request(method, path, **options)
            except httpx.HTTPError as error:
                raise AskError(
                    f"the service {self._address} can't be reached ({error or type(error).__name__}): does "
                    "`classify serve` run there?"
                ) from error
            if answer.status_code != 503 or not left:
                return self._read(answer)
            wait = answer.headers.get("Retry-After", "1")
            time.sleep(min(float(wait) if wait.isdecimal() else 1.0, _LONGEST_WAIT))
        raise AssertionError("no attempt was made")

    def _read(self, answer: httpx.Response) -> dict[str, Any]:
        try:
            facts = answer.json()
        except ValueError:
            facts = None
        if not isinstance(facts, dict):
            raise AskError(f"{self._address} is no service of artstyle: it answers with something else than JSON")
        if answer.status_code != 200:
            raise AskError(f"the service answers with {answer.status_code}: {facts.get('message', 'it says no more')}")
        return facts


def _body(picture: str | Path | bytes) -> tuple[str, dict[str, Any]]:
    """A picture's name, and the request's body as httpx takes it."""
    if isinstance(picture, bytes):
        return "", _file(picture)
    if isinstance(picture, str) and picture.lower().startswith(("http://", "https://")):
        return picture, {"json": {"url": picture}}
    try:
        return str(picture), _file(Path(picture).read_bytes())
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise AskError(f"{str(picture)!r} can't be read: {why}") from error


def _file(data: bytes) -> dict[str, Any]:
    return {"content": data, "headers": {"Content-Type": "application/octet-stream"}}
