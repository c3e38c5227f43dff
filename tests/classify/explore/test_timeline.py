"""A timeline's figures are those of an independent computation, and find a year that stands in the embeddings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import pearsonr
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, mean_squared_error
from sklearn.model_selection import GridSearchCV, GroupKFold

from classify.commands.main import cli
from classify.errors import DataError, HeadError, HeadMismatch
from classify.explore import timeline_figures
from classify.explore.hidden import load_hidden, units_in_time
from classify.explore.maps.make import map_of
from classify.explore.timeline import Timeline, colours_of, timeline
from classify.explore.works import Works, load_works
from classify.headfile import SavedHead, save_head
from classify.heads import make_head
from classify.report.svg import as_svg
from featurize.commands.console import run
from featurize.dataset.table import DatasetTable, write_table
from tests.browser import assert_good_to_read
from tests.classify.explore.collections import make_collection
from tests.classify.worlds import AVGPOOL, KEY, World, make_world


def dated_works(strength: float = 4.0, noise: float = 1.0, seed: int = 0) -> Works:
    """Works whose year stands in one direction of the embedding, `strength` times as wide as the noise."""
    world = make_world(train=60, test=60, dimension=12, style=0.2, artists=10, seed=seed)
    works = load_works(world.table, world.cache)
    rng = np.random.default_rng(seed)
    years = rng.integers(1500, 1900, len(works))
    X = rng.normal(size=(len(works), 12)) * noise
    X[:, 3] += strength * (years - 1700) / 115
    table = works.table.with_columns(year=[str(y) for y in years])
    return Works(table, X.astype(np.float32), works.key, works.recipes)


@pytest.fixture(scope="module")
def found() -> Timeline:
    return timeline(dated_works())


def test_correlations_are_those_of_scipy_on_components_of_scikit_learn(found: Timeline) -> None:
    pca = PCA(svd_solver="full").fit(found.works.X)
    scores = pca.transform(found.works.X)
    for n in range(5):
        expected = abs(pearsonr(scores[:, n], found.years).statistic)
        assert found.correlation[n].value == pytest.approx(expected, abs=1e-3)
        assert pearsonr(found.scores[:, n], found.years).statistic == pytest.approx(expected, abs=1e-3)
    np.testing.assert_allclose(found.share, pca.explained_variance_ratio_, atol=1e-4)
    assert found.for_most == int(np.searchsorted(np.cumsum(pca.explained_variance_ratio_), 0.95)) + 1


def test_years_are_predicted_as_by_scikit_learn(found: Timeline) -> None:
    """Ridge regression on the vectors themselves, its penalty chosen within the folds, painters kept apart."""
    groups = np.unique(found.works.groups.names, return_inverse=True)[1]
    X = PCA(svd_solver="full").fit_transform(found.works.X)
    predicted, middle = np.empty(len(X)), np.empty(len(X))
    for learn, held_out in GroupKFold(5).split(X, groups=groups):
        scale = X[learn].var(0).max() * len(learn)
        inner = list(GroupKFold(4).split(X[learn], groups=groups[learn]))
        choice = GridSearchCV(Ridge(), {"alpha": [scale * 10.0**n for n in range(-4, 3)]}, cv=inner,
                              scoring="neg_mean_squared_error")  # fmt: skip
        predicted[held_out] = choice.fit(X[learn], found.years[learn]).predict(X[held_out])
        middle[held_out] = found.years[learn].mean()
    embedding = found.predictions[0]
    np.testing.assert_allclose(embedding.predicted, predicted, atol=0.5)
    expected = 1 - mean_squared_error(found.years, predicted) / mean_squared_error(found.years, middle)
    assert embedding.r2.value == pytest.approx(expected, abs=1e-3)
    assert embedding.error.value == pytest.approx(mean_absolute_error(found.years, predicted), abs=0.2)


def test_a_year_in_the_embedding_is_found_and_chance_is_not(found: Timeline) -> None:
    assert found.best == 0
    assert found.correlation[0].low > 0.9
    embedding, style = found.predictions[:2]
    assert (embedding.name, style.name) == ("embedding", "style")
    assert embedding.r2.low > 0.8
    assert embedding.error.high < 60
    assert style.r2.value < 0.1
    nothing = timeline(dated_works(strength=0.0))
    assert nothing.correlation[nothing.best].low < 0.05
    assert nothing.predictions[0].r2.value < 0.1


def test_intervals_follow_painters_not_pictures() -> None:
    """Where all works of a painter are copies of one, the interval is as wide as with one."""
    works = dated_works(noise=3.0)
    rows = np.repeat(np.arange(40), 3)
    alone = works.take(np.arange(40))
    alone = replace(alone, table=alone.table.with_columns(artist=[f"p{n}" for n in range(40)]))
    copies = {"id": [f"{n:064x}" for n in range(120)], "path": [f"{n}.jpg" for n in range(120)]}
    table = alone.table.take(rows.tolist())
    table = DatasetTable({**table.columns, **copies}, table.folder)
    several = Works(table, alone.X[rows], works.key, works.recipes)
    a, b = timeline(alone).correlation[0], timeline(several).correlation[0]
    assert b.value == pytest.approx(a.value, abs=1e-3)
    assert b.high - b.low == pytest.approx(a.high - a.low, rel=0.15)


def test_painters_stay_apart_when_years_are_predicted() -> None:
    """Works of a painter share a direction of their own and a year: only who has met the painter could tell it."""
    rng = np.random.default_rng(1)
    painter = np.repeat(np.arange(24), 5)
    works = dated_works()
    X = (10 * rng.normal(size=(24, 12))[painter] + 0.1 * rng.normal(size=(120, 12))).astype(np.float32)
    table = works.table.with_columns(
        year=[str(y) for y in rng.integers(1500, 1900, 24)[painter]], artist=[f"painter {p}" for p in painter]
    )
    assert timeline(Works(table, X, works.key, works.recipes)).predictions[0].r2.value < 0.2


def test_styles_stand_in_the_order_of_their_years(found: Timeline) -> None:
    medians = [style.median for style in found.styles]
    assert medians == sorted(medians)
    names = np.array(found.works.column("style"))
    for style in found.styles:
        here = names == style.name
        assert style.median == np.median(found.years[here])
        np.testing.assert_allclose(style.position, found.scores[here].mean(0))


@pytest.mark.parametrize("draw", [timeline_figures.against_year, timeline_figures.predicted])
def test_works_are_drawn_in_colours_that_follow_the_page(draw: Callable[[Timeline], Figure], found: Timeline) -> None:
    """Pixels would stay in the colours of the light page, which are hard to see on a dark one."""
    drawn = as_svg(draw(found))
    assert "<image" not in drawn
    assert drawn.count("var(--series-2)") >= len(found.years)


def test_years_that_are_texts_are_named() -> None:
    world = make_world(train=40, test=0)
    works = load_works(world.relabelled(year=["c. 1500" if n % 2 else "1900" for n in range(40)]).table, world.cache)
    assert works.odd_years.startswith("20 cells of the column `year` hold no year, as 'c. 1500': write 1500, or -300")
    with pytest.raises(DataError, match=r"20 works of 40 have a year, and a timeline needs 30: 20 cells .* no year"):
        timeline(works)
    assert works.odd_years in map_of(works, method="pca").news
    assert not load_works(world.table, world.cache).odd_years


def test_too_few_dates_are_said_with_the_way_out() -> None:
    works = dated_works()
    some = [year if n < 29 else "" for n, year in enumerate(works.column("year"))]
    with pytest.raises(DataError, match="29 works of 120 have a year, and a timeline needs 30: fill the column `year`"):
        timeline(replace(works, table=works.table.with_columns(year=some)))
    with pytest.raises(DataError, match="1 work of 3 has a year, and a timeline needs 30: add pictures"):
        timeline(
            replace(works, table=works.table.with_columns(year=["", "", *works.column("year")[2:]])).take(np.arange(3))
        )
    with pytest.raises(DataError, match=r"the 120 pictures all have the same embedding .* embed them with another"):
        timeline(replace(works, X=np.ones_like(works.X)))
    with pytest.raises(DataError, match="of the same year"):
        timeline(replace(works, table=works.table.with_columns(year=["1800"] * 120)))
    with pytest.raises(DataError, match="by 1 painter, and a timeline needs 5"):
        timeline(replace(works, table=works.table.with_columns(artist=["Same"] * 120)))


def test_the_command_writes_a_page_and_a_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = make_collection(tmp_path, shown=40)
    write_table(world.table.with_columns(style=["<b>Style</b>"] * 20 + ["Other"] * 20), tmp_path / "dataset.csv")
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["timeline"]) == 0
    assert "follows the year with a correlation of" in capsys.readouterr().out
    page = tmp_path / "reports" / "timeline" / "index.html"
    assert_good_to_read(page)
    text = page.read_text("utf-8")
    assert "the colours alone" in text
    assert "<b>Style</b>" not in text
    header = (page.parent / "timeline.csv").read_text("utf-8-sig").splitlines()[0]
    assert header.startswith("id,path,style,artist,year,component_1,")
    assert header.endswith("predicted_by_embedding,predicted_by_style,predicted_by_colour")


def hidden_world(folder: Path, kind: str = "mlp:hidden=16-8,epochs=3") -> tuple[World, SavedHead]:
    world = make_collection(folder, shown=0)
    world = world.relabelled(year=[str(1500 + 10 * n) for n in range(40)])
    write_table(world.table, folder / "dataset.csv")
    head = make_head(kind).fit(world.X, np.array(world.table.columns["style"]))
    return world, SavedHead(head, kind.partition(":")[0], "style", world.cache.key, [AVGPOOL])


def test_the_hidden_layer_is_that_of_the_network_computed_by_torch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    world, saved = hidden_world(tmp_path)
    works = load_hidden(world.table, world.cache, saved)
    scaling, rows = saved.head.scaling_, torch.tensor(world.X, dtype=torch.float64)
    rows = (rows - torch.tensor(scaling.mean)) / torch.tensor(scaling.scale)
    for weights, biases in saved.head.layers_[:-1]:
        rows = torch.relu(rows @ torch.tensor(weights).double() + torch.tensor(biases).double())
    assert works.X.shape == (40, 8)
    np.testing.assert_allclose(works.X, rows.numpy(), atol=1e-4)
    assert works.embedding == "last hidden layer (8 units) of the head mlp on avgpool"
    W, b = saved.head.layers_[-1]
    np.testing.assert_allclose(works.X @ W + b, saved.head.scores(world.X), atol=1e-4)


def test_units_in_time_are_means_of_standardised_activations() -> None:
    works = dated_works()
    X = np.c_[works.X, np.full(120, 3.0)]  # a unit that is the same for all works says nothing
    shown = units_in_time(replace(works, X=X), most=5)
    r = np.array([pearsonr(works.X[:, n], works.years).statistic for n in range(12)])
    assert shown.units.tolist() == sorted(np.argsort(-abs(r))[:5], key=lambda n: -r[n])
    np.testing.assert_allclose(shown.correlation, r[shown.units])
    assert (shown.units[0], 12 in shown.units) == (3, False)
    assert sum(shown.works) == 120
    first = int(shown.periods[0].split("-")[0])
    here = (works.years >= first) & (works.years <= int(shown.periods[0].split("-")[1]))
    column = works.X[:, 3].astype(float)
    assert shown.means[0, 0] == pytest.approx(((column - column.mean()) / column.std())[here].mean(), abs=1e-6)
    assert shown.works[0] == here.sum()


def test_heads_without_a_hidden_layer_and_of_other_embeddings_are_refused(tmp_path: Path) -> None:
    world, saved = hidden_world(tmp_path, "logreg")
    with pytest.raises(HeadError, match="the head logreg has no hidden layer: give one that has"):
        load_hidden(world.table, world.cache, saved)
    mlp = SavedHead(
        make_head("mlp:epochs=1").fit(world.X, world.table.columns["style"]), "mlp", "style", KEY, [AVGPOOL]
    )
    other = replace(mlp, key=replace(KEY, precision="bf16"))
    with pytest.raises(HeadMismatch, match=r"the head was fitted to embeddings of .* choose the feature cache"):
        load_hidden(world.table, world.cache, other)


def test_the_command_follows_a_hidden_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, saved = hidden_world(tmp_path)
    save_head(saved, tmp_path / "mlp.safetensors")
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["timeline", "--head", "mlp.safetensors"]) == 0
    assert "hidden layer" in capsys.readouterr().out
    page = tmp_path / "reports" / "timeline" / "index.html"
    assert_good_to_read(page)
    text = page.read_text("utf-8")
    assert "last hidden layer (8 units) of the head mlp on avgpool" in text
    assert "20 of these works are in the split train" in text
    assert "Units in time" in text


def test_colours_are_left_out_where_pictures_can_not_be_opened(tmp_path: Path) -> None:
    world = make_collection(tmp_path, shown=20)
    assert colours_of(load_works(world.table, world.cache)) is None
    colours = colours_of(load_works(world.table.take(range(20)), world.cache))
    assert colours is not None
    np.testing.assert_allclose(colours.mean(0), 0, atol=1e-9)
