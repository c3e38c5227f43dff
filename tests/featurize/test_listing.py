"""The list of networks: what fits a word, what it costs, what it may not be used for; each library asked once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.errors import BackboneError
from featurize.networks import described, listing
from featurize.networks.described import Description, Offer
from featurize.networks.hub import licence_in
from featurize.networks.licences import is_restricted
from featurize.networks.listing import Library, list_networks
from featurize.pictures.transform import Transform

Screen = pytest.CaptureFixture[str]
ASKED: list[str] = []


def tags() -> Mapping[str, list[str]]:
    ASKED.append("index")
    return {"wide_net": ["plain", "free"], "vit_net": ["secret"], "odd_net": []}


def describe(name: str) -> Description:
    ASKED.append(name)
    if name == "odd_net":
        raise BackboneError("it gives no features")
    stages = [("a", 8, 4), ("b", 16, 8)] if name == "wide_net" else [("block.0", 6, 14), ("block.0:class", 6, None)]
    offers = {tag: Offer("http://x", {"secret": "cc-by-nc-4.0"}.get(tag, "mit"), Transform()) for tag in tags()[name]}
    variant = {} if name == "wide_net" else {"tokens": 1}
    return Description(stages, variant, Transform(), offers, (), 1_000_000, 4.0)


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One library, timm's place in the table, that has three networks; another that is not installed."""
    fake = Library("timm", "timm", "numpy", "timm", tags, describe)
    absent = Library("open_clip", "no_such_module", "none", "open-clip", tags, describe)
    monkeypatch.setattr(listing, "LIBRARIES", (fake, absent))
    monkeypatch.setattr(described, "_folder", lambda: tmp_path / "known")
    monkeypatch.setattr(listing.processes, "call", lambda function, *a, unless_loaded="": function(*a))
    ASKED.clear()


def test_dimension_size_and_cost_are_those_of_the_usual_embedding() -> None:
    (wide,) = list_networks("WIDE").networks
    assert (wide.name, wide.embedding, wide.dimension) == ("timm:wide_net", "avgpool", 16)
    assert (wide.megabytes, wide.gigamacs, wide.side) == (4.0, 2.0, 224)


def test_a_word_finds_names_and_tags_and_shows_the_tag_first() -> None:
    assert list_networks("free").networks[0].weights == ["free", "plain"]
    assert [one.name for one in list_networks("_net").networks] == ["timm:wide_net", "timm:vit_net"]


def test_what_can_not_be_used_is_said() -> None:
    assert "gives no features" in list_networks("odd").unusable["timm:odd_net"]


def test_a_library_is_asked_once() -> None:
    list_networks("net")
    ASKED.clear()
    assert len(list_networks("net").networks) == 2
    assert not ASKED


def test_more_than_are_asked_for_are_named_only() -> None:
    found = list_networks("net", most=1)
    assert [one.name for one in found.networks] == ["timm:wide_net"]
    assert list(found.more) == ["timm:vit_net", "timm:odd_net"]


def test_a_word_that_finds_none_names_what_is_near_and_what_was_not_searched(capsys: Screen) -> None:
    assert run(cli, ["networks", "wide_nte"]) == 1
    said = capsys.readouterr().err
    assert "is one of timm:wide_net" in said
    assert "not searched: artstyle[open-clip]" in said


def test_a_licence_that_forbids_commercial_use_is_marked(capsys: Screen) -> None:
    assert run(cli, ["networks", "net"]) == 0
    shown = capsys.readouterr().out
    assert "! cc-by-nc-4.0" in shown
    assert "before any commercial use: timm:vit_net.secret" in shown


@pytest.mark.parametrize(
    "text",
    ["CC-BY-NC-4.0", "cc-by-nc-sa-4.0", "dinov3-license", "Attribution-NonCommercial 4.0", "apple-amlr",
     "fair-noncommercial-research-license", "apple-sample-code-license", "gemma", "nvidia-open-model-license",
     "seer-license", "MIT for code; weights for non-commercial use", "unknown", "cc-by-nd-4.0"],
)  # fmt: skip
def test_licences_that_must_be_read_first_are_known(text: str) -> None:
    assert is_restricted(text)


@pytest.mark.parametrize(
    "text",
    ["", "mit", "apache-2.0", "CC-BY-4.0", "BSD-3-Clause; trained on ImageNet-1K", "ncsa", "CC BY-SA", "CC0-1.0",
     "The MIT License"],
)  # fmt: skip
def test_others_are_not(text: str) -> None:
    assert not is_restricted(text)


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\ntags:\n- a\n---\n# X", "apache-2.0"),
        ('---\r\nlicense: "mit" # yes\r\n---\r\n', "mit"),
        ("---\nlicense: other\nlicense_name: dinov3-license\n---\n", "dinov3-license"),
        ("# no front matter\nlicense: mit", ""),
        ("", ""),
    ],
)
def test_the_licence_of_a_model_card_is_read(card: str, licence: str) -> None:
    assert licence_in(card) == licence
