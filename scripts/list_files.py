"""Writes docs/files.md: every file of the project with the first sentence of its docstring. A test keeps it current.

python scripts/list_files.py
"""

from __future__ import annotations

import ast
import subprocess
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "files.md"
FOLDERS = ("cache", "featurize", "classify", "scripts")
INTRODUCTION = """# Every file

One concept a file; the line beside each is the first sentence of its docstring. `python scripts/list_files.py` writes
this page. Where new things go stands in [CONTRIBUTING.md](../CONTRIBUTING.md).
"""


def page() -> str:
    """The whole page, from the files that git tracks or would track."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *FOLDERS]
    listed = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    files = [Path(name) for name in sorted(set(listed)) if (ROOT / name).is_file()]
    return INTRODUCTION + "".join(_section(folder, files) for folder in _folders(files))


def _folders(files: list[Path]) -> list[Path]:
    """Folders in reading order: each before those inside it, the packages in the order of knowledge."""
    found = {file.parent for file in files}
    return sorted(found, key=lambda folder: (FOLDERS.index(folder.parts[0]), folder.parts))


def _section(folder: Path, files: list[Path]) -> str:
    mine = [file for file in files if file.parent == folder]
    lines = [f"\n## {folder.as_posix()}/\n\n"]
    if folder / "__init__.py" in mine:
        lines.append(_sentence(folder / "__init__.py") + "\n\n")
    lines += [
        f"- `{file.name}`: {_sentence(file)}\n" for file in mine if file.suffix in (".py", ".sh") and _named(file)
    ]
    if any(file.suffix in (".html", ".css", ".md", ".js") for file in mine):
        lines.append("- templates: " + ", ".join(f"`{f.name}`" for f in mine if f.suffix != ".py") + "\n")
    return "".join(lines) if len(lines) > 1 else ""


def _named(file: Path) -> bool:
    return file.name not in ("__init__.py", "__main__.py")


def _sentence(file: Path) -> str:
    """The first paragraph's first sentence."""
    text = (ROOT / file).read_text(encoding="utf-8")
    if file.suffix == ".py":
        first = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0]
    else:
        first = next((line.lstrip("# ") for line in text.splitlines()[1:] if line.startswith("# ")), "")
    return " ".join(textwrap.dedent(first).split()).partition(". ")[0].rstrip(".")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
