"""Counts and times of a service, in the text form that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from classify.serve.heads import ServedHead

T = TypeVar("T")
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)  # seconds


class Metrics:
    """What a service counts.

    Parameters
    ----------
    heads : mapping of str to ServedHead
    """

    def __init__(self, heads: Mapping[str, ServedHead]) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._add(Counter, "requests", "Requests by route and status.", "route", "status")
        self._pictures = self._add(Counter, "pictures", "Pictures by head and outcome.", "head", "outcome")
        self._seconds = self._add(
            partial(Histogram, buckets=_BUCKETS), "request_seconds", "From the request's head to its answer.", "route"
        )
        waiting = self._add(Gauge, "waiting_pictures", "Pictures that wait or are worked on.", "head")
        for name, head in heads.items():
            waiting.labels(name).set_function(partial(getattr, head.room, "waiting"))

    def _add(self, kind: Callable[..., T], name: str, help_text: str, *labels: str) -> T:
        return kind(name, help_text, labels, namespace="artstyle", registry=self.registry)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def picture(self, head: str, outcome: str) -> None:
        """Count a picture: "predicted", or the code of its error."""
        self._pictures.labels(head, outcome).inc()

    def text(self) -> bytes:
        """All of them."""
        return generate_latest(self.registry)
