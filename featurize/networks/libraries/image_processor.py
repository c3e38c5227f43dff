"""What an image processor of transformers does to pictures, read from its file, `preprocessor_config.json`.

Nothing is guessed: what is not known here, or is missing where no class of transformers has a default, is refused. A
wrong scale, a crop where the authors squash, or another mean costs accuracy, and nothing would tell later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from featurize.errors import BackboneError
from featurize.pictures.transform import Transform

PREPROCESSOR = "preprocessor_config.json"
_RESAMPLE = {2: "bilinear", 3: "bicubic"}
_RESCALE = 1 / 255
_STEPS = ("do_resize", "do_rescale", "do_normalize", "do_center_crop", "do_convert_rgb")
_EVERY: Mapping[str, Any] = {
    "do_resize": True, "size": 224, "do_rescale": True, "rescale_factor": _RESCALE, "do_normalize": True,
}  # fmt: skip
_CUT: Mapping[str, Any] = {**_EVERY, "square": False, "do_center_crop": True, "crop_size": 224, "resample": 3}
_WHOLE: Mapping[str, Any] = {**_EVERY, "do_center_crop": False}
# what image processors do where their file does not say (transformers 5, the classes' own attributes)
_PROCESSORS: Mapping[str, Mapping[str, Any]] = {
    "CLIP": _CUT,
    "Bit": _CUT,
    "ViT": {**_WHOLE, "square": True, "resample": 2},
    "Siglip": {**_WHOLE, "square": False, "resample": 3},
}


def transform_of(said: Mapping[str, Any], usual: str) -> Transform:
    """The transform of an image processor of transformers.

    Parameters
    ----------
    said : mapping
        Its file.
    usual : str
        How the name of the model's usual image processor begins; where the file names none.

    Raises
    ------
    BackboneError
        It does something else than resizing, cutting and normalising, or does not say how.
    """
    kind = str(said.get("image_processor_type") or said.get("feature_extractor_type") or f"{usual}ImageProcessor")
    default = next((found for begin, found in _PROCESSORS.items() if kind.startswith(_forms(begin))), None)
    if default is None:
        raise BackboneError(
            f"pictures can't be made as {PREPROCESSOR} asks: its image_processor_type is {kind!r}, and known here are "
            f"those of {', '.join(_PROCESSORS)}"
        )
    said = {**default, **{what: value for what, value in said.items() if value is not None}}
    square, resize = _side(said, "size", default["square"])
    _, kept = _side(said, "crop_size", True) if said["do_center_crop"] else (True, resize)
    more = [what for what, done in said.items() if what.startswith("do_") and done and what not in _STEPS]
    for what, sound in (
        ("resample", said["resample"] in _RESAMPLE),
        ("rescale_factor", abs(said["rescale_factor"] - _RESCALE) < 1e-9),
        ("do_rescale", said["do_rescale"]),
        ("do_resize", said["do_resize"]),
        ("do_center_crop", square or said["do_center_crop"]),  # else pictures would keep their shapes
        *((step, False) for step in more),
    ):
        if not sound:
            raise BackboneError(f"pictures can't be made as {PREPROCESSOR} asks: its {what} is {said.get(what)!r}")
    return Transform(
        resize=resize,
        crop=kept,
        interpolation=_RESAMPLE[said["resample"]],
        mean=_colour(said, "image_mean", 0.0),
        std=_colour(said, "image_std", 1.0),
        fit="squash" if square else "crop",
        whole="floor",
    )


def _forms(begin: str) -> tuple[str, ...]:
    """How a processor is called in files of today and of old."""
    return f"{begin}ImageProcessor", f"{begin}FeatureExtractor"


def _side(said: Mapping[str, Any], what: str, square: bool) -> tuple[bool, int]:
    """Whether a size is that of a square, and its side; a number alone means what the processor takes it for."""
    size = said.get(what)
    if isinstance(size, int):
        return square, size
    given = dict(size) if isinstance(size, Mapping) else {}
    if given.keys() == {"height", "width"} and given["height"] == given["width"]:
        return True, int(given["height"])
    if given.keys() == {"shortest_edge"} and what == "size":
        return False, int(given["shortest_edge"])
    raise BackboneError(f"pictures can't be made as {PREPROCESSOR} asks: its {what} is {size!r}")


def _colour(said: Mapping[str, Any], what: str, neutral: float) -> tuple[float, float, float]:
    """A mean or deviation; nothing is guessed, since a wrong one costs accuracy and nothing tells."""
    if not said["do_normalize"]:
        return neutral, neutral, neutral
    found = said.get(what)
    if not isinstance(found, Sequence) or len(found) != 3:
        raise BackboneError(f"pictures can't be made as {PREPROCESSOR} asks: its {what} is {found!r}")
    return float(found[0]), float(found[1]), float(found[2])
