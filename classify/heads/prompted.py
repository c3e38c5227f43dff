"""Heads that compare with prompts: a spec together with the vectors of the prompts. Loads no scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from classify.heads.spec import HeadSpec

if TYPE_CHECKING:
    from classify.heads.base import Head


@dataclass(frozen=True)
class ClassTexts:
    """What stands for classes in the space of pictures.

    Parameters
    ----------
    vectors : mapping of str to ndarray (D,)
        Class name -> mean of its prompts' vectors, at unit length.
    scale : float
        What the network was trained to multiply cosines by.
    remark : str
        What is said of the prompts, behind the head's `lesson`.
    """

    vectors: Mapping[str, NDArray[np.floating]]
    scale: float
    remark: str


@dataclass(frozen=True)
class WithTexts(HeadSpec):
    """A head that compares with prompts, together with their vectors."""

    texts: ClassTexts | None = None

    __hash__ = HeadSpec.__hash__

    @classmethod
    def of(cls, spec: HeadSpec, texts: ClassTexts) -> Self:
        """The head of a spec with the vectors of its prompts."""
        return cls(spec.kind, spec.options, texts)

    def make(self, **params: Any) -> Head:
        """The unfitted head, which knows the texts; the scale is the network's own where none was chosen."""
        head: Any = super().make(**params)
        if self.texts is not None:
            head.class_texts = self.texts
            head.scale = float(self.options.get("scale", self.texts.scale))
        made: Head = head
        return made
