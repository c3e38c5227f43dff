"""Weights from the Hugging Face hub, where timm, open_clip and transformers publish theirs."""

from __future__ import annotations

import logging
import re
from abc import ABC
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from featurize.errors import WeightsError
from featurize.networks.base import Provider, Published
from featurize.networks.weights_file import file_digest

_log = logging.getLogger(__name__)
HUB = "hf-hub:"
CARD = "README.md"
_DIGITS = 12  # of a file's sha256 in an identity


class HubProvider(Provider, ABC):
    """A provider whose published weights lie on the hub, or at an address; nobody says their hash before.

    Attributes
    ----------
    files : tuple of str
        How a file of its weights may be called in a repository of the hub, best first.
    """

    files: tuple[str, ...] = ("model.safetensors", "pytorch_model.bin")

    def fetch(self, published: Published) -> Path:
        if not published.source.startswith(HUB):
            import torch

            from featurize.networks.download import download

            return download(published.source, Path(torch.hub.get_dir()) / "checkpoints", published.digest)
        owner, name, file = published.source.removeprefix(HUB).split("/", 2)
        return from_hub(f"{owner}/{name}", [file] if file else self.files)

    def identified(self, published: Published) -> Published:
        digest = file_digest(self.fetch(published))
        return replace(published, identity=f"{published.identity}-{digest[:_DIGITS]}", digest=digest)


def licence_on_hub(repository: str) -> str:
    """The licence that the card of a repository of the hub names; "" where it names none, or there is no connection."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    known = try_to_load_from_cache(repository, CARD)
    if known is not None and not isinstance(known, str):
        return ""  # the hub said before that there is none
    try:
        path = Path(known or hf_hub_download(repository, CARD))
        return licence_in(path.read_text(encoding="utf-8", errors="replace"))
    except Exception as error:  # the hub's library and those below it each raise kinds of their own
        _log.info("the licence of %s is not known: %s", repository, error)
        return ""


def licence_in(card: str) -> str:
    """The licence in the front matter of a model card of the hub; "" where there is none.

    Examples
    --------
    >>> licence_in("---\\nlicense: other\\nlicense_name: dinov3-license\\n---\\n# DINOv3")
    'dinov3-license'
    """
    front = re.match(r"\s*---\s*\n(.*?)\n---", card, re.DOTALL)
    found = (
        dict(re.findall(r"^(license|license_name):[ \t]*[\"']?([^\"'#\n]*)", front[1], re.MULTILINE)) if front else {}
    )
    told = {name: value.strip() for name, value in found.items()}
    licence = str(told.get("license", ""))
    return str(told.get("license_name", licence)) if licence in ("", "other") else licence


def from_hub(repository: str, names: Sequence[str]) -> Path:
    """The first of some files that a repository of the hub has, fetched where it is not in the hub's own cache.

    Raises
    ------
    WeightsError
        It can't be had.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    problem: Exception | None = None
    for name in names:
        try:
            return Path(hf_hub_download(repository, name))
        except LocalEntryNotFoundError as error:
            problem = problem or error  # no connection, and this file was never fetched: another may have been
        except EntryNotFoundError as error:
            problem = problem or error
        except Exception as error:  # the hub's library and those below it each raise kinds of their own
            problem = error
            break
    said = " ".join(str(problem).split())[:200]
    raise WeightsError(
        f"the weights {repository} can't be had from the Hugging Face hub ({said}): with a connection try again, or "
        "get the file elsewhere and pass it with --weights FILE, or set HF_ENDPOINT to a server that has it, or use "
        "--weights random for an untrained backbone"
    ) from problem
