"""A comparison is logged in MLflow: a run with the report, and one inside for each head."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from classify.commands.main import cli
from classify.comparison.compare import compare
from classify.report.tracking import log_comparison
from featurize.commands.console import run
from tests.classify.embedded import make_dataset
from tests.classify.worlds import make_world


class Recorder:
    """MLflow's calls that are used, written down as (names of the open runs, what, value)."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[str, ...], str, object]] = []
        self.open: list[str] = []
        names = ("set_experiment", "log_params", "log_metrics", "log_artifacts")
        self.module = SimpleNamespace(
            start_run=self.start_run, **{name: lambda value, name=name: self._note(name, value) for name in names}
        )

    @contextlib.contextmanager
    def start_run(self, *, run_name: str, nested: bool = False) -> Iterator[None]:
        assert nested is bool(self.open)
        self.open.append(run_name)
        yield
        self.open.pop()

    def _note(self, what: str, value: object) -> None:
        self.calls.append((tuple(self.open), what, value))


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setitem(sys.modules, "mlflow", recorder.module)
    return recorder


def test_each_head_has_a_run_with_its_parameters_and_figures(recorder: Recorder, tmp_path: Path) -> None:
    world = make_world()
    comparison = compare(world.table, world.cache, ["ridge", "lda"])
    log_comparison(comparison, tmp_path, "styles")
    assert recorder.calls[0] == ((), "set_experiment", "styles")
    assert ("log_artifacts", str(tmp_path)) in [(what, value) for _, what, value in recorder.calls]
    for entry in comparison.entries:
        own = {what: value for runs, what, value in recorder.calls if runs[-1:] == (entry.name,)}
        assert own["log_metrics"]["accuracy"] == entry.scores.accuracy.value
        assert all(isinstance(value, float | int) for value in own["log_metrics"].values())
        assert own["log_params"]["head"] == entry.spec
        assert all(isinstance(value, str) for value in own["log_params"].values())


def test_the_command_logs_the_report_that_it_wrote(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dataset(tmp_path)
    monkeypatch.chdir(tmp_path)
    words = ["compare", "--heads", "ridge", "--no-tune", "--out", "report", "--mlflow", "styles"]
    assert run(cli, words) == 0
    assert (("style: 1 head",), "log_artifacts", "report") in recorder.calls


def test_without_mlflow_it_is_said_before_anything_is_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_dataset(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert run(cli, ["compare", "--heads", "ridge", "--out", "report", "--mlflow", "styles"]) == 1
    assert "pip install 'artstyle[mlflow]'" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_a_store_that_can_not_be_used_is_said_before_anything_is_fitted(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(name: str) -> None:
        raise ValueError("no such store")

    make_dataset(tmp_path)
    monkeypatch.chdir(tmp_path)
    recorder.module.set_experiment = refuse
    assert run(cli, ["compare", "--heads", "ridge", "--out", "report", "--mlflow", "styles"]) == 1
    assert "no such store" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own, of SQLAlchemy
def test_mlflow_itself_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    store = f"sqlite:///{tmp_path}/runs.db"  # the kind that MLflow 3 takes by itself
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(store)
    world = make_world()
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("a page")
    log_comparison(compare(world.table, world.cache, ["ridge"], tune=False), tmp_path / "report", "styles")
    assert len(mlflow.search_runs(experiment_names=["styles"], output_format="list")) == 2
