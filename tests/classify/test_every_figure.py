"""What stands on the page, printed, is what scikit-learn, scipy and statsmodels make of `predictions.csv` alone."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from classify import compare, write_report
from tests.classify.worlds import make_world

HEADS = "simpleshot,knn:k=1,ridge"
ROUNDED = 0.051  # of a figure that is printed with one digit
DRAWN = 2.5  # points by which two bootstraps of 2,000 draws may differ
Row = dict[str, str]


TAKEN = "to take"  # stands below the head that is advised


class Tables(HTMLParser):
    """The tables of a page: captions by the nearest heading or summary, rows of cells as text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[list[str]]]] = []
        self._heading, self._into, self._cell = "", "", False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("h2", "h3", "summary"):
            self._heading, self._into = "", "heading"
        elif tag == "table":
            self.found.append((self._heading.strip(), []))
        elif tag == "tr" and self.found:
            self.found[-1][1].append([])
        elif tag in ("td", "th") and self.found:
            self.found[-1][1][-1].append("")
            self._cell = True
        elif tag == "br" and self._cell:
            self.found[-1][1][-1][-1] += " "

    def handle_endtag(self, tag: str) -> None:
        if tag in ("h2", "h3", "summary"):
            self._into = ""
        elif tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.found[-1][1][-1][-1] += data
        elif self._into:
            self._heading += data

    def rows(self, heading: str) -> list[list[str]]:
        """The body of the first table below a heading."""
        return next(rows for name, rows in self.found if name.startswith(heading))[1:]


def numbers(text: str) -> list[float]:
    """The figures of a cell: "54.0 % 44.8–61.1 %" -> [54, 44.8, 61.1]."""
    return [float(n) for n in re.findall(r"(?<![\d.])-?\d+(?:\.\d+)?(?:e-?\d+)?", text.replace("−", "-"))]


