"""Prompts for classes: templates of a target or the user's own, and their vectors for heads that compare with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cache import Store
from classify.errors import HeadError
from classify.heads import HeadSpec
from classify.heads.prompted import ClassTexts, WithTexts
from classify.heads.spec import OF_TEXTS
from featurize.run.texts import PICTURES, has_texts, text_vectors
from featurize.wording import artist, counted, listing, plain

GAP = "{}"
# in the manner of the templates for paintings of Radford et al. 2021, appendix A.4
TEMPLATES: Mapping[str, Sequence[str]] = {
    "style": ("a painting in the style of {}", "a {} painting", "an artwork of the {} movement"),
    "genre": ("a {} painting", "a painting of the genre {}"),
    "artist": ("a painting by {}", "an artwork by {}"),
}
_OTHERS = ("a painting, {}", "an artwork, {}")


@dataclass(frozen=True)
class Prompts:
    """What is said of a class.

    Parameters
    ----------
    templates : sequence of str
        Each with "{}" where the class stands.
    own : mapping of str to sequence of str
        Class name -> prompts that are for it alone; the templates are not used for such a class.
    source : str
        Where they come from: a file's name, or "" for the usual ones.
    """

    templates: Sequence[str]
    own: Mapping[str, Sequence[str]] = field(default_factory=dict)
    source: str = ""

    def of(self, label: str, target: str) -> list[str]:
        """The prompts of a class.

        Raises
        ------
        HeadError
            There is none.
        """
        if label in self.own:
            return list(self.own[label])
        if not self.templates:
            raise HeadError(
                f"{self.source!r} has no prompt for the class {label!r}: add a line with {GAP} for all classes, or one "
                f"with {label!r}, a tab and the prompt"
            )
        said = artist(label) if target == "artist" else " ".join(plain(label).split())
        return [template.replace(GAP, said) for template in self.templates]


def usual_prompts(target: str) -> Prompts:
    """The templates for a target."""
    return Prompts(TEMPLATES.get(target, _OTHERS))


def read_prompts(path: Path) -> Prompts:
    """Prompts of the user's own: a text file, one prompt a line.

    A line with "{}" is for all classes, which stand there; a line with a class, a tab and a prompt is for that class.
    Empty lines and lines that begin with "#" are passed over.

    Raises
    ------
    HeadError
        The file can't be read, or a line is neither.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise HeadError(f"the prompts {str(path)!r} can't be read as UTF-8 text: {error}") from error
    templates: list[str] = []
    own: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        label, _, prompt = map(str.strip, line.partition("\t"))
        if not line.strip() or line.startswith("#"):
            continue
        if label and prompt:
            own.setdefault(label, []).append(prompt.replace(GAP, plain(label)))
        elif GAP in line:
            templates.append(line.strip())
        else:
            raise HeadError(
                f"line {number} of {str(path)!r} is {line.strip()!r}: write {GAP} where the class is to stand, or the "
                "class, a tab and its prompt"
            )
    if not (templates or own):
        raise HeadError(f"{str(path)!r} holds no prompts: write one a line, as in: a painting in the style of {GAP}")
    return Prompts(templates, own, path.name)


def class_texts(cache: Store, classes: Sequence[str], target: str, prompts: Prompts | None = None) -> ClassTexts:
    """The vectors that stand for classes in the space of a network's pictures.

    Parameters
    ----------
    cache : Store
    classes : sequence of str
    target : str
    prompts : Prompts, optional
        By default the usual ones of the target.

    Raises
    ------
    HeadError
        The network has no part for texts, the cache lacks the embedding that they are compared with, or a class has no
        prompt.
    WeightsError
        The weights or the tokenizer can't be had.
    """
    refuse_without_texts([cache])
    prompts = prompts or usual_prompts(target)
    unknown = sorted(set(prompts.own) - set(classes))
    if unknown:
        raise HeadError(
            f"{prompts.source!r} has prompts for {listing(unknown)}, and no such class is there: "
            f"classes are {listing(sorted(classes), 10)}"
        )
    said = {label: prompts.of(label, target) for label in classes}
    every = [prompt for several in said.values() for prompt in several]
    found = text_vectors(cache, every)
    vectors, start = {}, 0
    for label, several in said.items():
        mean = found.vectors[start : start + len(several)].mean(0)
        vectors[label] = mean / np.linalg.norm(mean)
        start += len(several)
    first = next(iter(said.values()))
    where = f" of {prompts.source}" if prompts.source else ""
    remark = f"{counted(len(first), 'prompt')}{where} a class, as {first[0]!r}"
    return ClassTexts(vectors, found.scale, remark)


def with_texts(spec: HeadSpec, texts: ClassTexts) -> HeadSpec:
    """A head that compares with prompts, together with their vectors."""
    return WithTexts.of(spec, texts)


def refuse_idle_prompts(specs: Sequence[HeadSpec], prompts: str | Path | None) -> None:
    """Raise where prompts are given and no head compares with them.

    Raises
    ------
    HeadError
        The message names the file, and the heads that compare with prompts.
    """
    if prompts is not None and not any(spec.of_texts for spec in specs):
        raise HeadError(
            f"--prompts {prompts} is for {' and '.join(OF_TEXTS)}: name one of these heads, or leave it out"
        )


def refuse_without_texts(caches: Sequence[Store]) -> None:
    """Raise unless a network behind some caches has a part for texts.

    Raises
    ------
    HeadError
        None has; the message says what has.
    """
    if any(has_texts(cache) for cache in caches):
        return
    first = caches[0].key
    why = "is untrained, so its texts mean nothing" if first.untrained else "has no part for texts that is known here"
    raise HeadError(
        f"zero-shot and tip-adapter compare pictures with prompts, and {first.backbone} {why}: embed the pictures with "
        f"a network of open_clip, as in `featurize run --backbone open_clip:ViT-B-32-quickgelu --embedding {PICTURES}`"
    )
