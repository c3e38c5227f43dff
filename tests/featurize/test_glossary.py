"""The glossary says what each word means, the same on the web, on the screen and on the pages."""

from __future__ import annotations

import pytest

from classify.commands.main import cli as classify
from classify.heads import HEADS
from featurize.commands.console import run
from featurize.commands.main import cli as featurize
from featurize.glossary import glossary, look_up
from tests.conftest import ROOT


def test_the_page_on_the_web_is_the_one_in_the_package() -> None:
    page = (ROOT / "docs" / "words.md").read_bytes()
    assert page == (ROOT / "featurize" / "words.md").read_bytes(), "cp docs/words.md featurize/words.md"


@pytest.mark.parametrize("head", sorted(HEADS))
def test_each_head_is_explained(head: str) -> None:
    assert [word.names[0] for word in look_up(head)] == [head]


@pytest.mark.parametrize(
    "word",
    ["head", "embedding", "recipe", "key", "segment", "split", "val", "test", "backbone", "weights", "target", "fold"],
)
def test_the_words_of_the_design_are_explained_in_about_two_sentences(word: str) -> None:
    (found,) = look_up(word)
    assert 1 <= found.text.count(". ") + 1 <= 4
    assert "*" not in found.text


def test_nothing_of_the_page_is_lost() -> None:
    page = (ROOT / "docs" / "words.md").read_text("utf-8")
    assert sum(line.startswith("- **") for line in page.splitlines()) + 1 == len(glossary())


@pytest.mark.parametrize("cli", [featurize, classify])
def test_both_programs_say_what_words_mean(cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["words", "Recipes", "key"]) == 0
    said = capsys.readouterr().out
    assert "how an embedding is made" in said
    assert "everything that decides" in said


def test_a_word_that_is_not_explained_is_named_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(featurize, ["words", "key", "nonsense"]) == 1
    said = capsys.readouterr()
    assert "everything that decides" in said.out
    assert "'nonsense'" in said.err
    assert "Recipe" in said.err


def test_help_points_to_the_words(capsys: pytest.CaptureFixture[str]) -> None:
    for cli in (featurize, classify):
        run(cli, ["--help"])
        assert "words" in capsys.readouterr().out
