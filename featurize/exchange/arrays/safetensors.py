"""Vectors in safetensors files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.errors import VectorsError
from featurize.exchange.arrays.base import Found, Matrix, check, choose

# the format's names of types; numpy has none for the last three, which torch reads and widens to float32
_TYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BOOL": "bool", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8",
    "BF16": "float32", "F8_E4M3": "float32", "F8_E5M2": "float32",
}  # fmt: skip
_OF_TORCH = ("BF16", "F8_E4M3", "F8_E5M2")


@contextlib.contextmanager
def open_safetensors(path: Path, array: str | None) -> Iterator[Matrix]:
    """A tensor of a safetensors file; see `featurize.exchange.arrays.open_matrix`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  it is no mapping
            kinds = {name: piece.get_dtype() for name, piece in slices.items()}
            shapes = {name: tuple(piece.get_shape()) for name, piece in slices.items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    found = {name: Found(shapes[name], np.dtype(_TYPES.get(kind, "V1"))) for name, kind in kinds.items()}
    name = choose(str(path), found, array)
    shape = check(f"{path}:{name}", found[name])
    of_torch = kinds[name] in _OF_TORCH

    def blocks(rows: int) -> Iterator[NDArray[Any]]:
        with safe_open(path, framework="pt" if of_torch else "numpy") as opened:
            piece = opened.get_slice(name)
            for start in range(0, shape[0], rows):
                block = piece[start : min(start + rows, shape[0])]
                yield block.float().numpy() if of_torch else block

    yield Matrix(shape, np.dtype(found[name].dtype), blocks)


def _damaged(path: Path, error: Exception) -> VectorsError:
    said = " ".join(str(error).split())[:150]
    return VectorsError(f"{str(path)!r} can't be read as a safetensors file ({said}): write it again")
