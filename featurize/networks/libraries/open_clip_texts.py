"""Texts through the part for texts of open_clip's networks, by open_clip's own tokenizer and forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from featurize.errors import WeightsError

if TYPE_CHECKING:
    import torch

_PICTURES = "visual."  # how the names of the arrays of the part for pictures begin
_BATCH = 64  # texts at a time


def encode(
    name: str, state: Mapping[str, torch.Tensor], texts: Sequence[str], source: str
) -> tuple[NDArray[np.float32], float]:
    """Vectors of texts at unit length, (N, D), and the scale by which open_clip multiplies cosines.

    Parameters
    ----------
    name : str
        Of the network, as open_clip calls it.
    state : mapping of str to torch.Tensor
        The whole network's weights.
    texts : sequence of str
    source : str
        Where the weights come from, for messages.

    Raises
    ------
    WeightsError
        The weights hold no part for texts, or the tokenizer can't be had.
    """
    import open_clip
    import torch

    from featurize.networks import built

    try:
        tokenizer = open_clip.get_tokenizer(name)
        tokens = tokenizer(list(texts))
    except Exception as error:  # the hub's library and those below it each raise kinds of their own
        said = " ".join(str(error).split())[:150]
        raise WeightsError(
            f"the tokenizer of open_clip:{name} can't be had ({said}): with a connection to the Hugging Face "
            "hub try again"
        ) from error
    with built.quiet():
        whole = open_clip.create_model(name, load_weights=False, pretrained_text=False).eval()
    own = whole.state_dict()
    needed = [key for key in own if not key.startswith(_PICTURES)]
    absent = [key for key in needed if key not in state or state[key].shape != own[key].shape]
    if absent:
        raise WeightsError(
            f"{source!r} holds no weights for the texts of open_clip:{name} ({absent[0]!r} is missing or has another "
            "shape): give a file of the whole network, for pictures and texts"
        )
    whole.load_state_dict({key: state[key] for key in needed}, strict=False)
    with torch.inference_mode():
        parts = [
            whole.encode_text(tokens[start : start + _BATCH], normalize=True) for start in range(0, len(tokens), _BATCH)
        ]
        scale = float(whole.logit_scale.exp())
    vectors: NDArray[np.float32] = torch.cat(parts).float().numpy()
    return vectors, scale
