"""JPEG files decoded and resized on a GPU, by NVIDIA's nvJPEG, for `--decode gpu`.

Several files go there at once, because a GPU decodes many in little more time than one. Only plain JPEGs do: what needs
to be turned, has a colour profile, or is coded in another way is decoded by a process as for "exact". So is what the
GPU refuses.

The pixels differ from those of "exact" by a third of one of 255 levels on average, because colours are sampled up in
another way. That is part of the key.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from featurize.errors import BackboneError, Undecodable
from featurize.pictures import damage, decoder_processes, decoding
from featurize.pictures.jpeg import YCBCR_INSIDE, read_frame, says_more
from featurize.pictures.squares.views import CENTRE, Shown, Views
from featurize.pictures.transform import Pixels, Transform

if TYPE_CHECKING:
    import torch

TOGETHER = 32  # files that are decoded at once: nearly as fast as 256, and several threads share the work
DEVICE = "cuda"  # on "cpu" the same is done by torchvision's decoder for processors, which tests use
_HUFFMAN = (0xC0, 0xC1)  # frames of ITU T.81 that the GPU decodes
_END = b"\xff\xd9"

_own = threading.local()


def check() -> None:
    """See that JPEG files can be decoded on a GPU here.

    Raises
    ------
    BackboneError
        There is none, or torchvision can't use it.
    """
    import torch
    from PIL import Image

    why = "no GPU of NVIDIA's is there"
    if torch.cuda.is_available():
        small = io.BytesIO()
        Image.new("RGB", (16, 16)).save(small, "JPEG")
        try:
            _decode([small.getvalue()])
            return
        except RuntimeError as error:
            why = f"torchvision can't: {str(error).splitlines()[0][:100]}"
    raise BackboneError(
        f"the pictures are to be decoded on a GPU (--decode gpu), but {why}: use --decode exact or fast, which make "
        "vectors of their own"
    )


def pixels_of(data: bytes, shown: Shown) -> Pixels:
    """The pixels that a network sees of a picture file, uint8; may be called from many threads.

    They are (crop, crop, 3), or (count, crop, crop, 3) where several views are shown.

    Parameters
    ----------
    data : bytes
        The whole file.
    shown : Transform or Views

    Raises
    ------
    Undecodable, DecoderMissing
        As `decoder_processes.pixels_of` raises them.
    """
    (found,) = pixels_of_several([data], shown)
    if isinstance(found, Undecodable):
        raise found
    return found


def pixels_of_several(contents: Sequence[bytes], shown: Shown) -> list[Pixels | Undecodable]:
    """The same of several files, or why one of them has none.

    Raises
    ------
    DecoderMissing
        As `decoder_processes.pixels_of` raises it.
    """
    there = [n for n, data in enumerate(contents) if is_plain(data)]
    made = dict(zip(there, _on_device([contents[n] for n in there], shown), strict=True))
    found: list[Pixels | Undecodable] = []
    for n, data in enumerate(contents):
        pixels = made.get(n)
        try:
            found.append(decoder_processes.pixels_of(data, shown) if pixels is None else pixels)
        except Undecodable as why:
            found.append(why)
    return found


def is_plain(data: bytes) -> bool:
    """Whether a file is a whole JPEG of three 8-bit components, upright, in sRGB, of a size that is allowed."""
    frame = read_frame(data) if data[:3] == b"\xff\xd8\xff" else None
    if frame is None or frame.code not in _HUFFMAN or frame.bits != 8 or len(frame.factors) != 3:
        return False
    in_ycbcr = frame.adobe == YCBCR_INSIDE or (frame.adobe is None and frame.jfif)
    if not in_ycbcr or _END not in data[-1024:] or not damage.is_one_scan(data):
        return False
    if frame.height * frame.width > decoding.MAX_PIXELS or min(frame.height, frame.width) < decoding.MIN_SIDE:
        return False
    return not says_more(data) or decoding.as_it_lies(data)


def _on_device(contents: Sequence[bytes], shown: Shown) -> list[Pixels | None]:
    """What is shown of each file, copied from the device at once; None where the device refuses the file."""
    if not contents:
        return []
    import torch

    with torch.inference_mode(), torch.cuda.stream(_stream()):
        pictures = _pictures(contents)
        made = [squares(picture, shown) for picture in pictures if picture is not None]
        together = iter(torch.stack(made).cpu().numpy() if made else ())
    return [None if picture is None else next(together) for picture in pictures]


def _stream() -> torch.cuda.Stream | None:
    """One for each thread, so that they don't wait for each other; none without a GPU."""
    import torch

    if DEVICE == "cpu":
        return None
    if not hasattr(_own, "stream"):
        _own.stream = torch.cuda.Stream(DEVICE)  # type: ignore[no-untyped-call]
    stream: torch.cuda.Stream = _own.stream
    return stream


def _pictures(contents: Sequence[bytes]) -> list[torch.Tensor | None]:
    """Each file as (3, H, W) uint8 on the device; None where the decoder refuses it."""
    import torch

    try:
        return list(_decode(contents))
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) and len(contents) == 1:
            raise
        if len(contents) > 1:  # find the one that is to blame
            return [picture for data in contents for picture in _pictures([data])]
        return [None]


def _decode(contents: Sequence[bytes]) -> list[torch.Tensor]:
    """By torchvision, which names TorchCodec as its successor from 0.29 on."""
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg

    encoded = [torch.frombuffer(bytearray(data), dtype=torch.uint8) for data in contents]
    decoded: list[torch.Tensor] = decode_jpeg(encoded, mode=ImageReadMode.RGB, device=DEVICE)
    return decoded


def squares(picture: torch.Tensor, shown: Shown) -> torch.Tensor:
    """What a network sees of a picture, on its device; as Pillow resizes, but for roundings.

    Parameters
    ----------
    picture : torch.Tensor (3, H, W) uint8
    shown : Transform or Views

    Returns
    -------
    torch.Tensor (crop, crop, 3), or (count, crop, crop, 3) for views, uint8
    """
    import torch

    if isinstance(shown, Views):
        return torch.stack([_square(picture, transform, place) for transform, place in shown.parts()])
    return _square(picture, shown, CENTRE)


def _square(picture: torch.Tensor, transform: Transform, place: tuple[float, float]) -> torch.Tensor:
    """One square (crop, crop, 3): resized, and cut at a place, which is a share of the room left, across and down."""
    import torch
    from torch.nn.functional import interpolate

    side = transform.crop
    high, wide = picture.shape[1:]
    columns, rows = transform.scaled(wide, high)
    resized = interpolate(
        picture[None].float(), (rows, columns), mode=transform.interpolation, antialias=True, align_corners=False
    )[0]
    rounded = math.floor if transform.whole == "floor" else round
    left, top = (max(rounded(share * (n - side)), 0) for share, n in zip(place, (columns, rows), strict=True))
    kept = resized[:, top : top + side, left : left + side].round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)
    if kept.shape[:2] == (side, side):
        return kept
    square = torch.tensor(transform.fill, dtype=torch.uint8, device=kept.device).expand(side, side, 3).clone()
    above, before = (side - kept.shape[0]) // 2, (side - kept.shape[1]) // 2
    square[above : above + kept.shape[0], before : before + kept.shape[1]] = kept
    return square
