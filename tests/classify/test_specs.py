"""Heads as people write them: what is read is what was meant, is written back, and a mistake gets one sentence."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classify.fitting.estimate import Plan, seconds_of
from classify.heads import HEADS, HeadSpec, head_class, make_head
from classify.heads.spec import OF_TEXTS
from tests.sizes import HYPOTHESIS_EXAMPLES

SPECS: list[tuple[str, dict[str, Any]]] = [
    ("svm", {}),
    ("svm:C=3,standardize=false", {"C": 3.0, "standardize": False}),
    ("svm:standardize=False", {"standardize": False}),
    ("svm:standardize=yes", {"standardize": True}),
    (" logreg : C = 1e-3 , l2 = on", {"C": 1e-3, "l2": True}),
    ("logreg:class_weight=balanced", {"class_weight": "balanced"}),
    ("logreg:class_weight=none", {"class_weight": None}),
    ("logreg:device=cuda:1", {"device": "cuda:1"}),
    ("mlp:hidden=64-32,epochs=3", {"hidden": (64, 32), "epochs": 3}),
    ("mlp:hidden=64", {"hidden": (64,)}),
    ("svm:gamma=0.5", {"gamma": 0.5}),
    ("svm:gamma=scale", {"gamma": "scale"}),
    ("lda:shrinkage=0.1", {"shrinkage": 0.1}),
    ("ensemble:members=logreg:C=1+knn", {"members": ("logreg:C=1", "knn")}),
    ("ensemble:members=(svm:C=3,l2=on)+knn,l2=false", {"members": ("svm:C=3,l2=true", "knn"), "l2": False}),
]


@pytest.mark.parametrize(("text", "options"), SPECS, ids=[text for text, _ in SPECS])
def test_a_spec_is_read_made_and_written_back(text: str, options: dict[str, Any]) -> None:
    spec = HeadSpec.parse(text)
    assert spec.options == options
    made = spec.make()
    assert type(made) is head_class(spec.kind)
    assert made.get_params() == {**type(made)().get_params(), **options}
    assert HeadSpec.parse(str(spec)) == spec


@st.composite
def specs(draw: st.DrawFn, kinds: tuple[str, ...] = tuple(HEADS)) -> HeadSpec:
    """Heads with some of their options at any value that they may have."""
    kind = draw(st.sampled_from(kinds))
    cls = head_class(kind)
    options: dict[str, Any] = {}
    for name, default in cls().get_params().items():
        if not draw(st.booleans()):
            continue
        least, greatest = cls.bounds.get(name, (0, 0))
        if name == "members":
            inner = specs(tuple(k for k in HEADS if k != "ensemble"))
            options[name] = tuple(map(str, draw(st.lists(inner, min_size=1, max_size=3))))
        elif isinstance(default, bool):
            options[name] = draw(st.booleans())
        elif name == "hidden":
            options[name] = tuple(draw(st.lists(st.integers(1, 4096), min_size=1, max_size=3)))
        elif isinstance(default, int):
            options[name] = draw(st.integers(int(least), int(greatest)))
        elif name == "class_weight":
            options[name] = draw(st.sampled_from([None, "balanced"]))
        elif name == "device":
            options[name] = draw(st.sampled_from(["auto", "cpu", "cuda", "cuda:1"]))
        else:
            options[name] = draw(st.floats(least, greatest))
    return HeadSpec(kind, options)


@settings(max_examples=HYPOTHESIS_EXAMPLES, deadline=None)
@given(st.lists(specs(), min_size=1, max_size=4))
def test_any_list_of_heads_comes_back_from_its_text(heads: list[HeadSpec]) -> None:
    assert HeadSpec.parse_list(",".join(map(str, heads))) == heads


def test_two_ways_to_write_a_head_are_one_head() -> None:
    one, other = HeadSpec.parse("svm:C=3.0,l2=no"), HeadSpec.parse(" svm : l2 = false, C = 3")
    assert one == other
    assert len({one, other}) == 1
    assert str(one) == "svm:C=3,l2=false"
    assert HeadSpec.parse("svm:C=3") != HeadSpec.parse("svm"), "an option at its default is not tuned"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("logreg", ["logreg"]),
        ("logreg, mlp ,svm", ["logreg", "mlp", "svm"]),
        ("logreg,svm:C=3,mlp:epochs=30", ["logreg", "svm:C=3", "mlp:epochs=30"]),
        ("svm:C=3,standardize=false,mlp", ["svm:C=3,standardize=false", "mlp"]),
        ("svm:C=3,l2=true,svm:C=1", ["svm:C=3,l2=true", "svm:C=1"]),
        ("ensemble:members=(svm:C=3,l2=true)+knn,mlp", ["ensemble:members=(svm:C=3,l2=true)+knn", "mlp"]),
        ("logreg:device=cuda:1,svm", ["logreg:device=cuda:1", "svm"]),
        ("all", list(HEADS)),
        ("all,svm:C=3", [*HEADS, "svm:C=3"]),
        (",,", []),
    ],
)
def test_lists_of_heads(text: str, expected: list[str]) -> None:
    assert [str(spec) for spec in HeadSpec.parse_list(text)] == expected


@pytest.mark.parametrize("kind", HEADS)
def test_what_is_chosen_is_not_tuned(kind: str) -> None:
    whole = HeadSpec(kind).grid
    assert whole == head_class(kind).tunable
    for name, values in whole.items():
        assert HeadSpec(kind, {name: values[0]}).grid == {n: v for n, v in whole.items() if n != name}


BAD = [
    ("perceptron", r"there is no head 'perceptron'; choose from logreg, softmax, mlp"),
    ("", r"there is no head ''; choose from logreg, softmax, mlp"),
    ("svm:D=3", r"head 'svm' has no option 'D'; choose from C, gamma"),
    ("svm:standardize=maybe", "standardize=maybe .* true or false"),
    ("svm:standardize=2", "standardize=2 .* true or false"),
    ("mlp:epochs=1.5", r"epochs=1\.5 .* a whole number"),
    ("logreg:C=high", "C=high .* a number"),
    ("logreg:C", "'C' .* needs a value, as in C=0.01"),
    ("logreg:C=", "'C=' .* needs a value"),
    ("logreg:C=1,C=3", "option 'C' of head 'logreg' is given twice"),
    ("mlp:hidden=wide", "hidden=wide .* whole numbers joined by -"),
    ("logreg:class_weight=balancd", "no class_weight=balancd; choose from none, balanced"),
    ("logreg:device=gpu", "no device 'gpu'; choose from auto, cpu, cuda"),
    ("ensemble:members=tree+knn", "members=tree.knn .* heads joined by . .there is no head 'tree'; choose from"),
    ("ensemble:members=knn:k=0", "members=knn:k=0 .*k=0 is out of bounds"),
    ("ensemble:members=(knn", "brackets in .* don't match"),
    ("ensemble:members=knn)+(svm", "brackets in .* don't match"),
    ("ensemble:members=+", "an ensemble needs members, as in members=logreg.svm"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[text for text, _ in BAD])
def test_a_spec_that_cannot_be_read_is_refused_in_a_sentence(text: str, message: str) -> None:
    for read in (HeadSpec.parse, make_head, *([HeadSpec.parse_list] if text else [])):
        with pytest.raises(ValueError, match=message):
            read(text)


@pytest.mark.parametrize("kind", {**HEADS, **OF_TEXTS})
def test_every_head_is_a_member_of_an_ensemble_or_refused_in_a_sentence(kind: str) -> None:
    """A head that can be made as a member can be tuned and timed as one."""
    text = f"ensemble:members={kind}+ridge"
    if kind in OF_TEXTS or head_class(kind).composite:
        with pytest.raises(ValueError, match=f"{kind} .*can't be a member of an ensemble"):
            HeadSpec.parse(text)
    else:
        (seconds,) = seconds_of([HeadSpec.parse(text)], Plan(rows=30, features=8, classes=3, folds=3))
        assert seconds > 0


NUMBERS = ["logreg:C=0", "logreg:C=nan", "svm:C=-1", "svm:gamma=0", "ridge:alpha=-1", "lda:shrinkage=1.5", "knn:k=0"]
NUMBERS += ["mlp:dropout=1", "svm:gamma=wide", "svm:gamma=none", "lda:shrinkage=some", "mlp:epochs=0", "mlp:lr=0"]
NUMBERS += ["softmax:batch=0", "svm:seed=-1", "mlp:seed=4294967296"]


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_out_of_bounds_is_refused(text: str) -> None:
    name, _, value = text.partition(":")[2].partition("=")
    written = {"none": "None"}.get(value, value)
    with pytest.raises(ValueError, match=rf"{name}={written}(\.0)? is out of bounds: it must be from \S+ to \S+"):
        HeadSpec.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("svm:gamma=-1", r"gamma=-1.0 is out of bounds: it must be from 1e-30 to 1e\+12, or scale$"),
        ("svm:landmarks=0", "landmarks=0.0 is out of bounds: it must be from 1 to 50000, or auto$"),
        ("ridge:alpha=-1", r"alpha=-1.0 is out of bounds: it must be from 0 to 1e\+30$"),
    ],
)
def test_bounds_are_named_with_the_word_that_may_stand_there(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HeadSpec.parse(text).make().check_parameters()


def test_widths_that_cannot_be_are_refused() -> None:
    for text in ("mlp:hidden=0", "mlp:hidden=8-0", "mlp:hidden=-"):
        with pytest.raises(ValueError, match="hidden="):
            HeadSpec.parse(text)


def test_options_from_python_are_looked_at_too() -> None:
    with pytest.raises(ValueError, match="no option 'D'"):
        HeadSpec("svm", {"D": 3})
    with pytest.raises(ValueError, match="C=0 is out of bounds"):
        HeadSpec("svm", {"C": 0})


def test_naming_heads_loads_nothing_heavy() -> None:
    code = "import sys, classify.heads.spec; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"sklearn", "scipy", "numpy", "torch"} & set(done.stdout.split())


def test_defaults_grids_and_bounds_are_those_of_the_documentation() -> None:
    lines = (Path(__file__).parents[2] / "docs" / "heads.md").read_text("utf-8").splitlines()
    start = lines.index("| head | default | grid | beyond | bounds |") + 2

    def listed(values: Mapping[str, Sequence[float]], between: str) -> str:
        each = (f"{name} {between.join(f'{value:.10g}' for value in some)}" for name, some in values.items())
        return "; ".join(each) or "–"

    for line, kind in zip(lines[start:], [*HEADS, *OF_TEXTS], strict=False):
        head = head_class(kind)
        defaults = inspect.signature(head).parameters.values()
        cells = [
            f"`{kind}`",
            "; ".join(f"{one.name} {one.default}" for one in defaults),
            listed(head.tunable, ", "),
            listed(head.beyond, ", "),
            listed(head.bounds, " to "),
        ]
        assert [cell.strip() for cell in line.strip("|").split("|")] == cells


@pytest.mark.parametrize("kind", [*HEADS, *OF_TEXTS])
def test_what_is_tried_beyond_a_grid_is_outside_of_it_and_may_be_given(kind: str) -> None:
    head = head_class(kind)
    for name, values in head.beyond.items():
        used = [value for value in head.tunable[name] if value]  # 0 stands for a parameter that is not used
        assert not [value for value in values if min(used) <= value <= max(used)]
    for name, values in head.tunable.items():
        least, greatest = head.bounds[name]
        assert least <= min(values) < max(values) <= greatest
        assert least <= min(head.beyond[name]) < max(head.beyond[name]) <= greatest
