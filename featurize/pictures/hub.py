"""Pictures in a public repository of the Hugging Face Hub: `hf://datasets/OWNER/NAME@REVISION/a.jpg`.

The hub is a web server: `https://huggingface.co/datasets/OWNER/NAME/resolve/REVISION/a.jpg` sends the file, or says
where it is. HF_ENDPOINT in the environment names a mirror, as for the hub's own client.
"""

from __future__ import annotations

import os
import re
from urllib.parse import quote

from featurize.errors import Undecodable
from featurize.reasons import Reason

SCHEME = "hf"
_ENDPOINT = "https://huggingface.co"
_FILE = re.compile(
    r"hf://(?P<kind>(?:datasets|spaces)/)?(?P<name>[^/@]+/[^/@]+)(?:@(?P<revision>[^/@%]+))?/(?P<path>.+)", re.DOTALL
)


def web_address(address: str) -> str:
    """The hub's own address of a file, for the revision `main` where none is given.

    Parameters
    ----------
    address : str
        As the hub's client writes it: the names of the file and its folders stand as they are. A revision is a branch,
        a tag or a commit; one with a slash in it, which is written %2F, can't be asked for.

    Raises
    ------
    Undecodable
        It names no file in a repository.
    """
    found = _FILE.fullmatch(address)
    if not found or found["name"].partition("/")[0] in ("datasets", "spaces"):
        raise Undecodable(
            Reason.NOT_FETCHED, "an address of the hub is hf://datasets/OWNER/NAME/FILE, or .../NAME@REVISION/FILE"
        )
    endpoint = (os.environ.get("HF_ENDPOINT") or _ENDPOINT).rstrip("/")
    parts = quote(found["name"]), "resolve", quote(found["revision"] or "main", safe=""), quote(found["path"])
    return f"{endpoint}/{found['kind'] or ''}{'/'.join(parts)}"
