"""An ONNX file of the user's in ONNX Runtime: normalised pixels in, its own output out, then the recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import Artifacts
from cache.key import Json
from featurize.engines.base import Engine
from featurize.engines.exported import formula_model, stage_name
from featurize.errors import BackboneError
from featurize.networks.libraries.onnx_file import LAYOUT, OUTPUT, read_model, with_output
from featurize.networks.network import Network
from featurize.networks.recipes import Formula

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


class OnnxFileMaps:
    """What the network of an ONNX file gives: pixels (B, H, W, 3) uint8 -> (B, D) or (B, C, h, w) float32.

    Parameters
    ----------
    network : Network
    batch_size : int
        Pictures that are asked for at a time, where the file does not say how many it takes.

    Raises
    ------
    BackboneError
        The file does not run, or does not take such pixels.
    WeightsError
        The file can't be found.
    """

    def __init__(self, network: Network, batch_size: int = 1) -> None:
        self._path, self._transform = network.fetch(), network.transform
        assert self._path is not None, "its weights are in it"
        self._first = network.backbone.variant[LAYOUT] == "NCHW"
        model = with_output(read_model(self._path), network.backbone.variant[OUTPUT])
        self._session = opened(model.SerializeToString(), self._path)
        given = self._session.get_inputs()
        if len(given) != 1 or given[0].type not in _TYPES:
            kinds = ", ".join(f"{one.name} {one.type}" for one in given)
            raise BackboneError(f"{str(self._path)!r} takes {kinds}: one input of pixels as floats is needed")
        self._input, self._type = given[0].name, _TYPES[given[0].type]
        fixed = given[0].shape[0] if given[0].shape else None
        self._step = fixed if isinstance(fixed, int) and fixed > 0 else batch_size  # some files take so many at a time
        side = network.transform.crop
        found = self(np.zeros((batch_size, side, side, 3), np.uint8))
        wanted = 2 if network.backbone.stages[0].kind == "pooled" else 4
        if found.ndim != wanted or len(found) != batch_size:
            raise BackboneError(
                f"{str(self._path)!r} gave an output of the shape {found.shape} for {batch_size} pictures"
            )
        self.shape = found.shape[1:]

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network's own output, (B, D) or (B, C, h, w)."""
        mean, std = (np.array(of, np.float32) for of in (self._transform.mean, self._transform.std))
        x = (pixels / np.float32(255) - mean) / std  # (B, H, W, 3)
        x = (x.transpose(0, 3, 1, 2) if self._first else x).astype(self._type)
        parts = []
        for start in range(0, len(x), self._step):
            part = x[start : start + self._step]
            short = self._step - len(part)
            part = np.concatenate([part, np.zeros((short, *part.shape[1:]), part.dtype)]) if short else part
            parts.append(self._ask(np.ascontiguousarray(part))[: self._step - short])
        found = np.concatenate(parts).astype(np.float32, copy=False)
        if found.ndim == 4 and not self._first:
            found = np.ascontiguousarray(found.transpose(0, 3, 1, 2))
        return found

    def _ask(self, part: NDArray[Any]) -> NDArray[Any]:
        try:
            (found,) = self._session.run(None, {self._input: part})
        except Exception as error:  # ONNX Runtime raises kinds of its own
            raise BackboneError(
                f"{str(self._path)!r} can't take pixels of the shape {part.shape}: {_first_line(error)}; mend size or "
                "layout in its .toml"
            ) from error
        return np.asarray(found)


class OnnxFileEngine(Engine):
    """See the module.

    Parameters
    ----------
    network : Network
    formulas : sequence of Formula
    batch_size : int
    artifacts : Artifacts
        Where the exported formulas are kept.

    Raises
    ------
    BackboneError, WeightsError
        As `OnnxFileMaps`.
    """

    parallel = True

    def __init__(self, network: Network, formulas: Sequence[Formula], *, batch_size: int, artifacts: Artifacts) -> None:
        super().__init__(formulas, batch_size)
        self._maps = OnnxFileMaps(network, batch_size)
        recipes = formula_model(self.formulas, [self._maps.shape], artifacts)
        self._recipes = opened(recipes.SerializeToString(), network.backbone.full_name)

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        maps = {stage_name(0): self._maps(pixels)}
        return [np.asarray(vectors) for vectors in self._recipes.run(None, maps)]

    def environment(self) -> Mapping[str, Json]:
        version = metadata.version("onnxruntime")
        facts = {"engine": "onnx", "precision": "fp32", "onnxruntime": version}
        return {**facts, "device": "cpu", "batch_size": self.batch_size}


def opened(model: bytes, where: object) -> Any:
    """A session of ONNX Runtime on one thread; a message names where the model lies.

    Raises
    ------
    BackboneError
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises kinds of its own
        raise BackboneError(f"ONNX Runtime can't open {str(where)!r}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
