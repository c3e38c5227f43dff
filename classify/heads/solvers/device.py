"""Where a head is trained: the CPU or a CUDA device."""

from __future__ import annotations

DEVICES = ("auto", "cpu", "cuda")


def check_device(name: str) -> None:
    """Raise a ValueError if the name is not that of a device; torch is not loaded."""
    if str(name).partition(":")[0] not in DEVICES:
        raise ValueError(f"there is no device {name!r}; choose from {', '.join(DEVICES)}")


def pick_device(name: str) -> str:
    """ "auto" -> "cuda" where there is one, else "cpu"; other names as they are.

    Raises
    ------
    ValueError
        If the name is not that of a device, or CUDA is asked for and missing.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    check_device(name)
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device={name} can't be had: torch {torch.__version__} sees no CUDA device; use device=cpu")
    return name
