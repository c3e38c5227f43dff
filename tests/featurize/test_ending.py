"""What `featurize run` says when it ends: every outcome is counted, and each trouble has its way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from featurize.commands.ending import tell
from featurize.reasons import Reason
from featurize.run.extract import Extraction
from featurize.run.outcomes import Failed
from tests.classify.embedded import KEY

Told = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    def tell_of(
        failed: dict[str, Reason], strict: bool = False, left: int = 0, aside: tuple[str, ...] = ()
    ) -> tuple[int, list[str], list[str]]:
        rows = [Failed(Path(path), "", reason, "") for path, reason in failed.items()]
        done = Extraction(
            Path("features"), KEY, 30, 29, 5, rows, left, Path("failures.csv"), aside, 2.0, 0.0, 0.0, 0.0, 1, "fake"
        )
        status = tell(done, strict)
        said = capsys.readouterr()
        return status, said.out.splitlines(), said.err.splitlines()

    return tell_of


def test_all_rows_are_counted(told: Told) -> None:
    status, out, errors = told({}, left=4, aside=("a.h5", "body-1.onnx"))
    assert status == 0
    assert out[0] == (
        "30 rows, 29 distinct pictures: 26 have a vector, 4 are left to other shards, 0 have none; "
        "5 pictures embedded now, 2.5/s"
    )
    assert errors == [
        "a.h5 was damaged: set aside; its pictures were embedded again, those that this run was asked for",
        "body-1.onnx was damaged: set aside; it is made again where it is needed",
    ]


def test_pictures_that_can_t_be_read_are_an_error_where_none_is_allowed(told: Told) -> None:
    broken = {f"{n}.jpg": Reason.TRUNCATED for n in range(12)}
    status, out, errors = told(broken)
    assert (status, errors) == (0, [])
    assert [line.strip() for line in out if "jpg: " in line] == [
        f"{n}.jpg: the picture is cut short" for n in range(10)
    ]
    assert "  and 2 more" in out
    assert "all of them: failures.csv" in out
    status, _, errors = told(broken, strict=True)
    assert status == 1
    assert errors == [
        "error: 12 rows without a vector, and --strict allows none: mend the files, or remove them and run "
        "`featurize prepare` again"
    ]


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        (
            {"a.jpg": Reason.CHANGED, "b.jpg": Reason.CHANGED},
            "2 files changed since the dataset table was made (a.jpg and b.jpg): run `featurize prepare` again",
        ),
        (
            {"a.jpg": Reason.MISSING},
            "1 file of the dataset table is not there (a.jpg): bring back what is missing, or run "
            "`featurize prepare` again",
        ),
        (
            {"http://x/a.jpg": Reason.CHANGED, "http://x/b.jpg": Reason.MISSING},
            "2 addresses have no picture, or another than the dataset table names (http://x/a.jpg and http://x/b.jpg): "
            "look at what lies there, or make the table again from the files and put their addresses in",
        ),
        (
            {"http://x/a.jpg": Reason.NOT_FETCHED, "http://x/b.jpg": Reason.NOT_FETCHED},
            "2 pictures could not be fetched (http://x/a.jpg and http://x/b.jpg): look at the reasons above, then run "
            "the same command again",
        ),
    ],
)
def test_what_is_not_as_in_the_table_is_an_error_with_its_way_out(
    told: Told, failed: dict[str, Reason], expected: str
) -> None:
    status, _, errors = told(failed)
    assert (status, errors) == (1, [f"error: {expected}; all others are embedded"])
