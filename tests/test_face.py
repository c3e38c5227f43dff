"""What `import featurize, classify, cache` hands out: lazily, the same for types, and as the examples show it."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import cache
import classify
import featurize
from tests.classify.embedded import make_dataset
from tests.conftest import ROOT
from tests.featurize import fake

PACKAGES = (cache, featurize, classify)
ASKED_FOR = {
    "featurize": {"prepare", "read_table", "extract", "audit", "Settings", "Embedder"},
    "classify": {"load_examples", "fit", "compare", "evaluate", "predict", "load_head", "make_head"},
    "cache": {"open_cache"},
}
HEAVY = ("numpy", "torch", "h5py", "PIL", "sklearn", "scipy", "pandas", "matplotlib", "click")
# In an order in which each example finds what those before it made.
EXAMPLES = (
    "featurize.prepare", "featurize.read_table", "featurize.extract", "featurize.audit", "featurize.Embedder",
    "cache.open_cache", "classify.load_examples", "classify.fit", "classify.evaluate", "classify.load_head",
    "classify.predict", "classify.compare", "featurize.import_vectors",
)  # fmt: skip


def test_importing_the_packages_loads_nothing_heavy() -> None:
    code = f"import sys, featurize, classify, cache; print(sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_name_is_found_listed_and_known_to_type_checkers(package: ModuleType) -> None:
    assert package.__file__
    tree = ast.parse(Path(package.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    typed = {alias.asname: (node.module, alias.name) for node in imports for alias in node.names}
    assert typed.keys() == set(package.__all__) >= ASKED_FOR[package.__name__]
    assert set(package.__all__) <= set(dir(package))
    for name, (module, original) in typed.items():
        assert name == original
        assert getattr(package, name) is getattr(importlib.import_module(str(module)), name)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'featurize' has no attribute 'prepair'"):
        featurize.prepair  # noqa: B018


def test_a_function_is_never_hidden_by_a_module_of_its_name() -> None:
    for package in PACKAGES:
        assert not any(importlib.util.find_spec(f"{package.__name__}.{name}") for name in package.__all__)


def test_what_people_write_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths as text, one cache where several may stand, heads and recipes by name; the defaults of the command line."""
    table, store = make_dataset(tmp_path)
    monkeypatch.chdir(tmp_path)
    told = classify.load_examples(table, store, [store.recipe("avgpool"), store.recipe("stats")], "style", "train")
    for examples in (
        classify.load_examples("dataset.csv", "features", "avgpool+stats", "style", "train"),
        classify.load_examples(tmp_path / "dataset.csv", tmp_path / "features", ["avgpool", "stats"]),
        classify.load_examples(recipes="avgpool,stats"),
    ):
        np.testing.assert_array_equal(examples.X, told.X)
        assert examples.y.tolist() == told.y.tolist()
    expected = [entry.scores for entry in classify.compare(table, [store], ["ridge", "lda"], tune=False).entries]
    for comparison in (
        classify.compare("dataset.csv", "features", "ridge,lda", embeddings="avgpool", tune=False),
        classify.compare(table, store, (classify.HeadSpec("ridge"), "lda"), embeddings=["avgpool"], tune=False),
        classify.compare(tmp_path / "dataset.csv", ["features"], ["ridge", "lda"], tune=False),
    ):
        assert [entry.scores for entry in comparison.entries] == expected
    classify.save_head(classify.fit(head="ridge", tune=False).saved, "head.safetensors")
    assert classify.evaluate("head.safetensors") == classify.evaluate(
        classify.load_head(tmp_path / "head.safetensors"), table, tmp_path / "features", "test"
    )
    featurize.export("dataset.csv", "features", "avgpool,stats", "all.npz")
    with np.load("all.npz") as exported:
        assert exported["features_stats"].shape == (len(table), 5)


@pytest.mark.filterwarnings("ignore")
def test_the_examples_and_the_pages_run_on_the_sample_gallery(
    sample_gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(sample_gallery, tmp_path / "paintings")
    monkeypatch.chdir(tmp_path)
    fake.decode_here(monkeypatch)
    monkeypatch.setattr("featurize.engines._fastest", lambda *_: "torch")  # exporting takes seconds
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for name in EXAMPLES:
        package, _, attribute = name.partition(".")
        documented = getattr(sys.modules[package], attribute)
        (example,) = (t for t in doctest.DocTestFinder(recurse=False).find(documented, name) if t.examples)
        example.globs = {}
        assert runner.run(example, clear_globs=True).failed == 0, name
    for page in ("docs/python.md", "README.md"):
        names: dict[str, object] = {}
        blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
        assert blocks
        for block in blocks:
            exec(compile(block, page, "exec"), names)