@pytest.fixture(scope="module", params=["split", "folds"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, list[Row], str]:
    """The page's tables, the lines of predictions.csv, and how heads were scored."""
    world = make_world(style=0.8, by_artist=1.5, artists=8, train=120, test=120, seed=4)
    uneven = ["Style_0" if n % 12 == 3 else style for n, style in enumerate(world.table.columns["style"])]
    world = world.relabelled(style=uneven)  # so that means over classes are not means over pictures
    options = {"folds": 4, "repeats": 2} if request.param == "folds" else {}
    c = compare(world.table, world.cache, HEADS, **options)
    folder = tmp_path_factory.mktemp(request.param)
    page = write_report(c, folder)
    with (folder / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        return Tables(page.read_text("utf-8")), list(csv.DictReader(file)), request.param


def lines_of(lines: list[Row], scored_by: str, head: str, question: str = "") -> list[Row]:
    return [x for x in lines if x["scored_by"] == scored_by and x["head"] == head and question in ("", x["question"])]


def hits(lines: list[Row]) -> np.ndarray:
    return np.array([x["truth"] == x["predicted"] for x in lines])


def by_picture(lines: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    """How often each picture was named right, over the repeats, and its artist."""
    groups = {x["path"]: x["group"] for x in lines}
    right = {path: [] for path in groups}  # type: dict[str, list[bool]]
    for x in lines:
        right[x["path"]].append(x["truth"] == x["predicted"])
    return np.array([np.mean(right[path]) for path in groups]), np.array(list(groups.values()))


def percentiles(values: np.ndarray, groups: np.ndarray) -> list[float]:
    """Expanded percentiles (Hesterberg 2015) of a mean over artists, in percent, with draws of its own."""
    names, place = np.unique(groups, return_inverse=True)
    count = len(names)
    sums, sizes = np.bincount(place, values), np.bincount(place)
    drawn = np.random.default_rng(5).integers(0, count, (4000, count))
    tail = stats.norm.cdf(-np.sqrt(count / (count - 1)) * stats.t.ppf(0.975, count - 1))
    means = sums[drawn].sum(1) / sizes[drawn].sum(1)
    return (100 * np.quantile(means, [tail, 1 - tail])).tolist()


def calibration_error(lines: list[Row]) -> float:
    """Guo et al. (2017), equation 3, in percent."""
    confidence, right = np.array([float(x["confidence"]) for x in lines]), hits(lines)
    place = np.ceil(confidence * 10).clip(1)
    return 100 * sum(abs((right - confidence)[place == b].sum()) for b in np.unique(place)) / len(lines)


def headline(lines: list[Row], scored_by: str, head: str) -> list[Row]:
    """What the ranking and the tables of single classes are about: the test part, or by folds the first question."""
    return lines_of(lines, scored_by, head, "new" if scored_by == "folds" else "")


def heads_of(tables: Tables) -> list[str]:
    return [row[0] for row in tables.rows("All figures")]


def wilson(lines: list[Row]) -> list[float]:
    """Of as many pictures as there are, whatever the repeats."""
    size = len({x["path"] for x in lines})
    return [100 * x for x in proportion_confint(hits(lines).mean() * size, size, method="wilson")]


def test_the_ranking(written: tuple[Tables, list[Row], str]) -> None:
    tables, lines, how = written
    rows = [row for row in tables.rows("The ranking") if not row[1].startswith("control")]
    assert len(rows) == 3
    for row, head in zip(rows, heads_of(tables), strict=True):
        mine = headline(lines, how, head)
        assert row[1].startswith(head)
        assert numbers(row[2]) == pytest.approx([100 * hits(mine).mean()], abs=ROUNDED)
        assert numbers(row[4]) == pytest.approx(wilson(mine), abs=ROUNDED)
        letters = len(row) > (11 if how == "split" else 10)
        rest = row[5 + letters :]
        for question in ("new", "known") if how == "split" else ("known",):
            told, asked = numbers(rest.pop(0)), lines_of(lines, "folds", head, question)
            assert told[0] == pytest.approx(100 * hits(asked).mean(), abs=ROUNDED)
            assert told[1:] == pytest.approx(percentiles(*by_picture(asked)), abs=DRAWN)
        top5 = 100 * np.mean([int(x["truth_rank"]) <= 5 for x in mine])
        assert numbers(rest[0]) == pytest.approx([top5], abs=ROUNDED)
        assert numbers(rest[1]) == pytest.approx([calibration_error(mine)], abs=ROUNDED)


def test_all_figures_of_every_head(written: tuple[Tables, list[Row], str]) -> None:
    tables, lines, how = written
    for row in tables.rows("All figures"):
        mine = headline(lines, how, row[0])
        truth, said = [x["truth"] for x in mine], [x["predicted"] for x in mine]
        rank = np.array([int(x["truth_rank"]) for x in mine])
        own = np.array([float(x["truth_probability"]) for x in mine])
        assert numbers(row[2]) == pytest.approx(percentiles(*by_picture(mine)), abs=DRAWN)
        assert numbers(row[3]) == pytest.approx([metrics.f1_score(truth, said, average="macro")], abs=0.00051)
        assert numbers(row[4]) == pytest.approx([100 * metrics.balanced_accuracy_score(truth, said)], abs=ROUNDED)
        assert numbers(row[5]) == pytest.approx([100 * (rank <= 3).mean()], abs=ROUNDED)
        if (own > 0).all():
            assert numbers(row[8]) == pytest.approx([-np.log(own).mean()], abs=0.00051)
        else:
            assert row[8] == "–"


def test_every_pair_of_heads(written: tuple[Tables, list[Row], str]) -> None:
    """McNemar's exact test on a split, the corrected resampled t-test over folds; Holm's correction of both."""
    tables, lines, how = written
    names = heads_of(tables)
    right = {head: headline(lines, how, head) for head in names}
    ps = [pair_p(right[a], right[b], how) for a, b in combinations(names, 2)]
    holm = multipletests(ps, method="holm")[1]
    rows = tables.rows("Every pair of heads")
    assert len(rows) == 3
    for row, (a, b), p, corrected in zip(rows, combinations(names, 2), ps, holm, strict=True):
        assert row[:2] == [a, b]
        (one, groups), (other, _) = by_picture(right[a]), by_picture(right[b])
        assert numbers(row[2]) == pytest.approx([100 * (one.mean() - other.mean())], abs=ROUNDED)
        assert numbers(row[3]) == pytest.approx(percentiles(one - other, groups), abs=DRAWN)
        first = [hits([x for x in right[head] if x["repeat"] in ("", "1")]) for head in (a, b)]
        assert numbers(row[4]) == [(first[0] & ~first[1]).sum()]
        assert numbers(row[5]) == [(first[1] & ~first[0]).sum()]
        assert numbers(row[6]) == pytest.approx([p], abs=0.00051)
        assert numbers(row[7]) == pytest.approx([corrected], abs=0.00051)


def pair_p(one: list[Row], other: list[Row], how: str) -> float:
    a, b = hits(one), hits(other)
    if how == "split":
        alone = int((a & ~b).sum()), int((b & ~a).sum())
        return float(stats.binomtest(alone[0], sum(alone)).pvalue)
    return corrected_t(fold_means(one) - fold_means(other), folds_of(one))


def folds_of(lines: list[Row]) -> int:
    return len({x["fold"] for x in lines})


def fold_means(lines: list[Row]) -> np.ndarray:
    places = np.array([(int(x["repeat"]), int(x["fold"])) for x in lines])
    right = hits(lines)
    return np.array([right[(places == place).all(1)].mean() for place in np.unique(places, axis=0)])


def corrected_t(gaps: np.ndarray, folds: int) -> float:
    """Nadeau & Bengio (2003)."""
    error = np.sqrt((1 / len(gaps) + 1 / (folds - 1)) * np.var(gaps, ddof=1))
    return float(2 * stats.t.sf(abs(gaps.mean()) / error, len(gaps) - 1))


def test_both_questions(written: tuple[Tables, list[Row], str]) -> None:
    tables, lines, _ = written
    for question, heading in (("new", "New painters"), ("known", "Known painters")):
        rows = next(r for name, r in tables.found if name.startswith(heading))[1:]
        assert sum(row[0].endswith(TAKEN) for row in rows) == 1
        rows = [[row[0].removesuffix(TAKEN).strip(), *row[1:]] for row in rows]
        asked = {row[0]: lines_of(lines, "folds", row[0], question) for row in rows}
        first, groups = by_picture(asked[rows[0][0]])
        for n, row in enumerate(rows):
            mine, _ = by_picture(asked[row[0]])
            told = numbers(row[1])
            assert told[0] == pytest.approx(100 * mine.mean(), abs=ROUNDED)
            assert told[1:] == pytest.approx(percentiles(mine, groups), abs=DRAWN)
            off, by_chance = numbers(row[3])
            assert off == pytest.approx(calibration_error(asked[row[0]]), abs=ROUNDED)
            assert by_chance == pytest.approx(exact_calibration(asked[row[0]]), abs=0.4)
            if n:
                behind = numbers(row[2])
                assert behind[0] == pytest.approx(100 * (first - mine).mean(), abs=ROUNDED)
                assert behind[1:] == pytest.approx(percentiles(first - mine, groups), abs=DRAWN)


def exact_calibration(lines: list[Row]) -> float:
    """The mean calibration error, in percent, of answers that are right as often as they say, by simulation."""
    confidence, rng = np.array([float(x["confidence"]) for x in lines]), np.random.default_rng(3)
    place = np.ceil(confidence * 10).clip(1).astype(int)
    drawn = rng.random((400, len(lines))) < confidence
    gaps = sum(abs(((drawn - confidence) * (place == b)).sum(1)) for b in np.unique(place))
    repeats = len({x["repeat"] for x in lines})  # they show the same pictures, which are no more by it
    return float(100 * np.mean(gaps) / len(lines) * np.sqrt(repeats))


def test_what_having_met_the_artist_is_worth(written: tuple[Tables, list[Row], str]) -> None:
    tables, lines, _ = written
    rows = tables.rows("What having met the artist is worth")
    assert {row[0] for row in rows} == set(heads_of(tables))
    for row in rows:
        (new, groups), (known, _) = (by_picture(lines_of(lines, "folds", row[0], q)) for q in ("new", "known"))
        assert numbers(row[1]) == pytest.approx([100 * (known.mean() - new.mean())], abs=ROUNDED)
        assert numbers(row[2]) == pytest.approx(percentiles(known - new, groups), abs=DRAWN)


def test_class_by_class_and_what_is_taken_for_what(written: tuple[Tables, list[Row], str]) -> None:
    tables, lines, how = written
    names = heads_of(tables)
    for number, head in enumerate(names):
        mine = headline(lines, how, head)
        truth, said = [x["truth"].replace("_", " ") for x in mine], [x["predicted"].replace("_", " ") for x in mine]
        heading = "What is taken for what" if number == 0 else "Confusion matri"
        matrix = [rows for name, rows in tables.found if name.startswith(heading)][max(0, number - 1)]
        order = matrix[0][1:]
        assert [[int(cell or 0) for cell in row[1:]] for row in matrix[1:]] == metrics.confusion_matrix(
            truth, said, labels=order
        ).tolist()
        if number == 0:
            figures = metrics.precision_recall_fscore_support(truth, said, labels=sorted(order), zero_division=0)
            for row, (precision, recall, f1, support) in zip(
                tables.rows("Class by class"), np.array(figures).T, strict=True
            ):
                assert numbers(row[2]) == [support]
                assert numbers(row[3]) == pytest.approx([100 * precision], abs=0.51)
                assert numbers(row[4]) == pytest.approx([100 * recall], abs=0.51)
                assert numbers(row[6]) == pytest.approx([f1], abs=0.0051)
