"""Progress says what is known: a rate that can be read, how long it takes, and nothing before there is anything."""

from __future__ import annotations

import pytest

from featurize import progress
from featurize.progress import duration, pace, progress_bar


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (0.0, ""),
        (250.0, "250.0 pictures/s"),
        (1.0, "1.0 pictures/s"),
        (0.5, "2.0 s each"),
        (0.04, "25.0 s each"),
        (1 / 300, "5.0 min each"),
        (1 / 9000, "2.5 h each"),
    ],
)
def test_a_rate_is_never_shown_as_zero(rate: float, said: str) -> None:
    assert pace(rate) == said


def test_a_duration_is_said_in_a_unit_of_its_size() -> None:
    assert [duration(s) for s in (0.4, 119, 120, 7199, 7200, 90000)] == [
        "0 s", "119 s", "2.0 min", "120.0 min", "2.0 h", "25.0 h",
    ]  # fmt: skip


def test_plain_lines_say_how_long_slow_work_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now)
    with progress_bar("explaining") as show:
        show(0, 3)
        for done, now in enumerate((40.0, 80.0, 120.0), 1):  # noqa: B007
            show(done, 3)
    assert capsys.readouterr().err.splitlines() == [
        "explaining: 1 of 3 pictures, 40.0 s each, 80 s left",
        "explaining: 2 of 3 pictures, 40.0 s each, 40 s left",
        "explaining: 3 of 3 pictures, 40.0 s each",
    ]


def test_work_that_is_done_at_once_has_no_rate(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("explaining") as show:
        show(1, 1)
    assert capsys.readouterr().err == "explaining: 1 of 1 pictures\n"
