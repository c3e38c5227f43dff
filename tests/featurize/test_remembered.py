"""A project remembers: `artstyle.toml` gives defaults, `--remember` writes them, and mistakes in it have a line."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import click
import pytest

from classify.commands.main import cli as classify
from featurize.commands import remembered
from featurize.commands.console import run
from featurize.commands.main import cli as featurize
from tests.classify.embedded import make_dataset
from tests.conftest import ROOT, save_picture


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a list of six pictures; the working folder."""
    for n in range(6):
        save_picture(tmp_path / f"p{n}.jpg", n)
    rows = "".join(f"p{n}.jpg,{'ab'[n % 2]},{1800 + n}\n" for n in range(6))
    (tmp_path / "list.csv").write_text("file,Stil,jahr\n" + rows)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str) -> None:
    remembered.FILE.write_text(text, encoding="utf-8")


def test_the_file_gives_defaults_and_the_command_line_wins(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write('[prepare]\nsource = "list.csv"\nlabel-column = ["style=Stil"]\nlimit = 4\nsplit = "random"\nval = 0.5\n')
    assert run(featurize, ["prepare"]) == 0
    assert "4 images, 2 style classes" in capsys.readouterr().out
    assert run(featurize, ["prepare", "--limit", "5", "--out", "other.csv"]) == 0
    assert "5 images, 2 style classes" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["label-column", "label_column", '"label-column"'])
def test_keys_are_options_without_dashes_and_one_text_is_a_list_of_one(project: Path, key: str) -> None:
    write(f'[prepare]\n{key} = "style=Stil"\n')
    assert run(featurize, ["prepare", "list.csv"]) == 0
    assert "style" in (project / "dataset.csv").read_text("utf-8-sig").splitlines()[0]


