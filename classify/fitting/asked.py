"""Which head was asked for: its spec, its seed and its device, with an error that lists what can be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from classify.errors import HeadError
from classify.heads import HEADS, HeadSpec

if TYPE_CHECKING:
    from classify.heads.base import Head


def read_spec(head: str | HeadSpec) -> HeadSpec:
    """A head as it was asked for.

    Raises
    ------
    HeadError
        It is no name, or there is no such head or option; the message lists those there are.
    """
    if not isinstance(head, str | HeadSpec):
        raise HeadError(
            f"a head is named by a text, as in 'logreg' or 'svm:C=3', and {head!r} is none; choose from "
            f"{', '.join(HEADS)}"
        )
    with head_errors():
        return head if isinstance(head, HeadSpec) else HeadSpec.parse(head)


def read_specs(heads: str) -> list[HeadSpec]:
    """The heads of a list, "logreg,svm:C=3"; "all" stands for every head there is.

    Raises
    ------
    HeadError
        As above.
    """
    with head_errors():
        return HeadSpec.parse_list(heads)


def place(spec: HeadSpec, seed: int, device: str | None = None) -> Head:
    """An unfitted head with this seed and on this device, where it has them and the spec does not say otherwise.

    Raises
    ------
    HeadError
        The seed or the device can't be had.
    """
    if device not in (None, "auto", "cpu") and "device" not in spec.has:
        able = ", ".join(kind for kind in HEADS if "device" in HeadSpec(kind).has)
        raise HeadError(f"device={device}: {spec.kind} runs on the CPU only; {able} run on CUDA")
    check_seed(seed)
    given = {"seed": seed} if device is None else {"seed": seed, "device": device}
    with head_errors():
        head = spec.make(**{name: value for name, value in given.items() if name in spec.has})
        head.warm_up()
    return head


def check_seed(seed: int) -> None:
    """Whether folds and heads can be drawn with this seed.

    Raises
    ------
    HeadError
        It is out of bounds.
    """
    from classify.heads.base import SEEDS
    from classify.heads.checks import check_numbers

    with head_errors():
        check_numbers("seed", seed, SEEDS)


@contextmanager
def head_errors(prefix: str = "") -> Iterator[None]:
    """What a head refuses becomes a HeadError."""
    try:
        yield
    except ValueError as error:
        raise HeadError(f"{prefix}{error}") from error
