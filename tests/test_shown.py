"""Tables, examples and comparisons as tables of pandas, and as notebooks show them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import classify
from classify.comparison.result import Comparison
from featurize.dataset.table import DatasetTable
from featurize.errors import PackageMissing
from featurize.tiles import MOST, first_of_each
from tests.classify.embedded import make_dataset
from tests.conftest import save_picture

HOSTILE = '<script>alert(1)</script> & "co"'


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> DatasetTable:
    """Made-up embeddings; the first picture of each class is there, all others are missing; one class is hostile."""
    made, _ = make_dataset(tmp_path_factory.mktemp("shown"))
    for n, path in enumerate(made.columns["path"]):
        if path.endswith("/0.jpg"):
            save_picture(made.folder / path, n, (300, 200))
    styles = [HOSTILE if style == "Cubism" else style for style in made.columns["style"]]
    artists = ["" if n == 3 else HOSTILE if n == 12 else name for n, name in enumerate(made.columns["artist"])]
    return made.with_columns(style=styles, artist=artists)


@pytest.fixture(scope="module")
def comparison(table: DatasetTable) -> Comparison:
    return classify.compare(table, table.folder / "features", "ridge,lda", tune=False)


def test_a_table_keeps_every_value_and_misses_what_is_unknown(table: DatasetTable) -> None:
    frame = table.to_pandas()
    assert list(frame.columns) == list(table.columns)
    assert frame["size"].dtype == frame["mtime_ns"].dtype == "int64"
    assert frame["size"].tolist() == table.whole_numbers("size")
    for name in ("id", "path", "split", "style", "artist", "year"):
        assert ["" if missing else value for value, missing in zip(frame[name], frame[name].isna(), strict=True)] == [
            *table.columns[name]
        ]
    assert frame["artist"].isna().sum() == 1


def test_examples_have_their_vectors_beside_their_labels(table: DatasetTable) -> None:
    examples = classify.load_examples(table, table.folder / "features", "avgpool")
    frame = examples.to_pandas()
    assert frame["label"].tolist() == examples.y.tolist()
    assert frame["id"].tolist() == list(examples.rows.ids)
    assert (frame[[f"x{n}" for n in range(8)]].to_numpy() == examples.X).all()
    assert "x8" not in frame


def test_a_comparison_gives_its_ranking(comparison: Comparison) -> None:
    frame = comparison.to_pandas()
    assert frame["name"].tolist() == [entry.name for entry in comparison.entries]
    for row, entry in zip(frame.itertuples(), comparison.entries, strict=True):
        assert (row.low, row.accuracy, row.high) == (
            entry.scores.accuracy.low,
            entry.scores.accuracy.value,
            entry.scores.accuracy.high,
        )


def test_without_pandas_a_sentence_names_it(
    table: DatasetTable, comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    for shown in (table, classify.load_examples(table, table.folder / "features"), comparison):
        with pytest.raises(PackageMissing, match="needs pandas, which is not installed: `pip install pandas`"):
            shown.to_pandas()


def test_what_notebooks_show_is_escaped_and_holds_a_picture_of_each_class(
    table: DatasetTable, comparison: Comparison
) -> None:
    examples = classify.load_examples(table, table.folder / "features")
    for shown in (table, examples, examples.rows, comparison):
        page = shown._repr_html_()
        assert "<script" not in page
    for gallery in (table._repr_html_(), examples._repr_html_()):
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;co&#34;" in gallery
        assert gallery.count("<figure>") == MOST
        assert gallery.count('src="data:image/jpeg') == 3
        assert gallery.count("no picture") == MOST - 3
    assert re.search("36 pictures of 3 classes .style.; train 21, val 9, test 6", table._repr_html_())


def test_the_ranking_shows_each_head_and_every_caution(comparison: Comparison) -> None:
    page = comparison._repr_html_()
    places = [page.index(f">{entry.name}<") for entry in comparison.entries]
    assert places == sorted(places)
    assert page.count("<li>") == len(comparison.cautions) > 0


def test_a_few_of_many_classes_are_shown_and_several_pictures_of_few() -> None:
    assert first_of_each(["b", "a", "b", ""]) == [1, 0, 2, 3]
    assert first_of_each([]) == []
    many = [f"{n:03}" for n in range(100)]
    assert first_of_each(many) == list(range(MOST))


def test_a_table_without_labels_is_shown_too(table: DatasetTable) -> None:
    plain = DatasetTable({name: table.columns[name] for name in ("id", "path", "split")}, Path("/nowhere"))
    assert "36 pictures; train 21" in plain._repr_html_()
    assert list(plain.to_pandas().columns) == ["id", "path", "split"]


def test_figures_are_figures_of_matplotlib_with_a_label_in_words(
    table: DatasetTable, comparison: Comparison, tmp_path: Path
) -> None:
    from matplotlib.figure import Figure

    more = classify.compare(table, table.folder / "features", "ridge,softmax:epochs=2", tune=False, learning_curve=True)
    figures = {
        "confusions": classify.draw_confusions(comparison),
        "of another": classify.draw_confusions(comparison, comparison.entries[1].name),
        "cost": classify.draw_cost(comparison),
        "reliability": classify.draw_reliability(comparison, "lda"),
        "curve": classify.draw_learning_curve(more),
        "epochs": classify.draw_epochs(more),
    }
    for name, figure in figures.items():
        assert isinstance(figure, Figure)
        assert len(str(figure.get_label())) > 30
        figure.savefig(tmp_path / f"{name}.png")
    assert comparison.entries[1].name in str(figures["of another"].get_label())


def test_a_figure_that_can_not_be_is_refused_in_a_sentence(comparison: Comparison) -> None:
    with pytest.raises(classify.ClassifyError, match="compare with learning_curve=True"):
        classify.draw_learning_curve(comparison)
    with pytest.raises(classify.ClassifyError, match="no head of this comparison learns in epochs"):
        classify.draw_epochs(comparison)
    with pytest.raises(classify.ClassifyError, match="no head 'svm': choose one of"):
        classify.draw_confusions(comparison, "svm")