def test_remember_writes_what_was_given_and_keeps_the_rest(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("# mine\n[run]\nbackbone = 'resnet18'  # small\n\n[prepare]\nseed = 3 # keep\nval = 0.2\n")
    given = ["--label-column", "style=Stil", "--label-column", "year=jahr", "--val", "0.4", "--split", "random"]
    assert run(featurize, ["prepare", "list.csv", *given, "--remember"]) == 0
    assert "remembered in artstyle.toml, [prepare]: source =" in capsys.readouterr().out
    text = remembered.FILE.read_text()
    assert text.startswith("# mine\n[run]\nbackbone = 'resnet18'  # small\n\n[prepare]\nseed = 3 # keep\nval = 0.4\n")
    assert 'label-column = ["style=Stil", "year=jahr"]' in text
    first = (project / "dataset.csv").read_bytes()
    (project / "dataset.csv").unlink()
    assert run(featurize, ["prepare"]) == 0
    assert (project / "dataset.csv").read_bytes() == first


def test_flags_are_remembered_and_what_takes_something_away_is_not(project: Path) -> None:
    make_dataset(project)
    assert run(featurize, ["audit", "--no-pictures", "--drop-duplicates", "--remember"]) == 0
    assert run(classify, ["fit", "--head", "prototype", "--no-tune", "--out", "h.safetensors", "--remember"]) == 0
    assert remembered.FILE.read_text().split("\n\n", 1)[1] == (
        '[audit]\npictures = false\n\n[fit]\nhead = "prototype"\nout = "h.safetensors"\ntune = false\n'
    )


def test_a_required_option_may_be_remembered(project: Path) -> None:
    make_dataset(project)
    write('[fit]\nhead = "prototype"\n')
    assert run(classify, ["fit", "--no-tune"]) == 0


def test_a_command_that_failed_is_not_remembered(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(featurize, ["prepare", "nowhere.csv", "--remember"]) == 1
    assert not remembered.FILE.exists()
    assert run(featurize, ["prepare", "--remember", "list.csv", "--label-column", "style"]) == 2
    assert not remembered.FILE.exists()


def test_nothing_given_is_nothing_to_remember(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_dataset(project)
    assert run(featurize, ["info", "--remember"]) == 0
    assert "nothing to remember: no option of `info` was given" in capsys.readouterr().out
    assert not remembered.FILE.exists()


def test_info_shows_what_is_remembered_and_from_where(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_dataset(project)
    write('[run]\n\nbackbone = "resnet18"\n[compare]\nheads = "svm"\n')
    assert run(featurize, ["info"]) == 0
    said = capsys.readouterr().out
    assert 'artstyle.toml, line 3: [run] backbone = "resnet18"\n' in said
    assert 'artstyle.toml, line 5: [compare] heads = "svm"\n' in said


def test_a_comparison_s_command_says_what_was_remembered(project: Path) -> None:
    make_dataset(project)
    write('[compare]\nheads = "prototype"\ntune = false\ntest = "val"\n')
    assert run(classify, ["compare", "--seed", "1"]) == 0
    page = (project / "reports/comparison/results.json").read_text("utf-8")
    assert "classify compare --heads prototype --test val --no-tune --seed 1" in page


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[prepare]\n\nlabel-colum = []\n", "line 3: `prepare` has no option 'label-colum': is 'label-column' meant?"),
        ("[prepar]\nval = 1\n", "line 1: there is no command 'prepar': is 'prepare' meant?"),
        ("[prepare]\nval = 'much'\n", "line 2: val = 'much' in [prepare]: 'much' is not a valid float"),
        ("[prepare]\nsplit = 'fair'\n", "line 2: split = 'fair' in [prepare]: 'fair' is not one of"),
        ("[prepare]\nlabel-column = ['style']\n", "line 2: label-column = ['style'] in [prepare]: write LABEL=COLUMN"),
        ("[prepare]\ntop = [1, 2]\n", "line 2: top in [prepare] holds [1, 2]: write a text or a number"),
        ("[prepare]\ntop = -1\n", "line 2: top = -1 in [prepare]: -1 is not in the range x>=0"),
        ("[prepare]\nval = 1979-05-27\n", "line 2: val in [prepare] holds"),
        ("[prepare]\ndiscard-edits = true\n", "line 2: 'discard-edits' takes something away"),
        ("val = 0.2\n[prepare]\n", "line 1: 'val' belongs to no command: write it below one"),
        ("[prepare]\nval = \n", "line 2: this is no TOML"),
        ("[prepare\nval = 1\n", "line 1: this is no TOML"),
        ("[prepare]\nval = 0.2\nval = 0.3\n", "line 3: this is no TOML"),
        ("[audit]\nno-pictures = true\n[prepare]\n", ""),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence_with_its_line(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    write(text)
    status = run(featurize, ["prepare", "list.csv"])
    said = capsys.readouterr().err
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert (status, len(errors)) == ((1, 1) if message else (0, 0)), said
    assert (f"error: artstyle.toml, {message}" if message else "") in said
    assert "Traceback" not in said
    assert run(featurize, ["prepare", "--help"]) == 0, "help is there all the same"


VALUES = ["5", "5.5", "true", '"x"', '""', "[]", "{}", '["a"]', "[[1]]", "{a=1}", "-1", "1e400", "nan", "1979-05-27"]


@pytest.mark.parametrize("group", [featurize, classify], ids=["featurize", "classify"])
def test_any_value_of_any_option_is_taken_or_told_with_its_line(project: Path, group: click.Group) -> None:
    for name, command in group.commands.items():
        for key in remembered._by_key(command):
            for value in [*VALUES, '"\\u0000"']:
                write(f"[{name}]\n{key} = {value}\n")
                try:
                    taken = remembered.defaults_for(group, name)
                except remembered.RememberedWrongly as wrong:
                    said = wrong.message
                else:
                    said = "line 2"
                    with contextlib.suppress(click.UsageError):  # what is required beside it is missing
                        command.make_context(name, [], default_map=taken)
                assert "line 2" in said, (name, key, value)


def test_the_opposite_of_a_flag_is_explained(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("[audit]\nno-pictures = true\n")
    assert run(featurize, ["audit"]) == 1
    assert "line 2: `audit` has no option 'no-pictures': write pictures = false" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"[prepare]\nval = 0.2 # M\xfcller\n", "[prepare]\nval = 0.2\n".encode("utf-16")])
def test_a_file_in_another_encoding_is_said(project: Path, capsys: pytest.CaptureFixture[str], data: bytes) -> None:
    remembered.FILE.write_bytes(data)
    assert run(featurize, ["prepare", "list.csv"]) == 1
    assert "the file is not UTF-8: save it as UTF-8" in capsys.readouterr().err


def test_a_byte_order_mark_is_none_of_the_file(project: Path) -> None:
    remembered.FILE.write_bytes(b"\xef\xbb\xbf[prepare]\nlimit = 3\n")
    assert run(featurize, ["prepare", "list.csv"]) == 0


def test_the_commands_of_classify_are_known() -> None:
    assert set(remembered.OF_CLASSIFY) == set(classify.commands)


@pytest.mark.parametrize("group", [featurize, classify], ids=["featurize", "classify"])
def test_every_command_can_remember_and_every_option_has_a_key(group: click.Group) -> None:
    for name, command in group.commands.items():
        assert isinstance(command, remembered.Command), name
        keys = remembered._by_key(command)
        options = [p for p in command.params if p.nargs != -1 and p.name not in ("remember", "json")]
        assert len(keys) == len(options), name


@pytest.mark.parametrize("command", ["featurize info", "featurize --help", "classify --help"])
def test_neither_help_nor_info_loads_what_is_heavy(project: Path, command: str) -> None:
    make_dataset(project)
    write('[run]\nbackbone = "resnet18"\n')
    package, argument = command.split()
    heavy = (
        "torch",
        "sklearn",
        "pandas",
        "matplotlib",
        "PIL",
        "scipy",
        "onnxruntime",
        "pyarrow",
        "openpyxl",
        "tomlkit",
    )
    code = (
        f"import sys; from {package}.commands.main import cli; from featurize.commands.console import run; "
        f"run(cli, [{argument!r}]); print('LOADED', *[m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT), "PATH": ""}
    )
    assert done.stdout.splitlines()[-1] == "LOADED", done.stdout + done.stderr
