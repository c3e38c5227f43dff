"""`predictions.csv`: one line for each test picture and head."""

from __future__ import annotations

from classify.comparison.result import Comparison
from featurize.dataset.sheets import csv_bytes

COLUMNS = (
    "id",
    "path",
    "artist",
    "year",
    "truth",
    "head",
    "embedding",
    "backbone",
    "predicted",
    "correct",
    "confidence",
    "truth_probability",
    "truth_rank",
)


def as_csv(comparison: Comparison) -> bytes:
    """The table as a CSV file; `truth_rank` is 1 where the head is right."""
    rows = []
    names = comparison.classes
    for entry in comparison.entries:
        p = entry.predictions
        what = entry.name, entry.embedding, entry.backbone + (" (untrained backbone)" if entry.untrained else "")
        for n, row in enumerate(comparison.rows):
            said = p.predicted[n]
            answer = (said == row.label, p.confidence[n], p.truth[n], p.rank[n] + 1)
            facts = (row.id, row.path, row.artist, row.year, names[row.label], *what, names[said])
            rows.append([*facts, str(int(answer[0])), f"{answer[1]:.6g}", f"{answer[2]:.6g}", str(answer[3])])
    return csv_bytes({name: [row[n] for row in rows] for n, name in enumerate(COLUMNS)})
