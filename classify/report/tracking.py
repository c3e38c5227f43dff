"""A comparison in MLflow: one run for it with the report, and one run inside for each head."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

from classify.comparison.result import Comparison
from classify.evaluation.entry import Entry
from featurize.errors import PackageMissing
from featurize.wording import counted


def load_mlflow() -> ModuleType:
    """MLflow.

    Raises
    ------
    PackageMissing
        It is not installed.
    """
    try:
        import mlflow
    except ImportError as error:
        raise PackageMissing(
            "--mlflow needs MLflow: `pip install 'artstyle[mlflow]'`, or leave --mlflow out"
        ) from error
    module: ModuleType = mlflow
    return module


def check_experiment(experiment: str) -> None:
    """Open an experiment, so that it is known before long work whether runs can be kept in it.

    Raises
    ------
    PackageMissing
        MLflow is not installed.
    mlflow.exceptions.MlflowException
        Its store can't be used.
    """
    load_mlflow().set_experiment(experiment)


def log_comparison(comparison: Comparison, report: str | Path, experiment: str) -> None:
    """Log parameters, figures and the report where MLflow's own settings say (MLFLOW_TRACKING_URI).

    Parameters
    ----------
    comparison : Comparison
    report : str or Path
        The folder that `write_report` made; its files are the run's artifacts.
    experiment : str
        MLflow makes it where there is none of this name.

    Raises
    ------
    PackageMissing
        MLflow is not installed.
    """
    mlflow = load_mlflow()
    data = comparison.dataset
    mlflow.set_experiment(experiment)
    with mlflow.start_run(run_name=f"{data.target}: {counted(len(comparison.entries), 'head')}"):
        mlflow.log_params(
            {
                "target": data.target,
                "train": data.train,
                "test": data.test,
                "rows_digest": data.digest,
                "seed": comparison.provenance.seed,
                "command": comparison.provenance.command[:500],  # the longest that every MLflow takes
            }
        )
        mlflow.log_metrics({"train_rows": data.train_rows, "test_rows": data.test_rows, "chance": data.chance})
        mlflow.log_artifacts(str(report))
        for entry in comparison.entries:
            with mlflow.start_run(run_name=entry.name, nested=True):
                mlflow.log_params(_params(entry))
                mlflow.log_metrics(_metrics(entry))


def _params(entry: Entry) -> dict[str, str]:
    own = {"head": entry.spec, "embedding": entry.embedding, "key": entry.key, "untrained": entry.untrained}
    return {name: json.dumps(value).strip('"')[:500] for name, value in {**own, **entry.params}.items()}


def _metrics(entry: Entry) -> dict[str, float]:
    s = entry.scores
    found = {
        "accuracy": s.accuracy.value,
        "accuracy_low": s.accuracy.low,
        "accuracy_high": s.accuracy.high,
        "macro_f1": s.macro_f1,
        "balanced_accuracy": s.balanced_accuracy,
        "mean_average_precision": s.mean_average_precision,
        "top3": s.top3,
        "top5": s.top5,
        "calibration_error": s.calibration_error,
        "log_loss": s.log_loss,
        "tune_seconds": entry.cost.tune_seconds,
        "fit_seconds": entry.cost.fit_seconds,
    }
    return {name: value for name, value in found.items() if value is not None}
