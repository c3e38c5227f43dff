"""The slides' and RASTA's experiments, on made-up tables."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from classify.comparison import protocols
from classify.comparison.protocols import RASTA_STYLES, Setting, rasta, slides
from classify.errors import DataError
from tests.classify.worlds import STATS, World, fill, make_world


def setting(world: World, **options: object) -> Setting:
    return Setting(world.table, [world.cache], **options)


def test_slides_take_the_ten_most_frequent_classes_and_split_80_20() -> None:
    world = make_world(classes=12, train=360, test=240, style=2.0, dimension=32)
    labels = list(world.table.columns["style"])
    labels = [c if c not in ("Style_3", "Style_7") or n < 200 else "" for n, c in enumerate(labels)]  # rare ones
    c = slides(setting(world.relabelled(style=labels), seed=3))
    assert set(c.classes) == {f"Style_{n}" for n in range(12) if n not in (3, 7)}
    assert (c.dataset.train_rows, c.dataset.test_rows) == (400, 100)
    assert {e.kind for e in c.entries} == {"softmax", "mlp"}
    assert all(len(e.history) == 12 for e in c.entries)
    assert all(e.tuned == {} for e in c.entries)


def test_slides_control_falls_to_the_majority_share() -> None:
    """One class has 40 % of the pictures: with labels out of step a head does no better than naming it always."""
    world = make_world(classes=5, train=600, test=400, style=3.0)
    labels = ["Large" if n % 5 < 2 else c for n, c in enumerate(world.table.columns["style"])]
    c = slides(setting(world.relabelled(style=labels)))
    assert c.protocol is not None
    assert min(e.scores.accuracy.value for e in c.entries) > 0.9
    for control in c.protocol.controls:
        assert control.majority == pytest.approx(0.4)
        assert control.accuracy.low <= control.majority + 0.02
    assert any(p.value == 0.203 for p in c.protocol.published)


def test_slides_sample_at_most_5000_and_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "SLIDES_PICTURES", 90)
    world = make_world(train=100, test=100)
    (table, rows), again, other = (protocols._sampled(setting(world, seed=s)) for s in (1, 1, 2))
    assert len(set(rows)) == len(table) == 90
    assert table.columns["id"] == [world.table.columns["id"][n] for n in rows]
    assert (again[1], again[0].columns) == (rows, table.columns)
    assert other[1] != rows
    assert list(table.columns["split"]).count("test") == 18


def test_rasta_keeps_its_25_styles_however_they_are_written() -> None:
    world = make_world(classes=30, train=300, test=300, style=2.0)
    spelled = [*RASTA_STYLES, "Dada", "Fauvism", "Kitsch", "Op Art", ""]
    variants = {
        "Pop_Art": "pop art",
        "Naïve_Art_(Primitivism)": unicodedata.normalize("NFD", "Naïve Art (Primitivism)"),
        "Post-Impressionism": "Post Impressionism",
    }
    names = [variants.get(s, s) for s in spelled]
    labels = [names[int(c.split("_")[1])] for c in world.table.columns["style"]]
    c = rasta(setting(world.relabelled(style=labels)))
    assert len(c.classes) == 25
    assert "Dada" not in c.classes
    assert c.protocol is not None
    assert "25 of RASTA's 25 styles" in c.protocol.facts[0]
    assert {p.value for p in c.protocol.published} >= {0.495, 0.878}
    assert all(f.average_precision is not None for f in c.best.scores.per_class)


def test_rasta_compares_mirror_averaging_where_it_is_stored() -> None:
    world = make_world(style=1.0)
    names = dict(zip([f"Style_{n}" for n in range(4)], RASTA_STYLES, strict=False))
    world = world.relabelled(style=[names[c] for c in world.table.columns["style"]])
    without = rasta(setting(world))
    mirrored = type(STATS)("avgpool-mirror", {"mirror": True})
    fill(world.cache, world.table, world.X + np.float32(0.01), mirrored)
    both = rasta(setting(world))
    assert len(without.entries) == 1
    assert {e.embedding for e in both.entries} == {"avgpool", "avgpool-mirror"}
    assert without.protocol is not None
    assert "--embedding avgpool-mirror" in without.protocol.facts[2]
    assert "21 missing" not in without.protocol.facts[0]
    assert "missing: Baroque" in without.protocol.facts[0]


@pytest.mark.parametrize("protocol", [slides, rasta])
def test_a_table_without_the_classes_is_refused(protocol: object) -> None:
    with pytest.raises(DataError, match=r"classes|styles"):
        protocol(setting(make_world().relabelled(style=["Baroque"] * 160)))
